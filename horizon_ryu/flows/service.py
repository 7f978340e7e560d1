"""Flow service: flows as the piloting plane commands them (report, chapter 3).

Whatever is asked is either wholly done, confirmed by every switch, or not at all. Calls wait for
switches: they are for tasks of their own, never for event handlers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from horizon_ryu.changes.engine import Engine, raise_first
from horizon_ryu.core.errors import InvalidInput, SwitchError
from horizon_ryu.core.flows.effect import DEPENDENT
from horizon_ryu.core.flows.flow import (
    INCOMPLETE,
    EntrySpec,
    Flow,
    FlowState,
    PathSpec,
    Spec,
    Standing,
)
from horizon_ryu.core.flows.migration import Cause
from horizon_ryu.core.flows.needs import NOTHING, Shortages, find_lack, needs_of
from horizon_ryu.core.flows.plan import FlowPlan, Removal
from horizon_ryu.core.flows.planner import CreateFlow, FlowPlanner
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.ownership import EXACT_COOKIE, flow_cookie
from horizon_ryu.flows.inventory import AnsweringSwitches, read_inventory
from horizon_ryu.flows.journal import FlowJournal
from horizon_ryu.openflow.context import Connection
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.messages import FlowEntry
from horizon_ryu.wire.normalize import normalize_actions
from horizon_ryu.wire.set_fields import frame_kind


class FlowReader(AnsweringSwitches, Protocol):
    """The part of the switch registry that counters and inventories are read from."""

    def get(self, dpid: int) -> Connection:
        """Return the connection; SwitchAway."""

    def codec(self, dpid: int) -> Codec:
        """Return the codec of the version that it speaks; SwitchAway."""

    def flow_entries(self, dpid: int, *, cookie: int, mask: int) -> tuple[FlowEntry, ...]:
        """Return the entries of this ``cookie`` under ``mask``; SwitchError."""


class FlowService:
    """Flows of this controller: instantiate, set, delete, monitor."""

    def __init__(
        self,
        registry: FlowRegistry,
        planner: FlowPlanner,
        engine: Engine[FlowPlan],
        switches: FlowReader,
        journal: FlowJournal,
        shortages: Shortages,
        on_pending: Callable[[Iterable[Flow]], None],
    ) -> None:
        """``on_pending`` is told of flows that are pending now."""
        self._registry = registry
        self._planner = planner
        self._engine = engine
        self._switches = switches
        self._journal = journal
        self._shortages = shortages
        self._on_pending = on_pending

    def create(self, commands: Sequence[CreateFlow]) -> tuple[Flow, ...]:
        """Make flows, all or none, and return them: for each asked for, one or two.

        InvalidInput, NoRoute, Conflict, LimitExceeded or SwitchError says why not; then nothing
        of any of them is left on any switch.
        """
        for command in commands:
            self._check_needs(command.spec, command.loc)
        with self._engine.batch(all_or_none=True) as batch:
            for plan in self._planner.installs(commands):
                batch.add(plan)
            for command in commands:
                self._check_actions(command.spec, command.loc)
            ended = batch.run()
        raise_first(ended)
        made = tuple(each.plan.new for each in ended if each.plan.new is not None)
        pending = [flow for flow in made if flow.state is FlowState.PENDING]
        if pending:
            self._on_pending(pending)
        return made

    def remove(self, number: int) -> None:
        """Delete a flow and its reverse direction; NotFound, Conflict.

        Entries on switches that are away are deleted when those come back.
        """
        self._remove(self._planner.removals(number))

    def expire(self, number: int) -> None:
        """Forget a flow whose time has come, with what is left of it; NotFound, Conflict."""
        self._remove([self._planner.expiry(number)])

    def _remove(self, plans: Sequence[Removal]) -> None:
        with self._engine.batch(all_or_none=True) as batch:
            for plan in plans:
                batch.add(plan)
            batch.run()

    def change(self, number: int, spec: Spec) -> Flow:
        """Give a flow another spec and return it; SwitchError if it was taken back."""
        self._check_needs(spec)
        with self._engine.batch() as batch:
            plan = self._planner.change(self._registry.get(number), spec)
            self._check_actions(spec)
            batch.add(plan, self._journal.followed(plan, Cause.SET))
            ended = batch.run()
        raise_first(ended)
        self._shortages.forget(plan.new)
        if plan.new.state is FlowState.PENDING:
            self._on_pending((plan.new,))
        return plan.new

    def _check_actions(self, spec: Spec, loc: tuple[str | int, ...] = ()) -> None:
        """Refuse what the version of a switch cannot do; of one that is away nothing is known."""
        if not isinstance(spec, EntrySpec) or not any(
            isinstance(action, DEPENDENT) for action in spec.actions
        ):
            return
        try:
            version = self._switches.codec(spec.dpid).version
            normalize_actions(version, frame_kind(spec.match), spec.actions)
        except SwitchError:
            return
        except ValueError as error:
            reason = f"switch {dpid_to_text(spec.dpid)} cannot do that: {error}"
            raise InvalidInput((*loc, "actions"), reason) from error

    def _check_needs(self, spec: Spec, loc: tuple[str | int, ...] = ()) -> None:
        """Refuse a group or meter that the switch lacks; waits for the switch, if there is one.

        Where it cannot be asked, it will say itself what it refuses.
        """
        if isinstance(spec, PathSpec) and spec.meter is None:
            return
        needs = needs_of(spec)
        if needs is NOTHING:
            return
        dpid = spec.dpid if isinstance(spec, EntrySpec) else spec.src.dpid
        try:
            has = read_inventory(self._switches, dpid, needs)
        except (SwitchError, ValueError):
            return
        lack = find_lack(spec, dpid, has)
        if lack is not None:
            raise InvalidInput((*loc, *lack.loc), lack.reason)

    # ---- monitor

    def flows(self) -> tuple[Flow, ...]:
        """Return every flow."""
        return self._registry.flows()

    def flow(self, number: int) -> Flow:
        """Return one flow; NotFound."""
        return self._registry.get(number)

    def is_there(self, dpid: int) -> bool:
        """Tell whether a switch is connected."""
        try:
            self._switches.get(dpid)
        except SwitchError:
            return False
        return True

    def standing(self, flow: Flow) -> Standing:
        """Return how a flow is now, and why if it does not work."""
        if flow.state is FlowState.PENDING:
            return Standing(flow.state, flow.reason)
        if isinstance(flow.spec, EntrySpec) and not self.is_there(flow.spec.dpid):
            away = f"switch {dpid_to_text(flow.spec.dpid)} is not connected"
            return Standing(FlowState.BROKEN, away)
        lack = self._shortages.reason(flow)
        if lack is not None:
            return Standing(FlowState.BROKEN, lack)
        gap = self._registry.gap(flow)
        return Standing(flow.state) if gap is None else Standing(INCOMPLETE, gap)

    def counters(self, flow: Flow) -> tuple[int, int] | None:
        """Return the packets and bytes that its first switch has counted; None if it is away.

        Counters begin anew when the entry is replaced (1.0) or the switch restarts.
        """
        cookie = flow_cookie(flow.number)
        try:
            entries = self._switches.flow_entries(flow.first_dpid, cookie=cookie, mask=EXACT_COOKIE)
        except SwitchError:
            return None
        first = [entry for entry in entries if _is_first(entry, flow)]
        return sum(item.packet_count for item in first), sum(item.byte_count for item in first)


def _is_first(entry: FlowEntry, flow: Flow) -> bool:
    """Tell whether this is the entry through which the flow's frames come in."""
    if isinstance(flow.spec, EntrySpec):
        return True
    is_tag = entry.match.dl_vlan in flow.tags
    return entry.match.in_port == flow.spec.src.port_no and not is_tag
