"""Waits end when there is something, or when whoever is waited for has had its time."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest

from tools import waiting
from tools.waiting import LONGEST_PAUSE, PAUSE, wait_until, without_processor


class Clock:
    """A clock that goes on while somebody sleeps or looks, and how long others held us up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.held_up = 0.0
        self.looks = 0
        own = SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep)
        monkeypatch.setattr(waiting, "time", own)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def look(self, takes: float, starved: float = 0.0) -> bool:
        self.looks += 1
        self.now += takes
        self.held_up += starved
        return False

    def told(self) -> float:
        return self.held_up


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_what_is_there_is_returned_at_once(clock: Clock) -> None:
    assert wait_until(lambda: "it", 0, "it is there") == "it"
    assert clock.now == 0


def test_what_never_comes_is_named_after_its_time(clock: Clock) -> None:
    with pytest.raises(AssertionError, match="not within 5 s: it is there"):
        wait_until(lambda: clock.look(1.0), 5, "it is there")
    assert 5 < clock.now < 7.2


def test_who_waits_long_looks_less_often(clock: Clock) -> None:
    looks: list[float] = []
    with pytest.raises(AssertionError):
        wait_until(lambda: looks.append(clock.now), 20, "it is there")
    pauses = [round(after - before, 6) for before, after in pairwise(looks)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (PAUSE, LONGEST_PAUSE)
    assert all(pause <= PAUSE + 0.051 * at for pause, at in zip(pauses, looks, strict=False)), (
        "a twentieth of the wait"
    )


def test_time_without_a_processor_does_not_count(clock: Clock) -> None:
    with pytest.raises(AssertionError):
        wait_until(lambda: clock.look(1.0, starved=0.8), 5, "it is there", clock.told)
    assert 5 < clock.now - clock.held_up < 5.6
    assert clock.now > 20


def test_there_is_an_end_though_it_never_had_a_processor(clock: Clock) -> None:
    with pytest.raises(AssertionError):
        wait_until(lambda: clock.look(1.0, starved=9.0), 5, "it is there", clock.told)
    assert clock.looks <= 5 / PAUSE + 2


def test_another_process_which_begins_at_zero_gives_no_time_away(clock: Clock) -> None:
    clock.held_up = 100.0

    def look() -> bool:
        clock.held_up = 0.0
        return clock.look(1.0)

    with pytest.raises(AssertionError):
        wait_until(look, 5, "it is there", clock.told)
    assert clock.now < 7.2


def test_who_shares_a_processor_waits_for_it() -> None:
    """Two that never rest on one processor: each runs half of the time."""
    processor = min(os.sched_getaffinity(0))
    busy = f"import os\nos.sched_setaffinity(0, {{{processor}}})\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]
    try:
        pid = others[0].pid
        if without_processor(os.getpid()) == 0.0:
            pytest.skip("this kernel does not tell")
        wait_until(lambda: without_processor(pid) > 0.2, 60, "it was held up")
    finally:
        for one in others:
            one.kill()
            one.wait()


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert without_processor(gone.pid) == 0.0
