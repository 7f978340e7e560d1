"""Polling schedule: when each switch is asked for each statistic, and what is unanswered.

Pure: ``now`` is an argument, what is to be asked is the return value. Three rules make it safe
for switches and for ourselves. The turns of switches are spread evenly over an interval; what is
asked equally often is asked in one turn, so that it leaves and comes back together. A question is
never repeated while its predecessor is open, and one that stays open is given up at its deadline.
A switch that did not answer is asked less often, up to every eighth turn, until it answers again.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import NamedTuple

from horizon_ryu.core.stats.ring import MAX_LATE, Ring
from horizon_ryu.core.stats.stats_types import intervals
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.wire.stats.types import StatsType

FRESH_GAP = 0.002
"""Seconds between two first questions: 500 switches that join at once are known in 9 s."""

HEAVY = frozenset({StatsType.TABLE_FEATURES})
"""Whose answers take tens of milliseconds to check and read."""

HEAVY_GAP = 0.25
"""Seconds between two first questions of a heavy kind, so that a crowd costs a tenth of a core."""

HURRY_GAP = 1.0
"""Seconds between two hurried questions of one kind to one switch: ports may flap."""

MAX_SKIPPED = 7
"""Turns that a silent switch loses, at most."""

PATIENCE = 6
"""Deadlines that an answer of many pieces may take in all, however steadily they come."""


class Ask(NamedTuple):
    """A question to a switch."""

    dpid: int
    kind: StatsType


@dataclass(slots=True)
class _Open:
    asked: float
    heard: float
    pieces: int = 0


@dataclass(slots=True)
class _Silence:
    misses: int = 0
    to_skip: int = 0


class _Fresh:
    """First questions of new switches, one every ``gap`` seconds at most."""

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._waiting: deque[Ask] = deque()
        self._last = -inf

    def add(self, ask: Ask) -> None:
        """Ask it when its turn has come."""
        self._waiting.append(ask)

    def next_turn(self) -> float:
        """Return when the next is due; infinity without any."""
        return self._last + self._gap if self._waiting else inf

    def due(self, now: float, wanted: Callable[[Ask], bool]) -> Iterator[Ask]:
        """Yield those whose turn has come, without those that nobody wants any more."""
        self._last = max(self._last, now - max(MAX_LATE, self._gap))
        while self._waiting and self._last + self._gap <= now:
            ask = self._waiting.popleft()
            if wanted(ask):
                self._last += self._gap
                yield ask


class _Rings:
    """A ring of switches for each interval, and the questions that are asked in its turns."""

    def __init__(self, paces: Mapping[StatsType, float]) -> None:
        self._of: dict[StatsType, Ring] = {}
        self._kinds: dict[Ring, tuple[StatsType, ...]] = {}
        self.set_paces(paces)

    def set_paces(self, paces: Mapping[StatsType, float]) -> None:
        """Ask at other intervals from the next turns on; members keep their order."""
        of: dict[StatsType, Ring] = {}
        kinds: dict[Ring, tuple[StatsType, ...]] = {}
        for seconds in dict.fromkeys(paces.values()):
            together = tuple(kind for kind, own in paces.items() if own == seconds)
            before = [self._of[kind] for kind in together if kind in self._of]
            ring = Ring.joined(seconds, before)
            kinds[ring] = together
            of |= dict.fromkeys(together, ring)
        self._of, self._kinds = of, kinds

    def add(self, ask: Ask, now: float) -> None:
        """Have a switch that has just been asked something asked that in its turns."""
        self._of[ask.kind].add(ask.dpid, now)

    def discard(self, dpid: int) -> None:
        """Give a switch no more turns."""
        for ring in self._kinds:
            ring.discard(dpid)

    def due(self, now: float) -> Iterator[Ask]:
        """Yield what the turns that have come ask, switch by switch."""
        for ring, kinds in self._kinds.items():
            for dpid in ring.due(now):
                for kind in kinds:
                    yield Ask(dpid, kind)

    def next_turn(self) -> float:
        """Return when the next turn is; infinity without any."""
        return min(ring.next_turn() for ring in self._kinds)


class Polling:
    """The schedule of all questions to all switches."""

    def __init__(self, timers: StatsTimers, deadline: float) -> None:
        """``deadline``: seconds without a further piece after which an answer is given up."""
        self._deadline = deadline
        self._timers = timers
        self._rings = _Rings(intervals(timers))
        self._kinds: dict[int, frozenset[StatsType]] = {}
        self._open: dict[Ask, _Open] = {}
        self._silent: dict[Ask, _Silence] = {}
        self._asked: dict[Ask, float] = {}
        self._asked_once: set[Ask] = set()
        self._fresh = _Fresh(FRESH_GAP)
        self._heavy = _Fresh(HEAVY_GAP)
        self._later: list[tuple[float, int, str]] = []
        self._hurried: set[Ask] = set()

    @property
    def timers(self) -> StatsTimers:
        """The timers in force."""
        return self._timers

    def set_timers(self, timers: StatsTimers) -> None:
        """Use other intervals, from the next turns on."""
        self._timers = timers
        self._rings.set_paces(intervals(timers))

    # ---- who is asked

    def joined(self, dpid: int, kinds: Iterable[StatsType]) -> None:
        """Ask a new switch everything soon, then at its turns; it may have been here before."""
        self.left(dpid)
        wanted = tuple(kinds)
        self._kinds[dpid] = frozenset(wanted)
        for kind in wanted:
            (self._heavy if kind in HEAVY else self._fresh).add(Ask(dpid, kind))

    def left(self, dpid: int) -> None:
        """Ask a switch no more; its open questions are forgotten."""
        self._rings.discard(dpid)
        for kind in self._kinds.pop(dpid, ()):
            ask = Ask(dpid, kind)
            self._asked_once.discard(ask)
            for book in (self._open, self._silent, self._asked):
                book.pop(ask, None)

    def hurry(self, dpid: int, kind: StatsType, now: float) -> None:
        """Ask before its turn, because something changed; not more often than once a second."""
        ask = Ask(dpid, kind)
        if not self._is_asked(ask) or ask in self._hurried:
            return
        self._hurried.add(ask)
        due = max(now, self._asked.get(ask, now - HURRY_GAP) + HURRY_GAP)
        heapq.heappush(self._later, (due, dpid, kind.value))

    # ---- what is to be asked now

    def due(self, now: float) -> tuple[Ask, ...]:
        """Return the questions to ask now; each is open until it is answered or given up."""
        asks = []
        for ask in chain(self._due_later(now), self._due_fresh(now), self._due_turns(now)):
            if ask not in self._open:
                self._open[ask] = _Open(now, now)
                self._asked[ask] = now
                asks.append(ask)
        return tuple(asks)

    def _due_later(self, now: float) -> Iterator[Ask]:
        while self._later and self._later[0][0] <= now:
            _, dpid, value = heapq.heappop(self._later)
            ask = Ask(dpid, StatsType(value))
            self._hurried.discard(ask)
            if self._is_asked(ask):
                yield ask

    def _due_fresh(self, now: float) -> Iterator[Ask]:
        for queue in (self._fresh, self._heavy):
            for ask in queue.due(now, self._is_fresh):
                self._asked_once.add(ask)
                self._rings.add(ask, now)
                yield ask

    def _is_asked(self, ask: Ask) -> bool:
        return ask.kind in self._kinds.get(ask.dpid, ())

    def _is_fresh(self, ask: Ask) -> bool:
        # A switch that left and came back may wait here twice.
        return self._is_asked(ask) and ask not in self._asked_once

    def _due_turns(self, now: float) -> Iterator[Ask]:
        # What a switch is to be asked for the first time has its own time for that.
        for ask in self._rings.due(now):
            if ask in self._asked_once and ask not in self._open and not self._skips(ask):
                yield ask

    def _skips(self, ask: Ask) -> bool:
        silence = self._silent.get(ask)
        if silence is None or silence.to_skip == 0:
            return False
        silence.to_skip -= 1
        return True

    def next_due(self) -> float:
        """Return when :meth:`due` has something to tell again; infinity if nobody is there."""
        times = [self._rings.next_turn(), self._fresh.next_turn(), self._heavy.next_turn()]
        if self._later:
            times.append(self._later[0][0])
        return min(times)

    # ---- what became of it

    def is_open(self, ask: Ask) -> bool:
        """Tell whether a question waits for its answer."""
        return ask in self._open

    def answered(self, ask: Ask) -> None:
        """Take note of a whole answer."""
        self._open.pop(ask, None)
        self._silent.pop(ask, None)

    def missed(self, ask: Ask) -> None:
        """Take note that a question got no answer, or a refusal."""
        self._open.pop(ask, None)
        if self._is_asked(ask):
            silence = self._silent.setdefault(ask, _Silence())
            silence.to_skip = min(MAX_SKIPPED, (1 << min(silence.misses, 3)) - 1)
            silence.misses += 1

    def overdue(self, now: float, pieces: Callable[[Ask], int]) -> tuple[Ask, ...]:
        """Return the open questions whose time is over; ``pieces`` tells how many have come.

        The caller gives them up and says so by :meth:`missed`.
        """
        late = []
        for ask, question in self._open.items():
            count = pieces(ask)
            if count != question.pieces:
                question.pieces, question.heard = count, now
            silent = now - question.heard > self._deadline
            if silent or now - question.asked > PATIENCE * self._deadline:
                late.append(ask)
        return tuple(late)
