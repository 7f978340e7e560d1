"""Requests for the measures that switches, Xen hosts and virtual routers have in common.

A node's id is a dpid, ``xen:HOST``, or ``xen:HOST:DOMAIN``.
"""

from __future__ import annotations

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_model
from horizon_ryu.rest.nodes import MeasuresModel, Nodes


def list_all() -> ApiRequest[Nodes]:
    """Ask which nodes are measured."""
    return api_request("GET", api_path("v1", "nodes"), as_model(Nodes))


def measures(node: str) -> ApiRequest[MeasuresModel]:
    """Ask for processor, memory, throughput, losses and neighbors of one."""
    return api_request("GET", api_path("v1", "nodes", node, "measures"), as_model(MeasuresModel))
