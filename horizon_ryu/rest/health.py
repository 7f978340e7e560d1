"""Whether the controller is well (``/v1/health``), and what it counts (``/metrics``)."""

from __future__ import annotations

from typing import Literal, Protocol

from horizon_ryu.rest.metrics import CONTENT_TYPE, Metrics
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.resource import Call, Raw, Resource


class Health(Model):
    """``uptime`` and ``hub_lag`` in seconds; degraded when the event loop runs late."""

    status: Literal["ok", "degraded"]
    version: str
    uptime: float
    switches: int
    hub_lag: float


class HealthProvider(Protocol):
    """Who knows how the controller is."""

    def health(self) -> Health:
        """Return how it is now."""


def resources(provider: HealthProvider, metrics: Metrics) -> list[Resource]:
    """Return the resources of health and metrics."""

    def health(_call: Call) -> Health:
        return provider.health()

    def text(_call: Call) -> Raw:
        return Raw(metrics.text(), CONTENT_TYPE)

    return [
        Resource(
            method="GET",
            path="/v1/health",
            handler=health,
            response=Health,
            summary="Tell whether the controller is well",
            tag="controller",
        ),
        Resource(
            method="GET",
            path="/metrics",
            handler=text,
            produces=CONTENT_TYPE.removesuffix("; charset=utf-8"),
            summary="Tell all counters in Prometheus' text format",
            tag="controller",
        ),
    ]
