"""Thread limiter: native threads for one kind of work, so many at a time, each under a deadline.

libvirt, netlink and probes know nothing of tasks: one call in the thread of an event loop would
stop the whole service for as long as it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from xen_bridge.errors import Deadline, Overloaded
from xen_bridge.runtime.outcome import Outcome
from xen_bridge.runtime.port import Event, Runtime

T = TypeVar("T")


class ThreadLimiter:
    """Native threads for one kind of work.

    A call that outlives its deadline keeps its thread until it returns, since nothing can end it;
    those behind it wait their turn, within their own deadlines.
    """

    def __init__(self, runtime: Runtime, name: str, limit: int) -> None:
        """Let ``limit`` calls run at a time; ``name`` says whose they are when that is reached."""
        self._runtime = runtime
        self._name = name
        self._free = runtime.semaphore(limit)

    def call(self, seconds: float, function: Callable[..., T], *args: Any) -> T:
        """Return what ``function`` does.

        Raises Deadline after ``seconds``, Overloaded if it did not even get a thread by then.
        """
        until = self._runtime.now() + seconds
        if not self._free.acquire(timeout=seconds):
            raise Overloaded(f"{self._name}: every thread is busy, or waits for an answer")
        outcome: Outcome[T] = Outcome()
        ended = self._runtime.event()
        self._runtime.spawn(self._run, outcome, ended, function, args)
        if not ended.wait(max(until - self._runtime.now(), 0.0)):
            raise Deadline(f"{self._name}: no answer in {seconds:g} s")
        return outcome.result()

    def _run(
        self, outcome: Outcome[T], ended: Event, function: Callable[..., T], args: tuple[Any, ...]
    ) -> None:
        try:
            outcome.take(self._runtime.in_thread, function, *args)
        finally:
            self._free.release()
            ended.set()
