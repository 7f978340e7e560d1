"""Tree choice: which links carry broadcasts, beside lost switches and undecided ports.

In a settled network it is the forest of report 3.5, and each group of lost switches hangs on it
like a leaf. While the network is unsettled (a controller has just taken over switches that
already forward, or a lost switch is just back) what is open stays open as far as it makes no
loop, since the links not found yet may be the very ones that hold the network together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.spanning_tree.forest import Forest, build_forest
from horizon_ryu.core.spanning_tree.lost_segments import segment_nodes
from horizon_ryu.core.spanning_tree.lost_switches import Cable, LostSwitches, cable
from horizon_ryu.core.topology import Link, PortRef, TopologyView

IsOpen = Callable[[PortRef], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """The forest, the ends of remembered links to keep closed, and who is joined with whom.

    Switches that are apart in ``groups`` exchange no broadcasts whatever is open inside each.
    """

    forest: Forest
    refused: frozenset[PortRef]
    groups: DisjointSets

    def join(self, dpids: Iterable[int]) -> None:
        """Have switches in one group, since they exchange some of all broadcasts."""
        one, *others = dpids
        for other in others:
            self.groups.join(one, other)


def choose_settled(view: TopologyView, lost_switches: LostSwitches, is_open: IsOpen) -> Choice:
    """Return the report's forest, with lost switches attached where that makes no loop.

    A port of a segment stays closed if lost switches join already what it would join; so does one
    of what is only suspected to be a segment.
    """
    forest, parts = build_forest(view), _Parts(view, lost_switches)
    for link in forest.links():
        parts.groups.join(link.src.dpid, link.dst.dpid)
    edges = [parts.at_segment(ref) for ref in sorted(forest.attached, key=_open_first(is_open))]
    # What is open comes first, so that nothing changes without need.
    loose = [parts.cable(ends) for ends in _loose(lost_switches) if _can_open(ends, lost_switches)]
    loose += [parts.at_segment(ref) for ref in parts.loose_ports(view)]
    edges += sorted(loose, key=lambda edge: (not edge.flows(is_open), edge.ends))
    kept = {ref for edge in edges if parts.take(edge) for ref in edge.ends}
    may_be_open = {ref for ends in _loose(lost_switches) for ref in ends}
    may_be_open |= forest.attached.union(parts.loose_ports(view))
    refused = frozenset(may_be_open - kept)
    return Choice(forest.without(refused), refused - forest.attached, parts.groups)


def choose_unsettled(
    view: TopologyView, lost_switches: LostSwitches, is_open: IsOpen, adopting: Collection[int]
) -> Choice:
    """Return a forest that keeps what is open and joins two parts only where that is safe.

    It is safe unless both have ports that are open and lead nobody knows where: these may lead
    from the one part to the other. ``adopting`` are the switches with such ports.
    """
    parts = _Parts(view, lost_switches, adopting)
    known, remembered = _known_cables(view), _loose(lost_switches)
    loose_ports = parts.loose_ports(view)
    cables = [parts.cable(ends) for ends in sorted(known | remembered)]
    at_segments = [parts.at_segment(ref) for ref in sorted({*view.segments, *loose_ports})]
    for edge in [*cables, *at_segments]:
        if edge.flows(is_open):
            parts.take(edge)
    wanted = build_forest(view)
    order = sorted(known, key=lambda ends: (not wanted.contains(Link(*ends)), ends))
    order += sorted(ends for ends in remembered if _can_open(ends, lost_switches))
    for edge in [*map(parts.cable, order), *at_segments]:
        if not parts.is_unsafe(edge):
            parts.take(edge)
    taken = parts.taken
    refused = {ref for ends in remembered - taken for ref in ends}
    refused |= {ref for ref in loose_ports if (ref,) not in taken}
    usable = {Link(*ends) for ends in known & taken}
    attachments = {ref for ref in view.segments if (ref,) in taken}
    forest = build_forest(view, usable, attachments)
    return Choice(forest, frozenset(refused), parts.groups)


class _Edge(NamedTuple):
    """What joins two nodes when the ports at its ends are open: a cable, or one port."""

    one: int
    other: int
    ends: tuple[PortRef, ...]

    def flows(self, is_open: IsOpen) -> bool:
        """Tell whether frames may pass it as it is."""
        return all(map(is_open, self.ends))


class _Parts:
    """What is joined with what so far; ``taken`` are the ends of the edges that joined it.

    Segments are nodes, too, which lost switches at them are joined with from the beginning.
    """

    def __init__(
        self, view: TopologyView, lost_switches: LostSwitches, adopting: Collection[int] = ()
    ) -> None:
        self.groups = lost_switches.groups()
        self.taken: set[tuple[PortRef, ...]] = set()
        suspected = (frozenset(one.ports) for one in view.suspected)
        self._nodes = segment_nodes(view, {*lost_switches.segments.sets(), *suspected})
        for ref in lost_switches.open_segment_ends():
            self.groups.join(ref.dpid, self._nodes[ref])
        self._unsure = {self.groups.find(dpid) for dpid in adopting}

    def loose_ports(self, view: TopologyView) -> list[PortRef]:
        """Return the ports at segments that only are remembered, or suspected: those of ours."""
        return [
            ref
            for ref in sorted(self._nodes)
            if ref.dpid in view.switches and ref not in view.segments
        ]

    def cable(self, ends: Cable) -> _Edge:
        """Return the edge of a cable."""
        return _Edge(ends[0].dpid, ends[1].dpid, ends)

    def at_segment(self, ref: PortRef) -> _Edge:
        """Return the edge by which a switch is at a segment."""
        return _Edge(ref.dpid, self._nodes[ref], (ref,))

    def take(self, edge: _Edge) -> bool:
        """Join two parts, unless they are one already; who is unsure makes the whole unsure."""
        both = {self.groups.find(edge.one), self.groups.find(edge.other)}
        if not self.groups.join(edge.one, edge.other):
            return False
        self.taken.add(edge.ends)
        if both & self._unsure:
            self._unsure.add(self.groups.find(edge.one))
        return True

    def is_unsafe(self, edge: _Edge) -> bool:
        """Tell whether both parts it would join have ports that lead nobody knows where."""
        return {self.groups.find(edge.one), self.groups.find(edge.other)} <= self._unsure


def _open_first(is_open: IsOpen) -> Callable[[PortRef], tuple[bool, PortRef]]:
    return lambda ref: (not is_open(ref), ref)


def _known_cables(view: TopologyView) -> frozenset[Cable]:
    """Return the links of ``view`` that may be in a tree."""
    return frozenset(
        cable(link.src, link.dst)
        for link in view.links.values()
        if link.src.dpid != link.dst.dpid
        and link.dst.dpid in view.switches
        and view.is_bidirectional(link)
    )


def _loose(lost_switches: LostSwitches) -> frozenset[Cable]:
    """Return the remembered links that at least one switch under control can open or close."""
    return frozenset(
        ends
        for ends in lost_switches.cables()
        if not (lost_switches.is_away(ends[0].dpid) and lost_switches.is_away(ends[1].dpid))
    )


def _can_open(ends: Cable, lost_switches: LostSwitches) -> bool:
    """Tell whether a remembered link leads to a lost switch that would pass frames on.

    A link between two switches under control must be found again before it is opened.
    """
    return lost_switches.is_open(ends[0]) or lost_switches.is_open(ends[1])
