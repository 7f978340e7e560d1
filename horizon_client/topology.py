"""Requests for the topology: switches, links and hosts, of all the network or a virtual one.

``network`` is ``vlan:10``, ``ip:10.0.0.0/24``, or the name of a virtual network or slice.
"""

from __future__ import annotations

from typing import Literal

from horizon_client.api_path import ApiPath, api_path
from horizon_client.api_request import ApiRequest, api_request, as_model, as_nothing, as_text
from horizon_client.switch_ends import End, end_body
from horizon_ryu.formats.topology import LinksDocument, NeighborsDocument
from horizon_ryu.rest.hosts import PinsModel, StationModel
from horizon_ryu.rest.topology_measures import GraphMeasuresModel
from horizon_ryu.rest.topology_model import TopologyModel

GraphForm = Literal["graphml", "gml", "dot"]


def read(network: str | None = None) -> ApiRequest[TopologyModel]:
    """Ask for switches, links, hosts, and segments that switches of others join."""
    return api_request("GET", _path(), as_model(TopologyModel), network=network)


def links(network: str | None = None) -> ApiRequest[LinksDocument]:
    """Ask for the links alone; the report's XML has this form."""
    return api_request("GET", _path("links"), as_model(LinksDocument), network=network)


def neighbors(network: str | None = None) -> ApiRequest[NeighborsDocument]:
    """Ask for each switch with its neighbors; the report's XML has this form."""
    return api_request("GET", _path("neighbors"), as_model(NeighborsDocument), network=network)


def graph(form: GraphForm = "graphml", network: str | None = None) -> ApiRequest[str]:
    """Ask for the topology as a text that tools for graphs read."""
    return api_request("GET", _path("graph"), as_text, accept="*/*", format=form, network=network)


def measures(network: str | None = None, thorough: bool = False) -> ApiRequest[GraphMeasuresModel]:
    """Ask what a loss would split, and how far it is across."""
    return api_request(
        "GET",
        _path("measures"),
        as_model(GraphMeasuresModel),
        network=network,
        thorough=thorough or None,
    )


def host(mac: str, vlan: int | None = None) -> ApiRequest[StationModel]:
    """Ask where a host is, and for its addresses."""
    return api_request("GET", _path("hosts", mac), as_model(StationModel), vlan=vlan)


def forget_host(mac: str, vlan: int | None = None) -> ApiRequest[None]:
    """Have a host forgotten until it is heard again."""
    return api_request("DELETE", _path("hosts", mac), as_nothing, vlan=vlan)


def pins() -> ApiRequest[PinsModel]:
    """Ask for the hosts that are pinned to a port."""
    return api_request("GET", _path("pins"), as_model(PinsModel))


def pin_host(
    mac: str, end: End, ips: tuple[str, ...] = (), vlan: int | None = None
) -> ApiRequest[StationModel]:
    """Have a host at a port, whoever says otherwise."""
    body = {**end_body(end), "ips": list(ips)}
    path = _path("hosts", mac, "pin")
    return api_request("PUT", path, as_model(StationModel), body, vlan=vlan)


def unpin_host(mac: str, vlan: int | None = None) -> ApiRequest[None]:
    """Let a host move and age as others do."""
    return api_request("DELETE", _path("hosts", mac, "pin"), as_nothing, vlan=vlan)


def _path(*segments: str) -> ApiPath:
    return api_path("v1", "topology", *segments)
