"""Ring of turns of one question: evenly spread over the interval, whoever joins or leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain

MAX_LATE = 0.05
"""Seconds of turns that are made up for after a delay; what is older is lost, or it would burst."""


class Ring:
    """Gives each of n members a turn per interval, one turn every interval / n seconds."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._members: deque[int] = deque()
        self._known: set[int] = set()
        self._last = 0.0

    def __len__(self) -> int:
        return len(self._members)

    @classmethod
    def joined(cls, interval: float, rings: Sequence[Ring]) -> Ring:
        """Return one ring of all members of some others, in their order."""
        ring = cls(interval)
        ring._last = max((one._last for one in rings), default=0.0)
        ring._members.extend(dict.fromkeys(chain.from_iterable(one._members for one in rings)))
        ring._known.update(ring._members)
        return ring

    def add(self, member: int, now: float) -> None:
        """Let ``member``, which has just been asked, have its next turn one interval later.

        Who is a member already keeps its turns.
        """
        if member in self._known:
            return
        if not self._members:
            self._last = now
        self._members.append(member)
        self._known.add(member)

    def discard(self, member: int) -> None:
        """Give ``member`` no more turns; unknown members are ignored."""
        if member in self._known:
            self._known.remove(member)
            self._members.remove(member)

    def next_turn(self) -> float:
        """Return when the next turn is; infinity without members."""
        if not self._members:
            return float("inf")
        return self._last + self.interval / len(self._members)

    def due(self, now: float) -> Iterator[int]:
        """Yield the members whose turn has come: one, or a few where turns are milliseconds apart.

        At most MAX_LATE seconds' worth, and nobody twice.
        """
        if not self._members:
            return
        slot = self.interval / len(self._members)
        self._last = max(self._last, now - slot - MAX_LATE)
        for _ in range(len(self._members)):
            if self._last + slot > now:
                return
            self._last += slot
            member = self._members.popleft()
            self._members.append(member)
            yield member
