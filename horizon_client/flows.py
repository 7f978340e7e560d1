"""Requests for flows: from port to port on a path, or single entries of one switch.

``more`` are the parameters of a flow (``/v1/openapi.json``, FlowRequest): ``priority``,
``idle_timeout``, ``hard_timeout``, ``queue``, ``rate_kbps``, ``meter`` and others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from horizon_client.api_path import ApiPath, api_path
from horizon_client.api_request import ApiRequest, api_request, as_model, as_nothing
from horizon_client.switch_ends import End, dpid_list, end_body
from horizon_ryu.rest.flow_model import FlowModel, FlowPatch, FlowRequest
from horizon_ryu.rest.flows import Flows

Dpids = Iterable[str | int]


def list_all() -> ApiRequest[Flows]:
    """Ask for all flows, without counters."""
    return api_request("GET", _path(), as_model(Flows))


def read(flow: str) -> ApiRequest[FlowModel]:
    """Ask for one flow by its id, with its counters."""
    return api_request("GET", _path(flow), as_model(FlowModel))


def create(
    match: Mapping[str, Any],
    src: End,
    dst: End,
    *,
    waypoints: Dpids | None = None,
    path: Dpids | None = None,
    **more: Any,
) -> ApiRequest[FlowModel]:
    """Make a flow from ``src`` to ``dst``; it is there when the answer is.

    The path is computed, through ``waypoints`` in their order, or is ``path``, every switch of it.
    """
    body = {"match": dict(match), "src": end_body(src), "dst": end_body(dst), **more}
    return api_request("POST", _path(), as_model(FlowModel), body | _ways(waypoints, path))


def create_entry(
    dpid: str | int, match: Mapping[str, Any], actions: Iterable[Any] = (), **more: Any
) -> ApiRequest[FlowModel]:
    """Make a single entry; ``actions`` as ``{"output": 2}`` or ``"output:2"``, none: drop."""
    body = {"dpid": dpid, "match": dict(match), "actions": list(actions), **more}
    return api_request("POST", _path(), as_model(FlowModel), body)


def create_from(request: FlowRequest | Mapping[str, Any]) -> ApiRequest[FlowModel]:
    """Make the flow or entry that a body of ``POST /v1/flows`` asks for."""
    return api_request("POST", _path(), as_model(FlowModel), request)


def create_batch(requests: Iterable[Mapping[str, Any]]) -> ApiRequest[Flows]:
    """Make flows together, all or none; each as :func:`create_from` takes it."""
    return api_request("POST", _path("batch"), as_model(Flows), {"flows": list(requests)})


def change(
    flow: str, *, waypoints: Dpids | None = None, path: Dpids | None = None, **more: Any
) -> ApiRequest[FlowModel]:
    """Set what is named of a flow, without losing a packet; the rest stays, None takes away."""
    return api_request("PATCH", _path(flow), as_model(FlowModel), more | _ways(waypoints, path))


def change_to(flow: str, patch: FlowPatch | Mapping[str, Any]) -> ApiRequest[FlowModel]:
    """Set what a body of ``PATCH /v1/flows/{id}`` says."""
    return api_request("PATCH", _path(flow), as_model(FlowModel), patch)


def delete(flow: str) -> ApiRequest[None]:
    """Delete a flow, with its reverse direction."""
    return api_request("DELETE", _path(flow), as_nothing)


def _ways(waypoints: Dpids | None, path: Dpids | None) -> dict[str, Any]:
    given = {"waypoints": waypoints, "path": path}
    return {name: dpid_list(dpids) for name, dpids in given.items() if dpids is not None}


def _path(*segments: str) -> ApiPath:
    return api_path("v1", "flows", *segments)
