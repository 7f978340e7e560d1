"""Bandwidth control (report 4.2, Fig. 4.5 to 4.8): two senders whose limits change on the way.

By meters each sender has its own limit; by marks both share the link to the receiver, whose classes
know the marks. Queues of Open vSwitch need its datapath in the kernel, which is not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import mean

from experiments import flow_stages
from experiments.experiment import Experiment, Measure, Point, Row, Sample, Space
from experiments.summary import samples
from tools.bandwidth_lab import REPORT_SCHEDULE, SHARED_SCHEDULE, BandwidthLab, Limits

INTERVAL, QUICK_INTERVAL = 30, 5
"""Seconds of each of the schedule's four intervals; the report's, and those of the quick form."""
SETTLING = 0.4
"""Part of an interval, after its change, that is shown and not held against the limits.

A TCP sender that a flood kept from sending tries again after up to 6.4 s.
"""
TOLERANCE = 0.1
COMBINATIONS = ("TCP-UDP", "UDP-UDP", "TCP-TCP")


@contextmanager
def stage(folder: Path, is_quick: bool, mode: str) -> Iterator[Measure]:
    """Give what carries out the schedule once with two protocols."""
    seconds = QUICK_INTERVAL if is_quick else INTERVAL
    is_shared = mode == "ip_tos"
    schedule = SHARED_SCHEDULE if is_shared else REPORT_SCHEDULE
    with BandwidthLab(folder) as lab:
        if is_shared:
            lab.share_link()

        def measure(point: Point) -> Sequence[Sample]:
            first, second = str(point["protocols"]).lower().split("-")
            rates = lab.series((first, second), schedule, seconds, mode)
            return tuple(
                _sample(second, seconds, schedule[second // seconds], rate)
                for second, rate in enumerate(rates)
            )

        yield measure


def _sample(second: int, interval: int, limits: Limits, rates: tuple[float, float]) -> Sample:
    values = {"a_kbps": rates[0], "b_kbps": rates[1]}
    named = {"a_limit": limits.a, "b_limit": limits.b}
    values |= {name: float(limit) for name, limit in named.items() if limit is not None}
    is_settled = second % interval >= SETTLING * interval
    return Sample(values, {"second": second, "interval": second // interval, "settled": is_settled})


def within_limits(rows: Sequence[Row]) -> str | None:
    """Tell which sender's mean rate in an interval is not what it may send, within 10 %."""
    found: dict[tuple[str, str, float], list[float]] = {}
    for at, values in samples(rows):
        for sender in ("a", "b"):
            limit = values.get(f"{sender}_limit")
            if limit is not None and at["settled"]:
                where = f"{at['protocols']}, interval {at['interval']}"
                found.setdefault((where, sender, limit), []).append(values[f"{sender}_kbps"])
    if not found:
        return "nothing was measured"
    wrong = [
        f"{where}: {sender.upper()} has {mean(rates):.0f} of {limit:.0f}"
        for (where, sender, limit), rates in found.items()
        if abs(mean(rates) - limit) > TOLERANCE * limit
    ]
    return "; ".join(wrong) or None


def _experiment(name: str, mode: str, what: str, quick: str) -> Experiment:
    return Experiment(
        name=name,
        title=f"Bandwidth control by {what}",
        platform=flow_stages.PLATFORM,
        stage=partial(stage, mode=mode),
        full=Space({"protocols": COMBINATIONS}),
        quick=Space({"protocols": (quick,)}, 1),
        expectations={"In controlled intervals each has its limit, within 10 %": within_limits},
    )


METERS = _experiment("bandwidth-meters", "meter", "meters, a link for each", "UDP-UDP")
MARKS = _experiment("bandwidth-marks", "ip_tos", "marks, one link for both", "UDP-UDP")
