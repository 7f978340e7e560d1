"""Every figure of the report's that is measured, and ours beyond it."""

from __future__ import annotations

from experiments.bandwidth import COMBINATIONS
from experiments.figure import Difference, Figure, ReportCurve, Series
from experiments.orders import ORDERS
from experiments.sentences import Curves, ends, ranges

PACKETS = {64: "a", 1500: "b"}
RATE = "data packets per second"
TOTAL = "total time (ms)"
_WHO = (
    ("OpenFlow", "migration-openflow"),
    ("netns, plane separation", "migration-netns"),
    ("netns, standard", "migration-netns-standard"),
    ("Xen, plane separation", "migration-xen"),
    ("Xen, standard", "migration-xen-standard"),
)


def _systems(packet: int) -> tuple[Series, ...]:
    return tuple(Series(label, name, {"packet": packet}) for label, name in _WHO)


def _downtime(curves: Curves) -> str:
    return (
        f"Ours, from the packets that were lost: {ranges(curves, 'ms')}. Where the data plane goes "
        "on nothing is lost, so that downtime is 0, as the report has it for OpenFlow; its "
        "downtime with plane separation is that of the control plane, which our records call pause."
    )


def _losses(curves: Curves) -> str:
    return (
        f"Ours: {ranges(curves, 'packets')}. As in the report losses of the standard migration "
        "rise with the rate, and the other two lose nothing. Through routers packets go both "
        "ways, so that a standstill counts twice."
    )


def _total(curves: Curves) -> str:
    return (
        f"Ours: {ranges(curves, 'ms')}. The report's 5 ms is the time of sending; ours ends when "
        "every switch has confirmed that the traffic has turned. Its 15 s between "
        "the two ways of Xen went into remapping interfaces by hand, which ours does at once."
    )


def _migration(packet: int, part: str) -> tuple[Figure, ...]:
    return tuple(make(packet, part) for make in (_downtimes, _lost_packets, _total_times))


def _downtimes(packet: int, part: str) -> Figure:
    return Figure(
        name=f"fig4.2{part}",
        title=f"Migration downtime, {packet}-byte packets",
        y="downtime_ms",
        y_label="downtime (ms)",
        says="Downtime is roughly constant with the packet rate; with plane separation it is "
        "200 ms lower than with Xen's standard migration; OpenFlow has none.",
        differs=_downtime,
        report=(ReportCurve("report: OpenFlow", level=0),),
        x="rate",
        x_label=RATE,
        series=_systems(packet),
    )


def _lost_packets(packet: int, part: str) -> Figure:
    return Figure(
        name=f"fig4.3{part}",
        title=f"Packets lost during downtime, {packet}-byte packets",
        y="lost",
        y_label="packets lost",
        says="Losses of the standard migration rise linearly with the packet rate; OpenFlow "
        "and plane separation lose none.",
        differs=_losses,
        report=(
            ReportCurve("report: OpenFlow, plane separation", level=0),
            ReportCurve("report's shape: standard (0.2 s of the rate)", slope=0.2),
        ),
        x="rate",
        x_label=RATE,
        series=_systems(packet),
    )


def _total_times(packet: int, part: str) -> Figure:
    return Figure(
        name=f"fig4.4{part}",
        title=f"Total migration time, {packet}-byte packets",
        y="total_ms",
        y_label=TOTAL,
        says="About 5 ms for OpenFlow; with plane separation about 15 s more than Xen's "
        "standard migration.",
        differs=_total,
        report=(ReportCurve("report: OpenFlow, 5 ms", level=5),),
        scales=("linear", "log"),
        x="rate",
        x_label=RATE,
        series=_systems(packet),
    )


def _bandwidth(curves: Curves) -> str:
    return (
        f"Ours over the whole time: {ranges(curves, 'kb/s')}. A second or two after each change "
        "the rates settle, as in the report, whose queues are meters or classes by mark here: "
        "this switch, in user space, has no queues."
    )


def _bandwidth_figures() -> tuple[Figure, ...]:
    names = dict(zip(COMBINATIONS, ("4.6", "4.7", "4.8"), strict=True))
    modes = (("", "bandwidth-meters", "meters"), ("-marks", "bandwidth-marks", "marks"))
    return tuple(
        Figure(
            name=f"fig{names[protocols]}{suffix}",
            title=f"Bandwidth of both senders, {protocols}, by {what}",
            x="second",
            y="a_kbps",
            x_label="time (s)",
            y_label="kb/s at the receiver",
            series=(
                Series("sender A", experiment, {"protocols": protocols}),
                Series("sender B", experiment, {"protocols": protocols}, "b_kbps"),
                Series("limit of A", experiment, {"protocols": protocols}, "a_limit"),
                Series("limit of B", experiment, {"protocols": protocols}, "b_limit"),
            ),
            says="Bandwidth follows the schedule (no control; A at 6 Mb/s; both at 4 Mb/s; no "
            "control), with some instability around each change.",
            differs=_bandwidth,
            has_markers=False,
        )
        for suffix, experiment, what in modes
        for protocols in COMBINATIONS
    )


