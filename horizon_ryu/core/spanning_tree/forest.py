"""The spanning forest of a topology: what report 3.5 computes, as a pure function.

One tree per connected part, breadth first from the lowest datapath id. A link takes part when
it was seen in both directions and joins two switches; of parallel links the fastest one does. A
segment is a node too: the port by which the search reaches it is open, and those by which it goes
on to further switches; all other ports of the segment are blocked. What links join they join:
nobody but who owns the bridges of a segment knows what passes them, and a station that relays can
pass for one, so a segment is passed only to switches that no links lead to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from horizon_ryu.core.topology import Link, PortRef, Segment, Switch, TopologyView


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of one connected part.

    ``switches`` are in the order of the search, the root first; ``links`` has both directions
    of every cable, the one that leads away from the root before the one that leads back.
    """

    root: int
    switches: tuple[int, ...]
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees, by root, and the ends of links and ports of segments that are in none of them.

    ``joints`` has, for each segment in a tree, the ports of it that are, in order.
    ``vlan_blocked`` are ports that are open, but in these VLANs (:mod:`vlan_trees`).
    """

    trees: tuple[Tree, ...] = ()
    blocked: frozenset[PortRef] = frozenset()
    joints: tuple[tuple[PortRef, ...], ...] = ()
    vlan_blocked: Mapping[int, frozenset[PortRef]] = field(default_factory=dict)
    _links: frozenset[Link] = field(default=frozenset(), repr=False, compare=False)

    def contains(self, link: Link) -> bool:
        """Tell whether ``link`` (in this direction, hence in both) is part of a tree."""
        return link in self._links

    @property
    def attached(self) -> frozenset[PortRef]:
        """The ports of segments that are in a tree."""
        return frozenset(ref for joint in self.joints for ref in joint)

    def without(self, refused: Collection[PortRef]) -> Forest:
        """Return the forest with these ports of segments closed."""
        if self.attached.isdisjoint(refused):
            return self
        left = (tuple(ref for ref in joint if ref not in refused) for joint in self.joints)
        closed = self.attached.intersection(refused)
        joints = tuple(joint for joint in left if joint)
        return replace(self, blocked=self.blocked | closed, joints=joints)

    def vlan_moves(self, segments: Iterable[Segment]) -> Iterator[tuple[int, PortRef, PortRef]]:
        """Yield each port that is closed in a VLAN alone, with an open one of its segment."""
        for segment in segments:
            vlan, doors = segment.vlan or 0, sorted(self.open_in_vlan(segment))
            closed = self.vlan_blocked.get(vlan, frozenset())
            if doors:
                yield from ((vlan, ref, doors[0]) for ref in segment.ports if ref in closed)

    def open_in_vlan(self, segment: Segment) -> frozenset[PortRef]:
        """Return the ports of a segment of a VLAN that are open in it."""
        closed = self.blocked | self.vlan_blocked.get(segment.vlan or 0, frozenset())
        return frozenset(segment.ports) - closed

    def links(self) -> Iterator[Link]:
        """Yield each direction of each link of every tree."""
        for tree in self.trees:
            yield from tree.links


_Neighbours = dict[int, dict[int, list[Link]]]


def build_forest(
    view: TopologyView,
    usable: Collection[Link] | None = None,
    usable_ports: Collection[PortRef] | None = None,
) -> Forest:
    """Return the spanning forest of ``view`` (report 3.5 and figure 3.8).

    ``usable`` restricts the search to these links (either direction names a cable); the ends of
    all others are blocked, as are those of one-way links, of links from a switch to itself and
    of links of a switch that is not in ``view``. ``usable_ports`` does so for ports of segments.
    """
    search = _Search(view, _neighbours(view, usable), _attachments(view, usable_ports))
    trees = [search.grow(root) for root in sorted(view.switches) if root not in search.visited]
    chosen = frozenset(link for tree in trees for link in tree.links)
    open_ends = {link.src for link in chosen}
    blocked = {
        end for link in view.links.values() for end in (link.src, link.dst) if end not in open_ends
    }
    joints = tuple(tuple(sorted(joint)) for _, joint in sorted(search.joints.items()))
    blocked |= view.segments.keys() - {ref for joint in joints for ref in joint}
    return Forest(tuple(trees), frozenset(blocked), joints, _links=chosen)


def _neighbours(view: TopologyView, usable: Collection[Link] | None) -> _Neighbours:
    """Group the links that may carry a tree by the switch they leave and the one they reach."""
    switches, links = view.switches, view.links
    table: _Neighbours = {dpid: {} for dpid in switches}
    for link in links.values():
        here, there = link.src.dpid, link.dst.dpid
        if here == there or here not in switches or there not in switches:
            continue
        back = links.get(link.dst)
        if back is None or back.dst != link.src:
            continue
        if usable is not None and link not in usable and back not in usable:
            continue
        table[here].setdefault(there, []).append(link)
    return table


_Attachments = dict[int, list[tuple[PortRef, Segment]]]


def _attachments(view: TopologyView, usable_ports: Collection[PortRef] | None) -> _Attachments:
    """Return by which ports each switch may reach which segment, in order of the ports."""
    table: _Attachments = {}
    for ref, segment in sorted(view.segments.items()):
        if ref.dpid in view.switches and (usable_ports is None or ref in usable_ports):
            table.setdefault(ref.dpid, []).append((ref, segment))
    return table


class _Search:
    """The search breadth first, tree by tree; ``joints`` are the ports in use of each segment."""

    def __init__(
        self, view: TopologyView, neighbours: _Neighbours, attachments: _Attachments
    ) -> None:
        self.visited: set[int] = set()
        self.joints: dict[Segment, list[PortRef]] = {}
        self._view = view
        self._neighbours = neighbours
        self._attachments = attachments
        self._queue: deque[int] = deque()
        self._segments: deque[Segment] = deque()
        self._order: list[int] = []
        self._links: list[Link] = []

    def grow(self, root: int) -> Tree:
        """Return the tree of ``root``: neighbours in the order of their ids.

        A segment is passed when links lead no further.
        """
        self._order, self._links = [], []
        self._reach(root)
        while self._queue or self._segments:
            if self._queue:
                here = self._queue.popleft()
                self._attach(here)
                self._follow_links(here)
            else:
                self._cross(self._segments.popleft())
        return Tree(root, tuple(self._order), tuple(self._links))

    def _reach(self, dpid: int) -> None:
        self.visited.add(dpid)
        self._order.append(dpid)
        self._queue.append(dpid)

    def _cross(self, segment: Segment) -> None:
        for far in segment.ports:
            if far.dpid not in self.visited and self._may_attach(far, segment):
                self.joints[segment].append(far)
                self._reach(far.dpid)

    def _may_attach(self, ref: PortRef, segment: Segment) -> bool:
        return (ref, segment) in self._attachments.get(ref.dpid, ())

    def _attach(self, here: int) -> None:
        for ref, segment in self._attachments.get(here, ()):
            if segment not in self.joints:
                self.joints[segment] = [ref]
                self._segments.append(segment)

    def _follow_links(self, here: int) -> None:
        beside = self._neighbours[here]
        for there in sorted(beside):
            if there not in self.visited:
                self._reach(there)
                link = best_parallel(self._view, beside[there])
                self._links += (link, link.reversed())


def best_parallel(view: TopologyView, links: list[Link]) -> Link:
    """Return the fastest of parallel links, as seen from one side; of equals the lowest port."""
    if len(links) == 1:
        return links[0]
    return min(links, key=lambda link: (-_speed(view, link), link.src.port_no, link.dst.port_no))


def _speed(view: TopologyView, link: Link) -> int:
    """Return the speed of the slower end in kbit/s; 0 where either end does not say."""
    return min(_end_speed(view.switches[end.dpid], end) for end in (link.src, link.dst))


def _end_speed(switch: Switch, end: PortRef) -> int:
    port = switch.ports.get(end.port_no)
    return port.speed_kbps if port is not None else 0
