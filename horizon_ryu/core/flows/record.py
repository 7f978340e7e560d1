"""Flows and migrations as JSON values, for the store: written here, read here.

What is read was written by this program, by an older one perhaps; a row that cannot be read
raises InvalidInput, and its reader decides what to do without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.action_fields import action_fields, parse_actions
from horizon_ryu.core.flows.flow import (
    EntrySpec,
    Flow,
    FlowState,
    PathSpec,
    Spec,
    TaggedHop,
    parameters_of,
)
from horizon_ryu.core.flows.match_fields import match_fields, parse_match
from horizon_ryu.core.flows.migration import Cause, Migration, MigrationState
from horizon_ryu.core.routes.route import RouteKind
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.protocols import MAX_LONG

_PATH_PARAMETERS = tuple(item.name for item in parameters_of(PathSpec))
_ENTRY_PARAMETERS = tuple(item.name for item in parameters_of(EntrySpec))
_MIGRATION_PLAIN = ("id", "started", "duration_ms", "waves", "error", "switch")


def flow_to_json(flow: Flow) -> dict[str, Any]:
    """Return ``flow`` as a JSON value."""
    return {
        "number": flow.number,
        "spec": _spec_to_json(flow.spec),
        "hops": [list(hop) for hop in flow.hops],
        "kind": flow.kind.value,
        "state": flow.state.value,
        "reverse": flow.reverse,
        "meter": flow.meter,
    }


def flow_from_json(value: Mapping[str, Any]) -> Flow:
    """Return the flow that ``value`` describes; InvalidInput if it describes none."""
    try:
        return Flow(
            _number(value["number"]),
            _spec_from_json(value["spec"]),
            tuple(TaggedHop(*hop) for hop in value["hops"]),
            RouteKind(value["kind"]),
            FlowState(value["state"]),
            None if value["reverse"] is None else _number(value["reverse"]),
            _number(value["meter"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(("flow",), f"not a stored flow: {error!r}") from error


def _number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MAX_LONG:
        raise ValueError(f"{value!r} is no number of a flow or a meter")
    return value


def migration_to_json(migration: Migration) -> dict[str, Any]:
    """Return ``migration`` as a JSON value."""
    return {
        **{name: getattr(migration, name) for name in _MIGRATION_PLAIN},
        "old": None if migration.old is None else flow_to_json(migration.old),
        "new": flow_to_json(migration.new),
        "state": migration.state.value,
        "cause": migration.cause.value,
    }


def migration_from_json(value: Mapping[str, Any]) -> Migration:
    """Return the migration that ``value`` describes; InvalidInput if it describes none."""
    try:
        return Migration(
            old=None if value["old"] is None else flow_from_json(value["old"]),
            new=flow_from_json(value["new"]),
            state=MigrationState(value["state"]),
            cause=Cause(value["cause"]),
            **{name: value[name] for name in _MIGRATION_PLAIN},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(("migration",), f"not a stored migration: {error!r}") from error


def _spec_to_json(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, PathSpec):
        return {
            # Not asdict, which copies every value: there may be thousands of flows at a time.
            **{name: getattr(spec, name) for name in _PATH_PARAMETERS},
            "match": match_fields(spec.match),
            "src": list(spec.src),
            "dst": list(spec.dst),
            "waypoints": list(spec.waypoints),
            "path": list(spec.path),
        }
    return {
        **{name: getattr(spec, name) for name in _ENTRY_PARAMETERS},
        "dpid": spec.dpid,
        "table_id": spec.table_id,
        "match": match_fields(spec.match),
        "actions": action_fields(spec.actions),
    }


def _spec_from_json(value: Mapping[str, Any]) -> Spec:
    rest = dict(value)
    match = parse_match(rest.pop("match"))
    if "actions" in rest:
        return EntrySpec(match=match, actions=parse_actions(rest.pop("actions")), **rest)
    return PathSpec(
        match=match,
        src=PortRef(*rest.pop("src")),
        dst=PortRef(*rest.pop("dst")),
        waypoints=tuple(rest.pop("waypoints")),
        path=tuple(rest.pop("path")),
        **rest,
    )
