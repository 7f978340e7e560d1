"""Tree choice: which links carry broadcasts, beside lost switches and undecided ports.

In a settled network it is the forest of report 3.5, and each group of lost switches hangs on it
like a leaf. While the network is unsettled (a controller has just taken over switches that
already forward, or a lost switch is just back) what is open stays open as far as it makes no
loop, since the links not found yet may be the very ones that hold the network together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.spanning_tree.forest import Forest, build_forest
from horizon_ryu.core.spanning_tree.lost_switches import Cable, LostSwitches, cable
from horizon_ryu.core.topology import Link, PortRef, Segment, TopologyView

IsOpen = Callable[[PortRef], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """The forest, the ends of remembered links to keep closed, and who is joined with whom.

    Switches that are apart in ``groups`` exchange no broadcasts whatever is open inside each.
    """

    forest: Forest
    refused: frozenset[PortRef]
    groups: DisjointSets


def choose_settled(view: TopologyView, lost_switches: LostSwitches, is_open: IsOpen) -> Choice:
    """Return the report's forest, with lost switches attached where that makes no loop."""
    forest = build_forest(view)
    groups = lost_switches.groups()
    for link in forest.links():
        groups.join(link.src.dpid, link.dst.dpid)
    nodes = _nodes(view)
    for ref in forest.attached:
        groups.join(ref.dpid, nodes[view.segments[ref]])
    refused: set[PortRef] = set()
    for ends in sorted(_loose(lost_switches), key=lambda ends: (not _flows(ends, is_open), ends)):
        # What is open comes first, so that nothing changes without need.
        if not _can_open(ends, lost_switches) or not groups.join(ends[0].dpid, ends[1].dpid):
            refused.update(ends)
    return Choice(forest, frozenset(refused), groups)


def choose_unsettled(
    view: TopologyView, lost_switches: LostSwitches, is_open: IsOpen, adopting: Collection[int]
) -> Choice:
    """Return a forest that keeps what is open and joins two parts only where that is safe.

    It is safe unless both have ports that are open and lead nobody knows where: these may lead
    from the one part to the other. ``adopting`` are the switches with such ports.
    """
    groups = lost_switches.groups()
    unsure = {groups.find(dpid) for dpid in adopting}
    known = _known_cables(view)
    remembered = _loose(lost_switches)
    joined: set[Cable] = set()
    flowing = [ends for ends in known | remembered if _flows(ends, is_open)]
    joined.update(ends for ends in sorted(flowing) if _join(ends, groups, unsure))
    nodes = _nodes(view)
    attachments: set[PortRef] = set()
    for ref in sorted(view.segments, key=lambda ref: (not is_open(ref), ref)):
        if is_open(ref) and groups.join(ref.dpid, nodes[view.segments[ref]]):
            attachments.add(ref)
    wanted = build_forest(view)
    order = sorted(known, key=lambda ends: (not wanted.contains(Link(*ends)), ends))
    for ends in [*order, *sorted(e for e in remembered if _can_open(e, lost_switches))]:
        if not _is_unsafe(ends, groups, unsure) and _join(ends, groups, unsure):
            joined.add(ends)
    for ref in sorted(view.segments):
        both = {groups.find(ref.dpid), groups.find(nodes[view.segments[ref]])}
        if not both <= unsure and groups.join(ref.dpid, nodes[view.segments[ref]]):
            attachments.add(ref)
    refused = frozenset(end for ends in remembered - joined for end in ends)
    usable = {Link(*ends) for ends in known & joined}
    return Choice(build_forest(view, usable, attachments), refused, groups)


def _nodes(view: TopologyView) -> dict[Segment, int]:
    """Return a number for each segment that no switch has."""
    return {segment: -1 - n for n, segment in enumerate(sorted(set(view.segments.values())))}


def _known_cables(view: TopologyView) -> frozenset[Cable]:
    """Return the links of ``view`` that may be in a tree."""
    return frozenset(
        cable(link.src, link.dst)
        for link in view.links.values()
        if link.src.dpid != link.dst.dpid
        and link.dst.dpid in view.switches
        and view.is_bidirectional(link)
    )


def _join(ends: Cable, groups: DisjointSets, unsure: set[int]) -> bool:
    """Join two parts, unless they are one already; ``unsure`` follows what they become."""
    both = {groups.find(end.dpid) for end in ends}
    if not groups.join(ends[0].dpid, ends[1].dpid):
        return False
    if both & unsure:
        unsure.add(groups.find(ends[0].dpid))
    return True


def _is_unsafe(ends: Cable, groups: DisjointSets, unsure: set[int]) -> bool:
    """Tell whether both parts that a link would join have ports that lead nobody knows where."""
    return all(groups.find(end.dpid) in unsure for end in ends)


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


def _flows(ends: Cable, is_open: IsOpen) -> bool:
    return is_open(ends[0]) and is_open(ends[1])
