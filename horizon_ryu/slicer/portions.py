"""Portions: long work on one switch, done a little at a time, so that no tenant waits for it.

Work is an iterator. After each of its steps others may have their turn; a step may name what it
waits for, such as the switch's answer to what it was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter_ns

Pause = Callable[[], bool] | None
"""After a step: None, or what tells whether the next may be taken."""
Work = Iterator[Pause]
Carry = Callable[[Work], None]
"""Has work done, at once or in portions."""

PORTION_NS = 1_000_000
"""After which others have their turn: a step or two beyond it, tenants wait no longer."""
_LOOK_SECONDS = 0.005
"""Between two looks whether work may go on."""
PATIENCE_SECONDS = 5.0
"""For which work waits; then it goes on, since a switch need not answer."""


def at_once(work: Work) -> None:
    """Do all of it, and wait for nothing: for whoever has no loop."""
    for _ in work:
        pass


class NewestWork:
    """Work of one kind, of which the newest takes the place of what is under way."""

    def __init__(self, carry: Callable[[], Carry]) -> None:
        """``carry`` returns who does the work, when there is some."""
        self._carry = carry
        self._current: Work | None = None
        self._then: list[Callable[[], object]] = []

    @property
    def is_under_way(self) -> bool:
        """Whether there is some that is not done."""
        return self._current is not None

    @property
    def is_waited_for(self) -> bool:
        """Whether something is to be called when no work is under way."""
        return bool(self._then)

    def begin(self, work: Work) -> None:
        """Have work done from now on, in the place of what is not done."""
        self._current = work
        self._carry()(self._steps(work))

    def then(self, done: Callable[[], object]) -> None:
        """Have ``done`` called when no work is under way, in the order of calls."""
        self._then.append(done)
        self._go_on()

    def _steps(self, work: Work) -> Work:
        for pause in work:
            yield pause
            if self._current is not work:
                return
        if self._current is work:
            self._current = None
            self._go_on()

    def _go_on(self) -> None:
        while self._then and self._current is None:
            self._then.pop(0)()


class PortionCarrier:
    """Does work in the turns of a loop, while a connection lasts."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        flush: Callable[[], None],
        has_room: Callable[[], bool],
        failed: Callable[[Exception], None],
        clock: Callable[[], int] = perf_counter_ns,
    ) -> None:
        """``flush`` sends what a portion has said; ``has_room``: the peer reads what it is sent.

        ``failed`` takes an error of ours, by which the work ends.
        """
        self._loop = loop
        self._flush = flush
        self._has_room = has_room
        self._failed = failed
        self._clock = clock
        self._is_closed = False

    def carry(self, work: Work) -> None:
        """Do work, from the end of this turn on."""
        self._loop.call_soon(self._go_on, work, None, 0.0)

    def close(self) -> None:
        """Do none of it any more."""
        self._is_closed = True

    def _go_on(self, work: Work, pause: Pause, since: float) -> None:
        if self._is_closed:
            return
        now = self._loop.time()
        may_go_on = self._has_room() and (pause is None or pause())
        if not may_go_on and (not since or now < since + PATIENCE_SECONDS):
            self._loop.call_later(_LOOK_SECONDS, self._go_on, work, pause, since or now)
            return
        try:
            is_left, pause = self._portion(work)
        except Exception as error:
            # Whatever it is, others' connections must not end by it.
            self._failed(error)
            return
        self._flush()
        if is_left:
            self._loop.call_soon(self._go_on, work, pause, 0.0)

    def _portion(self, work: Work) -> tuple[bool, Pause]:
        """Take steps for a while; return whether some are left, and what they wait for."""
        ends = self._clock() + PORTION_NS
        for pause in work:
            if self._clock() > ends or (pause is not None and not pause()):
                return True, pause
        return False, None
