"""Cap and weight of virtual routers that share a CPU (report 2.1.2, Fig. 2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from experiments import xen_stages
from experiments.checks import at_most, falls, rises
from experiments.experiment import XEN_LAB, Experiment, Measure, Point, Sample, Space
from tools.cap_experiment import HOST, ROUTERS, SECONDS, measure_both, prepare

FIRST, SECOND = ROUTERS
EQUAL_WEIGHT = 256
ABOVE = 3.0
"""Per cent of a CPU by which a router may be seen above its cap: it is measured by seconds."""


@contextmanager
def stage(folder: Path, _is_quick: bool, parameter: str) -> Iterator[Measure]:
    """Give what sets a parameter of the first router and measures both."""
    with xen_stages.lab_with(folder, HOST, ROUTERS) as pilot:
        prepare(pilot)
        if parameter == "weight":
            for name in ROUTERS:
                # A cap would keep a router from the share that its weight gives it.
                pilot.set(HOST, name, cap=0, weight=EQUAL_WEIGHT)

        def measure(point: Point) -> Sequence[Sample]:
            pilot.set(HOST, FIRST, **{parameter: int(point[parameter])})
            forwarded, cpu = measure_both(pilot, SECONDS)
            return (Sample(values_of_both(forwarded, cpu)),)

        yield measure


def values_of_both(forwarded: Mapping[str, float], cpu: Mapping[str, float]) -> dict[str, float]:
    """Return what two routers did: rates, CPU shares, and the first one's part of both, in %.

    Its part of what both do says what a cap or a weight is for, whatever else the machine had time
    for; a part of nothing is left out.
    """
    found = {"dom0_cpu": cpu["Domain-0"], "routers_cpu": sum(cpu[name] for name in ROUTERS)}
    for unit, told in (("pps", forwarded), ("cpu", cpu)):
        whole = sum(told[name] for name in ROUTERS)
        found |= {f"{name}_{unit}": told[name] for name in ROUTERS}
        if whole:
            found[f"{FIRST}_part_{unit}"] = 100 * told[FIRST] / whole
    return found


CAP = Experiment(
    name="cap",
    title="Packets forwarded against the cap of one of two routers on a CPU",
    platform=xen_stages.PLATFORM,
    stage=partial(stage, parameter="cap"),
    full=Space({"cap": (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)}),
    quick=Space({"cap": (10, 100)}, 1),
    expectations={
        "A router forwards more with a higher cap": rises("cap", "r1_pps", 2.0),
        "The other one then has less of the CPU": falls("cap", "r2_cpu"),
        "And forwards less": falls("cap", "r2_pps"),
        "No router is far above its cap": at_most("cap", "r1_cpu", ABOVE),
        "Its part of what both forward rises with its cap": rises("cap", "r1_part_pps", 1.5),
    },
    needs=(XEN_LAB,),
)

WEIGHT = Experiment(
    name="weight",
    title="Packets forwarded against the weight of one of two routers on a CPU",
    platform=xen_stages.PLATFORM,
    stage=partial(stage, parameter="weight"),
    full=Space({"weight": (32, 64, 128, 256, 512, 1024, 2048)}),
    quick=Space({"weight": (64, 1024)}, 1),
    expectations={
        "A router's share rises with its weight": rises("weight", "r1_cpu", 1.2),
        "It forwards more": rises("weight", "r1_pps", 1.2),
        "The other one forwards less": falls("weight", "r2_pps"),
    },
    needs=(XEN_LAB,),
)
