"""Health of the controller (``/v1/health``), and what it counts (``/metrics``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from webob import Response

from horizon_ryu.http.resource import Call, Resource, operation, resources_of
from horizon_ryu.http.stream import streamed
from horizon_ryu.metrics import CONTENT_TYPE, Metrics
from horizon_ryu.rest.model import Dpid, Model


class Health(Model):
    """``uptime`` and ``hub_lag`` in seconds; ``reasons`` say why the controller is degraded.

    ``not_accepting`` are the servers that fail to accept connections now, ``slow_joins`` the
    switches that have told their dpid and are not ready in time: nobody waits for them.
    ``unanswering`` are those that live and leave requests unanswered: what they do is unverified.
    """

    status: Literal["ok", "degraded"]
    version: str
    uptime: float
    switches: int
    hub_lag: float
    not_accepting: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    slow_joins: tuple[Dpid, ...] = ()
    unanswering: tuple[Dpid, ...] = ()


class HealthProvider(Protocol):
    """Who knows how the controller is."""

    def health(self) -> Health:
        """Return how it is now."""


class HealthOperations:
    """Operations that tell how the controller is."""

    tag = "controller"

    def __init__(
        self, provider: HealthProvider, metrics: Metrics, let_others: Callable[[], None]
    ) -> None:
        self._provider = provider
        self._metrics = metrics
        self._let_others = let_others

    @operation("GET", "/v1/health")
    def health(self, _call: Call) -> Health:
        """Tell whether the controller is well."""
        return self._provider.health()

    @operation("GET", "/metrics", produces=CONTENT_TYPE.removesuffix("; charset=utf-8"))
    def text(self, call: Call) -> Response:
        """Tell all counters in Prometheus' text format."""
        response = streamed(call.http, self._metrics.texts(), "text/plain", self._let_others)
        response.headers["Content-Type"] = CONTENT_TYPE
        return response


def resources(
    provider: HealthProvider, metrics: Metrics, let_others: Callable[[], None]
) -> list[Resource]:
    """Return the resources of health and metrics; long answers call ``let_others`` meanwhile."""
    return resources_of(HealthOperations(provider, metrics, let_others))
