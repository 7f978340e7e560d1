"""Join doubt: the switches that are joining, and for how long they keep new links from belief.

A hybrid switch without its forced drop relays LLDP, so while one joins nobody knows what a new
link is worth. But whoever connects, says a dpid and nothing else would doubt away every new link,
and so would a switch that is slow. So a doubt holds links back for a short time only, and all
together for a share of the time; what is believed later, while the switch still joins, is open
to contradiction until a probe proves it again (``link_table``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from horizon_ryu.core.token_bucket import TokenBucket

SHARE = 0.1
"""Of the time in which doubts may hold links back, in the long run."""
_TOLD, _TOLD_RATE = 16, 1.0
"""Slow joins told at once, and per second: invented dpids cost no more events than that."""


@dataclass(frozen=True, slots=True)
class DoubtLimits:
    """Seconds for which one joining switch may hold new links back, and all of them in a row."""

    patience: float = 4.0
    in_a_row: float = 10.0


class SlowJoin(NamedTuple):
    """A switch that has been joining for ``seconds`` and is not ready yet."""

    dpid: int
    seconds: float


class JoinDoubt:
    """Who is joining since when; ``now`` never goes back."""

    def __init__(self, limits: DoubtLimits) -> None:
        self._limits = limits
        # Both in order of time: the first in has been joining longest.
        self._since: dict[int, float] = {}
        self._waiting: dict[int, float] = {}
        """Those whose patience is not over."""
        self._credit = limits.in_a_row
        self._is_spent = False
        self._reckoned: float | None = None
        self._tellers = TokenBucket(_TOLD_RATE, _TOLD, 0.0)
        self.counts: Counter[str] = Counter()
        """Joins by what became of them: ``begun``, ``ended``, and ``slow`` for the overdue."""

    def __bool__(self) -> bool:
        """Whether any switch is joining, however long it takes."""
        return bool(self._since)

    @property
    def joining(self) -> frozenset[int]:
        """The switches that are joining."""
        return frozenset(self._since)

    @property
    def overdue(self) -> frozenset[int]:
        """Those of them that hold nothing back any more."""
        return frozenset(self._since.keys() - self._waiting.keys())

    def begin(self, dpid: int, now: float) -> None:
        """Take note of a switch that is joining; who begins again wins no time."""
        self._reckon(now)
        if dpid not in self._since:
            self._since[dpid] = self._waiting[dpid] = now
            self.counts["begun"] += 1

    def end(self, dpid: int, now: float) -> None:
        """Take note of a switch that is ready, or gone."""
        self._reckon(now)
        self._waiting.pop(dpid, None)
        if self._since.pop(dpid, None) is not None:
            self.counts["ended"] += 1

    def binds(self, now: float) -> bool:
        """Tell whether new links are held back."""
        self._reckon(now)
        return not self._is_spent and now < self._binding_until()

    def covers(self, born: float) -> bool:
        """Tell whether a switch is still joining that was so at ``born``."""
        return next(iter(self._since.values()), born + 1.0) <= born

    def late(self, now: float) -> list[SlowJoin]:
        """Return the switches whose patience is over since the last call; a few per second."""
        told: list[SlowJoin] = []
        while self._waiting:
            dpid, since = next(iter(self._waiting.items()))
            if since + self._limits.patience > now:
                break
            del self._waiting[dpid]
            self.counts["slow"] += 1
            if self._tellers.take(now):
                told.append(SlowJoin(dpid, now - since))
        return told

    def next_due(self, now: float) -> float | None:
        """Return when :meth:`binds` or :meth:`late` change by time alone; None if never."""
        if not self._waiting:
            return None
        end = next(iter(self._waiting.values())) + self._limits.patience
        return min(end, now + self._credit) if self.binds(now) else end

    def _binding_until(self) -> float:
        """Return when the patience with the switch that came last is over."""
        last = next(reversed(self._since.values()), None)
        return 0.0 if last is None else last + self._limits.patience

    def _reckon(self, now: float) -> None:
        """Spend the credit of the time in which links were held back, and earn some in the rest."""
        if self._reckoned is None or now <= self._reckoned:
            self._reckoned = now if self._reckoned is None else self._reckoned
            return
        held = 0.0
        if not self._is_spent:
            held = max(0.0, min(now, self._binding_until()) - self._reckoned)
        held = min(held, self._credit)
        earned = SHARE * (now - self._reckoned - held)
        self._credit = min(self._limits.in_a_row, self._credit - held + earned)
        # Once spent, a doubt that lasts for moments only would hold back what it is asked about.
        self._is_spent = self._credit < (SHARE * self._limits.in_a_row if self._is_spent else 0.001)
        self._reckoned = now
