"""The report's cap experiment (2.1.2, Fig. 2.4), with two of its points."""

from __future__ import annotations

import pytest

from tools import cap_experiment
from tools.xen_pilot import Pilot

pytestmark = [pytest.mark.slow, pytest.mark.quiet, pytest.mark.timeout(600)]


def test_a_cap_bounds_what_a_router_forwards(pilot: Pilot, guests: tuple[str, str]) -> None:
    """And what it may not use, the other router on its CPU gets."""
    cap_experiment.prepare(pilot)
    try:
        free = cap_experiment.measure(pilot, 100, seconds=6)
        bound = cap_experiment.measure(pilot, 8, seconds=6)
    finally:
        for name in guests:
            pilot.set("xen1", name, affinity=[[0, 1]], cap=0)
    assert min(free.forwarded.values()) > 500, free
    assert bound.cpu_percent["r1"] == pytest.approx(8, abs=3), bound
    assert bound.forwarded["r1"] < free.forwarded["r1"] / 2, (free, bound)
    assert bound.forwarded["r2"] > 0.9 * free.forwarded["r2"], (free, bound)
