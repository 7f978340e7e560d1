"""Expiry clock: what slices expire by, which goes on evenly though the machine's clock is set.

A slice is given seconds, and what is kept is the date when these are over, for the slicer may be
started anew meanwhile. A machine may start in 1970 and learn the date a minute later, or be hours
wrong for a while: to go by its clock would end slices at once, or let them live on for as long. So
dates move along when it is set, by as much. A clock that is never set, and goes on while the
machine sleeps, tells a step from the time that has passed.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from horizon_ryu.core.slicing.slice_registry import SliceRegistry

LEAST_STEP = 2.0
"""Seconds: less is what a clock is put right by all the time."""
_EARLIEST = 0.001
"""Of dates that are kept: 0 would be none."""


class ExpiryClock:
    """``wall`` is in seconds since 1970, ``elapsed`` of a clock that is never set."""

    def __init__(self, wall: float, elapsed: float) -> None:
        self._ahead = wall - elapsed

    def now(self, elapsed: float) -> float:
        """Return the date by which slices expire: it knows no step before :meth:`follow`."""
        return elapsed + self._ahead

    def step(self, wall: float, elapsed: float) -> float:
        """Return by how many seconds the machine's clock was set since; 0.0: it was not."""
        by = wall - self.now(elapsed)
        return by if abs(by) >= LEAST_STEP else 0.0

    def follow(self, step: float) -> None:
        """Go by the machine's clock again, which was set by ``step``."""
        self._ahead += step


def moved(registry: SliceRegistry, step: float) -> SliceRegistry:
    """Return a registry in which every slice expires later by ``step`` seconds."""
    slices = {
        name: one
        if one.expires_at is None
        else replace(one, expires_at=max(one.expires_at + step, _EARLIEST))
        for name, one in registry.slices.items()
    }
    return replace(registry, slices=MappingProxyType(slices))
