"""Outbox: links that have something to send, which leaves when a turn of the loop is done.

What one turn says to a switch and to its tenants goes out in one write for each of them, and
without waiting for the loop to come round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Outbox:
    """What is to be flushed, of one switch and of its tenants."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.due: list[Callable[[], None]] = []
        """What sends what there is to send, of each link that has something."""
        self.is_held = False
        """Whether a turn goes on: nothing is sent before :meth:`flush`."""
        self.is_timed = False
        """Whether the turn that goes on, or was the last, is timed."""

    def add(self, flush: Callable[[], None]) -> None:
        """Have ``flush`` called at the end of the turn; outside of turns, soon."""
        if not self.due and not self.is_held:
            self._loop.call_soon(self.flush)
        self.due.append(flush)

    def flush(self) -> None:
        """End a turn: send what came of it."""
        self.is_held = False
        while due := self.due:
            self.due = []
            for flush in due:
                flush()
