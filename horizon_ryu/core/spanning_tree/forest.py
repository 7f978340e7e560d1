"""The spanning forest of a topology: what report 3.5 computes, as a pure function.

One tree per connected part, breadth first from the lowest datapath id. A link takes part when
it was seen in both directions and joins two switches; of parallel links the fastest one does. A
segment is a node too: the port by which the search reaches it is open, and those by which it goes
on to further switches; all other ports of the segment are blocked. Links are the shorter way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

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

    ``attached`` are the ports of segments that are in a tree.
    """

    trees: tuple[Tree, ...] = ()
    blocked: frozenset[PortRef] = frozenset()
    attached: frozenset[PortRef] = frozenset()
    _links: frozenset[Link] = field(default=frozenset(), repr=False, compare=False)

    def contains(self, link: Link) -> bool:
        """Tell whether ``link`` (in this direction, hence in both) is part of a tree."""
        return link in self._links

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
    neighbours = _neighbours(view, usable)
    attachments = _attachments(view, usable_ports)
    visited: set[int] = set()
    attached: set[PortRef] = set()
    trees = [
        _grow(view, root, neighbours, attachments, visited, attached)
        for root in sorted(view.switches)
        if root not in visited
    ]
    chosen = frozenset(link for tree in trees for link in tree.links)
    open_ends = {link.src for link in chosen}
    blocked = {
        end for link in view.links.values() for end in (link.src, link.dst) if end not in open_ends
    }
    blocked |= view.segments.keys() - attached
    return Forest(tuple(trees), frozenset(blocked), frozenset(attached), chosen)


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


def _grow(
    view: TopologyView,
    root: int,
    neighbours: _Neighbours,
    attachments: _Attachments,
    visited: set[int],
    attached: set[PortRef],
) -> Tree:
    """Search breadth first from ``root``, neighbours in the order of their ids.

    A segment is passed after the links of its distance: its far ports wait in the queue.
    """
    visited.add(root)
    order = [root]
    links: list[Link] = []
    queue: deque[int | Segment] = deque(order)
    while queue:
        here = queue.popleft()
        if isinstance(here, Segment):
            for far in here.ports:
                if far.dpid not in visited and (far, here) in attachments.get(far.dpid, ()):
                    visited.add(far.dpid)
                    attached.add(far)
                    order.append(far.dpid)
                    queue.append(far.dpid)
            continue
        for ref, segment in attachments.get(here, ()):
            if attached.isdisjoint(segment.ports):
                attached.add(ref)
                queue.append(segment)
        beside = neighbours[here]
        for there in sorted(beside):
            if there in visited:
                continue
            visited.add(there)
            order.append(there)
            queue.append(there)
            link = best_parallel(view, beside[there])
            links += (link, link.reversed())
    return Tree(root, tuple(order), tuple(links))


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
