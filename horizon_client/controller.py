"""Requests about the controller itself: its root, its health, its description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_document, as_model, as_text

if TYPE_CHECKING:
    from horizon_ryu.rest.health import Health


def root() -> ApiRequest[dict[str, Any]]:
    """Ask which resources there are."""
    return api_request("GET", api_path("v1"), as_document)


def health() -> ApiRequest[Health]:
    """Ask how the controller is; without a token, where one is wanted, its status alone."""
    from horizon_ryu.rest.health import Health

    return api_request("GET", api_path("v1", "health"), as_model(Health))


def description() -> ApiRequest[dict[str, Any]]:
    """Ask for the OpenAPI document of everything that is served."""
    return api_request("GET", api_path("v1", "openapi.json"), as_document)


def metrics() -> ApiRequest[str]:
    """Ask for all counters in Prometheus' text format."""
    return api_request("GET", api_path("metrics"), as_text, accept="*/*")
