"""Answer record: the kinds of requests that a switch answers, and those that it never does.

The specification wants every request answered, but emulators of switches, benchmarks and small
agents answer only some. A switch that lives and leaves a kind unanswered is served without it.
Pure: ``now`` is an argument.
"""

from __future__ import annotations

BARRIER, FLOWS, GROUPS, METERS = "barrier", "flows", "groups", "meters"
DESCRIPTION, FEATURES = "desc", "features"
"""Kinds of requests; those of statistics are the values of StatsType."""
RETRY_SECONDS = 60.0
"""After which a kind that was given up is waited for once more: the switch may have been slow."""
MISSES = 2
"""Polls without an answer after which a kind is given up, where nobody asked whether it lives."""


class AnswerRecord:
    """What one connection has answered."""

    def __init__(self) -> None:
        self._answered: set[str] = set()
        self._missed: dict[str, int] = {}
        self._retry_at: dict[str, float] = {}

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The kinds that are given up, in order."""
        return tuple(sorted(self._retry_at))

    def may_lack(self, kind: str) -> bool:
        """Tell whether no request of ``kind`` was ever answered."""
        return kind not in self._answered

    def is_given_up(self, kind: str, now: float) -> bool:
        """Tell whether ``kind`` is not to be waited for now."""
        return now < self._retry_at.get(kind, now)

    def answered(self, kind: str) -> bool:
        """Take note of an answer; tell whether it changes :attr:`unanswered`."""
        self._answered.add(kind)
        self._missed.pop(kind, None)
        return self._retry_at.pop(kind, None) is not None

    def give_up(self, kind: str, now: float) -> bool:
        """Take note that ``kind`` is never answered; tell whether that is new."""
        is_new = kind not in self._retry_at
        self._retry_at[kind] = now + RETRY_SECONDS
        return is_new

    def missed(self, kind: str, now: float) -> bool:
        """Take note of a poll that was not answered; tell whether ``kind`` is given up by it."""
        if not self.may_lack(kind):
            return False
        self._missed[kind] = self._missed.get(kind, 0) + 1
        return self._missed[kind] >= MISSES and self.give_up(kind, now)
