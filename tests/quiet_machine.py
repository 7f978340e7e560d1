"""Whether this machine had time for a measurement: what others took of it meanwhile.

A share of an emulated processor is measured wrongly while something else wants the real one. So
what is not right is measured again: a few times in any case, and longer while others are busy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import psutil

TRIES = 3
DISTURBED_TRIES = 10
QUIET = 0.1
"""Processors that others, or the machine under this one, may take."""

Found = TypeVar("Found")


class OtherLoad:
    """Measures what was taken by processes that are not ``own``; this one is."""

    def __init__(self, own: Iterable[int]) -> None:
        self._own = {*own, os.getpid()}
        self._began = time.monotonic()
        self._before = self._taken()

    def processors(self) -> float:
        """Return how many processors others had, on average since the beginning."""
        lasted = time.monotonic() - self._began
        # Times are counted in ticks, not all at once: of a moment more may be ours than there was.
        return max(0.0, self._taken() - self._before) / lasted if lasted > 0 else 0.0

    def _taken(self) -> float:
        """Return processor seconds since this machine started, but for those of ``own``."""
        spent = psutil.cpu_times()
        busy = spent.user + spent.nice + spent.system + spent.irq + spent.softirq + spent.steal
        return float(busy - sum(_seconds(pid) for pid in self._own))


def _seconds(pid: int) -> float:
    try:
        spent = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(spent.user + spent.system + spent.children_user + spent.children_system)


def until_right(
    measure: Callable[[], Found], right: Callable[[Found], bool], others: Callable[[], OtherLoad]
) -> Found:
    """Return the first thing measured that is right, or the last, measured while it was quiet.

    ``others`` begins to measure the load. Only a machine that is never quiet ends it otherwise.
    """
    for number in range(1, DISTURBED_TRIES + 1):
        load = others()
        found = measure()
        if right(found) or (number >= TRIES and load.processors() < QUIET):
            break
    return found
