"""Requests for what switches count, as the report's statistics are (documents, not models).

``rates`` adds rates per second to the counters of ports.
"""

from __future__ import annotations

from typing import Any, Literal

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_document

Part = Literal["desc", "ports", "tables", "aggregate", "flows"]


def everything(rates: bool = False) -> ApiRequest[dict[str, Any]]:
    """Ask for the statistics of all switches."""
    return api_request("GET", api_path("v1", "stats"), as_document, rates=rates or None)


def of_switch(
    dpid: str, part: Part | None = None, rates: bool = False
) -> ApiRequest[dict[str, Any]]:
    """Ask for those of one switch, or one class of them."""
    path = api_path("v1", "stats", dpid, *(() if part is None else (part,)))
    return api_request("GET", path, as_document, rates=rates or None)
