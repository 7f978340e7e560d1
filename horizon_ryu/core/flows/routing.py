"""Routing of flows: from what was asked to routes over one view of the network, and tags."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from horizon_ryu.core.errors import InvalidInput, LimitExceeded, SwitchAway
from horizon_ryu.core.flows.effect import (
    beyond_10,
    check_table,
    check_version,
    end_ports,
    named_ports,
)
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec, TaggedHop
from horizon_ryu.core.flows.plan import Change, plan_change
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.paths import Hop
from horizon_ryu.core.routes.graph import RouteGraph
from horizon_ryu.core.routes.route import Route
from horizon_ryu.core.routes.search import find_route, hops_exist, route_through
from horizon_ryu.core.topology import PortRef, TopologyView
from horizon_ryu.wire.messages import LOCAL_PORT, VLAN_TAGGED

MAX_ROUTES = 4096
"""Routes remembered per view."""


class _CachedRoute(NamedTuple):
    """A route, and its hops if it takes no tags: flows that go the same way share them."""

    route: Route
    plain: tuple[TaggedHop, ...]


class Routing:
    """Routes of flows over one view; what was found once is remembered."""

    def __init__(self, view: TopologyView, tag_range: tuple[int, int]) -> None:
        """``tag_range``: the first and the last VLAN identifier that may be used as a tag."""
        self.view = view
        self._graph = RouteGraph(view)
        self._tag_range = tag_range
        self._has_10 = not all(each.capabilities.oxm for each in view.switches.values())
        self._routes: dict[
            tuple[PortRef, PortRef, tuple[int, ...], tuple[int, ...]], _CachedRoute
        ] = {}

    def routed(self, flow: Flow, used: Callable[[], Collection[int]]) -> Flow:
        """Return ``flow`` on the path its spec asks for; ``used`` tells the tags that are taken.

        NoRoute, SwitchAway, InvalidInput, LimitExceeded if that cannot be.
        """
        if isinstance(flow.spec, EntrySpec):
            self._check_switch(flow.spec.dpid)
            check_version(flow.spec.match, self.view.switches[flow.spec.dpid])
            check_table(flow.spec, self.view.switches[flow.spec.dpid])
            for ref, loc in named_ports(flow.spec):
                self._check_port(ref, loc)
            self._check_meter(flow)
            return flow
        return self._on_path(flow, flow.spec, used, False)

    def change(self, old: Flow, new: Flow, used: Callable[[], Collection[int]]) -> Change:
        """Return the plan from ``old`` to ``new``, whose path is found here.

        If no order of changes is safe for every packet, the new path is told apart by a tag.
        """
        if isinstance(new.spec, EntrySpec):
            plan = plan_change(old, self.routed(new, used))
        else:
            plan = plan_change(old, self._on_path(new, new.spec, used, False))
            plan = plan or plan_change(old, self._on_path(new, new.spec, used, True))
        if plan is None:
            raise InvalidInput(("dpids",), "no order of changes is safe for the packets under way")
        return plan

    def is_whole(self, hops: Iterable[TaggedHop]) -> bool:
        """Tell whether every switch and link of a path is there."""
        path = tuple(Hop(hop.dpid, hop.in_port, hop.out_port) for hop in hops)
        known = all(hop.dpid in self.view.switches for hop in path)
        return known and hops_exist(self._graph, path)

    def has_ends(self, flow: Flow) -> bool:
        """Tell whether the ports that ``flow`` names are there; of absent switches none is."""
        switches = self.view.switches
        return all(
            ref.dpid in switches and ref.port_no in switches[ref.dpid].ports
            for ref in end_ports(flow)
        )

    def _on_path(
        self, flow: Flow, spec: PathSpec, used: Callable[[], Collection[int]], two_phase: bool
    ) -> Flow:
        route, plain = self._route(spec)
        if self._has_10 and beyond_10(spec.match) is not None:
            for hop in route.hops:
                check_version(spec.match, self.view.switches[hop.dpid])
        self._check_meter(flow)
        count = tags_needed(route, two_phase)
        tags: tuple[int, ...] = ()
        if count:
            _check_taggable(spec)
            tags = _free_tags(self._tag_range, used(), count)
        hops = tagged_hops(route, tags, two_phase and count > 0) if count else plain
        return replace(flow, hops=hops, kind=route.kind, state=FlowState.ACTIVE)

    def _route(self, spec: PathSpec) -> _CachedRoute:
        key = (spec.src, spec.dst, spec.waypoints, spec.path)
        way = self._routes.get(key)
        if way is None:
            self._check_port(spec.src, ("src", "port_no"))
            self._check_port(spec.dst, ("dst", "port_no"))
            route = self._search(spec)
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            way = self._routes[key] = _CachedRoute(
                route, () if max(route.stages) else tagged_hops(route)
            )
        return way

    def _search(self, spec: PathSpec) -> Route:
        if spec.path:
            return route_through(self._graph, spec.src, spec.dst, spec.path)
        return find_route(self._graph, spec.src, spec.dst, spec.waypoints)

    def _check_switch(self, dpid: int) -> None:
        if dpid not in self.view.switches:
            raise SwitchAway(dpid)

    def _check_port(self, ref: PortRef, loc: tuple[str, ...]) -> None:
        self._check_switch(ref.dpid)
        if ref.port_no not in self.view.switches[ref.dpid].ports:
            where = dpid_to_text(ref.dpid)
            raise InvalidInput(loc, f"switch {where} has no port {_told(ref.port_no)}")

    def _check_meter(self, flow: Flow) -> None:
        """Refuse a rate where there are no meters (they came with OpenFlow 1.3)."""
        named = flow.spec.meter is not None
        if (flow.meter or named) and not self.view.switches[flow.first_dpid].capabilities.meters:
            where = dpid_to_text(flow.first_dpid)
            reason = f"switch {where} speaks OpenFlow 1.0, which has no meters"
            raise InvalidInput(("meter" if named else "rate_kbps",), reason)


_RESERVED_10 = range(0xFFF8, 0x1_0000)
"""Reserved ports of 1.0 (1.0.0 section 5.2.1); on 1.3 there may be ports of these numbers."""


def _told(port_no: int) -> str:
    """Return a port that is not there, as people call it, and how else it may be meant."""
    if port_no == LOCAL_PORT:
        return "local, or it is down"
    if port_no in _RESERVED_10:
        return f"{port_no}; the reserved ports are named: controller, flood, in_port, local ..."
    return str(port_no)


def _check_taggable(spec: PathSpec) -> None:
    """Refuse a tag where the flow's own entries would match tagged frames, too.

    Which of two entries of one priority a switch then takes is its own choice (1.0, 3.4).
    """
    if spec.match.dl_vlan in (None, VLAN_TAGGED):
        raise InvalidInput(
            ("match", "dl_vlan"),
            "this path needs a tag: say which VLAN the flow has (65535: frames without a tag)",
        )


def _free_tags(bounds: tuple[int, int], used: Collection[int], count: int) -> tuple[int, ...]:
    first, last = bounds
    free = (tag for tag in range(first, last + 1) if tag not in used)
    found = tuple(tag for tag, _ in zip(free, range(count), strict=False))
    if len(found) < count:
        raise LimitExceeded(f"no VLAN identifier from {first} to {last} is free to tag a path with")
    return found


def tags_needed(route: Route, two_phase: bool = False) -> int:
    """Return how many tags ``route`` takes; with ``two_phase`` it has one everywhere inside."""
    inside = two_phase and len(route.hops) > 1
    return max(route.stages) + inside


def tagged_hops(
    route: Route, tags: Sequence[int] = (), two_phase: bool = False
) -> tuple[TaggedHop, ...]:
    """Return the hops of ``route``, its stages told apart by ``tags``.

    ``tags`` has as many VLAN identifiers as :func:`tags_needed` says. Frames enter the first
    switch and leave the last one as their sender made them.
    """
    names: list[int | None] = [*tags] if two_phase else [None, *tags]
    entering = [None, *(names[stage] if names else None for stage in route.stages[1:]), None]
    return tuple(
        TaggedHop(hop.dpid, hop.in_port or 0, hop.out_port, entering[place], entering[place + 1])
        for place, hop in enumerate(route.hops)
    )
