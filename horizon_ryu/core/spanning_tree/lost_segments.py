"""Segments that lost switches were at: with an open port they go on joining what is there.

When such a switch leaves, Discovery knows its port of the segment no more, and one other port alone
is no segment at all. To take that for a port of hosts would close a loop through the lost switch.
Closed ports are remembered too: who is back first has to know who else is there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.topology import PortRef, Segment, TopologyView


class LostSegments:
    """The ports of the segments, by each port of a switch that was lost or is just back."""

    def __init__(self) -> None:
        self._ports: dict[PortRef, frozenset[PortRef]] = {}

    def __bool__(self) -> bool:
        return bool(self._ports)

    @property
    def ends(self) -> Collection[PortRef]:
        """The ports of lost switches."""
        return self._ports.keys()

    def sets(self) -> frozenset[frozenset[PortRef]]:
        """Return the ports of each segment."""
        return frozenset(self._ports.values())

    def is_at(self, ref: PortRef) -> bool:
        """Tell whether ``ref`` is one of the ports."""
        return any(ref in ports for ports in self._ports.values())

    def add(self, end: PortRef, ports: Iterable[PortRef]) -> None:
        """Remember what was known at ``end``, beside what is remembered there already."""
        found = {end, *ports}
        for before in self._ports.values():
            if end in before:
                found |= before
        if len(found) > 1:
            self._ports[end] = frozenset(found)

    def is_found(self, end: PortRef, segments: Mapping[PortRef, Segment]) -> bool:
        """Tell whether all that was at ``end`` is known to be in one segment again."""
        segment = segments.get(end)
        return segment is not None and self._ports[end].issubset(segment.ports)

    def forget_where(self, condition: Callable[[PortRef], bool]) -> bool:
        """Forget the ports of lost switches for which it holds; tell whether there were any."""
        gone = [end for end in self._ports if condition(end)]
        for end in gone:
            del self._ports[end]
        return bool(gone)

    def linked(self, refs: Collection[PortRef]) -> bool:
        """Take out the ports at which a link is known now; tell whether there were any."""
        touched = {end: ports for end, ports in self._ports.items() if not ports.isdisjoint(refs)}
        for end, ports in touched.items():
            left = ports.difference(refs)
            if end in left and len(left) > 1:
                self._ports[end] = left
            else:
                del self._ports[end]
        return bool(touched)


def segment_nodes(
    view: TopologyView, remembered: Iterable[frozenset[PortRef]]
) -> dict[PortRef, int]:
    """Return, for each port that is or was of a segment, a number for it that no switch has.

    Segments that were one are one node: probes find a segment piece by piece.
    """
    first: dict[PortRef, int] = {}
    same = DisjointSets()
    found = [one.ports for one in sorted(set(view.segments.values()))]
    for place, ports in enumerate([*found, *sorted(map(sorted, remembered))]):
        for ref in ports:
            same.join(first.setdefault(ref, -1 - place), -1 - place)
    return {ref: same.find(node) for ref, node in first.items()}
