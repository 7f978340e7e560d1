"""Waiting and concurrency of gatherers, and when iterations begin."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fake_runtime import BEGINNING, FakeRuntime
from xen_bridge.gatherers.rounds import rounds
from xen_bridge.runtime.threads import ThreadRuntime


def beginnings(runtime: FakeRuntime, takes: list[float], interval: float) -> list[float]:
    """Return when the iterations begin whose work takes so long."""
    found = []
    for (_, at), seconds in zip(rounds(len(takes), interval, runtime), takes, strict=True):
        found.append(at - BEGINNING)
        runtime.clock += seconds
    return found


def test_iterations_are_numbered_from_1_and_do_not_drift() -> None:
    runtime = FakeRuntime()
    assert [number for number, _ in rounds(3, 1.0, runtime)] == [1, 2, 3]
    assert beginnings(FakeRuntime(), [0.3, 0.3, 0.3, 0.3], 1.0) == [0, 1, 2, 3]


def test_a_late_iteration_begins_at_once_and_does_not_delay_the_others() -> None:
    assert beginnings(FakeRuntime(), [2.5, 0.1, 0.1, 0.1], 1.0) == pytest.approx([0, 2.5, 2.6, 3.0])


def test_nothing_is_waited_for_after_the_last_iteration() -> None:
    runtime = FakeRuntime()
    assert len(list(rounds(1, 600.0, runtime))) == 1
    assert runtime.clock == 100.0


def test_threads_run_gather() -> None:
    # Each waits for the others: one after the other would never end.
    barrier = threading.Barrier(3, timeout=20)

    def meet(number: int) -> Callable[[], int]:
        def run() -> int:
            barrier.wait()
            return number

        return run

    assert ThreadRuntime().gather([meet(1), meet(2), meet(3)]) == [1, 2, 3]
    assert ThreadRuntime().gather([]) == []


def test_the_first_error_is_raised_after_all_have_ended() -> None:
    ended = []

    def work(name: str, error: Exception | None = None) -> Callable[[], None]:
        def run() -> None:
            ended.append(name)
            if error is not None:
                raise error

        return run

    jobs = [work("a"), work("b", KeyError("b")), work("c", OSError("c")), work("d")]
    with pytest.raises(KeyError, match="b"):
        ThreadRuntime().gather(jobs)
    assert sorted(ended) == ["a", "b", "c", "d"]


def test_sleeping_until_the_past_returns_and_clocks_run() -> None:
    runtime = ThreadRuntime()
    before = runtime.now()
    runtime.sleep_until(before - 100)
    runtime.sleep_until(before + 0.01)
    assert runtime.now() >= before + 0.01
    assert runtime.wall() > BEGINNING
    assert runtime.in_thread(max, 1, 2) == 2
