"""Path monitor: moves flows around failures of the network, marks and restores them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from horizon_ryu.changes.engine import Batch, Engine
from horizon_ryu.changes.states import State
from horizon_ryu.core.errors import Conflict, HorizonError, StoreError
from horizon_ryu.core.flows.effect import end_ports
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec
from horizon_ryu.core.flows.migration import Cause
from horizon_ryu.core.flows.plan import Change, FlowPlan, Install, Move
from horizon_ryu.core.flows.planner import FlowPlanner
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.loop_record import IDLE_TURN
from horizon_ryu.core.topology import Link, PortRef, Switch, TopologyChange
from horizon_ryu.flows.events import FlowEvents
from horizon_ryu.flows.journal import FlowJournal
from horizon_ryu.flows.waiting_flows import Hold, WaitingFlows
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger("horizon.flows")

_RETRY = 0.25
"""Seconds until a flow that was just being changed, or could not be moved, is looked at again."""
LONGEST_RETRY = 16.0
"""Seconds at most between two tries of a flow that another one is in the way of."""
_PATIENCE = 5.0
"""Seconds until a flow is tried again that a switch did not take when it came."""
_LOSSES = frozenset({"link_delete", "switch_leave", "port_delete"})
"""What may cut a path."""
_AT_ONCE = 256
"""Flows moved together."""


class PathMonitor:
    """Looks at every flow that a change of the topology concerns, in a task of its own."""

    def __init__(
        self,
        registry: FlowRegistry,
        planner: FlowPlanner,
        engine: Engine[FlowPlan],
        journal: FlowJournal,
        events: FlowEvents,
        waiting: WaitingFlows,
        runtime: Runtime,
        clock: Callable[[], float],
        grace: float,
    ) -> None:
        """``grace``: seconds after the start in which what is not seen yet is not taken for cut."""
        self._registry = registry
        self._planner = planner
        self._engine = engine
        self._journal = journal
        self._events = events
        self._runtime = runtime
        self._clock = clock
        self._settled_at = clock() + grace
        self._waiting = waiting
        self._suspects, self._held, self._wake = waiting.suspects, waiting.held, waiting.wake

    def changed(self, changes: Iterable[TopologyChange]) -> None:
        """Take note of changes of the topology; never waits."""
        ends: dict[str, set[PortRef]] = {"port_add": set(), "port_delete": set()}
        is_loss = False
        for change in changes:
            is_loss = is_loss or change.kind in _LOSSES
            if isinstance(change.subject, PortRef) and change.kind in ends:
                ends[change.kind].add(change.subject)
            else:
                self.suspect(self._concerned(change))
        self.suspect(self._ending_at(ends["port_add"], ends["port_delete"]))
        if is_loss:
            # The index knows where a flow was; where it goes is known when its change is over.
            self._waiting.suspect_numbers(self._registry.changing())

    def _ending_at(self, come: set[PortRef], gone: set[PortRef]) -> Iterator[Flow]:
        """Yield the flows that cannot be without ports that are gone, or that wait for some.

        However many ports have changed, flows are gone through once.
        """
        if come:
            waiting = self._registry.broken()
            yield from (flow for flow in waiting if not come.isdisjoint(end_ports(flow)))
        for dpid in {ref.dpid for ref in gone}:
            there = self._registry.with_switch(dpid)
            yield from (flow for flow in there if not gone.isdisjoint(end_ports(flow)))

    def _concerned(self, change: TopologyChange) -> Iterable[Flow]:
        registry = self._registry
        if change.kind == "link_delete" and isinstance(change.subject, Link):
            return registry.over_link(change.subject.src)
        if change.kind == "switch_leave" and isinstance(change.subject, Switch):
            return registry.with_switch(change.subject.dpid)
        if change.kind == "switch_join" and isinstance(change.subject, Switch):
            # It may have other ports than before.
            there = registry.with_switch(change.subject.dpid)
            entries = (flow for flow in there if isinstance(flow.spec, EntrySpec))
            return (*registry.broken(), *entries)
        if change.kind == "link_add":
            return registry.broken()
        return ()

    def suspect(self, flows: Iterable[Flow]) -> None:
        """Have flows looked at; never waits."""
        self._waiting.suspect(flows)

    def turn(self) -> None:
        """Wait for suspects and look after them: one turn of a loop."""
        self._wake.wait(IDLE_TURN)
        self._wake.clear()
        if not self._suspects:
            return
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
        self._runtime.sleep(max(0.0, self._settled_at - self._clock()))
        self.suspect(self._registry.flows())

    def _again(self, numbers: Iterable[int], after: float = _RETRY) -> None:
        wanted = set(numbers)

        def later() -> None:
            self._runtime.sleep(after)
            self._suspects.update(wanted)
            self._wake.set()

        if wanted:
            self._runtime.spawn(later)

    def _look_after(self, numbers: Sequence[int]) -> None:
        with self._engine.batch() as batch:
            self._plan(numbers, batch)
            self._try_held(number for number in numbers if number in self._held)
            if len(batch):
                self._move(batch)

    def _try_held(self, numbers: Iterable[int]) -> None:
        """Have flows that are held looked at in time, but for those looked at since."""
        together: dict[float, dict[int, Hold]] = {}
        for number in numbers:
            hold = self._held[number]
            together.setdefault(hold.seconds, {})[number] = hold

        def later(seconds: float, holds: Mapping[int, Hold]) -> None:
            self._runtime.sleep(seconds)
            self._suspects.update(n for n, hold in holds.items() if self._held.get(n) is hold)
            self._wake.set()

        for seconds, holds in together.items():
            self._runtime.spawn(later, seconds, holds)

    def _plan(self, numbers: Sequence[int], batch: Batch[FlowPlan]) -> None:
        """Add to ``batch`` how flows are to be moved, and note those that others hold up."""
        for number in numbers:
            if self._registry.is_changing(number):
                self._held[number] = Hold(_RETRY)
                continue
            if number not in self._registry:
                self._held.pop(number, None)
                continue
            flow = self._registry.get(number)
            try:
                plan = self._judge(flow)
                if plan is not None:
                    batch.add(plan, self._journal.followed(plan, Cause.FAILURE))
                self._held.pop(number, None)
            except Conflict as error:
                # Something overlapping is being changed, or has its entries: when that is over.
                self._hold(flow, error)

    def _hold(self, flow: Flow, error: Conflict) -> None:
        """Try a flow again when another one has changed, and ever more rarely else."""
        before = self._held.get(flow.number)
        seconds = _RETRY if before is None else min(2 * before.seconds, LONGEST_RETRY)
        self._held[flow.number] = Hold(seconds)
        self._explain(flow, error)

    def _explain(self, flow: Flow, error: HorizonError) -> None:
        """Keep why a flow is still pending, for whoever asks for it."""
        if flow.state is FlowState.PENDING and flow.reason != str(error):
            LOG.info("flow %s is pending: %s", flow.id, error)
            self._registry.update(replace(flow, reason=str(error)))

    def _judge(self, flow: Flow) -> Move | None:
        """Return how a flow is to be moved; None if it need not or cannot be.

        Of an entry nothing is known while its switch is away; then that alone is told.
        """
        if flow.state is FlowState.PENDING:
            return self._activation(flow)
        if isinstance(flow.spec, EntrySpec) and not self._planner.is_seen(flow.spec.dpid):
            return None
        if self._planner.is_whole(flow):
            if flow.state is FlowState.BROKEN:
                self._mark(flow, FlowState.ACTIVE, "flow_restored")
            return None
        if isinstance(flow.spec, PathSpec) and not flow.spec.path:
            try:
                return self._planner.change(flow, flow.spec)
            except Conflict:
                raise
            except HorizonError as error:
                LOG.debug("flow %s has no other path: %s", flow.id, error)
        # What is not seen right after a start may only be not seen yet.
        if self._clock() >= self._settled_at and flow.state is FlowState.ACTIVE:
            self._mark(flow, FlowState.BROKEN, "flow_broken")
        return None

    def _activation(self, flow: Flow) -> Install | None:
        """Return how a pending flow is installed; None as long as it cannot be."""
        try:
            return self._planner.activation(flow)
        except Conflict:
            raise
        except HorizonError as error:
            self._explain(flow, error)
            return None

    def _mark(self, flow: Flow, state: FlowState, event: str) -> None:
        marked = replace(flow, state=state)
        self._journal.keep(marked)
        number = flow.number
        if number not in self._registry:
            return
        if self._registry.is_changing(number) or self._registry.get(number) is not flow:
            # While the store wrote that somebody has begun to change it.
            self._again([number])
            return
        self._registry.update(marked)
        self._events.flow(event, marked)
        level = logging.WARNING if state is FlowState.BROKEN else logging.INFO
        LOG.log(level, "flow %s: %s", flow.id, state.value)

    def _move(self, batch: Batch[FlowPlan]) -> None:
        ended = batch.run()
        failed = [each.plan for each in ended if each.state is not State.DONE]
        self._again(plan.subject for plan in failed if isinstance(plan, Change))
        self._again((plan.subject for plan in failed if isinstance(plan, Install)), _PATIENCE)
        for each in ended:
            if (
                isinstance(each.plan, Install)
                and each.error
                and each.plan.subject in self._registry
            ):
                self._explain(self._registry.get(each.plan.subject), each.error)
        done = [each.plan for each in ended if each.state is State.DONE]
        for plan in done:
            what = "is active now" if isinstance(plan, Install) else "moved around a failure"
            LOG.info("flow %08x %s", plan.subject, what)
        moved = [plan.subject for plan in done]
        # The path may have failed again meanwhile; links lost while a flow changed were not its.
        known = (self._registry.get(number) for number in moved if number in self._registry)
        self.suspect(flow for flow in known if not self._planner.is_whole(flow))
