"""Migration of a virtual router between two real Xen hosts, under traffic (report 4.1).

With plane separation it is not offered yet on real Xen: only the hypervisor's own is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments import xen_stages
from experiments.checks import some_are_not_zero
from experiments.experiment import Experiment, Measure, Point, Sample, Space
from experiments.flow_stages import PACKETS
from experiments.router_move import move_router, values_of_move
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
                done = migrate(pilot, here, there)
                where["host"] = there
                pilot.wait(lambda: packets_pass(pilot), SECONDS, "packets pass again")
            lost = passed.sent - passed.received
            values = values_of_move(done, passed.sent, lost, rate)
            return (Sample(values),)

        yield measure


def migrate(pilot: Pilot, here: str, there: str) -> dict[str, Any]:
    """Move the router and return how that went; RuntimeError if it did not end well."""
    wish = {"mode": "standard", "destination": there}
    where = f"/xen/hosts/{here}/domains/{ROUTER}"
    return move_router(pilot.done, pilot.wait, SECONDS, where, wish)


EXPERIMENT = Experiment(
    name="migration-xen-standard",
    title="Migration of a virtual router between real Xen hosts, the hypervisor's own",
    platform=xen_stages.PLATFORM,
    stage=stage,
    full=Space({"packet": (64, 1500), "rate": (10, 20, 50)}),
    quick=Space({"packet": (64,), "rate": (10, 20)}, 1),
    expectations={"Packets are lost": some_are_not_zero("lost")},
    needs=("xen-lab",),
)
