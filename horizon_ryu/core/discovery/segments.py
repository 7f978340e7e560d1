"""The segments that probes to any bridge have shown: ports of ours behind switches that are not.

A port that hears another one's probe shares a segment with it, unless LLDP proves a cable between
the two. One direction is enough, and segments are what hearing joins: that a probe is lost now and
then, or always in one direction, parts nobody.

What is not believed yet is suspected: a cable between two bridges of others makes a loop at once,
and a port that is closed for a while too long does less harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.topology import PortRef, Segment

BELIEVED_AFTER = 3.0
"""Seconds for which two ports have to hear one another before that is believed.

A switch of ours whose forced drop somebody has changed relays like a bridge until the next audit,
2 s later at most.
"""
MAX_MATES = 64
"""Ports that one port is noted beside: enough to join any segment, whoever claims to hear it."""
MAX_PENDING = 4_096
"""Pairs that are not believed yet; of more, nothing is noted until some are."""

_Pair = tuple[PortRef, PortRef]


class _Pending(NamedTuple):
    """When a pair that is not believed yet was heard first, and last; ``lapses`` without more."""

    first: float
    last: float
    lapses: float


def _number(ref: PortRef) -> int:
    return ref.dpid << 32 | ref.port_no


class SegmentTable:
    """Who was heard by whom, and when last; and the segments that follow."""

    def __init__(
        self, is_cable: Callable[[PortRef, PortRef], bool], vlan: int | None = None
    ) -> None:
        """``is_cable`` tells whether a link between two ports is known, in either direction.

        ``vlan`` is the one in which probes are heard, None for those without a tag.
        """
        self._is_cable = is_cable
        self._vlan = vlan
        self._heard: dict[_Pair, float] = {}
        self._pending: dict[_Pair, _Pending] = {}
        self._pending_at: dict[PortRef, set[_Pair]] = {}
        self._mates: dict[PortRef, set[PortRef]] = {}
        self._segments: Mapping[PortRef, Segment] = MappingProxyType({})
        self._is_stale = False
        self._suspected: tuple[Segment, ...] = ()
        self._doubts = DisjointSets()
        """Which ports are joined by what is pending; others than these add nothing."""
        self._is_suspicion_stale = False
        self._due: float | None = None

    def note(
        self, one: PortRef, other: PortRef, now: float, longest_gap: float, at_once: bool
    ) -> None:
        """Take note that one of two ports has heard the other.

        It is believed ``at_once``, or when they have heard one another for a while with no gap of
        more than ``longest_gap`` seconds.
        """
        pair = (one, other) if one < other else (other, one)
        if pair not in self._heard:
            if one == other or self._is_full(one) or self._is_full(other):
                return
            if not (at_once or self._is_believed(pair, now, longest_gap)):
                return
            self._forget_pending(pair)
            self._mates.setdefault(one, set()).add(other)
            self._mates.setdefault(other, set()).add(one)
            self._is_stale = True
        self._heard[pair] = now

    def _is_believed(self, pair: _Pair, now: float, longest_gap: float) -> bool:
        known = self._pending.get(pair)
        first = known.first if known is not None and now <= known.lapses else now
        if known is None and len(self._pending) < MAX_PENDING:
            for ref in pair:
                self._pending_at.setdefault(ref, set()).add(pair)
            self._is_suspicion_stale |= self._doubts.join(*map(_number, pair))
        if known is not None or len(self._pending) < MAX_PENDING:
            self._pending[pair] = _Pending(first, now, now + longest_gap)
            self._due = now + longest_gap if self._due is None else self._due
        return now - first >= BELIEVED_AFTER

    def _is_full(self, ref: PortRef) -> bool:
        return len(self._mates.get(ref, ())) >= MAX_MATES

    def are_joined(self, one: PortRef, other: PortRef) -> bool:
        """Tell whether two ports are in one segment."""
        segment = self._segments.get(one)
        return segment is not None and other in segment.ports

    def part(self, one: PortRef, other: PortRef) -> bool:
        """Forget that two ports hear one another, if they alone are a segment; tell whether."""
        if self._mates.get(one) != {other} or self._mates.get(other) != {one}:
            return False
        self._forget((one, other) if one < other else (other, one))
        return True

    def remove_at(self, ref: PortRef) -> None:
        """Forget what was heard of and at ``ref``."""
        for pair in tuple(self._pending_at.get(ref, ())):
            self._forget_pending(pair)
        for mate in tuple(self._mates.get(ref, ())):
            self._forget((ref, mate) if ref < mate else (mate, ref))

    def lapse(self, now: float) -> None:
        """Suspect the pairs no more that have not heard one another again in time."""
        if self._due is None or now <= self._due:
            return
        for pair, pending in tuple(self._pending.items()):
            if pending.lapses < now:
                self._forget_pending(pair)
        self._due = min((one.lapses for one in self._pending.values()), default=None)

    def next_due(self) -> float | None:
        """Return when :meth:`lapse` has work; None while nothing is suspected."""
        return self._due

    def idle(self, now: float, max_idle: Callable[[PortRef], float]) -> None:
        """Forget the pairs of which nothing was heard for ``max_idle`` of either port."""
        self.lapse(now)
        for pair, heard in tuple(self._heard.items()):
            if now - heard >= max(map(max_idle, pair)):
                self._forget(pair)

    def __bool__(self) -> bool:
        return bool(self._heard or self._pending or self._segments or self._suspected)

    def links_changed(self) -> None:
        """Look again which pairs are cables."""
        self._is_stale |= bool(self._heard)

    def take_changes(self) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        """Return the segments that are gone and those that are new since the last call."""
        if not self._is_stale:
            return (), ()
        self._is_stale = False
        before = set(self._segments.values())
        found = self._components()
        self._segments = MappingProxyType({ref: one for one in found for ref in one.ports})
        after = set(found)
        return tuple(sorted(before - after)), tuple(sorted(after - before))

    @property
    def segments(self) -> Mapping[PortRef, Segment]:
        """The segments by each of their ports, as of the last :meth:`take_changes`."""
        return self._segments

    def take_suspicions(self) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        """Return the suspicions that are over and those that are new since the last call."""
        if not self._is_suspicion_stale:
            return (), ()
        self._is_suspicion_stale = False
        self._doubts = DisjointSets()
        pairs = sorted(self._pending)
        after = {
            Segment(pair, self._vlan) for pair in pairs if self._doubts.join(*map(_number, pair))
        }
        before = set(self._suspected)
        self._suspected = tuple(sorted(after))
        return tuple(sorted(before - after)), tuple(sorted(after - before))

    @property
    def suspected(self) -> tuple[Segment, ...]:
        """The pairs that may be of one segment, as of the last :meth:`take_suspicions`.

        No more of them than it takes to join whatever all of them together would.
        """
        return self._suspected

    def joined(self) -> list[Segment]:
        """Return the segments as they are with what is suspected, as of the last changes taken."""
        found: list[set[PortRef]] = []
        for one in (*set(self._segments.values()), *self._suspected):
            touched = [ports for ports in found if not ports.isdisjoint(one.ports)]
            found = [ports for ports in found if ports not in touched]
            found.append(set(one.ports).union(*touched))
        return [Segment(tuple(sorted(ports)), self._vlan) for ports in found]

    def _components(self) -> list[Segment]:
        found: list[Segment] = []
        seen: set[PortRef] = set()
        for start in self._mates:
            if start in seen:
                continue
            ports = self._reached(start)
            seen |= ports
            if len(ports) > 2 or not self._is_cable(*ports):
                found.append(Segment(tuple(sorted(ports)), self._vlan))
        return found

    def _reached(self, start: PortRef) -> set[PortRef]:
        found, new = {start}, {start}
        while new:
            new = {mate for ref in new for mate in self._mates[ref]} - found
            found |= new
        return found

    def _forget_pending(self, pair: _Pair) -> None:
        if self._pending.pop(pair, None) is not None:
            self._is_suspicion_stale = True
            for ref in pair:
                self._pending_at[ref].discard(pair)
                if not self._pending_at[ref]:
                    del self._pending_at[ref]

    def _forget(self, pair: _Pair) -> None:
        del self._heard[pair]
        for ref, mate in (pair, pair[::-1]):
            mates = self._mates[ref]
            mates.discard(mate)
            if not mates:
                del self._mates[ref]
        self._is_stale = True
