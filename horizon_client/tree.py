"""Requests for the spanning forest, along which broadcasts go."""

from __future__ import annotations

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_model
from horizon_ryu.rest.spanning_tree import ForestModel


def read() -> ApiRequest[ForestModel]:
    """Ask for the trees, one per connected part, and the ports that are closed to broadcasts."""
    return api_request("GET", api_path("v1", "spanning-tree"), as_model(ForestModel))
