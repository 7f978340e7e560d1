"""Questions to one switch that wait for answers, told apart by their transaction ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from horizon_ryu.core.errors import LimitExceeded, SwitchAway, SwitchError

MAX_WAITING = 1024
"""Questions at once per switch: a switch that never answers must not fill our memory."""


@dataclass(slots=True, eq=False)
class Question:
    """One exchange with a switch: done when its last answer, or its end, has come.

    ``xids`` are the messages whose errors belong to it, ``last`` the one that is answered.
    ``pieces`` are the raw answers; ``wake`` is called once, when the question is done.
    """

    dpid: int
    last: int
    wake: Callable[[], None]
    xids: frozenset[int] = frozenset()
    pieces: list[bytes] = field(default_factory=list)
    errors: list[SwitchError] = field(default_factory=list)
    done: bool = False

    def finish(self) -> None:
        """Wake whoever asked, once."""
        if not self.done:
            self.done = True
            self.wake()


class PendingQuestions:
    """The questions to one switch, by every transaction id that belongs to them."""

    def __init__(self) -> None:
        self._by_xid: dict[int, Question] = {}
        self._waiting: set[Question] = set()

    def ask(self, question: Question) -> None:
        """Take note of ``question``; LimitExceeded when too many wait already."""
        if len(self._waiting) >= MAX_WAITING:
            raise LimitExceeded(f"{MAX_WAITING} questions wait for switch {question.dpid:016x}")
        self._waiting.add(question)
        for xid in _all_xids(question):
            self._by_xid[xid] = question

    def forget(self, question: Question) -> None:
        """Drop ``question``: answered, or nobody waits any more."""
        self._waiting.discard(question)
        for xid in _all_xids(question):
            if self._by_xid.get(xid) is question:
                del self._by_xid[xid]

    def answered(self, xid: int, message: bytes, more: bool) -> bool:
        """Take an answer; False if nobody waits for it."""
        question = self._by_xid.get(xid)
        if question is None or xid != question.last:
            return False
        question.pieces.append(message)
        if not more:
            self.forget(question)
            question.finish()
        return True

    def refused(self, xid: int, reason: str) -> bool:
        """Take an error; it ends a question only if what is refused is the last message."""
        question = self._by_xid.get(xid)
        if question is None:
            return False
        question.errors.append(SwitchError(question.dpid, reason))
        if xid == question.last:
            self.forget(question)
            question.finish()
        return True

    def abandon(self) -> None:
        """End every question: the connection is gone."""
        for question in tuple(self._waiting):
            question.errors.append(SwitchAway(question.dpid))
            self.forget(question)
            question.finish()


def _all_xids(question: Question) -> Iterable[int]:
    return question.xids | {question.last}
