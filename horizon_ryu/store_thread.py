"""Thread of the store: its work is done in order, one piece at a time, off the hub.

A disk that is slow, or a lock that another process has, then holds only those who wait for what
they gave to the store, and no longer than ``patience``. What was given up was not begun, or
changes nothing: so whoever is told an error has the truth that nothing of it is kept. The one write
that was begun is waited for to its end, since nobody can take it back; what stands between it and a
client answers that in time (:meth:`StoreThread.answering`).
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import Any, TypeVar

from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.loop_record import IDLE_TURN
from xen_bridge.runtime.outcome import Outcome
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger("horizon.store")
T = TypeVar("T")

MAX_WAITING = 4096
"""Pieces of work that may wait; beyond it the store counts as out of order."""
STORE_PATIENCE = 10.0
"""Seconds to wait for the store."""
MAX_LEFT = 64
"""Operations that may go on behind a client who was told that they may."""
_LOOKS = 20
"""In a patience, whether the store is to blame that an operation takes long."""
_LONGEST_END = 10.0
"""Seconds for which the end of the controller waits for what is still to be written."""


class _Work:
    def __init__(
        self, runtime: Runtime, function: Callable[[], Any], is_read: bool = False
    ) -> None:
        self.function = function
        self.is_read = is_read
        self.outcome: Outcome[Any] = Outcome()
        self.done = runtime.event()
        self.is_begun = False
        self.is_given_up = False


class StoreThread:
    """Runs what the store is asked for; :meth:`turn` is one turn of a loop.

    What was begun is done even if whoever asked is gone: a killed task leaves no half order.
    """

    def __init__(self, runtime: Runtime, patience: float = STORE_PATIENCE) -> None:
        """``patience``: seconds that anybody waits for what was not begun."""
        self._runtime = runtime
        self._patience = patience
        self._work = runtime.queue(MAX_WAITING)
        self._begun: float | None = None
        self._left = 0
        self._waiting: set[_Work] = set()
        """What is neither begun nor given up."""

    def call(self, function: Callable[[], T], /, is_read: bool = False) -> T:
        """Return ``function()`` once all that was given before is done.

        StoreError if too much waits, or the store does not answer: then ``function`` is not
        called any more, unless it ``is_read`` and changes nothing. It waits: it is for tasks,
        never for handlers of events.
        """
        if self.hangs_for:
            raise StoreError(self._silent("nothing of this was done"))
        work = _Work(self._runtime, function, is_read)
        if not self._work.offer(work):
            raise StoreError(f"the store is too slow: {MAX_WAITING} wait for it")
        self._waiting.add(work)
        if not work.done.wait(self._patience):
            if is_read or not work.is_begun:
                work.is_given_up = True
                self._waiting.discard(work)
                raise StoreError(self._silent("nothing of this was done"))
            LOG.error("the store does not end what it has begun: it is waited for")
            work.done.wait()
        result: T = work.outcome.result()
        return result

    def _silent(self, what: str) -> str:
        return f"the store has not answered for {self.busy_for():.0f} s: {what}"

    def turn(self) -> None:
        """Do the next piece of work, if there is any."""
        try:
            work: _Work = self._work.get(IDLE_TURN)
        except queue.Empty:
            return
        if work.is_given_up:
            return
        self._waiting.discard(work)
        work.is_begun = True
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

    @property
    def hangs_for(self) -> float:
        """The seconds for which the store has not answered, if that is too long; else 0."""
        busy = self.busy_for()
        return busy if busy > self._patience else 0.0

    def answering(self, operation: Callable[[], T]) -> T:
        """Return ``operation()``, which may change what the store keeps.

        StoreError when it takes too long because the store does not answer: it goes on, and is
        done wholly or fails by itself. So many may be left like that; then none is begun.
        """
        if self._left >= MAX_LEFT:
            raise StoreError(self._silent("nothing of this was done"))
        outcome: Outcome[T] = Outcome()
        task = self._runtime.spawn(outcome.take, operation)
        wait = self._patience
        while not task.join(wait):
            # Whoever is first to wait is so by less than the store has been silent for.
            wait = self._patience / _LOOKS
            if self.hangs_for:
                self._left += 1
                task.link(self._one_ended)
                raise StoreError(self._silent("what was asked may still be carried out"))
        return outcome.result()

    def _one_ended(self) -> None:
        self._left -= 1

    def finish(self, last: Callable[[], None]) -> bool:
        """Do ``last`` once all is done that was given before; False if that takes too long.

        Then nobody is to wait for the store: a thread of it may hang, and do what it has begun at
        any time after.
        """
        work = _Work(self._runtime, last, is_read=True)
        if self.hangs_for or not self._work.offer(work):
            return False
        if not work.done.wait(_LONGEST_END):
            work.is_given_up = True
            return False
        work.outcome.result()
        return True

    def unwritten(self) -> str:
        """Say what is not written at an end that :meth:`finish` does not wait for."""
        waiting = sum(not work.is_read for work in self._waiting)
        return (
            f"the store has not answered for {self.busy_for():.0f} s: the change that it has begun"
            f" may be kept or not, {waiting} behind it are not"
        )
