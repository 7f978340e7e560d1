"""Planner of flows: what is asked for becomes a plan over the network as it is now.

Nothing is claimed and nothing sent here; a plan is good until the registry or the view changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from horizon_ryu.core.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    NoRoute,
    SwitchAway,
    SwitchError,
)
from horizon_ryu.core.flows.effect import check_effect, check_harmless, check_meant
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec, Spec
from horizon_ryu.core.flows.match_fields import ETH_IPV4, ETH_IPV6, ICMP, ICMP6
from horizon_ryu.core.flows.migrate_command import MigrateFlow, resolve, reverse_command
from horizon_ryu.core.flows.plan import (
    Change,
    FlowPlan,
    Install,
    Move,
    Removal,
    plan_install,
    plan_removal,
)
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.flows.routing import Routing
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import TopologyView
from horizon_ryu.wire.messages import Match

_METERS = 60_000
"""Meters are numbered from 1 to this; Open vSwitch takes 65,536."""


class CreateFlow(NamedTuple):
    """Command to make a flow, alone or with its reverse direction.

    ``loc`` is where it stands in a request, for errors. ``allow_pending``: while a switch that it
    needs is away, it is kept pending.
    """

    spec: Spec
    bidirectional: bool = False
    loc: tuple[str | int, ...] = ()
    allow_pending: bool = False


class FlowLimits(NamedTuple):
    """``tags``: the first and the last VLAN identifier that may be a tag; ``flows``: at most."""

    tags: tuple[int, int]
    flows: int


class FlowPlanner:
    """Plans changes of the flows of ``registry``."""

    def __init__(
        self,
        registry: FlowRegistry,
        view: Callable[[], TopologyView],
        limits: FlowLimits,
        random_number: Callable[[], int],
    ) -> None:
        """``view`` tells the network as it is; ``random_number`` gives 32 bits for a flow."""
        self._registry = registry
        self._view = view
        self._limits = limits
        self._random_number = random_number
        self._routing = Routing(view(), limits.tags)

    # ---- instantiate, delete, set, migrate

    def installs(self, commands: Iterable[CreateFlow]) -> Iterator[Install]:
        """Yield the plan of each flow asked for, and of its reverse direction.

        Each is to be claimed before the next is planned. InvalidInput, NoRoute, Conflict,
        LimitExceeded, SwitchAway.
        """
        wanted = list(commands)
        count = sum(1 + command.bidirectional for command in wanted)
        if len(self._registry) + count > self._limits.flows:
            raise LimitExceeded(f"at most {self._limits.flows} flows; delete some")
        numbers = iter(self._registry.unused(count, self._random_number))
        for command in wanted:
            yield from self._installs(command, numbers)

    def removals(self, number: int) -> list[Removal]:
        """Return the plans that delete a flow and its reverse direction; NotFound."""
        flow = self._registry.get(number)
        flows = [flow]
        if flow.reverse is not None and flow.reverse in self._registry:
            flows.append(self._registry.get(flow.reverse))
        return [plan_removal(each) for each in flows]

    def expiry(self, number: int) -> Removal:
        """Return the plan that removes what is left of a flow whose time has come; NotFound."""
        return plan_removal(self._registry.get(number), timed_out=True)

    def change(self, old: Flow, spec: Spec) -> Move:
        """Return the plan that gives ``old`` another spec; of one that is pending, an Install.

        InvalidInput, NoRoute, Conflict, LimitExceeded, SwitchAway.
        """
        routing = self._routes()
        check_harmless(spec)
        check_effect(spec)
        if isinstance(old.spec, PathSpec) and old.spec.everything:
            check_meant(spec)
        meter = old.meter
        if spec.rate_kbps != old.spec.rate_kbps:
            meter = self._meter_for(spec, old.number)
        new = replace(old, spec=spec, meter=meter)
        if old.state is FlowState.PENDING:
            return self._change_pending(old, new)
        return routing.change(old, new, self._registry.tags)

    def migrations(self, command: MigrateFlow) -> Iterator[Move]:
        """Yield the plan of what ``command`` means now, and of the other direction if asked for.

        The first is to be claimed before the second is planned. NotFound, and as :meth:`change`.
        """
        resolved = resolve(command, self._registry, self._view())
        back = reverse_command(command, resolved, self._registry)
        if resolved.old is None:
            (number,) = self._registry.unused(1, self._random_number)
            yield self._install(resolved.spec, number, None)
        elif resolved.old.state is FlowState.PENDING:
            raise Conflict(
                f"flow {resolved.old.id} is pending: set its path, there is none to leave"
            )
        else:
            yield self.change(resolved.old, resolved.spec)
        if back is not None:
            yield from self.migrations(back)

    # ---- the network beneath

    def is_whole(self, flow: Flow) -> bool:
        """Tell whether every switch, link and port that ``flow`` passes is there."""
        routes = self._routes()
        return routes.has_ends(flow) and routes.is_whole(flow.hops)

    def is_seen(self, dpid: int) -> bool:
        """Tell whether a switch is in the network."""
        return dpid in self._view().switches

    def check_commit(self, plan: FlowPlan) -> SwitchError | None:
        """Return why traffic must not be turned to the new path now; None if it may be."""
        if not isinstance(plan, Change) or not plan.new.hops or self.is_whole(plan.new):
            return None
        lost = "a port" if self._routes().is_whole(plan.new.hops) else "a link"
        return SwitchError(
            plan.new.first_dpid, f"{lost} of the new path was lost before the commit"
        )

    # ---- parts of a flow

    def _installs(self, command: CreateFlow, numbers: Iterator[int]) -> Iterator[Install]:
        """Yield one plan or two; what is wrong with the reverse direction is told of the flow."""
        spec, number = command.spec, next(numbers)
        back = next(numbers) if command.bidirectional and isinstance(spec, PathSpec) else None
        try:
            plan = self._install(spec, number, back, command.allow_pending)
        except InvalidInput as error:
            raise InvalidInput((*command.loc, *error.loc), error.msg) from error
        yield plan
        if isinstance(spec, PathSpec) and back is not None:
            yield self._install(reverse_spec(spec), back, number, command.allow_pending)

    def _install(
        self, spec: Spec, number: int, reverse: int | None, allow_pending: bool = False
    ) -> Install:
        routing = self._routes()
        meter = self._meter_for(spec, number)
        check_harmless(spec)
        check_effect(spec)
        check_meant(spec)
        flow = Flow(number, spec, reverse=reverse, meter=meter)
        try:
            return plan_install(routing.routed(flow, self._registry.tags))
        except (SwitchAway, NoRoute) as error:
            if not allow_pending:
                raise
            return plan_install(replace(flow, state=FlowState.PENDING, reason=str(error)))

    def activation(self, flow: Flow) -> Install:
        """Return the plan that installs a flow which is pending.

        InvalidInput, NoRoute, LimitExceeded, SwitchAway.
        """
        return self._activated(flow, flow)

    def _activated(self, flow: Flow, old: Flow) -> Install:
        new = replace(flow, state=FlowState.ACTIVE, reason="")
        return plan_install(self._routes().routed(new, self._registry.tags), old)

    def _change_pending(self, old: Flow, new: Flow) -> Install:
        try:
            return self._activated(new, old)
        except (SwitchAway, NoRoute) as error:
            return plan_install(replace(new, reason=str(error)), old)

    def _routes(self) -> Routing:
        """Return the routes over the network as it is now."""
        view = self._view()
        if self._routing.view is not view:
            self._routing = Routing(view, self._limits.tags)
        return self._routing

    def _meter_for(self, spec: Spec, number: int) -> int:
        """Return a meter that no flow on the first switch uses; 0 if the flow needs none."""
        if spec.rate_kbps is None:
            return 0
        dpid = spec.dpid if isinstance(spec, EntrySpec) else spec.src.dpid
        used = self._registry.meters(dpid)
        start = number % _METERS
        found = (1 + (start + step) % _METERS for step in range(_METERS))
        free = next((meter for meter in found if meter not in used), None)
        if free is None:
            raise LimitExceeded(f"switch {dpid_to_text(dpid)} has no meter left")
        return free


def reverse_spec(spec: PathSpec) -> PathSpec:
    """Return the spec of the answers to the frames of ``spec``, through the same switches."""
    return replace(
        spec,
        match=reverse_match(spec.match),
        src=spec.dst,
        dst=spec.src,
        waypoints=spec.waypoints[::-1],
        path=spec.path[::-1],
    )


def reverse_match(match: Match) -> Match:
    """Return the match of the answers; ICMP types and what they bring say nothing about those."""
    is_icmp = match.nw_proto in (ICMP, ICMP6) and match.dl_type in (ETH_IPV4, ETH_IPV6)
    ports = (None, None) if is_icmp else (match.tp_dst, match.tp_src)
    return match._replace(
        dl_src=match.dl_dst,
        dl_dst=match.dl_src,
        nw_src=match.nw_dst,
        nw_dst=match.nw_src,
        tp_src=ports[0],
        tp_dst=ports[1],
        ipv6_src=match.ipv6_dst,
        ipv6_dst=match.ipv6_src,
        ipv6_nd_target=None,
        ipv6_nd_sll=None,
        ipv6_nd_tll=None,
        dl_src_mask=match.dl_dst_mask,
        dl_dst_mask=match.dl_src_mask,
        # No group sends frames.
        dl_dst_multicast=False,
    )
