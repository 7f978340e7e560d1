"""The whole API over fakes of what stands behind it, called in-process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from webob import Request, Response

from fake_bridge import CONTROLLER
from fake_xen import FakeXen
from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import Conflict, NotFound, SwitchError
from horizon_ryu.core.flows.what_if import FlowsNow, NetworkCut, Supposed, suppose
from horizon_ryu.core.spanning_tree.forest import Forest, build_forest
from horizon_ryu.core.stats.history import RateHistory
from horizon_ryu.core.stats.rates import Rates
from horizon_ryu.core.stats.samples import SwitchSamples
from horizon_ryu.core.timers import DiscoveryTimers, StatsTimers, TreeTimers, XenTimers
from horizon_ryu.core.topology import Host, Link, Port, PortRef, Switch, TopologyView
from horizon_ryu.http.auth import Tokens
from horizon_ryu.http.event_log import EventLog
from horizon_ryu.http.router import Router
from horizon_ryu.kept_layout import KeptLayout
from horizon_ryu.kept_names import KeptNames
from horizon_ryu.metrics import Metrics
from horizon_ryu.rest import events as events_resource
from horizon_ryu.rest import (
    flows,
    health,
    hosts,
    layout,
    loads,
    migration_directory,
    migrations,
    networks,
    nodes,
    root,
    router_migrations,
    slices,
    spanning_tree,
    stats,
    switch_names,
    topology,
    what_if,
    xen_devices,
    xen_domains,
    xen_hosts,
    xen_measures,
    xen_planes,
    xen_topology,
)
from horizon_ryu.rest.xen_nodes import XenNodes
from horizon_ryu.slices.service import SliceService
from horizon_ryu.switch_stats.node_measures import NodeMeasures, SwitchLoad, node_measures
from horizon_ryu.xen_hosts.topology import HostsTopology
from unit.flows.fabric import Fabric
from unit.rest.fake_engine import FakeEngine, MemorySlices
from unit.stats.test_report import captured
from xen_bridge.runtime.green import GreenRuntime


def _switch(dpid: int, ports: int) -> Switch:
    described = {
        number: Port(number, f"s{dpid}-eth{number}", bytes([2, 0, 0, 0, dpid, number]), True, 10**6)
        for number in range(1, ports + 1)
    }
    return Switch(dpid, f"192.0.2.{dpid}:50000", 1 if dpid == 3 else 4, MappingProxyType(described))


def _cable(one: PortRef, other: PortRef) -> tuple[Link, Link]:
    return Link(one, other), Link(other, one)


def triangle() -> TopologyView:
    """Three switches in a ring, a one-way link from 1 to 2, and a host at each of 1 and 3."""
    links = [
        *_cable(PortRef(1, 1), PortRef(2, 2)),
        *_cable(PortRef(2, 1), PortRef(3, 2)),
        *_cable(PortRef(3, 1), PortRef(1, 2)),
        Link(PortRef(1, 3), PortRef(2, 3)),
    ]
    hosts = [
        Host(bytes.fromhex("0a0000000001"), ("10.0.0.1", "fe80::1"), PortRef(1, 4)),
        Host(bytes.fromhex("0a0000000003"), (), PortRef(3, 4)),
    ]
    return TopologyView(
        7,
        {dpid: _switch(dpid, 4) for dpid in (3, 1, 2)},
        {link.src: link for link in links},
        {host.mac: host for host in hosts},
    )


class FakeDiscovery:
    """Stands for Discovery; ``trouble`` is raised when a virtual network is asked for."""

    def __init__(self) -> None:
        self.current = triangle()
        self.with_tree = True
        self.trouble: SwitchError | None = None
        self.asked: list[NetworkDefinition] = []
        self.away: set[int] = set()
        self.silent: dict[int, tuple[str, ...]] = {}
        self._timers = DiscoveryTimers()
        self.pinned: dict[bytes, Host] = {}

    def pins(self) -> dict[bytes, Host]:
        return self.pinned

    def pin_host(self, pinned: Host) -> None:
        self.pinned[pinned.key] = pinned

    def unpin_host(self, key: bytes) -> None:
        if self.pinned.pop(key, None) is None:
            raise NotFound("no host of that address is pinned")

    def forget_host(self, key: bytes) -> None:
        if key in self.pinned:
            raise Conflict("the host is pinned; take away the pin first")
        if key not in self.current.hosts:
            raise NotFound("no host of that address is known")
        left = {other: host for other, host in self.current.hosts.items() if other != key}
        self.current = replace(self.current, hosts=left)

    def view(self) -> TopologyView:
        return self.current

    def forest(self) -> Forest | None:
        return build_forest(self.current) if self.with_tree else None

    def unanswered(self, dpid: int) -> tuple[str, ...]:
        return self.silent.get(dpid, ())

    def is_connected(self, dpid: int) -> bool:
        return dpid not in self.away

    def network_view(self, definition: NetworkDefinition) -> TopologyView:
        self.asked.append(definition)
        if self.trouble is not None:
            raise self.trouble
        chosen = {dpid: switch for dpid, switch in self.current.switches.items() if dpid != 3}
        inside = {
            src: link
            for src, link in self.current.links.items()
            if link.src.dpid in chosen and link.dst.dpid in chosen
        }
        return TopologyView(7, chosen, inside, {})

    changing = nullcontext()

    def timers(self) -> DiscoveryTimers:
        return self._timers

    def set_timers(self, timers: DiscoveryTimers) -> None:
        self._timers = timers


class FakeTree:
    """Stands for Spanning Tree."""

    def __init__(self, discovery: FakeDiscovery) -> None:
        self._discovery = discovery
        self._timers = TreeTimers()

    def forest(self) -> Forest:
        return build_forest(self._discovery.current)

    def settled(self) -> bool:
        return True

    changing = nullcontext()

    def timers(self) -> TreeTimers:
        return self._timers

    def set_timers(self, timers: TreeTimers) -> None:
        self._timers = timers


class MemoryNetworks:
    """Stands for the store."""

    def __init__(self) -> None:
        self._networks: dict[str, NetworkDefinition] = {}

    def networks(self) -> Mapping[str, NetworkDefinition]:
        return self._networks

    def network(self, name: str) -> NetworkDefinition:
        if name not in self._networks:
            raise NotFound(f"no network named {name}")
        return self._networks[name]

    def add_network(self, name: str, definition: NetworkDefinition) -> None:
        if name in self._networks:
            raise Conflict(f"a network named {name} exists already")
        self._networks[name] = definition

    def delete_network(self, name: str) -> None:
        self.network(name)
        del self._networks[name]


class MemorySettings:
    """Stands for the store's settings."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get_setting(self, name: str) -> Any:
        return self.values.get(name)

    def set_setting(self, name: str, value: Any) -> None:
        self.values[name] = value


