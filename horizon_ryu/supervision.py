"""Supervisor of the controller's loops: an exception ends one turn of a loop, not the loop.

Every loop of ours is one of :meth:`Supervisor.spawn`, every task with an end of its own runs in
:meth:`Supervisor.once`. What they raise is logged once with its traceback, counted, and told by
``/v1/health`` for a while. A loop that does not turn is begun again; if neither that nor patience
helps, and the controller is nothing without it, the process ends, so that it is started again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.loop_record import TERMS, LoopRecord, LoopTerms
from horizon_ryu.supervised_loop import FIRST_PAUSE, LONGEST_PAUSE, SupervisedLoop
from xen_bridge.runtime.port import Runtime
from xen_bridge.runtime.task_runtime import name_of
from xen_bridge.serving.abandonment import abandon_process

__all__ = ["Supervisor", "end_process", "name_of"]

LOG = logging.getLogger("horizon.supervision")

REMEMBERED = 60.0
"""Seconds for which health tells of a failure."""
LOOK_INTERVAL = 5.0
"""Seconds between two looks at all loops."""
EXIT_STATUS = 70
"""EX_SOFTWARE of sysexits.h, as of the watchdog: supervisors of processes start it again."""


def end_process(reason: str) -> None:
    """End at once with EXIT_STATUS: what hangs must not hold up a clean end."""
    LOG.critical("%s; ending, to be started again", reason)
    abandon_process(EXIT_STATUS)


class ServerEnded(RuntimeError):
    """A server that shall accept connections for ever accepts none."""


class Supervisor:
    """Runs loops, and knows how each of them does and which parts failed lately."""

    def __init__(
        self,
        runtime: Runtime,
        clock: Callable[[], float],
        count: Callable[[str], None],
        end: Callable[[str], None] = end_process,
    ) -> None:
        """``count`` is told the name of the part at each failure, ``end`` why all must end."""
        self._runtime = runtime
        self.faults = runtime.faults
        """Whatever may end a task but a kill: for ``except``."""
        self.now = clock
        self._count = count
        self._end = end
        self._failed_at: dict[str, float] = {}
        self._logged: set[tuple[str, str]] = set()
        self._servers: dict[str, LoopRecord] = {}
        self._loops: dict[SupervisedLoop, None] = {}
        self._looked = clock()

    def spawn(
        self,
        turn: Callable[[], object],
        again: Callable[[], object] | None = None,
        is_over: Callable[[], bool] | None = None,
        terms: LoopTerms = TERMS,
    ) -> SupervisedLoop:
        """Begin a loop in a task of its own; return it, to be killed."""
        loop = self.loop(LoopRecord(name_of(turn), self.now(), terms), turn, again, is_over)
        loop.start()
        return loop

    def forever(
        self,
        turn: Callable[[], object],
        again: Callable[[], object] | None = None,
        is_over: Callable[[], bool] | None = None,
        terms: LoopTerms = TERMS,
    ) -> None:
        """Run a loop in the task that calls, until ``is_over`` (None: for ever)."""
        loop = self.loop(LoopRecord(name_of(turn), self.now(), terms), turn, again, is_over)
        try:
            loop.run()
        finally:
            self.ended(loop)

    def serve(self, name: str, serve: Callable[[], object]) -> None:
        """Run what accepts connections for the server ``name``, in the task that calls.

        It shall never return; when it does, or raises, it is begun again.
        """
        record = self._servers[name] = LoopRecord(f"server {name}", self.now())
        record.is_idle = True

        def turn() -> None:
            began = self.now()
            try:
                serve()
            finally:
                if self.now() - began >= REMEMBERED:
                    record.turned(self.now())
            raise ServerEnded(f"{name} accepts no more connections")

        loop = self.loop(record, turn)
        try:
            loop.run()
        finally:
            self.ended(loop)

    def serving(self) -> dict[str, bool]:
        """Return of each server whether its loop runs, and has not ended just now."""
        now = self.now()
        return {
            name: not record.failures or record.age(now) > 2 * LONGEST_PAUSE
            for name, record in self._servers.items()
        }

    def loop(
        self,
        record: LoopRecord,
        turn: Callable[[], object],
        again: Callable[[], object] | None = None,
        is_over: Callable[[], bool] | None = None,
    ) -> SupervisedLoop:
        """Return a loop that is watched from now on, and not begun yet."""
        loop = SupervisedLoop(self._runtime, self, record, turn, again, is_over)
        self._loops[loop] = None
        return loop

    def ended(self, loop: SupervisedLoop) -> None:
        """Watch a loop no more."""
        self._loops.pop(loop, None)

    def records(self) -> tuple[LoopRecord, ...]:
        """Return what is known of every loop, in the order of their names."""
        return tuple(sorted((loop.record for loop in self._loops), key=lambda one: one.name))

    def look(self) -> None:
        """Wait, then see after the loops that do not turn: one turn of a loop."""
        self._runtime.sleep(LOOK_INTERVAL)
        now = self.now()
        if now - self._looked > 3 * LOOK_INTERVAL:
            # The machine stood still, or the hub was held: nobody could turn.
            for record in self.records():
                record.excuse(now)
        self._looked = now
        for loop in tuple(self._loops):
            self._see_after(loop, now)

    def _see_after(self, loop: SupervisedLoop, now: float) -> None:
        record = loop.record
        if record.is_hopeless(now):
            self._end(f"{record.name} {record.trouble(now)}, and nothing mends it")
        elif record.wants_restart(now) or loop.is_over:
            trouble = "has ended" if loop.is_over else record.trouble(now)
            LOG.error("%s %s; it is begun again", record.name, trouble)
            self._count(record.name)
            self._failed_at[record.name] = now
            loop.restart()

    def once(self, work: Callable[..., object], *args: Any) -> None:
        """Call ``work``, and take note of what it raises."""
        try:
            work(*args)
        except self._runtime.faults as error:
            self.failed(name_of(work), error)

    def until_kept(self, write: Callable[[], object]) -> None:
        """Call ``write``, again and again, until the store takes what it writes."""
        pause = FIRST_PAUSE
        while True:
            try:
                write()
                return
            except StoreError:
                self._runtime.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def failed(self, name: str, error: BaseException) -> None:
        """Take note that the part ``name`` raised ``error``.

        That the store cannot be written is told by the store itself, for all who wait for it.
        """
        if isinstance(error, StoreError):
            LOG.debug("%s waits: %s", name, error)
            return
        self._count(name)
        self._failed_at[name] = self.now()
        kind = name, type(error).__name__
        # A turn may fail a thousand times: one traceback for each kind of exception.
        if kind not in self._logged:
            self._logged.add(kind)
            LOG.error("%s failed; more of this kind is only counted", name, exc_info=error)

    def failing(self) -> tuple[str, ...]:
        """Return the names of the parts that failed within the last minute."""
        since = self.now() - REMEMBERED
        return tuple(sorted(name for name, at in self._failed_at.items() if at > since))
