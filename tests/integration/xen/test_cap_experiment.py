"""The report's cap experiment (2.1.2, Fig. 2.4), with two of its points."""

from __future__ import annotations

import pytest

from integration.xen.measured import other_load
from quiet_machine import until_right
from tools import cap_experiment
from tools.cap_experiment import Point
from tools.xen_pilot import Pilot

pytestmark = [pytest.mark.slow, pytest.mark.quiet, pytest.mark.timeout(600)]


def test_a_cap_bounds_what_a_router_forwards(pilot: Pilot, guests: tuple[str, str]) -> None:
    """And what it may not use, the other router on its CPU gets."""
    cap_experiment.burden(pilot, 30.0, 4)
    try:
        found = until_right(
            lambda: tuple(cap_experiment.measure(pilot, cap, 6) for cap in (100, 8)),
            lambda points: not wrong(*points),
            lambda: other_load(pilot),
        )
    finally:
        for name in guests:
            pilot.set("xen1", name, affinity=[[0, 1]], cap=0)
    assert not wrong(*found), found


def wrong(free: Point, bound: Point) -> list[str]:
    """Return what two points do not show."""
    shown = {
        "both routers forward": min(free.forwarded.values()) > 500,
        "the cap is used": bound.cpu_percent["r1"] == pytest.approx(8, abs=3),
        "the cap bounds": bound.forwarded["r1"] < free.forwarded["r1"] / 2,
        "the other loses nothing": bound.forwarded["r2"] > 0.9 * free.forwarded["r2"],
    }
    return [what for what, is_so in shown.items() if not is_so]
