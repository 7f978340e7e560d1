"""Requests for what switches count, as the report's statistics are, and how loaded links are.

Statistics are documents; ``rates`` adds rates per second to the counters of ports.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_document, as_model
from horizon_ryu.rest.loads import HistoryModel, LoadsModel

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


def loads() -> ApiRequest[LoadsModel]:
    """Ask how loaded ports and links are, by the newest rates."""
    return api_request("GET", api_path("v1", "stats", "loads"), as_model(LoadsModel))


def history(
    dpid: str, port_no: int | None = None, seconds: int | None = None
) -> ApiRequest[HistoryModel]:
    """Ask for the rates of a switch's ports in the last minutes, up to 15."""
    path = api_path("v1", "stats", "history")
    request = api_request("GET", path, as_model(HistoryModel), dpid=dpid, port_no=port_no)
    if seconds is None:
        return request
    return replace(request, query={**request.query, "seconds": str(seconds)})
