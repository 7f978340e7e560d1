"""Events of flows and migrations: their kinds and their data."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from horizon_ryu.changes.ports import Progress
from horizon_ryu.changes.states import State
from horizon_ryu.core.flows.flow import Flow, FlowState
from horizon_ryu.core.flows.migration import Cause, Migration
from horizon_ryu.core.flows.plan import FlowPlan, Install, Removal
from horizon_ryu.core.flows.reconcile import RepairPlan
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.flows.journal import record_of
from horizon_ryu.flows.waiting_flows import WaitingFlows

LOG = logging.getLogger("horizon.flows")

_MIGRATION_KINDS = {
    State.DONE: "migration_done",
    State.ROLLED_BACK: "migration_rolled_back",
    State.FAILED: "migration_failed",
}
_FLOW_KINDS = {Cause.SET: "flow_modify", Cause.FAILURE: "flow_moved"}
"""What else a change that was carried through is told as, by its cause."""


class Events(Protocol):
    """Where events go."""

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event."""


class FlowEvents:
    """Tells what happens to flows.

    Kinds: ``flow_add``, ``flow_activated`` (it was pending), ``flow_modify``, ``flow_delete``,
    ``flow_timeout``, ``flow_moved`` (by itself, after a failure), ``flow_broken``,
    ``flow_restored``, ``flow_repaired`` (a switch was brought back to what was asked),
    ``migration_done``, ``migration_rolled_back``, ``migration_failed``.
    """

    def __init__(self, events: Events, waiting: WaitingFlows) -> None:
        """``waiting`` is told when a flow that was there has changed or gone."""
        self._events = events
        self._waiting = waiting

    def ended(self, transaction: Progress[FlowPlan]) -> None:
        """Tell how a change of a flow ended; the engine calls this at the end of each."""
        plan, is_done = transaction.plan, transaction.state is State.DONE
        if transaction.record is not None:
            self._migration(transaction)
        if self._waiting.held and not isinstance(plan, Install):
            self._waiting.others_changed()
        if not is_done:
            return
        if isinstance(plan, Removal):
            self.flow("flow_timeout" if plan.timed_out else "flow_delete", plan.old)
        elif isinstance(plan, Install):
            # What a restart has carried through is told as a migration only.
            if not transaction.resumed:
                self.flow(_install_kind(plan), plan.new)
        elif transaction.record.cause in _FLOW_KINDS and not transaction.resumed:
            self.flow(_FLOW_KINDS[transaction.record.cause], plan.new)

    def flow(self, kind: str, flow: Flow) -> None:
        """Tell that ``kind`` happened to ``flow``."""
        self._events.publish(kind, _whole(flow))

    def _migration(self, transaction: Progress[FlowPlan]) -> None:
        record: Migration = record_of(transaction)
        data: dict[str, Any] = {"id": record.id, "cause": record.cause.value}
        data |= {"flow": record.new.id, "path": _path(record.new), "state": record.state.value}
        if record.duration_ms is not None:
            data["duration_ms"] = round(record.duration_ms, 3)
        if record.error is not None:
            data["error"] = record.error
        self._events.publish(_MIGRATION_KINDS[transaction.state], data)
        if transaction.resumed:
            LOG.info("migration %s was ended late: %s", record.id, record.state.value)
        elif transaction.error is not None:
            LOG.warning("migration %s was taken back: %s", record.id, transaction.error)

    def repaired(self, transaction: Progress[RepairPlan]) -> None:
        """Tell that entries of a switch were repaired, if all of them were."""
        if transaction.unconfirmed:
            return
        plan = transaction.plan
        found = plan.repair
        counts = {"missing": found.missing, "wrong": found.wrong, "orphans": found.orphans}
        self._events.publish("flow_repaired", {"dpid": dpid_to_text(plan.subject), **counts})
        LOG.info(
            "flows: switch %016x repaired: %d missing, %d wrong, %d orphans",
            plan.subject,
            found.missing,
            found.wrong,
            found.orphans,
        )


def _install_kind(plan: Install) -> str:
    if plan.old is None:
        return "flow_add"
    return "flow_modify" if plan.new.state is FlowState.PENDING else "flow_activated"


def _whole(flow: Flow) -> dict[str, Any]:
    """Return a flow, whole enough to be drawn; ``path`` has its dpids, ``hops`` ports as well."""
    hops = [
        {"dpid": dpid_to_text(hop.dpid), "in_port": hop.in_port, "out_port": hop.out_port}
        for hop in flow.hops
    ]
    path = [hop["dpid"] for hop in hops]
    return {"id": flow.id, "state": flow.state.value, "path": path, "hops": hops}


def _path(flow: Flow) -> list[str]:
    return [dpid_to_text(hop.dpid) for hop in flow.hops]
