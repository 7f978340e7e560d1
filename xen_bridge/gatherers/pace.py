"""Pace of gatherers: how they wait and do several things at once, and never otherwise.

Plain threads are the default; a server with an event loop brings its own :class:`Pace`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Pace(Protocol):
    """Clocks, waiting and concurrency. Times are seconds."""

    def now(self) -> float:
        """Return the monotonic clock: for intervals."""

    def wall(self) -> float:
        """Return the seconds since 1970: for ``IterationDateTime`` only."""

    def sleep_until(self, when: float) -> None:
        """Wait until ``now()`` is ``when``; return at once if that is past."""

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(*args)``, which blocks for a short time."""

    def side_by_side(self, functions: Sequence[Callable[[], T]]) -> list[T]:
        """Return what the functions return, run at the same time.

        All of them end before the first error, in their order, is raised.
        """


class ThreadPace:
    """Native threads and ``time.sleep``."""

    def now(self) -> float:
        """Return the monotonic clock."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def sleep_until(self, when: float) -> None:
        """Wait until ``now()`` is ``when``."""
        left = when - time.monotonic()
        if left > 0:
            time.sleep(left)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(*args)``: this thread may block."""
        return function(*args)

    def side_by_side(self, functions: Sequence[Callable[[], T]]) -> list[T]:
        """Return what the functions return, each run in a thread of its own but the last."""
        jobs = [_Job(function) for function in functions]
        threads = [threading.Thread(target=job.run, daemon=True) for job in jobs[:-1]]
        for thread in threads:
            thread.start()
        for job in jobs[-1:]:
            job.run()
        for thread in threads:
            thread.join()
        return [job.result() for job in jobs]


class _Job:
    """A function to run, and how it ended."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._value: Any = None
        self._error: Exception | None = None

    def run(self) -> None:
        """Run the function; keep its error for whoever asks for the result."""
        try:
            self._value = self._function()
        except Exception as error:  # told by result()
            self._error = error

    def result(self) -> Any:
        """Return what the function returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._value


def rounds(iterations: int, interval: float, pace: Pace) -> Iterator[tuple[int, float]]:
    """Yield number, from 1, and wall clock of every iteration when it is its turn.

    Iterations begin ``interval`` seconds after each other, counted from the first: a late one
    does not delay the others. When one takes longer than that the next begins at once.
    """
    start = pace.now()
    for index in range(iterations):
        pace.sleep_until(start + index * interval)
        yield index + 1, round(pace.wall(), 3)
