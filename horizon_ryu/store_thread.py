"""Thread of the store: its work is done in order, one piece at a time, off the hub.

A disk that is slow, or a lock that another process has, then holds only those who wait for what
they gave to the store.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.loop_record import IDLE_TURN
from xen_bridge.runtime.outcome import Outcome
from xen_bridge.runtime.port import Event, Runtime

T = TypeVar("T")

MAX_WAITING = 4096
"""Pieces of work that may wait; beyond it the store counts as out of order."""
_LONGEST_END = 10.0
"""Seconds for which the end of the controller waits for what is still to be written."""


class _Work(NamedTuple):
    function: Callable[[], Any]
    outcome: Outcome[Any]
    done: Event


class StoreThread:
    """Runs what the store is asked for; :meth:`turn` is one turn of a loop.

    What was begun is done even if whoever asked is gone: a killed task leaves no half order.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._work = runtime.queue(MAX_WAITING)
        self._begun: float | None = None

    def call(self, function: Callable[[], T]) -> T:
        """Return ``function()`` once all that was given before is done; StoreError if too much is.

        It waits: it is for tasks, never for handlers of events.
        """
        outcome: Outcome[T] = Outcome()
        done = self._runtime.event()
        if not self._work.offer(_Work(function, outcome, done)):
            raise StoreError(f"the store is too slow: {MAX_WAITING} wait for it")
        done.wait()
        return outcome.result()

    def turn(self) -> None:
        """Do the next piece of work, if there is any."""
        try:
            work: _Work = self._work.get(IDLE_TURN)
        except queue.Empty:
            return
        self._begun = self._runtime.now()
        try:
            self._runtime.in_thread(work.outcome.take, work.function)
        finally:
            self._begun = None
            work.done.set()

    def busy_for(self) -> float:
        """Return the seconds since what it does now was begun; 0: it does nothing."""
        begun = self._begun
        return 0.0 if begun is None else self._runtime.now() - begun

    def finish(self) -> None:
        """Wait until what was given before is done, or has taken too long."""
        done = self._runtime.event()
        if self._work.offer(_Work(lambda: None, Outcome(), done)):
            done.wait(_LONGEST_END)
