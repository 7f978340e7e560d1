"""Which links carry broadcasts, with lost switches and undecided ports taken into account.

In a settled network it is the forest of report 3.5, and each group of lost switches hangs on it
like a leaf. While the network is unsettled (a controller has just taken over switches that
already forward, or a lost switch is just back) what is open stays open as far as it makes no
loop, since the links not found yet may be the very ones that hold the network together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from horizon_ryu.core.disjoint_sets import DisjointSets
from horizon_ryu.core.ghosts import Cable, Ghosts, cable
from horizon_ryu.core.spanning_tree import Forest, build_forest
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


def choose_settled(view: TopologyView, ghosts: Ghosts, is_open: IsOpen) -> Choice:
    """Return the report's forest, with lost switches attached where that makes no loop."""
    forest = build_forest(view)
    groups = ghosts.groups()
    for link in forest.links():
        groups.join(link.src.dpid, link.dst.dpid)
    refused = _attach(_open_first(ghosts.cables(), is_open), ghosts, groups)
    return Choice(forest, refused, groups)


def choose_unsettled(
    view: TopologyView, ghosts: Ghosts, is_open: IsOpen, adopted: Collection[PortRef]
) -> Choice:
    """Return a forest that keeps what is open and joins two parts only where that is safe.

    It is safe unless both have ports that are open and lead nobody knows where: these may lead
    from the one part to the other.
    """
    groups = ghosts.groups()
    unsure = {groups.find(end.dpid) for end in adopted}
    known = _known_cables(view)
    remembered = {ends for ends in ghosts.cables() if not _both_away(ends, ghosts)}
    joined: set[Cable] = set()
    flowing = [ends for ends in known | remembered if is_open(ends[0]) and is_open(ends[1])]
    joined.update(ends for ends in sorted(flowing) if _join(ends, groups, unsure))
    wanted = build_forest(view)
    order = sorted(known, key=lambda ends: (not wanted.contains(Link(*ends)), ends))
    for ends in [*order, *sorted(remembered)]:
        if not _is_unsafe(ends, groups, unsure) and _join(ends, groups, unsure):
            joined.add(ends)
    refused = frozenset(end for ends in remembered - joined for end in ends)
    usable = {Link(*ends) for ends in known & joined}
    return Choice(build_forest(view, usable), refused, groups)


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


def _both_away(ends: Cable, ghosts: Ghosts) -> bool:
    return ghosts.is_away(ends[0].dpid) and ghosts.is_away(ends[1].dpid)


def _open_first(cables: Collection[Cable], is_open: IsOpen) -> list[Cable]:
    """Order by what is open already, so that nothing changes without need."""
    return sorted(cables, key=lambda ends: (not (is_open(ends[0]) and is_open(ends[1])), ends))


def _attach(cables: list[Cable], ghosts: Ghosts, groups: DisjointSets) -> frozenset[PortRef]:
    """Join what remembered links join; return the ends of those that would close a loop."""
    refused: set[PortRef] = set()
    for ends in cables:
        if not _both_away(ends, ghosts) and not groups.join(ends[0].dpid, ends[1].dpid):
            refused.update(ends)
    return frozenset(refused)
