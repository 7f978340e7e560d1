"""Health of the controller (``/v1/health``), and what it counts (``/metrics``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from pydantic import Field
from webob import Response

from horizon_ryu.http.auth import Access
from horizon_ryu.http.resource import Call, Resource, operation, resources_of
from horizon_ryu.http.stream import streamed
from horizon_ryu.metrics import CONTENT_TYPE, Metrics
from horizon_ryu.rest.model import Dpid, Model


class LoopHealth(Model):
    """One loop: ``last_turn`` in seconds since, ``failures`` in a row, ``trouble`` if there is any.

    One that is ``idle`` waits for what is to be done, and need not turn.
    """

    name: str
    last_turn: float
    failures: int
    idle: bool
    trouble: str | None


class StoreHealth(Model):
    """Whether the store could be written the last time; why not. What is free there, in bytes."""

    writable: bool
    trouble: str | None
    disk_free: int | None
    disk_total: int | None


class DiscoveryHealth(Model):
    """Whether new links are believed at once, or held back a while as switches join."""

    believes: bool


class Health(Model):
    """``uptime`` and ``hub_lag`` in seconds; ``reasons`` say why the controller is degraded.

    Where tokens are asked for, whoever sends none is told ``status`` alone. ``accepting`` says of
    each server whether it accepts connections, ``not_accepting`` names those that do not;
    ``slow_joins`` are the switches that have told their dpid and are not ready in time: nobody
    waits for them. ``loops`` has every loop of the controller.
    ``unanswering`` are those that live and leave requests unanswered: what they do is unverified.
    ``crowded`` are the switches with more ports than the cap: those beyond it are closed.
    ``unkept`` are those that confirm entries of flows and do not keep them: what their flows
    promise does not hold.
    """

    status: Literal["ok", "degraded"]
    version: str = ""
    uptime: float = 0.0
    switches: int = 0
    hub_lag: float = 0.0
    accepting: dict[str, bool] = Field(default_factory=dict)
    not_accepting: tuple[str, ...] = ()
    store: StoreHealth | None = None
    discovery: DiscoveryHealth | None = None
    loops: tuple[LoopHealth, ...] = ()
    reasons: tuple[str, ...] = ()
    slow_joins: tuple[Dpid, ...] = ()
    unanswering: tuple[Dpid, ...] = ()
    crowded: tuple[Dpid, ...] = ()
    unkept: tuple[Dpid, ...] = ()


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

    @operation("GET", "/v1/health", is_open=True)
    def health(self, call: Call) -> Health:
        """Tell whether the controller is well; to whoever may monitor it, why."""
        told = self._provider.health()
        return told if call.principal.may(Access.MONITOR) else Health(status=told.status)

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
