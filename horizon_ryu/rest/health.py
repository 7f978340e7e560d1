"""Whether the controller is well (``/v1/health``), and what it counts (``/metrics``)."""

from __future__ import annotations

from typing import Literal, Protocol

from ryu.lib import hub
from webob import Response

from horizon_ryu.rest.metrics import CONTENT_TYPE, Metrics
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.resource import Call, Resource
from horizon_ryu.rest.stream import streamed


class Health(Model):
    """``uptime`` and ``hub_lag`` in seconds; ``reasons`` say why the controller is degraded.

    ``not_accepting`` are the servers that fail to accept connections now.
    """

    status: Literal["ok", "degraded"]
    version: str
    uptime: float
    switches: int
    hub_lag: float
    not_accepting: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class HealthProvider(Protocol):
    """Who knows how the controller is."""

    def health(self) -> Health:
        """Return how it is now."""


def _let_others() -> None:
    hub.sleep(0)


def resources(provider: HealthProvider, metrics: Metrics) -> list[Resource]:
    """Return the resources of health and metrics."""

    def health(_call: Call) -> Health:
        return provider.health()

    def text(call: Call) -> Response:
        response = streamed(call.http, metrics.texts(), "text/plain", _let_others)
        response.headers["Content-Type"] = CONTENT_TYPE
        return response

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
