"""Flows as the piloting plane commands them: instantiate, set, delete (report, chapter 3).

Whatever is asked is either wholly done, confirmed by every switch, or not at all. Calls wait for
switches: they are for greenlets of their own, never for event handlers.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ryu.lib import hub

from horizon_ryu.core.errors import Conflict, LimitExceeded, SwitchError
from horizon_ryu.core.flows.book import FlowBook
from horizon_ryu.core.flows.entries import keys_of
from horizon_ryu.core.flows.flow import EntrySpec, Flow, PathSpec, Spec
from horizon_ryu.core.flows.migration import Cause
from horizon_ryu.core.flows.overlap import blinds_discovery
from horizon_ryu.core.flows.plan import Plan, keys_in, plan_install, plan_removal
from horizon_ryu.core.flows.record import flow_to_json
from horizon_ryu.core.flows.reversal import reverse_spec
from horizon_ryu.core.flows.routing import Routing
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.ownership import EXACT_COOKIE, flow_cookie
from horizon_ryu.core.topology import TopologyView
from horizon_ryu.flows.announce import Announcer
from horizon_ryu.flows.changes import Changes, raise_failure
from horizon_ryu.flows.confirmation import Switches
from horizon_ryu.flows.executor import Executor, Job
from horizon_ryu.flows.journal import Journal
from horizon_ryu.store import Store
from horizon_ryu.wire.messages import FlowEntry

_SLICE = 64
"""Flows drafted before other greenlets get their turn."""
_METERS = 60_000
"""Meters are numbered from 1 to this; Open vSwitch takes 65,536."""


class Asked(NamedTuple):
    """A flow to be made, alone or with its reverse direction."""

    spec: Spec
    bidirectional: bool = False


class FlowService:
    """The flows of this controller; made by the Flow Manager."""

    def __init__(
        self,
        book: FlowBook,
        store: Store,
        switches: Switches,
        executor: Executor,
        changes: Changes,
        announcer: Announcer,
        journal: Journal,
        view: Callable[[], TopologyView],
        tag_range: tuple[int, int],
        max_flows: int,
    ) -> None:
        self.book = book
        self.changes = changes
        self.journal = journal
        self.announcer = announcer
        self.executor = executor
        self._store = store
        self._switches = switches
        self._view = view
        self._tag_range = tag_range
        self._max_flows = max_flows
        self._routing = Routing(view(), tag_range)

    def routing(self) -> Routing:
        """Return the routes over the network as it is now."""
        view = self._view()
        if self._routing.view is not view:
            self._routing = Routing(view, self._tag_range)
        return self._routing

    # ---- instantiate

    def create(self, asked: Sequence[Asked]) -> tuple[Flow, ...]:
        """Make flows, all or none, and return them: for each asked for, one or two.

        InvalidInput, NoRoute, Conflict, LimitExceeded or SwitchError says why not; then nothing
        of any of them is left on any switch.
        """
        jobs: list[Job] = []
        try:
            for place, flow in enumerate(self._drafts(asked)):
                jobs.append(self._claim(flow))
                if place % _SLICE == _SLICE - 1:
                    hub.sleep(0)
            self.executor.turn(jobs, _nothing)
            _raise_first(jobs)
            flows = [_new_of(job) for job in jobs]
            self._store.put_flows([flow_to_json(flow) for flow in flows])
        except BaseException:
            self._abandon(jobs)
            raise
        for flow in flows:
            self.book.end(flow.number, flow)
            self.announcer.flow("flow_add", flow)
        return tuple(flows)

    def _drafts(self, asked: Iterable[Asked]) -> Iterable[Flow]:
        wanted = list(asked)
        count = sum(1 + item.bidirectional for item in wanted)
        if len(self.book) + count > self._max_flows:
            raise LimitExceeded(f"at most {self._max_flows} flows; delete some")
        for item in wanted:
            number = self._new_number()
            back = self._new_number() if item.bidirectional else None
            yield self._lay(Flow(number, item.spec, reverse=back))
            if back is not None and isinstance(item.spec, PathSpec):
                yield self._lay(Flow(back, reverse_spec(item.spec), reverse=number))

    def draft(self, spec: Spec) -> Flow:
        """Return the flow that ``spec`` asks for, on its path; nothing is claimed."""
        return self._lay(Flow(self._new_number(), spec))

    def _lay(self, flow: Flow) -> Flow:
        check_harmless(flow.spec)
        flow = replace(flow, meter=self._meter_for(flow.spec, flow.number))
        return self.routing().lay(flow, self.book.tags)

    def _claim(self, flow: Flow) -> Job:
        plan = plan_install(flow)
        self.book.begin(flow.number, flow, keys_of(flow))
        return Job(plan)

    def _abandon(self, jobs: Sequence[Job]) -> None:
        """Take everything back that ``jobs`` installed; what failed is taken back already."""
        try:
            self.executor.take_back([job for job in jobs if job.error is None])
        finally:
            for job in jobs:
                self.book.end(_new_of(job).number, None)

    def _new_number(self) -> int:
        while True:
            number = secrets.randbits(32)
            if number not in self.book:
                return number

    def _meter_for(self, spec: Spec, number: int) -> int:
        """Return a meter that no flow on the first switch uses; 0 if the flow needs none."""
        if spec.rate_kbps is None:
            return 0
        dpid = spec.dpid if isinstance(spec, EntrySpec) else spec.src.dpid
        used = self.book.meters(dpid)
        start = number % _METERS
        found = (1 + (start + step) % _METERS for step in range(_METERS))
        free = next((meter for meter in found if meter not in used), None)
        if free is None:
            raise LimitExceeded(f"switch {dpid_to_text(dpid)} has no meter left")
        return free

    # ---- delete

    def remove(self, number: int) -> None:
        """Delete a flow and its reverse direction; NotFound, Conflict.

        Entries on switches that are away are deleted when those come back.
        """
        flow = self.book.get(number)
        both = [flow]
        if flow.reverse is not None and flow.reverse in self.book:
            both.append(self.book.get(flow.reverse))
        self.take_away(both, "flow_delete")

    def take_away(self, flows: Sequence[Flow], event: str) -> None:
        """Delete exactly ``flows`` and tell it as ``event``; Conflict while one is changing."""
        plans: list[Plan] = []
        try:
            for flow in flows:
                plan = plan_removal(flow)
                self.book.begin(flow.number, None, keys_in(plan))
                plans.append(plan)
            self._store.put_flows([], [flow.number for flow in flows])
            self.changes.forget([flow.number for flow in flows])
        except BaseException:
            for flow, _ in zip(flows, plans, strict=False):
                self.book.end(flow.number, flow)
            raise
        try:
            self.executor.finish([Job(plan) for plan in plans], _nothing)
        finally:
            for flow in flows:
                self.book.end(flow.number, None)
                self.announcer.flow(event, flow)

    # ---- set

    def plan_change(self, old: Flow, spec: Spec) -> Plan:
        """Return the plan that gives ``old`` another spec, and claim what it needs.

        InvalidInput, NoRoute, Conflict, SwitchAway.
        """
        return self.changes.begin(self.draft_change(old, spec))

    def draft_change(self, old: Flow, spec: Spec) -> Plan:
        """Return the plan that gives ``old`` another spec; nothing is claimed."""
        check_harmless(spec)
        meter = old.meter
        if spec.rate_kbps != old.spec.rate_kbps:
            meter = self._meter_for(spec, old.number)
        return self.routing().change(old, replace(old, spec=spec, meter=meter), self.book.tags)

    def check_claim(self, plan: Plan) -> None:
        """Raise Conflict if ``plan`` could not be claimed now."""
        self.changes.begin(plan)
        self.changes.cancel([plan])

    def change(self, number: int, spec: Spec) -> Flow:
        """Give a flow another spec and return it; SwitchError if it was taken back."""
        old = self.book.get(number)
        raise_failure(self.changes.run([self.plan_change(old, spec)], Cause.SET))
        flow = self.book.get(number)
        self.announcer.flow("flow_modify", flow)
        return flow

    def keep(self, flow: Flow) -> None:
        """Keep a flow whose state alone has changed; StoreError, and nothing has."""
        # What is overdue may be an older state of it.
        self.changes.write_overdue()
        self._store.put_flows([flow_to_json(flow)])
        self.book.update(flow)

    # ---- monitor

    def flows(self) -> tuple[Flow, ...]:
        """Return every flow."""
        return self.book.flows()

    def flow(self, number: int) -> Flow:
        """Return one flow; NotFound."""
        return self.book.get(number)

    def is_there(self, dpid: int) -> bool:
        """Tell whether a switch is connected."""
        try:
            self._switches.get(dpid)
        except SwitchError:
            return False
        return True

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


def check_harmless(spec: Spec) -> None:
    """Raise Conflict for an entry that would take probes away from Discovery."""
    match = spec.match
    if isinstance(spec, PathSpec):
        match = match._replace(in_port=None)
    if blinds_discovery(match, spec.priority):
        raise Conflict(
            "entries of this priority that match LLDP (0x88cc) would blind Discovery; "
            "name another dl_type, or use a lower priority"
        )


def _raise_first(jobs: Sequence[Job]) -> None:
    failed = [job.error for job in jobs if job.error is not None]
    if failed:
        raise failed[0]


def _new_of(job: Job) -> Flow:
    if job.plan.new is None:
        raise TypeError("the plan installs nothing")
    return job.plan.new


def _nothing(_jobs: Any) -> None:
    """Nobody has to be told."""
