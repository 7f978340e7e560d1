"""Thread limiter: native threads for one kind of work, so many at a time, each under a deadline.

libvirt, netlink and probes know nothing of tasks: one call in the thread of an event loop would
stop the whole service for as long as it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from xen_bridge.errors import Deadline, Overloaded
from xen_bridge.runtime.outcome import Outcome
from xen_bridge.runtime.port import Event, Runtime, Semaphore

T = TypeVar("T")


class ThreadLimiter:
    """Native threads for one kind of work.

    A call that outlives its deadline keeps its thread until it returns, since nothing can end it;
    those behind it wait their turn, within their own deadlines. Of several parties none has more
    than its share: the others find a thread, whatever it asks.
    """

    def __init__(
        self, runtime: Runtime, name: str, limit: int, most_of_one: int | None = None
    ) -> None:
        """Let ``limit`` calls run at a time, ``most_of_one`` of one party (None: all).

        ``name`` says whose they are when that is reached.
        """
        self._runtime = runtime
        self._name = name
        self._free = runtime.semaphore(limit)
        self._most_of_one = limit if most_of_one is None else most_of_one
        self._shares: dict[str, Semaphore] = {}
        """By party; there are as many as nodes that may ask."""

    def call(self, seconds: float, function: Callable[..., T], *args: Any) -> T:
        """Return what ``function`` does.

        Raises Deadline after ``seconds``, Overloaded if it did not even get a thread by then.
        """
        return self._call((self._free,), self._runtime.now() + seconds, seconds, function, args)

    def call_for(self, party: str, seconds: float, function: Callable[..., T], *args: Any) -> T:
        """Return what ``function`` does in the share of ``party``; raises what :meth:`call` does.

        Parties are those that may ask at all: what is kept of each is never forgotten.
        """
        if party not in self._shares:
            self._shares[party] = self._runtime.semaphore(self._most_of_one)
        needed = (self._shares[party], self._free)
        return self._call(needed, self._runtime.now() + seconds, seconds, function, args)

    def _call(
        self,
        needed: tuple[Semaphore, ...],
        until: float,
        seconds: float,
        function: Callable[..., T],
        args: tuple[Any, ...],
    ) -> T:
        with ExitStack() as held:
            for semaphore in needed:
                if not semaphore.acquire(timeout=max(until - self._runtime.now(), 0.0)):
                    raise Overloaded(f"{self._name}: every thread is busy, or waits for an answer")
                held.callback(semaphore.release)
            outcome: Outcome[T] = Outcome()
            ended = self._runtime.event()
            self._runtime.spawn(self._run, outcome, ended, held.pop_all(), function, args)
        if not ended.wait(max(until - self._runtime.now(), 0.0)):
            raise Deadline(f"{self._name}: no answer in {seconds:g} s")
        return outcome.result()

    def _run(
        self,
        outcome: Outcome[T],
        ended: Event,
        held: ExitStack,
        function: Callable[..., T],
        args: tuple[Any, ...],
    ) -> None:
        try:
            with held:
                outcome.take(self._runtime.in_thread, function, *args)
        finally:
            ended.set()
