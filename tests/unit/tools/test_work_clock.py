"""The clock of waits that follow progress: processor time, not the wall's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tools import work_clock
from tools.work_clock import WorkClock, wait_for_work


def test_it_counts_what_processes_work_and_no_more() -> None:
    pids = [os.getpid()]
    clock = WorkClock(lambda: pids)
    before = clock()
    while clock() < before + 0.2:
        sum(range(10_000))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as asleep:
        pids[:] = [asleep.pid]
        told = clock()
        asleep.communicate(b"\n")
    pids[:] = [asleep.pid, 0]
    # Who has gone, and who never was, works no more; what was counted stays.
    assert clock() == told >= before + 0.2


def ticks(*worked: float) -> Iterator[float]:
    yield from worked
    while True:
        yield worked[-1]


def test_who_is_given_no_time_is_waited_for() -> None:
    slow = ticks(*[0.0] * 50, 1.0)
    tries = iter([False] * 40 + [True])
    wall = iter(range(0, 100_000, 1))
    told = wait_for_work(
        lambda: next(tries), lambda: next(slow), 5, "it", lambda: next(wall) / 10, pause=0.001
    )
    assert told


def test_work_in_vain_ends_the_wait() -> None:
    fast = ticks(*map(float, range(50)))
    with pytest.raises(AssertionError, match="not within 5 s of work: it"):
        wait_for_work(lambda: False, lambda: next(fast), 5, "it")


def test_so_does_stillness() -> None:
    wall = iter(range(0, 100_000, int(work_clock.STILL_SECONDS // 2)))
    with pytest.raises(AssertionError, match="nothing works any more: it"):
        wait_for_work(lambda: False, lambda: 1.0, 5, "it", lambda: float(next(wall)))
