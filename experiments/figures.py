"""Every figure of the report's that is measured, and ours beyond it."""

from __future__ import annotations

from functools import partial
from typing import Any

from experiments import differences
from experiments.bandwidth import COMBINATIONS
from experiments.figure import Difference, Figure, ReportCurve, Series
from experiments.orders import ORDERS

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

STANDARD = tuple(label for label, _ in _WHO if label.endswith("standard"))
LOSSLESS = tuple(label for label, _ in _WHO if label not in STANDARD)
_VARIED = {"cap": ("fig2.4", " (% of a CPU)", "linear"), "weight": ("weight", "", "log")}
"""Of what is varied of a router: how its figures are called, its unit, its scale."""


def _systems(packet: int) -> tuple[Series, ...]:
    return tuple(Series(label, name, {"packet": packet}) for label, name in _WHO)


def _migration(packet: int, part: str) -> tuple[Figure, ...]:
    figure = partial(_against_rate, packet, part)
    return (
        figure(
            "4.2",
            "Migration downtime",
            y="downtime_ms",
            y_label="downtime (ms)",
            says="Downtime is roughly constant with the packet rate; with plane separation it is "
            "200 ms lower than with Xen's standard migration; OpenFlow has none.",
            differs=differences.downtime,
            report=(ReportCurve("report: OpenFlow", level=0, of=("OpenFlow",)),),
        ),
        figure(
            "4.3",
            "Packets lost during downtime",
            y="lost",
            y_label="packets lost",
            says="Losses of the standard migration rise linearly with the packet rate; OpenFlow "
            "and plane separation lose none.",
            differs=differences.losses,
            report=(
                ReportCurve("report: none", level=0, of=LOSSLESS),
                ReportCurve("report's shape (0.2 s of the rate)", slope=0.2, of=STANDARD),
            ),
        ),
        figure(
            "4.4",
            "Total migration time",
            y="total_ms",
            y_label=TOTAL,
            says="About 5 ms for OpenFlow; with plane separation about 15 s more than Xen's "
            "standard migration.",
            differs=differences.total,
            report=(ReportCurve("report: 5 ms", level=5, of=("OpenFlow",)),),
        ),
    )


def _against_rate(packet: int, part: str, number: str, what: str, **rest: Any) -> Figure:
    """Return a figure of all systems by the rate of packets of one size."""
    return Figure(
        name=f"fig{number}{part}",
        title=f"{what}, {packet}-byte packets",
        x="rate",
        x_label=RATE,
        series=_systems(packet),
        **rest,
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
            y_label="bandwidth at the receiver (kb/s)",
            series=(
                Series("sender A", experiment, {"protocols": protocols}),
                Series("sender B", experiment, {"protocols": protocols}, "b_kbps"),
                Series("limit of A", experiment, {"protocols": protocols}, "a_limit"),
                Series("limit of B", experiment, {"protocols": protocols}, "b_limit"),
            ),
            says="Bandwidth follows the schedule (no control; A at 6 Mb/s; both at 4 Mb/s; no "
            "control), with some instability around each change.",
            differs=differences.bandwidth,
            has_markers=False,
        )
        for suffix, experiment, what in modes
        for protocols in COMBINATIONS
    )


def _scheduling() -> tuple[Figure, ...]:
    return (*_cap(), *_weight())


def _cap() -> tuple[Figure, ...]:
    return (
        _forwarded(
            "cap",
            says="The rate of VM1 falls with its cap, and that of VM2, whose cap is 100, rises: "
            "they share a core.",
            differs=differences.cap,
        ),
        _shares(
            "cap",
            says="Reducing the CPU given to VM1 frees VM2 to use the CPU; of shares there is no "
            "figure.",
            differs=differences.cap_shares,
            report=(ReportCurve("the cap of r1", slope=1.0),),
        ),
        _parts("cap", says="Not measured."),
    )


def _weight() -> tuple[Figure, ...]:
    says = "The report varies the cap only."
    return (
        _forwarded("weight", says=says, differs=partial(differences.only_ours, "packets/s")),
        _shares("weight", says=says, differs=partial(differences.only_ours, "%")),
        _parts("weight", says=says),
    )


def _forwarded(parameter: str, **rest: Any) -> Figure:
    return _of_two_routers(
        parameter, "", "Packets forwarded", "packets per second", _of_each(parameter, "pps"), **rest
    )


def _shares(parameter: str, **rest: Any) -> Figure:
    series = (
        *_of_each(parameter, "cpu"),
        Series("both", parameter, y="routers_cpu"),
        Series("Domain 0", parameter, y="dom0_cpu"),
    )
    return _of_two_routers(parameter, "-cpu", "CPU", "CPU (% of one)", series, **rest)


def _parts(parameter: str, says: str) -> Figure:
    return _of_two_routers(
        parameter,
        "-part",
        "Part of r1 in what both do",
        "part of r1 (%)",
        (
            Series("of the packets forwarded", parameter, y="r1_part_pps"),
            Series("of the CPU used", parameter, y="r1_part_cpu"),
        ),
        says=says,
        differs=partial(differences.parts, parameter),
    )


def _of_each(parameter: str, unit: str) -> tuple[Series, ...]:
    both = (("r1 (varied)", "r1"), ("r2", "r2"))
    return tuple(Series(label, parameter, y=f"{name}_{unit}") for label, name in both)


def _of_two_routers(
    parameter: str, suffix: str, what: str, y_label: str, series: tuple[Series, ...], **rest: Any
) -> Figure:
    """Return a figure against what is varied of the first of two routers."""
    stem, unit, scale = _VARIED[parameter]
    return Figure(
        name=f"{stem}{suffix}",
        title=f"{what} against the {parameter} of one of two routers",
        x=parameter,
        y=series[0].y or "",
        x_label=f"{parameter} of r1{unit}",
        y_label=y_label,
        series=series,
        scales=(scale, "linear"),
        **rest,
    )


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
        differs=differences.orders,
    )


def _scale() -> tuple[Figure, ...]:
    return (
        _total_time(
            "scale-distance",
            "the controller's distance",
            ("delay_ms", "delay of the control connection, each way (ms)", "one flow"),
            "If the distance of the controller rises, the total migration time rises.",
            differences.distance,
        ),
        _total_time(
            "scale-flows",
            "the number of flows",
            ("flows", "flows migrated together", "all flows"),
            "If the number of migrated flows grows, the total migration time rises, by the "
            "messages that are sent.",
            differences.flows,
            ("log", "log"),
        ),
        _total_time(
            "scale-switches",
            "the switches on the path",
            ("switches", "switches on the path", "one flow"),
            "Not measured; three switches in every test.",
            differences.switches,
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
        (
            "time",
            "Time until every cable is known",
            "known_s",
            "time from the last join (s)",
            "s",
        ),
        ("cpu", "Controller's CPU at rest", "cpu_percent", "CPU (% of one)", "%"),
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
            differs=partial(differences.only_ours, unit),
        )
        for name, title, y, y_label, unit in measured
    )


FIGURES: tuple[Figure, ...] = (
    *(one for packet, part in PACKETS.items() for one in _migration(packet, part)),
    *_bandwidth_figures(),
    *_scheduling(),
    _orders(),
    *_scale(),
    *_discovery(),
)
