"""Migration of a virtual router between two real Xen hosts, under traffic (report 4.1).

By the hypervisor's own means the packets go through the router's machine; with plane separation
they go through Domain 0, between a client and a server beside both hosts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments import xen_stages
from experiments.checks import all_are_zero, some_are_not_zero
from experiments.experiment import XEN_LAB, Experiment, Measure, Point, Sample, Space
from experiments.flow_stages import PACKETS
from experiments.router_move import move_router, values_of_move
from tools.router_lab import NumberedTraffic
from tools.xen_lans import ADDRESSES, XenLans
from tools.xen_path import HOSTS, ROUTER, packets_pass, prepare_path, shell_answers, traffic
from tools.xen_pilot import Pilot

SECONDS = 900.0
"""For one migration; half a minute on an idle machine."""


@contextmanager
def stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what moves the router to the other host while packets go through it and back."""
    with xen_stages.lab_with(folder, HOSTS[0], (ROUTER,)) as pilot:
        pilot.wait(lambda: shell_answers(pilot), SECONDS, "its shell answers")
        prepare_path(pilot, HOSTS[0])
        where = {"host": HOSTS[0]}

        def measure(point: Point) -> Sequence[Sample]:
            pilot.wait(lambda: packets_pass(pilot), SECONDS, "packets pass")
            here = where["host"]
            there = HOSTS[1 - HOSTS.index(here)]
            rate = float(point["rate"])
            with traffic(pilot, rate, PACKETS[int(point["packet"])]) as passed:
                done = migrate(pilot, here, there, "standard")
                where["host"] = there
                pilot.wait(lambda: packets_pass(pilot), SECONDS, "packets pass again")
            lost = passed.sent - passed.received
            values = values_of_move(done, passed.sent, lost, rate)
            return (Sample(values),)

        yield measure


@contextmanager
def separated_stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
    """Give what moves the router with its planes while packets pass through Domain 0, both ways."""
    with (
        xen_stages.lab_with(folder, HOSTS[0], (ROUTER,), ADDRESSES) as pilot,
        XenLans(pilot.lab) as lans,
    ):
        where = {"host": HOSTS[0]}

        def measure(point: Point) -> Sequence[Sample]:
            here = where["host"]
            there = HOSTS[1 - HOSTS.index(here)]
            pilot.wait(lambda: pilot.planes(here, ROUTER) == "separated", SECONDS, "separated")
            pilot.wait(lans.passes, SECONDS, "packets pass")
            rate = int(point["rate"])
            with NumberedTraffic(lans, rate, PACKETS[int(point["packet"])]) as traffic:
                done = migrate(pilot, here, there, "plane-separation")
                where["host"] = there
            values = values_of_move(done, traffic.sent, traffic.lost, traffic.pace)
            return (Sample({**values, "silence_ms": 1000 * traffic.silence}),)

        yield measure


def migrate(pilot: Pilot, here: str, there: str, mode: str) -> dict[str, Any]:
    """Move the router and return how that went; RuntimeError if it did not end well."""
    wish = {"mode": mode, "destination": there}
    where = f"/xen/hosts/{here}/domains/{ROUTER}"
    return move_router(pilot.done, pilot.wait, SECONDS, where, wish)


STANDARD = Experiment(
    name="migration-xen-standard",
    title="Migration of a virtual router between real Xen hosts, the hypervisor's own",
    platform=xen_stages.PLATFORM,
    stage=stage,
    full=Space({"packet": (64, 1500), "rate": (10, 20, 50)}),
    quick=Space({"packet": (64,), "rate": (10, 20)}, 1),
    expectations={"Packets are lost": some_are_not_zero("lost")},
    needs=(XEN_LAB,),
)

SEPARATED = Experiment(
    name="migration-xen",
    title="Migration of a virtual router between real Xen hosts with plane separation",
    platform=xen_stages.PLATFORM,
    stage=separated_stage,
    full=Space({"packet": (64, 1500), "rate": (50, 100, 200)}),
    quick=Space({"packet": (64,), "rate": (50, 100)}, 1),
    expectations={"No packet is lost": all_are_zero("lost")},
    needs=(XEN_LAB,),
)
