"""Questions to one switch that wait for answers, told apart by their transaction ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError

MAX_WAITING = 1024
"""Questions at once per switch: a switch that never answers must not fill our memory.

As many are remembered whose time is over.
"""


@dataclass(slots=True, eq=False)
class SwitchRequest:
    """One exchange with a switch: done when its last answer, or its end, has come.

    ``xids`` are the messages whose errors belong to it, each with its place among those that were
    sent together; ``last`` is the one that is answered.
    ``pieces`` are the raw answers; ``wake`` is called once, when the question is done.
    """

    dpid: int
    last: int
    wake: Callable[[], None]
    xids: Mapping[int, int] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    errors: list[SwitchError] = field(default_factory=list)
    done: bool = False

    def finish(self) -> None:
        """Wake whoever asked, once."""
        if not self.done:
            self.done = True
            self.wake()


class PendingRequests:
    """The questions to one switch, by every transaction id that belongs to them."""

    def __init__(self) -> None:
        self._by_xid: dict[int, SwitchRequest] = {}
        self._waiting: set[SwitchRequest] = set()
        self._late: dict[int, None] = {}

    def ask(self, question: SwitchRequest) -> None:
        """Take note of ``question``; SwitchError when too many wait already."""
        if len(self._waiting) >= MAX_WAITING:
            raise SwitchError(question.dpid, f"{MAX_WAITING} questions wait for an answer already")
        self._waiting.add(question)
        for xid in _all_xids(question):
            self._by_xid[xid] = question

    def give_up(self, question: SwitchRequest, reason: str) -> None:
        """End ``question`` with SwitchDeadline; what still comes for it is taken and dropped.

        Ryu's parser, which would get it otherwise, holds up everybody for 40 ms per thousand
        flow entries, and it is large tables that are late.
        """
        if question.done:
            return
        question.errors.append(SwitchDeadline(question.dpid, reason))
        self._late[question.last] = None
        if len(self._late) > MAX_WAITING:
            del self._late[next(iter(self._late))]
        self._forget(question)
        question.finish()

    def _forget(self, question: SwitchRequest) -> None:
        self._waiting.discard(question)
        for xid in _all_xids(question):
            if self._by_xid.get(xid) is question:
                del self._by_xid[xid]

    def answered(self, xid: int, message: bytes, more: bool) -> bool:
        """Take an answer; False if nobody asked for it."""
        if xid in self._late:
            if not more:
                del self._late[xid]
            return True
        question = self._by_xid.get(xid)
        if question is None or xid != question.last:
            return False
        question.pieces.append(message)
        if not more:
            self._forget(question)
            question.finish()
        return True

    def refused(self, xid: int, reason: str) -> bool:
        """Take an error; it ends a question only if what is refused is the last message.

        One error per message: a switch that repeats itself must not fill our memory.
        """
        if xid in self._late:
            del self._late[xid]
            return True
        question = self._by_xid.get(xid)
        if question is None:
            return False
        question.errors.append(SwitchError(question.dpid, reason, question.xids.get(xid)))
        del self._by_xid[xid]
        if xid == question.last:
            self._forget(question)
            question.finish()
        return True

    def abandon(self) -> None:
        """End every question: the connection is gone."""
        for question in tuple(self._waiting):
            question.errors.append(SwitchAway(question.dpid))
            self._forget(question)
            question.finish()


def _all_xids(question: SwitchRequest) -> Iterable[int]:
    yield from question.xids
    yield question.last
