"""Turns of the event loop: so many messages of one peer, then everybody else's.

A peer that floods fills its own buffers, and is read again when what it has sent is dealt with:
others wait for one turn of it at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

MESSAGES_A_TURN = 32
TIMED = 7
"""One in so many turns is timed: the rest are spared what that costs."""


class TurnTaker:
    """Takes the messages of one connection, a few in each turn of the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        take: Callable[[Any], None],
        hold: Callable[[], None],
        flush: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """``take`` deals with one item; ``flush`` sends what has come of a turn since ``hold``.

        ``failed`` is told of an error of ours, which ends the connection and nothing else.
        """
        self._loop = loop
        self._take = take
        self._hold = hold
        self._flush = flush
        self._failed = failed
        self._transport: asyncio.Transport | None = None
        self._items: Iterator[Any] | None = None
        self._chunks: list[Iterator[Any]] = []
        self._is_scheduled = False
        self._number = 0
        self._since = 0
        self.began = 0
        """When what is dealt with in this turn came, in ns of perf_counter; 0 if not timed."""

    def begin(self, transport: asyncio.Transport) -> None:
        """Note what is paused while there is enough to do."""
        self._transport = transport

    def feed(self, items: Iterator[Any]) -> None:
        """Deal with what a chunk of bytes is, now or in later turns, in the order of coming."""
        if not self._chunks:
            self._since = 0 if self._number % TIMED else perf_counter_ns()
            self._number += 1
        self._chunks.append(items)
        if not self._is_scheduled:
            self._turn()

    def _take_some(self) -> None:
        left = MESSAGES_A_TURN
        while self._chunks and left:
            for item in self._chunks[0]:
                self._take(item)
                left -= 1
                if not left:
                    break
            else:
                del self._chunks[0]

    def _turn(self) -> None:
        self._is_scheduled = False
        self.began = self._since
        self._hold()
        try:
            self._take_some()
        except Exception as error:
            # Whatever it is, others' connections must not end by it.
            self._chunks.clear()
            self._failed(error)
            if self._transport is not None:
                self._transport.abort()
            self._flush()
            self.began = 0
            return
        self._flush()
        self.began = 0
        if self._transport is None or self._transport.is_closing():
            self._chunks.clear()
        elif self._chunks:
            self._transport.pause_reading()
            self._is_scheduled = True
            self._loop.call_soon(self._turn)
        else:
            self._transport.resume_reading()
