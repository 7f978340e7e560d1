"""Keep-alive: when the peer is asked whether it lives, and when it is taken for dead."""

from __future__ import annotations

from math import inf

_SPARED = -1
"""Stands for a request that was not sent; no xid is negative."""


class KeepAlive:
    """Echo requests, one per ``interval`` seconds, and those that nobody has answered.

    More than ``unanswered`` of them and the peer is dead; 0 asks nothing. Who has answered others
    since the last one is not asked, and is found dead as soon as if it had been.
    """

    def __init__(self, interval: float, unanswered: int) -> None:
        self._interval = interval
        self._most = unanswered
        self._asked: set[int] = set()
        self._has_answered_others = False
        self.due = inf
        """When the next request is to be sent, or the peer is to be given up."""

    def start(self, now: float) -> None:
        """Begin to ask, at once."""
        if self._most:
            self.due = now

    @property
    def is_dead(self) -> bool:
        """Whether too many requests are without an answer."""
        return len(self._asked) > self._most

    def asked(self, xid: int, now: float) -> None:
        """Note that a request is on its way."""
        self._asked.add(xid)
        self.due = now + self._interval

    def spares(self, now: float) -> bool:
        """Tell whether a request that is due need not be sent, and take it for sent."""
        if not self._has_answered_others:
            return False
        self._has_answered_others = False
        self.asked(_SPARED, now)
        return True

    def answered_others(self) -> None:
        """Take note of a reply to an echo request of somebody else's."""
        self._has_answered_others = True
        self._asked.discard(_SPARED)

    def answered(self, xid: int) -> bool:
        """Take an echo reply; those to others' requests change nothing, and False tells them."""
        is_asked = xid in self._asked
        if is_asked:
            self._asked -= {xid, _SPARED}
        return is_asked
