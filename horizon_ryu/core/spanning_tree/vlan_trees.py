"""VLAN trees: the common tree with more ports closed, in single VLANs.

A VLAN that passes a segment by itself may close a loop that nothing else passes. So in each VLAN
with segments of its own the tree is the common one, in which every such segment is one more node;
a port of it at which a loop would close is closed in that VLAN. What the common tree has closed
stays closed, and all that is not in such a VLAN goes on as before.

A link with an end in such a segment leads into it, whatever else it passes: both its ends are
ports of the segment, those that are closed last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import Link, PortRef

InVlan = tuple[int, PortRef]
"""A port in one VLAN."""


@dataclass(frozen=True, slots=True)
class VlanGround:
    """What the trees of all VLANs stand on.

    ``cables`` are those between switches that are open, the tree's and those to lost switches;
    ``usable`` tells of a port of a segment whether the common tree leaves it open, or would;
    ``fixed`` whether it is a lost switch's, open in a VLAN, which nobody can close; ``is_open``
    whether it is open in a VLAN now, for what is open stays open where that makes no loop.
    """

    cables: Collection[Link]
    usable: Callable[[PortRef], bool]
    fixed: Callable[[int, PortRef], bool]
    is_open: Callable[[int, PortRef], bool]


def cables_of(forest: Forest) -> list[Link]:
    """Return the cables of a forest, one direction each."""
    return [link for link in forest.links() if link.src < link.dst]


def closed_in(
    vlan: int, segments: Iterable[Collection[PortRef]], ground: VlanGround
) -> frozenset[PortRef]:
    """Return which ports are to be closed in a VLAN that passes ``segments``."""
    nodes = _nodes(segments, ground.cables)
    parts = DisjointSets()
    link_ends: set[PortRef] = set()
    for link in ground.cables:
        if link.src in nodes:
            link_ends.update(link)
        else:
            parts.join(link.src.dpid, link.dst.dpid)
    closed: set[PortRef] = set()

    def rank(ref: PortRef) -> tuple[bool, bool, bool, PortRef]:
        is_fixed, is_open = ground.fixed(vlan, ref), ground.is_open(vlan, ref)
        return not is_fixed, ref not in link_ends, not is_open, ref

    for ref in sorted(nodes, key=rank):
        if ground.fixed(vlan, ref):
            parts.join(ref.dpid, nodes[ref])
        elif ground.usable(ref) and not parts.join(ref.dpid, nodes[ref]):
            closed.add(ref)
    return frozenset(closed)


def _nodes(segments: Iterable[Collection[PortRef]], cables: Iterable[Link]) -> dict[PortRef, int]:
    """Return the ports of segments with numbers that no switch has; what shares a port is one."""
    first: dict[PortRef, int] = {}
    same = DisjointSets()
    for place, ports in enumerate(segments):
        for ref in ports:
            same.join(first.setdefault(ref, -1 - place), -1 - place)
    for one, other in cables:
        if one in first or other in first:
            node = first[one] if one in first else first[other]
            same.join(first.setdefault(one, node), first.setdefault(other, node))
    return {ref: same.find(node) for ref, node in first.items()}


def by_switch(closed: Mapping[int, Iterable[PortRef]]) -> dict[int, dict[int, frozenset[int]]]:
    """Return what is closed by switch, then by VLAN."""
    found: dict[int, dict[int, set[int]]] = {}
    for vlan, refs in closed.items():
        for ref in refs:
            found.setdefault(ref.dpid, {}).setdefault(vlan, set()).add(ref.port_no)
    return {
        dpid: {vlan: frozenset(numbers) for vlan, numbers in vlans.items()}
        for dpid, vlans in found.items()
    }
