"""Migration of a virtual router between two hosts, in network namespaces (report 4.1)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments.checks import all_are_zero, rises, some_are_not_zero
from experiments.experiment import Experiment, Measure, Point, Sample, Space
from experiments.flow_stages import AFTER, BEFORE, PACKETS
from experiments.router_move import move_router, values_of_move
from tools.controller_process import wait_until
from tools.router_lab import HOSTS, ROUTER, NumberedTraffic, RouterLab

PLATFORM = "netns:///, two hosts as network namespaces, one machine"
PAUSE = 0.2
"""Seconds by which a router stands still as if memory were copied: the report's difference."""
PATIENCE = 60.0


@contextmanager
def stage(folder: Path, is_separated: bool) -> Iterator[Measure]:
    """Give what moves the router to the other host, under traffic both ways."""
    mode = "plane-separation" if is_separated else "standard"
    with RouterLab(folder, with_agent=is_separated) as lab:

        def measure(point: Point) -> Sequence[Sample]:
            (here,) = lab.where()
            there = HOSTS[1 - HOSTS.index(here)]
            if is_separated:
                wait_until(lambda: lab.planes(here) == "separated", PATIENCE, "planes separated")
            wait_until(lab.passes, PATIENCE, "pings pass")
            rate = int(point["rate"])
            with NumberedTraffic(lab, rate, PACKETS[int(point["packet"])]) as traffic:
                time.sleep(BEFORE)
                done = migrate(lab, here, there, mode)
                time.sleep(AFTER)
            # Of both ways: each loses what comes in the time.
            values = values_of_move(done, traffic.sent, traffic.lost, traffic.pace)
            values["silence_ms"] = 1000 * traffic.silence
            return (Sample(values),)

        yield measure


def migrate(lab: RouterLab, here: str, there: str, mode: str) -> dict[str, Any]:
    """Move the router and return how that went; RuntimeError if it did not end well."""
    wish = {"destination": there, "mode": mode, "pause_s": PAUSE}
    where = f"/xen/hosts/{here}/domains/{ROUTER}"
    return move_router(
        lambda method, path, body: lab.ask(method, f"/v1{path}", body),
        wait_until,
        PATIENCE,
        where,
        wish,
    )


_FULL = Space({"packet": (64, 1500), "rate": (500, 1000, 2000, 4000, 8000)})
_QUICK = Space({"packet": (64,), "rate": (500, 4000)}, 1)

STANDARD = Experiment(
    name="migration-netns-standard",
    title="Migration of a virtual router whose planes are one",
    platform=PLATFORM,
    stage=lambda folder, _is_quick: stage(folder, is_separated=False),
    full=_FULL,
    quick=_QUICK,
    expectations={
        "Packets are lost": some_are_not_zero("lost"),
        "More are lost at a higher rate": rises("rate", "lost", packet=64),
    },
)

SEPARATED = Experiment(
    name="migration-netns",
    title="Migration of a virtual router with plane separation",
    platform=PLATFORM,
    stage=lambda folder, _is_quick: stage(folder, is_separated=True),
    full=_FULL,
    quick=_QUICK,
    expectations={"No packet is lost": all_are_zero("lost")},
)
