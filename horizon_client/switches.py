"""Requests for names of switches, which then stand for their dpids everywhere."""

from __future__ import annotations

from typing import Any

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_document, as_nothing


def names() -> ApiRequest[dict[str, Any]]:
    """Ask for all names, by dpid."""
    return api_request("GET", api_path("v1", "switches", "names"), as_document)


def give_name(switch: str, name: str) -> ApiRequest[dict[str, Any]]:
    """Give a switch a name, whether it is there or not; no two have the same."""
    path = api_path("v1", "switches", switch, "name")
    return api_request("PUT", path, as_document, {"name": name})


def take_name(switch: str) -> ApiRequest[None]:
    """Take the name of a switch away."""
    return api_request("DELETE", api_path("v1", "switches", switch, "name"), as_nothing)
