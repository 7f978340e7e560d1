"""Requests for timers, in seconds: of discovery, of the spanning tree, of statistics, of Xen."""

from __future__ import annotations

from typing import Any, Literal

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_document

Part = Literal["topology", "spanning-tree", "stats", "xen"]


def read(part: Part) -> ApiRequest[dict[str, Any]]:
    """Ask for the timers of a part, by name."""
    return api_request("GET", api_path("v1", part, "timers"), as_document)


def change(part: Part, **seconds: float) -> ApiRequest[dict[str, Any]]:
    """Set the timers that are named, all or none; the others stay."""
    return api_request("PATCH", api_path("v1", part, "timers"), as_document, seconds)
