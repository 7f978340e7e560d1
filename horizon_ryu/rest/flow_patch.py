"""PATCH of a flow (RFC 7396): given fields replace, null takes away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.action_fields import parse_actions
from horizon_ryu.core.flows.flow import EntrySpec, PathSpec, Spec
from horizon_ryu.rest.flow_model import FlowPatch
from horizon_ryu.rest.flow_parameters import ONLY_PATH, PARAMETERS


def patched(spec: Spec, patch: FlowPatch) -> Spec:
    """Return ``spec`` with what ``patch`` gives; InvalidInput for what this flow does not have."""
    given = patch.model_fields_set
    if isinstance(spec, EntrySpec):
        _refuse(given, ("waypoints", "path", *ONLY_PATH), "a single entry has none")
    names = given & {item.name for item in PARAMETERS}
    values: dict[str, Any] = {name: getattr(patch, name) for name in names}
    if isinstance(spec, EntrySpec):
        if "actions" in given:
            values["actions"] = parse_actions(patch.actions)
        return replace(spec, **values)
    _refuse(given, ("actions",), "an end-to-end flow has none of its own")
    return replace(spec, **values, **_way(spec, patch))


def _way(spec: PathSpec, patch: FlowPatch) -> dict[str, Any]:
    """Return where the flow passes now: waypoints and a whole path exclude each other."""
    given = patch.model_fields_set
    values: dict[str, Any] = {}
    waypoints, path = patch.waypoints or (), patch.path or ()
    if waypoints and path:
        raise InvalidInput(("path",), "give either waypoints or the whole path")
    if "waypoints" in given:
        values["waypoints"] = waypoints
        values["path"] = () if waypoints else spec.path
    if "path" in given:
        values["path"] = path
        values.setdefault("waypoints", () if path else spec.waypoints)
    return values


def _refuse(given: set[str], names: tuple[str, ...], reason: str) -> None:
    for name in names:
        if name in given:
            raise InvalidInput((name,), reason)
