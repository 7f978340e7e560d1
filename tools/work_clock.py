"""Work clock: the processor time that processes have had, for waits on a machine that is busy.

A busy machine gives what is waited for less time, and the clock on the wall does not know. So a
wait ends when the processes that should bring it about have worked for long enough in vain; or
when they do not work at all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tools.waiting import PAUSE, longer

STILL_SECONDS = 120.0
"""On the wall, without any work: then nothing is on its way."""
_TICKS = os.sysconf("SC_CLK_TCK")
_TIMES = slice(11, 15)
"""utime, stime and those of children that have ended, behind the command (proc(5))."""


class WorkClock:
    """Counts the seconds that the processes of ``pids`` work, whichever these are at each time."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._seen: dict[int, float] = {}
        self._worked = 0.0

    def __call__(self) -> float:
        """Return the seconds so far; those of a process that is new count from its beginning."""
        now = {pid: seconds for pid in self._pids() if (seconds := _worked(pid)) is not None}
        self._worked += sum(max(0.0, now[pid] - self._seen.get(pid, 0.0)) for pid in now)
        self._seen = now
        return self._worked


def _worked(pid: int) -> float | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return sum(map(int, fields.rpartition(")")[2].split()[_TIMES])) / _TICKS


def wait_for_work(
    condition: Callable[[], Any],
    clock: Callable[[], float],
    seconds: float,
    what: str,
    wall: Callable[[], float] = time.monotonic,
    pause: float = PAUSE,
) -> Any:
    """Return the first true value of ``condition``, asked for again after each ``pause``.

    The pauses grow as those of :mod:`tools.waiting` do.
    AssertionError when ``clock``, a WorkClock, has told of ``seconds`` of work since, or of none
    for STILL_SECONDS of ``wall``.
    """
    end = clock() + seconds
    worked, moved = clock(), wall()
    while not (value := condition()):
        now = clock()
        if now > end:
            raise AssertionError(f"not within {seconds:g} s of work: {what}")
        if now > worked:
            worked, moved = now, wall()
        elif wall() - moved > STILL_SECONDS:
            raise AssertionError(f"nothing works any more: {what}")
        time.sleep(pause)
        pause = longer(pause)
    return value
