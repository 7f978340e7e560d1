"""Supervisor of the controller's loops: an exception ends one turn of a loop, not the loop.

Every loop of ours runs in :meth:`Supervisor.forever`, every task with an end of its own in
:meth:`Supervisor.once`. What they raise is logged once with its traceback, counted, and told by
``/v1/health`` for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from horizon_ryu.core.errors import StoreError
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger("horizon.supervision")

FIRST_PAUSE = 0.1
"""Seconds after a turn that failed; twice as many after each further one in a row."""
LONGEST_PAUSE = 5.0
REMEMBERED = 60.0
"""Seconds for which health tells of a failure."""


class Supervisor:
    """Runs loops, and knows which of them failed lately."""

    def __init__(
        self, runtime: Runtime, clock: Callable[[], float], count: Callable[[str], None]
    ) -> None:
        """``count`` is told the name of the part at each failure."""
        self._runtime = runtime
        self._clock = clock
        self._count = count
        self._failed_at: dict[str, float] = {}
        self._logged: set[tuple[str, str]] = set()

    def forever(
        self,
        turn: Callable[[], object],
        again: Callable[[], object] | None = None,
        is_over: Callable[[], bool] | None = None,
    ) -> None:
        """Call ``turn`` until ``is_over`` (None: for ever), whatever it raises.

        After a turn that failed and a pause, ``again`` is called: it has the turn that follows do
        what was left undone.
        """
        pause = FIRST_PAUSE
        while is_over is None or not is_over():
            try:
                turn()
                pause = FIRST_PAUSE
            except self._runtime.faults as error:
                self.failed(name_of(turn), error)
                self._runtime.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                if again is not None:
                    again()

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
        self._failed_at[name] = self._clock()
        kind = name, type(error).__name__
        # A turn may fail a thousand times: one traceback for each kind of exception.
        if kind not in self._logged:
            self._logged.add(kind)
            LOG.error("%s failed; more of this kind is only counted", name, exc_info=error)

    def failing(self) -> tuple[str, ...]:
        """Return the names of the parts that failed within the last minute."""
        since = self._clock() - REMEMBERED
        return tuple(sorted(name for name, at in self._failed_at.items() if at > since))


def name_of(work: Callable[..., object]) -> str:
    """Return the name of a part for the log and the metrics: its class and method."""
    while isinstance(work, partial):
        work = work.func
    return str(getattr(work, "__qualname__", type(work).__name__))
