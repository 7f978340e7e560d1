"""Workers: native threads for what blocks, so many at a time, each under a deadline.

libvirt, netlink and probes know nothing of green threads: one call in the thread of the event
loop would stop the whole service for as long as it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import eventlet
from eventlet import tpool
from eventlet.event import Event
from eventlet.semaphore import Semaphore

from xen_bridge.errors import Deadline, Overloaded

Result = TypeVar("Result")


class Workers:
    """Native threads for one kind of work.

    A call that outlives its deadline keeps its thread until it returns, since nothing can end it;
    those behind it wait their turn, within their own deadlines.
    """

    def __init__(self, name: str, limit: int) -> None:
        """Let ``limit`` calls run at a time; ``name`` says whose they are when that is reached."""
        self._name = name
        self._free = Semaphore(limit)

    def call(self, seconds: float, function: Callable[..., Result], *args: Any) -> Result:
        """Return what ``function`` does.

        Raises Deadline after ``seconds``, Overloaded if it did not even get a thread by then.
        """
        started = time.monotonic()
        if not self._free.acquire(timeout=seconds):
            raise Overloaded(f"{self._name}: every thread is busy, or waits for an answer")
        result: Any = Event()
        eventlet.spawn_n(self._run, result, function, args)
        left = max(seconds - (time.monotonic() - started), 0.0)
        timeout = eventlet.Timeout(left)
        try:
            value: Result = result.wait()
        except eventlet.Timeout as fired:
            if fired is not timeout:
                raise
            raise Deadline(f"{self._name}: no answer in {seconds:g} s") from None
        finally:
            timeout.cancel()
        return value

    def _run(self, result: Any, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            value = tpool.execute(function, *args)
        except Exception as error:
            result.send_exception(error)
        else:
            result.send(value)
        finally:
            self._free.release()


class GreenPace:
    """The pace of gatherers inside the service: waiting is green, reading is native.

    So a hundred requests that sample once a second hold no thread while they wait.
    """

    def __init__(self, workers: Workers, seconds: float = 30.0) -> None:
        """Have each reading end within ``seconds``."""
        self._workers = workers
        self._seconds = seconds

    def now(self) -> float:
        """Return the time for intervals."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def sleep_until(self, when: float) -> None:
        """Wait for a time of :meth:`now`."""
        eventlet.sleep(max(when - time.monotonic(), 0.0))

    def call(self, function: Callable[..., Result], *args: Any) -> Result:
        """Do what blocks."""
        return self._workers.call(self._seconds, function, *args)

    def side_by_side(self, functions: Sequence[Callable[[], Result]]) -> list[Result]:
        """Do all at once; the first error is raised when all have ended."""
        running = [eventlet.spawn(_outcome, function) for function in functions]
        try:
            outcomes = [one.wait() for one in running]
        finally:
            for one in running:
                one.kill()
        for _value, error in outcomes:
            if error is not None:
                raise error
        return [value for value, _error in outcomes]


def _outcome(function: Callable[[], Result]) -> tuple[Result | None, Exception | None]:
    try:
        return function(), None
    except Exception as error:
        return None, error
