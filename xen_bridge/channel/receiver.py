"""Receiver's side of one stream: each message once, in order, and gaps told.

Pure: no clock, no socket. What is out of order is not kept: the sender sends all that is not
acknowledged again, from the first on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from xen_bridge.errors import Overloaded
from xen_bridge.protocol.documents.channel import Acknowledgement, ChannelMessages


@dataclass(frozen=True, slots=True)
class SenderStarted:
    """The sender is heard for the first time, or anew: what it told before no longer holds."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Gap:
    """These numbers will never come: they were for an earlier start of this program."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next message."""

    number: int
    body: Any


Event: TypeAlias = SenderStarted | Gap | Delivered
Handle: TypeAlias = Callable[[Event], None]
"""Takes an event; raises Overloaded to take it, and what follows it, later."""


class Receiver:
    """One stream from one sender. Not for several threads at once."""

    def __init__(self, incarnation: int) -> None:
        """Receive as ``incarnation``, which no earlier start of this program was."""
        self.incarnation = incarnation
        self.sender = 0
        """The sender's incarnation; 0 before it was heard."""
        self.duplicates = 0
        self.out_of_order = 0
        self._next = 1

    def accept(self, told: ChannelMessages, handle: Handle) -> Acknowledgement:
        """Give ``handle`` what is new in ``told``; return what the sender is to be told.

        An event counts as taken when ``handle`` returns; when it raises Overloaded the rest
        comes again later.
        """
        if told.incarnation >= self.sender:
            try:
                self._begin(told, handle)
                self._take(told, handle)
            except Overloaded:
                pass
        # To a sender that is late the incarnation says that there was a later one.
        return Acknowledgement(self.incarnation, max(self.sender, 1), self._next - 1)

    def _begin(self, told: ChannelMessages, handle: Handle) -> None:
        if told.incarnation > self.sender:
            handle(SenderStarted(told.incarnation))
            self.sender = told.incarnation
            self._next = 1
        if told.first > self._next:
            handle(Gap(self._next, told.first - 1))
            self._next = told.first

    def _take(self, told: ChannelMessages, handle: Handle) -> None:
        for item in told.messages:
            if item.number < self._next:
                self.duplicates += 1
            elif item.number > self._next:
                self.out_of_order += 1
            else:
                handle(Delivered(item.number, item.body))
                self._next += 1
