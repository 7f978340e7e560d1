"""Shortest paths between switches, over the links that were seen in both directions.

A :class:`PathFinder` belongs to one set of switches and links: whoever holds it makes a new one
when either changes. Everything it finds is computed once, when first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from horizon_ryu.core.topology import Link, PortRef, TopologyView

MAX_STEPS = 1_000_000
"""Cap on remembered steps: some 100 MB at worst."""


class Hop(NamedTuple):
    """A switch on a path: frames enter by ``in_port`` (None: unknown), leave by ``out_port``."""

    dpid: int
    in_port: int | None
    out_port: int


class PathStep(NamedTuple):
    """One link on the way, out of ``out_port`` of ``dpid`` and into the next switch."""

    dpid: int
    out_port: int
    next_dpid: int
    next_in_port: int


Transit: TypeAlias = tuple[PathStep, ...]
"""The links between the first and the last switch of a path; empty when they are the same."""


class Way(NamedTuple):
    """How frames of one station reach another: where they enter, what they pass, where they leave.

    ``is_tree`` tells whether it follows the spanning tree, since there is a segment on it; then
    frames that are flooded there also come in at the ports ``aside``.
    """

    here: PortRef
    there: PortRef
    transit: Transit = ()
    aside: tuple[PortRef, ...] = ()
    is_tree: bool = False

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The hops, ingress first; at last those that drop: they lead back to where they enter."""
        along = hops_along(self.transit, self.here.port_no, self.there)
        return along + tuple(Hop(ref.dpid, ref.port_no, ref.port_no) for ref in self.aside)

    def leads_on(self, ref: PortRef) -> bool:
        """Tell whether a frame that came in at ``ref`` leaves by another port there."""
        return any(
            hop.out_port != hop.in_port
            for hop in self.hops
            if (hop.dpid, hop.in_port) == (ref.dpid, ref.port_no)
        )


_NO_STEPS: Mapping[int, PathStep] = MappingProxyType({})


class PathFinder:
    """Finds the paths that pass the fewest switches.

    Deterministic: among equally short paths, at each switch the neighbour with the lowest dpid;
    of parallel links the fastest (the slower end counts), then the one with the lowest ports.
    """

    def __init__(self, view: TopologyView) -> None:
        self._switches = view.switches
        self._steps = _usable_steps(view)
        self._towards: dict[int, dict[int, PathStep]] = {}
        self._transits: dict[tuple[int, int], Transit] = {}
        self._remembered = 0
        self.link_ports = frozenset(view.links) | view.link_ends
        """Both ends of every link, the one-way ones too."""

    def path(
        self, src_dpid: int, dst: PortRef, in_port: int | None = None
    ) -> tuple[Hop, ...] | None:
        """Return the hops from ``src_dpid`` to the port ``dst``, ingress first.

        ``in_port`` is where frames enter the first switch. None when there is no path now.
        """
        transit = self.transit(src_dpid, dst.dpid)
        return None if transit is None else hops_along(transit, in_port, dst)

    def transit(self, src_dpid: int, dst_dpid: int) -> Transit | None:
        """Return the links to pass from one switch to another, in order; None if unreachable."""
        transit = self._transits.get((src_dpid, dst_dpid))
        if transit is None:
            transit = self._walk(src_dpid, dst_dpid)
            if transit is not None:
                self._make_room(len(transit))
                self._transits[src_dpid, dst_dpid] = transit
        return transit

    def is_current(self, transit: Transit) -> bool:
        """Tell whether every link of ``transit`` is one this finder would choose."""
        steps = self._steps
        return all(steps.get(step.next_dpid, _NO_STEPS).get(step.dpid) == step for step in transit)

    def _walk(self, src_dpid: int, dst_dpid: int) -> Transit | None:
        if src_dpid == dst_dpid:
            return () if src_dpid in self._switches else None
        towards = self._towards.get(dst_dpid)
        if towards is None:
            towards = _search(self._steps, dst_dpid)
            self._make_room(len(towards))
            self._towards[dst_dpid] = towards
        transit = []
        step = towards.get(src_dpid)
        while step is not None:
            transit.append(step)
            step = towards.get(step.next_dpid)
        return tuple(transit) or None

    def _make_room(self, steps: int) -> None:
        self._remembered += steps
        if self._remembered > MAX_STEPS:
            self._towards.clear()
            self._transits.clear()
            self._remembered = steps


def hops_along(transit: Transit, in_port: int | None, dst: PortRef) -> tuple[Hop, ...]:
    """Return the hops of frames that enter at ``in_port``, pass ``transit`` and end at ``dst``.

    The report's ``getPorts`` (3.2.2.2): dpids, output ports and input ports, each in one hop.
    """
    hops = []
    for step in transit:
        hops.append(Hop(step.dpid, in_port, step.out_port))
        in_port = step.next_in_port
    hops.append(Hop(dst.dpid, in_port, dst.port_no))
    return tuple(hops)


def _usable_steps(view: TopologyView) -> dict[int, dict[int, PathStep]]:
    """Return, for each switch and neighbour, the best link that leads from the neighbour to it."""
    best: dict[tuple[int, int], tuple[tuple[int, int, int], PathStep]] = {}
    for link in usable_links(view):
        src, dst = link.src, link.dst
        rank = link_rank(view, link)
        key = (dst.dpid, src.dpid)
        if key not in best or rank < best[key][0]:
            best[key] = rank, PathStep(src.dpid, src.port_no, dst.dpid, dst.port_no)
    steps: dict[int, dict[int, PathStep]] = {}
    for dpid, neighbor in sorted(best):
        steps.setdefault(dpid, {})[neighbor] = best[dpid, neighbor][1]
    return steps


def usable_links(view: TopologyView) -> Iterator[Link]:
    """Yield the links between two known switches that were seen in both directions."""
    for link in view.links.values():
        src, dst = link.src.dpid, link.dst.dpid
        known = src in view.switches and dst in view.switches
        if src != dst and known and view.is_bidirectional(link):
            yield link


def link_rank(view: TopologyView, link: Link) -> tuple[int, int, int]:
    """Return what orders parallel links, best first; both directions of a cable have the same."""
    low, high = sorted((link.src, link.dst))
    return -min(_speed(view, low), _speed(view, high)), low.port_no, high.port_no


def _speed(view: TopologyView, ref: PortRef) -> int:
    port = view.switches[ref.dpid].ports.get(ref.port_no)
    return 0 if port is None else port.speed_kbps


def _search(steps: dict[int, dict[int, PathStep]], dst_dpid: int) -> dict[int, PathStep]:
    """Return the step to take at each switch that reaches ``dst_dpid``, breadth first.

    Each level is visited in the order of dpids, so the first to reach a switch is the lowest.
    """
    towards: dict[int, PathStep] = {}
    level = [dst_dpid]
    while level:
        reached = []
        for dpid in level:
            for neighbor, step in steps.get(dpid, {}).items():
                if neighbor not in towards and neighbor != dst_dpid:
                    towards[neighbor] = step
                    reached.append(neighbor)
        level = sorted(reached)
    return towards
