"""Turns of the event loop: so many messages of one peer, then everybody else's.

A peer that floods fills its own buffers, and is read again when what it has sent is dealt with:
others wait for one turn of it at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Protocol

from horizon_ryu.slicer.active_slices import ActiveSlices
from horizon_ryu.wire.session.events import SessionEvent

Item = tuple[SessionEvent, bytes]

MESSAGES_A_TURN, TURN_NS = 4, 100_000
"""Of one that floods: others wait for as many of its messages, each time that it is their turn.

A turn ends after so long, too, however few messages it was: one may be long work.
"""
MESSAGES_ALONE, ALONE_NS = 8, 200_000
"""The same while no other slice sends: each turn costs a round of the loop."""
SENT_AFTER = 8
"""Messages after which what has come of short turns is sent, unless others send before."""
TIMED = 7
"""One in so many turns is timed: the rest are spared what that costs."""


class TurnOwner(Protocol):
    """The connection whose messages are taken."""

    turn_began: int
    """When what is dealt with in this turn came, in ns of perf_counter; 0 if not timed."""

    def take(self, event: SessionEvent, message: bytes) -> None:
        """Deal with one message."""

    def begin_turn(self) -> None:
        """Keep what is to be sent until the turn ends."""

    def end_turn(self) -> None:
        """Send what has come of the turn."""

    def turn_failed(self, error: Exception) -> None:
        """Be told of an error of ours, which ends the connection and nothing else."""


class TurnTaker:
    """Takes the messages of one connection, a few in each turn of the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        owner: TurnOwner,
        transport: asyncio.Transport,
        clock: Callable[[], int] = perf_counter_ns,
        active: ActiveSlices | None = None,
    ) -> None:
        """``transport`` is paused while there is enough to do; ``clock`` tells nanoseconds.

        ``active``: the slices that share the loop; without it they are taken for several.
        """
        self._loop = loop
        self._owner = owner
        self._transport = transport
        self._clock = clock
        self._active = active
        self.chunks: list[Iterator[Item]] = []
        """What waits to be dealt with."""
        self._is_scheduled = False
        self._is_paused = False
        self._number = 0
        self._since = 0
        self._unsent = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be dealt with."""
        return not self.chunks

    def feed(self, items: Iterator[Item]) -> None:
        """Deal with what a chunk of bytes is, now or in later turns, in the order of coming."""
        if not self.chunks:
            self._since = self._time()
        elif not self._is_paused:
            # What one chunk holds is bounded; a peer that sends more before that is dealt with
            # waits in its own buffers.
            self._is_paused = True
            self._transport.pause_reading()
        self.chunks.append(items)
        if not self._is_scheduled:
            self._turn()

    def take_alone(self, event: SessionEvent, message: bytes) -> None:
        """Deal with a message that came alone while nothing waited: the most usual turn."""
        owner = self._owner
        self._number = number = self._number + 1
        if number % TIMED == 1:
            owner.turn_began = self._clock()
        owner.begin_turn()
        try:
            owner.take(event, message)
        except Exception as error:
            # Whatever it is, others' connections must not end by it.
            self._fail(error)
        owner.end_turn()
        owner.turn_began = 0

    def _time(self) -> int:
        self._number += 1
        return 0 if self._number % TIMED != 1 else self._clock()

    def _take_some(self) -> None:
        take, clock, active = self._owner.take, self._clock, self._active
        is_short = active is None or active.are_several(self._loop.time())
        left = most = MESSAGES_A_TURN if is_short else MESSAGES_ALONE
        ends = clock() + (TURN_NS if is_short else ALONE_NS)
        while self.chunks:
            for event, message in self.chunks[0]:
                take(event, message)
                left -= 1
                if not left or clock() > ends:
                    self._unsent += SENT_AFTER if left else most
                    return
            del self.chunks[0]

    def _turn(self) -> None:
        owner = self._owner
        self._is_scheduled = False
        owner.turn_began = self._since
        owner.begin_turn()
        try:
            self._take_some()
        except Exception as error:
            # Whatever it is, others' connections must not end by it.
            self._fail(error)
        is_closing = self._transport.is_closing()
        if is_closing:
            self.chunks.clear()
        if not self.chunks or self._unsent >= SENT_AFTER:
            self._unsent = 0
            owner.end_turn()
        owner.turn_began = 0
        if self.chunks:
            self._is_scheduled = True
            self._loop.call_soon(self._turn)
        elif self._is_paused and not is_closing:
            self._is_paused = False
            self._transport.resume_reading()

    def _fail(self, error: Exception) -> None:
        self.chunks.clear()
        self._owner.turn_failed(error)
        self._transport.abort()
