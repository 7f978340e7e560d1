"""Requests for virtual networks that have a name: what a VLAN or a range of addresses is called."""

from __future__ import annotations

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_model, as_nothing
from horizon_ryu.rest.networks import Network, Networks


def list_all() -> ApiRequest[Networks]:
    """Ask for all named networks."""
    return api_request("GET", api_path("v1", "networks"), as_model(Networks))


def read(name: str) -> ApiRequest[Network]:
    """Ask what a name means."""
    return api_request("GET", api_path("v1", "networks", name), as_model(Network))


def create(name: str, *, vlan: int | None = None, ip: str | None = None) -> ApiRequest[Network]:
    """Give a name to a VLAN, or to a range of IPv4 or IPv6: one of both."""
    given = {"vlan": vlan, "ip": ip}
    definition = {kind: value for kind, value in given.items() if value is not None}
    body = {"name": name, "definition": definition}
    return api_request("POST", api_path("v1", "networks"), as_model(Network), body)


def delete(name: str) -> ApiRequest[None]:
    """Forget a name; the network itself goes on."""
    return api_request("DELETE", api_path("v1", "networks", name), as_nothing)