class MemoryLayout:
    """Stands for the store's positions."""

    def __init__(self) -> None:
        self.rows: dict[str, Mapping[str, Any]] = {}

    def layout(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.rows.values())

    def put_layout(self, rows: tuple[Mapping[str, Any], ...], gone: tuple[str, ...]) -> None:
        for node in gone:
            self.rows.pop(node, None)
        self.rows |= {row["node"]: row for row in rows}


class FakeLoads:
    """Stands for Stats' rates."""

    def __init__(self) -> None:
        self.kept = RateHistory(100)
        self.kept.record(1, 999.0, {1: Rates(1.0, 2.0, None)})

    def history(self) -> RateHistory:
        return self.kept

    def view(self) -> TopologyView:
        return triangle()

    def now(self) -> float:
        return 1000.0


class FakeWhatIf:
    """Stands for the Flow Manager, without flows."""

    def suppose(self, cut: NetworkCut) -> Supposed:
        return suppose(triangle(), cut, FlowsNow((), (4000, 4010), tuple))

    def forest(self) -> Forest:
        return build_forest(triangle())


class FakeHealth:
    """Stands for the controller."""

    def health(self) -> health.Health:
        return health.Health(status="ok", version="0", uptime=1.5, switches=3, hub_lag=0.0)


class FakeStats:
    """Stands for Stats, with what a real Open vSwitch answered."""

    def __init__(self) -> None:
        self.samples = {switch.dpid: switch for switch in (captured(4),)}
        self._timers = StatsTimers()

    def switches(self) -> Mapping[int, SwitchSamples]:
        return self.samples

    def now(self) -> float:
        return 103.0

    def rest(self) -> None:
        """Nobody waits."""

    changing = nullcontext()

    def timers(self) -> StatsTimers:
        return self._timers

    def set_timers(self, timers: StatsTimers) -> None:
        self._timers = timers

    def nodes(self) -> Iterable[int]:
        return self.samples

    def measures(self, dpid: int) -> NodeMeasures:
        if dpid not in self.samples:
            raise NotFound("no such switch")
        return node_measures(self.samples[dpid], triangle(), SwitchLoad(1.5, None))


