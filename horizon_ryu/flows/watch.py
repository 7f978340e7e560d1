"""Follows the network for the flows: moves them around failures, marks and restores them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ryu.lib import hub

from horizon_ryu.core.errors import Conflict, HorizonError, StoreError
from horizon_ryu.core.flows.flow import Flow, FlowState, PathSpec
from horizon_ryu.core.flows.migration import Cause
from horizon_ryu.core.flows.plan import Plan
from horizon_ryu.core.topology import Link, Switch, TopologyChange
from horizon_ryu.flows.service import FlowService

LOG = logging.getLogger("horizon.flows")

_RETRY = 0.25
"""Seconds until a flow that was just being changed, or could not be moved, is looked at again."""
_AT_ONCE = 256
"""Flows moved together."""


class Watch:
    """Looks at every flow that a change of the topology concerns, in a greenlet of its own."""

    def __init__(self, service: FlowService, clock: Callable[[], float], grace: float) -> None:
        """``grace``: seconds after the start in which what is not seen yet is not taken for cut."""
        self._service = service
        self._clock = clock
        self._settled_at = clock() + grace
        self._suspects: set[int] = set()
        self._wake = hub.Event()

    def changed(self, changes: Iterable[TopologyChange]) -> None:
        """Take note of changes of the topology; never waits."""
        for change in changes:
            self._suspect(self._concerned(change))

    def _concerned(self, change: TopologyChange) -> Iterable[Flow]:
        book = self._service.book
        if change.kind == "link_delete" and isinstance(change.subject, Link):
            return book.over_link(change.subject.src)
        if change.kind == "switch_leave" and isinstance(change.subject, Switch):
            return book.with_switch(change.subject.dpid)
        if change.kind in ("link_add", "switch_join"):
            return book.broken()
        return ()

    def _suspect(self, flows: Iterable[Flow]) -> None:
        self._suspects |= {flow.number for flow in flows if isinstance(flow.spec, PathSpec)}
        if self._suspects:
            self._wake.set()

    def turn(self) -> None:
        """Wait for suspects and look after them: one turn of a loop."""
        self._wake.wait()
        self._wake.clear()
        numbers = sorted(self._suspects)[:_AT_ONCE]
        self._suspects.difference_update(numbers)
        if self._suspects:
            self._wake.set()
        try:
            self._look_after(numbers)
        except StoreError:
            # Those who wait for the store are patient, and silent.
            self._again(numbers)
            raise
        except HorizonError as error:
            LOG.warning("flows could not be looked after: %s", error)
            self._again(numbers)
        except Exception:
            # Nobody else looks after flows.
            self._again(numbers)
            raise

    def end_grace(self) -> None:
        """Look at every flow when the time of grace is over."""
        hub.sleep(max(0.0, self._settled_at - self._clock()))
        self._suspect(self._service.book.flows())

    def _again(self, numbers: Iterable[int]) -> None:
        wanted = set(numbers)

        def later() -> None:
            hub.sleep(_RETRY)
            self._suspects.update(wanted)
            self._wake.set()

        if wanted:
            hub.spawn(later)

    def _look_after(self, numbers: Sequence[int]) -> None:
        plans: list[Plan] = []
        try:
            busy = self._plan(numbers, plans)
        except BaseException:
            self._service.changes.cancel(plans)
            raise
        self._again(busy)
        if plans:
            self._move(plans)

    def _plan(self, numbers: Sequence[int], plans: list[Plan]) -> list[int]:
        """Add to ``plans`` how flows are to be moved; return those that are just being changed."""
        busy: list[int] = []
        for number in numbers:
            if number not in self._service.book:
                continue
            if self._service.book.is_changing(number):
                busy.append(number)
                continue
            try:
                plan = self._judge(self._service.book.get(number))
            except Conflict:
                # Something overlapping is being changed: when that is over.
                busy.append(number)
                continue
            if plan is not None:
                plans.append(plan)
        return busy

    def _judge(self, flow: Flow) -> Plan | None:
        """Return how a flow is to be moved; None if it need not or cannot be."""
        if self._service.routing().is_whole(flow.hops):
            if flow.state is FlowState.BROKEN:
                self._mark(flow, FlowState.ACTIVE, "flow_restored")
            return None
        if isinstance(flow.spec, PathSpec) and not flow.spec.path:
            try:
                return self._service.plan_change(flow, flow.spec)
            except Conflict:
                raise
            except HorizonError as error:
                LOG.debug("flow %s has no other path: %s", flow.id, error)
        # What is not seen right after a start may only be not seen yet.
        if self._clock() >= self._settled_at and flow.state is FlowState.ACTIVE:
            self._mark(flow, FlowState.BROKEN, "flow_broken")
        return None

    def _mark(self, flow: Flow, state: FlowState, event: str) -> None:
        marked = replace(flow, state=state)
        self._service.keep(marked)
        self._service.announcer.flow(event, marked)
        level = logging.WARNING if state is FlowState.BROKEN else logging.INFO
        LOG.log(level, "flow %s: %s", flow.id, state.value)

    def _move(self, plans: Sequence[Plan]) -> None:
        outcomes = self._service.changes.run(plans, Cause.FAILURE)
        failed = []
        for record, error in outcomes:
            if error is None:
                self._service.announcer.flow("flow_moved", record.new)
                LOG.info("flow %s moved around a failure", record.new.id)
            else:
                failed.append(record.new.number)
        self._again(failed)
        # The path may have failed again meanwhile; links lost while a flow changed were not its.
        moved = [record.new.number for record, error in outcomes if error is None]
        routing = self._service.routing()
        book = self._service.book
        self._suspect(
            flow
            for flow in map(book.get, (number for number in moved if number in book))
            if not routing.is_whole(flow.hops)
        )
