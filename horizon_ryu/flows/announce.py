"""Flows and migrations as events: their kinds and their data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.migration import Migration, MigrationState
from horizon_ryu.core.flows.reconcile import Repair
from horizon_ryu.core.identifiers import dpid_to_text


class Events(Protocol):
    """Where events go."""

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event."""


class Announcer:
    """Tells what happens to flows.

    Kinds: ``flow_add``, ``flow_modify``, ``flow_delete``, ``flow_timeout``, ``flow_moved`` (by
    itself, after a failure), ``flow_broken``, ``flow_restored``, ``flow_repaired`` (a switch was
    brought back to what was asked), ``migration_done``, ``migration_rolled_back``,
    ``migration_failed``.
    """

    def __init__(self, events: Events) -> None:
        self._events = events

    def flow(self, kind: str, flow: Flow) -> None:
        """Tell that ``kind`` happened to ``flow``."""
        self._events.publish(kind, {"id": flow.id, "state": flow.state.value, "path": _path(flow)})

    def migration(self, record: Migration) -> None:
        """Tell how a migration ended."""
        data: dict[str, Any] = {"id": record.id, "cause": record.cause.value}
        data |= {"flow": record.new.id, "path": _path(record.new)}
        if record.duration_ms is not None:
            data["duration_ms"] = round(record.duration_ms, 3)
        if record.error is not None:
            data["error"] = record.error
        self._events.publish(_KINDS[record.state], data)

    def repaired(self, dpid: int, repair: Repair) -> None:
        """Tell that entries of a switch were repaired."""
        counts = {"missing": repair.missing, "wrong": repair.wrong, "orphans": repair.orphans}
        self._events.publish("flow_repaired", {"dpid": dpid_to_text(dpid), **counts})


_KINDS = {
    MigrationState.DONE: "migration_done",
    MigrationState.ROLLED_BACK: "migration_rolled_back",
    MigrationState.FAILED: "migration_failed",
}


def _path(flow: Flow) -> list[str]:
    return [dpid_to_text(hop.dpid) for hop in flow.hops]
