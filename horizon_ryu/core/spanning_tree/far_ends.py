"""Far ends: what is known to be at the other end of each port, as of the newest view.

Links and segments are read anew only when they have changed: tens of thousands of ports may come
and go beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from horizon_ryu.core.topology import Link, PortRef, Segment, TopologyView

_NO_LINKS: Mapping[PortRef, Link] = {}
_NO_SEGMENTS: Mapping[PortRef, Segment] = {}


class FarEndChanges(NamedTuple):
    """Ports at which links are known that were not, and what was at ports that lost theirs."""

    found: frozenset[PortRef]
    lost: Mapping[PortRef, PortRef]


class FarEnds:
    """The other ends of links, those of links that fell silent, and the ports of segments."""

    def __init__(self) -> None:
        self._links = _NO_LINKS
        self._peers: dict[PortRef, PortRef] = {}
        self._silent: dict[PortRef, PortRef] = {}
        self._segments = _NO_SEGMENTS
        self._suspected: tuple[Segment, ...] = ()

    @property
    def peers(self) -> Mapping[PortRef, PortRef]:
        """Where the links lead, from either end, to be read only."""
        return self._peers

    def follow_links(self, view: TopologyView) -> FarEndChanges | None:
        """Take the links of ``view``; None if they are those of the view before.

        What was known at ports with a link, and was silent, counts no more.
        """
        if view.links is self._links:
            return None
        links = view.links.values()
        peers = {link.dst: link.src for link in links}
        peers.update((link.src, link.dst) for link in links)
        before, self._peers, self._links = self._peers, peers, view.links
        found = frozenset(peers.keys() - before.keys())
        self.forget_silent(self._silent.keys() & peers.keys())
        return FarEndChanges(found, {ref: before[ref] for ref in before.keys() - peers.keys()})

    def follow_segments(self, view: TopologyView) -> tuple[Iterable[PortRef], Iterable[PortRef]]:
        """Take the segments of ``view``; return the ports that are in one now, or no more."""
        if view.segments is self._segments:
            return (), ()
        before, self._segments = self._segments, view.segments
        now = self._segments
        return sorted(now.keys() - before.keys()), sorted(before.keys() - now.keys())

    def follow_suspicions(self, view: TopologyView) -> bool:
        """Take what may be segments in ``view``; tell whether it is another than before."""
        before, self._suspected = self._suspected, view.suspected
        return before != self._suspected

    def is_known(self, ref: PortRef) -> bool:
        """Tell whether a link or a segment is known at ``ref``."""
        return ref in self._peers or ref in self._segments

    def segment(self, ref: PortRef, view: TopologyView) -> tuple[PortRef, ...]:
        """Return the ports of the segment at ``ref``, in ``view`` or before; none if of none."""
        segment = view.segments.get(ref) or self._segments.get(ref)
        return segment.ports if segment is not None else ()

    def peer(self, ref: PortRef) -> PortRef | None:
        """Return what is at the other end of the cable at ``ref``, or was before it fell silent."""
        return self._peers.get(ref) or self._silent.get(ref)

    def cables(self) -> Mapping[PortRef, PortRef]:
        """Return the far ends of all cables, those of silent ones too."""
        return {**self._silent, **self._peers}

    def silence(self, one: PortRef, other: PortRef) -> None:
        """Take note that ``other`` was heard at ``one`` and is not any more.

        It counts until ``one`` goes down or has a link again: a switch about to be lost falls
        silent first.
        """
        self._silent[one] = other

    def forget_silent(self, refs: Iterable[PortRef]) -> None:
        """Forget what was last heard at ports that went down or have a link again."""
        for ref in tuple(refs):
            self._silent.pop(ref, None)

    def by_switch(self) -> dict[int, set[int]]:
        """Return, by switch, the numbers of the ports at which something is or was known."""
        found: dict[int, set[int]] = {}
        for known in (self._links, self._peers, self._silent, self._segments):
            for ref in known:
                found.setdefault(ref.dpid, set()).add(ref.port_no)
        return found
