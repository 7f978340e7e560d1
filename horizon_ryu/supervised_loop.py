"""Supervised loop: turn after turn in a task, with a record of how that goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.loop_record import LoopRecord
from xen_bridge.runtime.port import Runtime, Task

FIRST_PAUSE = 0.1
"""Seconds after a turn that failed; twice as many after each further one in a row."""
LONGEST_PAUSE = 5.0


class LoopKeeper(Protocol):
    """Who is told how a loop does, and knows the time."""

    def now(self) -> float:
        """Return the time of the records."""

    def failed(self, name: str, error: BaseException) -> None:
        """A turn of ``name`` raised ``error``."""

    def ended(self, loop: SupervisedLoop) -> None:
        """The loop is over."""


class SupervisedLoop:
    """Calls ``turn`` until ``is_over`` (None: until killed), whatever it raises.

    After a turn that failed and a pause, and when the loop is begun again, ``again`` is called:
    it has the turn that follows do what was left undone.
    """

    def __init__(
        self,
        runtime: Runtime,
        keeper: LoopKeeper,
        record: LoopRecord,
        turn: Callable[[], object],
        again: Callable[[], object] | None = None,
        is_over: Callable[[], bool] | None = None,
    ) -> None:
        self.record = record
        self._runtime = runtime
        self._keeper = keeper
        self._turn = turn
        self._again = again
        self._is_over = is_over
        self._task: Task | None = None

    @property
    def is_over(self) -> bool:
        """Whether its task has ended; False while it runs in somebody else's."""
        return self._task is not None and self._task.is_over

    def start(self) -> None:
        """Run in a task of its own."""
        self._task = self._runtime.spawn(self.run)

    def kill(self) -> None:
        """End it."""
        self._keeper.ended(self)
        if self._task is not None:
            self._task.kill()

    def restart(self) -> None:
        """Put a new task in the place of one that does not turn, or has ended."""
        self.record.restarted(self._keeper.now())
        if self._task is not None:
            self._task.kill()
            self._task = self._runtime.spawn(self._run_again)

    def _run_again(self) -> None:
        self._resume()
        self.run()

    def run(self) -> None:
        """Run in the task that calls."""
        pause = FIRST_PAUSE
        while self._is_over is None or not self._is_over():
            if self._succeeds():
                pause = FIRST_PAUSE
                continue
            self._runtime.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            self._resume()
        self._keeper.ended(self)

    def _succeeds(self) -> bool:
        """Take one turn; tell whether it ended well."""
        try:
            self._turn()
        except StoreError as error:
            # The store tells of its trouble itself; starting again would not mend it.
            self._keeper.failed(self.record.name, error)
            self.record.turned(self._keeper.now())
            return False
        except self._runtime.faults as error:
            self._keeper.failed(self.record.name, error)
            self.record.failed(self._keeper.now())
            return False
        self.record.turned(self._keeper.now())
        return True

    def _resume(self) -> None:
        try:
            if self._again is not None:
                self._again()
        except self._runtime.faults as error:
            self._keeper.failed(self.record.name, error)
