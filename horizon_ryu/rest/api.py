"""REST API put together: the router with what every controller serves, and its mounting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ryu.app.wsgi import WSGIApplication

from horizon_ryu import __version__
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.disk_space import DiskSpace
from horizon_ryu.http import wsgi_mount
from horizon_ryu.http.auth import Tokens, load_tokens
from horizon_ryu.http.event_log import EventLog
from horizon_ryu.http.problem import clean
from horizon_ryu.http.router import Router
from horizon_ryu.http.static_files import StaticFiles
from horizon_ryu.hub_lag import HubLag
from horizon_ryu.metrics import Metrics
from horizon_ryu.published import Published
from horizon_ryu.rest import events as events_resource
from horizon_ryu.rest import health, layout, root, switch_names
from horizon_ryu.rest.health import DiscoveryHealth, Health
from horizon_ryu.rest.health_details import last_turns, loops_health, store_health, troubles
from horizon_ryu.rest.layout import LayoutProvider
from horizon_ryu.rest.switch_names import NamesProvider
from horizon_ryu.settings import Settings
from horizon_ryu.store import Store
from horizon_ryu.supervision import Supervisor
from xen_bridge.runtime.port import Runtime
from xen_bridge.serving.accepting import AcceptFailures

DEGRADED_LAG = 1.0
"""Seconds the event loop may run late before the controller calls itself degraded."""
MAX_NAMED = 32
"""Switches that health names as slow to join, or as unanswering, at most."""


class ConnectedSwitches(Protocol):
    """Who knows the connections of switches."""

    def connected_switches(self) -> Mapping[int, Any]:
        """Return them by dpid."""


class PatientStore(Protocol):
    """Whoever runs the calls of the store."""

    @property
    def hangs_for(self) -> float:
        """The seconds for which the store has not answered, if that is too long; else 0."""

    def answering(self, operation: Callable[[], Any]) -> Any:
        """Return ``operation()``; StoreError when the store takes too long."""


class KeptSwitchNames(NamesProvider, Protocol):
    """Whoever keeps the names of switches, and finds a switch by its name."""

    def dpid(self, name: str) -> int | None:
        """Return the switch of that name; None if there is none."""


class ApiServices(Protocol):
    """What the API needs of the controller."""

    settings: Settings
    runtime: Runtime
    metrics: Metrics
    events: EventLog
    clock: Callable[[], float]
    accept_failures: AcceptFailures
    store: Store
    supervisor: Supervisor
    published: Published
    disk: DiskSpace

    @property
    def switch_names(self) -> KeptSwitchNames:
        """The names of switches."""

    @property
    def layout(self) -> LayoutProvider:
        """Where nodes are drawn."""

    @property
    def store_thread(self) -> PatientStore:
        """Who runs the calls of the store."""

    @property
    def switches(self) -> ConnectedSwitches:
        """The connected switches."""


class Api:
    """The one REST API of a controller; applications add their resources to ``router``."""

    def __init__(self, services: ApiServices) -> None:
        """Read the tokens file, if configured; InvalidInput if it is malformed or open."""
        self._services = services
        self._started = services.clock()
        self._lag = HubLag(services.runtime, services.clock)
        rest = services.settings.rest
        self.router = Router(
            tokens=_tokens(rest.tokens_file),
            observer=services.metrics.request,
            read_stream=partial(wsgi_mount.read_body_in_time, services.runtime),
            max_body=rest.max_body,
            aside=services.runtime.in_thread,
            answering=services.store_thread.answering,
            switches=services.switch_names.dpid,
            cursor=lambda: services.events.cursor.text(),
            files=StaticFiles(),
            lacking=root.lacking,
        )
        self.router.add(root.resources(self.router))
        self.router.add(health.resources(self, services.metrics, services.runtime.checkpoint))
        self.router.add(events_resource.resources(services.events, services.runtime))
        self.router.add(switch_names.resources(services.switch_names))
        self.router.add(layout.resources(services.layout))

        self._measure(services.metrics, services.events)
        self._measure_store(services.metrics, services.store)
        self._measure_loops(services.metrics)

    def _measure(self, metrics: Metrics, events: EventLog) -> None:
        metrics.gauge(
            "horizon_hub_lag_seconds",
            "How late the event loop ran lately, at worst",
            lambda: self._lag.seconds,
        )
        metrics.gauge(
            "horizon_connected_switches",
            "Switches with a connection",
            lambda: len(self._services.switches.connected_switches()),
        )
        metrics.gauge("horizon_event_clients", "Event clients", lambda: events.subscribers)
        metrics.counters("horizon_events", "Events by kind", "kind", lambda: events.published)
        metrics.counters(
            "horizon_event_clients_dropped",
            "Event clients that were dropped",
            "reason",
            lambda: {"slow": events.dropped},
        )
        metrics.counters(
            "horizon_accept_failures",
            "Errors of listening sockets, by server and error",
            "reason",
            lambda: self._services.accept_failures.counts,
        )

    def _measure_store(self, metrics: Metrics, store: Store) -> None:
        metrics.gauge(
            "horizon_store_writable",
            "1 if the store could be written the last time, else 0",
            lambda: int(store.trouble is None),
        )
        metrics.counters(
            "horizon_store_failures",
            "Reads and writes of the store that failed",
            "operation",
            lambda: store.failures,
        )

    def _measure_loops(self, metrics: Metrics) -> None:
        services = self._services
        metrics.gauges(
            "horizon_loop_last_turn_seconds",
            "Seconds since the last turn of a loop that has something to do; of several the oldest",
            "loop",
            lambda: last_turns(services.supervisor.records(), services.clock()),
        )
        metrics.gauges(
            "horizon_accepting",
            "1 if a server accepts connections, else 0",
            "server",
            lambda: {name: int(well) for name, well in self._accepting().items()},
        )
        metrics.gauge(
            "horizon_discovery_believes",
            "1 if new links are believed at once, 0 while they are held back",
            lambda: int(services.published.believes_links),
        )
        metrics.gauge(
            "horizon_store_disk_free_bytes",
            "Room on the disk of the store; -1 if that is not known",
            lambda: -1 if services.disk.free is None else services.disk.free,
        )
        metrics.gauge(
            "horizon_degraded",
            "1 if health is degraded, else 0",
            lambda: int(any(self._reasons(self._accepting()))),
        )

    def mount(self, wsgi: WSGIApplication) -> None:
        """Serve on Ryu's web server; UnsafeListening where everybody could do everything."""
        wsgi_mount.mount(wsgi, self.router)
        self._services.supervisor.spawn(self._lag.measure)

    def health(self) -> Health:
        """Return how the controller is."""
        lag = self._lag.seconds
        accepting = self._accepting()
        reasons = tuple(self._reasons(accepting))
        return Health(
            status="degraded" if reasons else "ok",
            version=__version__,
            uptime=self._services.clock() - self._started,
            switches=len(self._services.switches.connected_switches()),
            hub_lag=lag,
            accepting=accepting,
            not_accepting=tuple(name for name, well in accepting.items() if not well),
            store=store_health(self._services.store.trouble, self._services.disk),
            discovery=DiscoveryHealth(believes=self._services.published.believes_links),
            loops=loops_health(self._services.supervisor.records(), self._services.clock()),
            reasons=reasons,
            slow_joins=_first(self._services.published.slow_joins),
            unanswering=_first(self._services.published.unanswered),
            crowded=_first(self._services.published.crowded),
            unkept=_first(self._services.published.unkept),
        )

    def _accepting(self) -> dict[str, bool]:
        """Return of each server whether it accepts connections."""
        failing = self._services.accept_failures.lasting()
        found = self._services.supervisor.serving()
        return dict(sorted((found | dict.fromkeys(failing, False)).items()))

    def _reasons(self, accepting: Mapping[str, bool]) -> Iterator[str]:
        """Yield why the controller is degraded; of exceptions the log tells more."""
        if self._lag.seconds >= DEGRADED_LAG:
            yield "the event loop runs late"
        for name, is_accepting in accepting.items():
            if not is_accepting:
                yield f"{name} cannot accept connections"
        silence = self._services.store_thread.hangs_for
        if silence:
            yield f"the store has not answered for {silence:.0f} s"
        if self._services.store.trouble is not None:
            yield f"the store cannot be written: {clean(self._services.store.trouble)}"
        if self._services.disk.is_short:
            yield f"the disk of the store is nearly full: {self._services.disk.free} bytes are free"
        yield from map(clean, self._services.published.unsettled_migrations[:MAX_NAMED])
        yield from map(clean, self._services.published.silent_routers[:MAX_NAMED])
        published = self._services.published
        for trouble in filter(None, (published.slicer_trouble, published.tokens_trouble)):
            yield clean(trouble)
        yield from troubles(self._services.supervisor.records(), self._services.clock())
        for name in self._services.supervisor.failing():
            yield f"{name} failed a moment ago: see the log"


def _first(dpids: Iterable[int]) -> tuple[str, ...]:
    """Return some of ``dpids``: strangers can make any number."""
    return tuple(map(dpid_to_text, sorted(dpids)[:MAX_NAMED]))


def _tokens(path: str | None) -> Tokens | None:
    return load_tokens(Path(path)) if path else None
