"""Migrations between the controller's records and the documents that hosts send and get."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.core.xen.router_migration import (
    RouterRefusal,
    RouterRequest,
    SourceReport,
    State,
    StepView,
)
from horizon_ryu.xen_hosts.remote_host import RemoteHost
from xen_bridge.protocol.documents.migration import (
    MigrateDomain,
    MigrationStatus,
    RouterMigrationState,
)

_STATES: Mapping[RouterMigrationState, State] = MappingProxyType(
    {
        "planned": "planned",
        "refused": "refused",
        "aborting": "aborting",
        "done": "done",
        "rolled_back": "rolled_back",
        "failed": "failed",
    }
)


def request_of(
    name: str, asked: RouterRequest, destination: RemoteHost, dry_run: bool = False
) -> MigrateDomain:
    """Return what to ask the source for, by the migration's id and where its destination is."""
    return MigrateDomain(
        id=name,
        domain=asked.domain,
        destination=destination.name,
        destination_url=peer_url_of(destination),
        destination_pk=destination.node_pk,
        mode=asked.mode,
        dry_run=dry_run,
        abort_if_pause_over_s=asked.abort_if_pause_over_s,
        pause_s=asked.pause_s,
        tunnels=asked.tunnels,
    )


def peer_url_of(host: RemoteHost) -> str:
    """Return where other hosts reach a host: where it says, or else where the controller does."""
    node = host.status.node
    told = None if node is None else node.host.peer_url
    return host.url if told is None else told


def told_by(status: MigrationStatus) -> SourceReport:
    """Return what a source has told."""
    return SourceReport(
        state=_STATES.get(status.state, "committed" if status.is_committed else "installing"),
        domain=status.domain,
        uuid=status.uuid,
        duration_ms=_milliseconds(status.duration_s),
        pause_ms=_milliseconds(status.pause_s),
        lost=status.lost,
        problem=status.problem,
        unsettled=status.unsettled,
        refusals=tuple(
            RouterRefusal(one.field, one.reason, one.is_conflict) for one in status.refusals
        ),
        steps=tuple(
            StepView(step.name, step.state, step.began_s, step.ended_s, step.detail)
            for step in status.steps
        ),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
