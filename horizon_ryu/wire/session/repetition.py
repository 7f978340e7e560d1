"""Repetition: questions that a peer has answered before, asked again; does it say the same?

Nothing else is wanted to be known. As long as the same is said, no answer is walked nor read: it
was sound when it was judged, and is the same by every byte that says anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from horizon_ryu.wire.known_answer import KnownAnswer
from horizon_ryu.wire.session.pending import MAX_WAITING, TooManyRequests, xid_of


class RepeatedQuestion(NamedTuple):
    """A whole message, and what it was answered."""

    message: bytes
    known: KnownAnswer


class Repetition:
    """Questions to one peer by their xids; ``told`` is called once and must neither wait nor raise.

    It is told whether each answer said what it had said before; the end of the session, a refusal
    and being given up are none.
    """

    def __init__(
        self, questions: Mapping[int, RepeatedQuestion], told: Callable[[bool], None]
    ) -> None:
        self.open = dict(questions)
        """Those that are not answered yet."""
        self.told = told

    def message(self) -> bytes:
        """Return what is to be sent."""
        return b"".join([question.message for question in self.open.values()])


class Repetitions:
    """Those of one session. ``leave`` is told of each question whose answer is none of these.

    That is the usual way of an answer then: it was asked for, and nobody waits for it.
    """

    def __init__(self, leave: Callable[[int, bytes], None]) -> None:
        self._leave = leave
        self.by_xid: dict[int, Repetition] = {}
        """Those that wait for answers, by the id of each question; nobody else changes it."""

    def begin(self, repetition: Repetition) -> None:
        """Take note of one that is about to be sent; TooManyRequests."""
        if len(self.by_xid) + len(repetition.open) > MAX_WAITING:
            raise TooManyRequests(f"{MAX_WAITING} requests wait for an answer already")
        for xid in repetition.open:
            self.by_xid[xid] = repetition

    def take(self, message: bytes) -> bool:
        """Take a message that says what is known; any other, if it answers, ends the repetition."""
        xid = xid_of(message)
        repetition = self.by_xid.get(xid)
        if repetition is None:
            return False
        if not repetition.open[xid].known.is_said_by(message):
            self.end(repetition)
            return False
        del self.by_xid[xid], repetition.open[xid]
        if not repetition.open:
            repetition.told(True)
        return True

    def end(self, repetition: Repetition) -> None:
        """End one that is not what it should be: differing, late or cut off."""
        if not repetition.open:
            return
        for xid, question in repetition.open.items():
            self.by_xid.pop(xid, None)
            self._leave(xid, question.message)
        repetition.open.clear()
        repetition.told(False)

    def end_all(self) -> None:
        """End what is open: the session is over."""
        for repetition in dict.fromkeys(self.by_xid.values()):
            self.end(repetition)