class FakeXenTimers:
    """Stands for the application, which would keep them too."""

    def __init__(self, xen: FakeXen) -> None:
        self._xen = xen

    changing = nullcontext()

    def timers(self) -> XenTimers:
        return self._xen.hosts.timers

    def set_timers(self, timers: XenTimers) -> None:
        self._xen.hosts.timers = timers


class Client:
    """Calls the API over fakes as an HTTP client would; ``ask`` takes any method.

    ``xen`` has no host until it is given one; ``folder`` is for the sysfs of those.
    """

    def __init__(self, tokens: Tokens | None = None, folder: Path = Path("nowhere")) -> None:
        self.discovery = FakeDiscovery()
        self.tree = FakeTree(self.discovery)
        self.networks = MemoryNetworks()
        self.metrics = Metrics()
        self.events = EventLog(GreenRuntime())
        self.names = KeptNames(MemorySettings(), self.events.publish, nullcontext())
        self.layout = KeptLayout(MemoryLayout(), self.events.publish, nullcontext())
        self.router = Router(tokens, self.metrics.request, switches=self.names.dpid)
        self.router.add(root.resources(self.router))
        self.router.add(health.resources(FakeHealth(), self.metrics, GreenRuntime().checkpoint))
        self.router.add(events_resource.resources(self.events, GreenRuntime()))
        self.router.add(switch_names.resources(self.names))
        self.router.add(layout.resources(self.layout))
        self.router.add(topology.resources(self.discovery, self.networks))
        self.router.add(hosts.resources(self.discovery))
        self.router.add(spanning_tree.resources(self.tree))
        self.router.add(networks.resources(self.networks))
        self.stats = FakeStats()
        self.router.add(loads.resources(FakeLoads()))
        self.router.add(stats.resources(self.stats))
        self.nodes = nodes.NodeDirectory()
        nodes.offer(self, nodes.SwitchNodes(self.stats))
        self.fabric = Fabric([(1, 2), (2, 3), (3, 1), (3, 4)])
        self.router.add(flows.resources(self.fabric.service))
        self.router.add(what_if.resources(FakeWhatIf()))
        self.router.add(migrations.resources(lambda: self.fabric.migrations))
        self.migrations = migration_directory.MigrationDirectory()
        migration_directory.offer(
            self, migrations.FlowMigrationReader(lambda: self.fabric.migrations)
        )
        self.xen = FakeXen(folder)
        for module in (xen_hosts, xen_domains, xen_measures, xen_devices):
            self.router.add(module.resources(self.xen.hosts))
        self.router.add(router_migrations.resources(self.xen.migrations))
        last_pause = self.xen.migrations.last_pause_s
        self.router.add(xen_planes.resources(self.xen.hosts, last_pause))
        migration_directory.offer(
            self, router_migrations.RouterMigrationReader(self.xen.migrations)
        )
        self.router.add(xen_hosts.identity_resources(CONTROLLER))
        self.xen_timers = FakeXenTimers(self.xen)
        self.router.add(xen_hosts.timer_resources(self.xen_timers))
        whole = HostsTopology(self.xen.hosts, GreenRuntime(), lambda: self.xen.now)
        self.router.add(xen_topology.resources(whole))
        nodes.offer(self, XenNodes(self.xen.hosts))
        self.slice_store, self.engine = MemorySlices(), FakeEngine()
        publish = self.events.publish
        self.slices = SliceService(self.slice_store, self.engine, publish, GreenRuntime())
        self.router.add(slices.resources(self.slices))

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request; ``body`` is sent as it is if bytes, else as JSON."""
        request = Request.blank(path, method=method, headers=dict(headers or {}))
        if body is not None:
            request.body = body if isinstance(body, bytes) else json.dumps(body).encode()
            if "Content-Type" not in request.headers:
                request.headers["Content-Type"] = "application/json"
        return request.get_response(self.router)

    def get(self, path: str, accept: str | None = None) -> Response:
        """Read ``path``."""
        return self.ask("GET", path, headers={"Accept": accept} if accept else None)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """An open API."""
    return Client(folder=tmp_path)


@pytest.fixture
def make_client() -> type[Client]:
    """The class itself, for an API that asks for tokens."""
    return Client