def _cap(curves: Curves) -> str:
    return (
        f"Ours: {ends(curves, 'packets/s', '% cap')}. The shape is the report's, at the rate "
        "that an emulated machine forwards; the report offers 150,000 packets a second."
    )


def _scheduling() -> tuple[Figure, ...]:
    both = (("r1 (varied)", "r1"), ("r2", "r2"))
    says = (
        "The rate of VM1 falls with its cap, and that of VM2, whose cap is 100, rises: they share "
        "a core."
    )
    rates, shares = ("pps", "packets per second"), ("cpu", "CPU (%)")
    return tuple(
        Figure(
            name=f"{stem}-{suffix}" if suffix == "cpu" else stem,
            title=f"{unit} against the {parameter} of one of two routers".capitalize(),
            x=parameter,
            y=f"r1_{suffix}",
            x_label=f"{parameter} of r1" + (" (% of a CPU)" if parameter == "cap" else ""),
            y_label=unit,
            series=tuple(Series(label, parameter, y=f"{name}_{suffix}") for label, name in both),
            says=says if parameter == "cap" else "The report varies the cap only.",
            differs=_cap if suffix == "pps" and parameter == "cap" else _only_ours,
            scales=("log" if parameter == "weight" else "linear", "linear"),
        )
        for parameter, stem in (("cap", "fig2.4"), ("weight", "weight"))
        for suffix, unit in (rates, shares)
    )


def _only_ours(curves: Curves) -> str:
    return f"Measured here only: {ranges(curves, '')}."


def _orders() -> Figure:
    return Figure(
        name="orders",
        title="Packets lost by the order in which entries are changed",
        x="rate",
        y="lost",
        x_label=RATE,
        y_label="packets lost",
        series=tuple(Series(f"{order} order", "orders", {"order": order}) for order in ORDERS),
        says="Entries are installed in reverse order and the old ones deleted last, so that "
        "no packet is lost; what other orders cost is not measured.",
        differs=lambda curves: f"Ours: {ranges(curves, 'packets')}.",
    )


def _scale() -> tuple[Figure, ...]:
    return (
        _total_time(
            "scale-distance",
            "the controller's distance",
            ("delay_ms", "delay of the control connection, each way (ms)", "one flow"),
            "If the distance of the controller rises, the total migration time rises.",
            lambda curves: f"Ours: {ends(curves, 'ms', 'ms')}: two round trips.",
        ),
        _total_time(
            "scale-flows",
            "the number of flows",
            ("flows", "flows migrated together", "all flows"),
            "If the number of migrated flows grows, the total migration time rises, by the "
            "messages that are sent.",
            lambda curves: f"Ours: {ends(curves, 'ms', 'flows')}.",
            ("log", "log"),
        ),
        _total_time(
            "scale-switches",
            "the switches on the path",
            ("switches", "switches on the path", "one flow"),
            "Not measured; three switches in every test.",
            lambda curves: (
                f"Ours: {ends(curves, 'ms', 'switches')}: all entries but "
                "the ingress go out together, so that the path's length hardly counts."
            ),
        ),
    )


def _total_time(
    experiment: str,
    against: str,
    across: tuple[str, str, str],
    says: str,
    differs: Difference,
    scales: tuple[str, str] = ("linear", "linear"),
) -> Figure:
    """Return the figure of an experiment of total times; ``across``: parameter, axis, curve."""
    x, x_label, label = across
    return Figure(
        name=experiment,
        title=f"Total migration time against {against}",
        x=x,
        y="total_ms",
        x_label=x_label,
        y_label=TOTAL,
        series=(Series(label, experiment),),
        says=says,
        differs=differs,
        scales=scales,
    )


def _discovery() -> tuple[Figure, ...]:
    measured = (
        ("time", "Time until every cable is known", "known_s", "seconds after the last has joined"),
        ("cpu", "Controller's CPU at rest", "cpu_percent", "CPU (%)"),
    )
    return tuple(
        Figure(
            name=f"discovery-{name}",
            title=title,
            x="switches",
            y=y,
            x_label="switches in a ring",
            y_label=y_label,
            series=(Series("whole bundle", "discovery"),),
            says="Not measured.",
            differs=_only_ours,
        )
        for name, title, y, y_label in measured
    )


FIGURES: tuple[Figure, ...] = (
    *(one for packet, part in PACKETS.items() for one in _migration(packet, part)),
    *_bandwidth_figures(),
    *_scheduling(),
    _orders(),
    *_scale(),
    *_discovery(),
)
