"""Discovery: the time until the whole network is known, and CPU at rest, against its size."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from experiments import flow_stages
from experiments.experiment import Experiment, Measure, Point, Sample, Space
from experiments.run_folder import new_folder
from tools.controller_process import wait_until
from tools.lab import Lab

REST_SECONDS = 10.0
QUICK_REST_SECONDS = 2.0
PATIENCE = 120.0


@contextmanager
def stage(folder: Path, is_quick: bool) -> Iterator[Measure]:
    """Give what starts a ring of so many switches; a network for each point."""
    rest = QUICK_REST_SECONDS if is_quick else REST_SECONDS

    def measure(point: Point) -> Sequence[Sample]:
        size = int(point["switches"])
        lab = Lab(new_folder(folder, f"ring{size}"))
        try:
            lab.start("ring", flow_stages.OPENFLOW, n=size)
            count = len(lab.switches())
            wait_until(lambda: len(lab.switches_seen()) == count, PATIENCE, "all have joined")
            joined = time.monotonic()
            # A ring has as many cables as switches.
            wait_until(lambda: len(lab.cables_seen()) == count, PATIENCE, "all cables are known")
            known = time.monotonic() - joined
            lab.expect_holds_over(PATIENCE)
            return (Sample({"known_s": known, "cpu_percent": _cpu_percent(lab, rest)}),)
        finally:
            lab.close()

    yield measure


def _cpu_percent(lab: Lab, seconds: float) -> float:
    process = psutil.Process(lab.controller.pid)
    process.cpu_percent()
    time.sleep(seconds)
    return float(process.cpu_percent())


EXPERIMENT = Experiment(
    name="discovery",
    title="Discovery against the number of switches",
    platform=flow_stages.PLATFORM,
    stage=stage,
    full=Space({"switches": (3, 5, 10, 20, 40, 60)}),
    quick=Space({"switches": (3, 8)}, 1),
)
