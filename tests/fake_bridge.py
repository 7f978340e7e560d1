"""A Xen host in this process: the bridge's own services over a hypervisor in memory.

What is asked and answered is written as messages and read again, so the schema has its say. No
time passes, nothing is sent; sysfs is made for it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import fake_sysfs
from fake_migration import FakeMover
from fake_runtime import FakeRuntime
from xen_bridge.dom0.allowed_paths import AllowedPaths, allowed_path
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.dom0.sysfs_devices import SysfsDevices
from xen_bridge.errors import (
    BridgeError,
    PeerAway,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.gatherers.ifconfig import IfconfigGatherer
from xen_bridge.gatherers.latency import check_neighbors
from xen_bridge.gatherers.measures import Gatherer, MeasuresGatherer
from xen_bridge.gatherers.memory import MemoryGatherer
from xen_bridge.gatherers.rounds import rounds
from xen_bridge.gatherers.summary import HostSummary, RouterSummary
from xen_bridge.gatherers.xentop import xentop_source
from xen_bridge.handlers import device_handlers, domain_handlers
from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.constants import NUD_REACHABLE
from xen_bridge.netlink.links import KernelLink, LinkCounters
from xen_bridge.netlink.neighbors import KernelNeighbor
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol import messages
from xen_bridge.protocol.documents import measures
from xen_bridge.protocol.documents.dead_times import DeadTimesAnswer, GetDeadTimes
from xen_bridge.protocol.documents.neighborhood import (
    GetScanProgress,
    Neighborhood,
    ScanProgress,
)
from xen_bridge.protocol.documents.planes import ListPlanes, PlaneList, PlaneTunnel, SeparatedPlane
from xen_bridge.protocol.documents.summary import GetSummary
from xen_bridge.protocol.documents.topology import ConsolidatedNode
from xen_bridge.protocol.messages import Message
from xen_bridge.router_handlers import consolidate_handlers
from xen_bridge.runtime.port import Runtime
from xen_bridge.server.request_handler import RequestHandler, RequestHandlers
from xen_bridge.topology.node_consolidate import ElementScan, NodeConsolidate
from xen_bridge.virtual_management import PhysicalHost

NEIGHBOR = "192.0.2.9"
Before = Callable[[Any], None]
"""Called with each request before it is carried out; may raise, and may wait."""


def new_node_pk() -> str:
    """Return the NodePK of a new key."""
    public = Ed25519PrivateKey.generate().public_key()
    info = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(info).decode()


CONTROLLER = new_node_pk()


class FakeNetlink(Netlink):
    """One interface that has carried nothing, one neighbor."""

    def __init__(self) -> None:
        """Open no socket."""

    def links(self) -> list[KernelLink]:
        return [
            KernelLink(
                2, "eth0", 1, 0x1003, bytes(6), 1500, 500, None, None, LinkCounters(*[0] * 21)
            )
        ]

    def addresses(self) -> list[LinkAddress]:
        return []

    def neighbors(self) -> list[KernelNeighbor]:
        return [KernelNeighbor(2, NEIGHBOR, NUD_REACHABLE)]


class FakeLatency:
    """Every neighbor answers in a millisecond."""

    def get_measures(
        self, sampling: measures.LatencySampling, runtime: Runtime
    ) -> measures.LatencyMeasures:
        rtt = measures.RttData(1.0, 1.0, 1.0, 0.0)
        data = measures.NeighborData(sampling.pings, sampling.pings, 0.0, 1, rtt)
        found = check_neighbors(sampling.neighbors) or (NEIGHBOR,)
        neighbors = tuple(measures.IterationNeighbor(ip, data) for ip in found)
        return measures.LatencyMeasures(
            iterations=tuple(
                measures.LatencyIteration(number, at, neighbors)
                for number, at in rounds(sampling.iterations, sampling.interval, runtime)
            )
        )


class FakeBridge:
    """A host and its virtual routers; ``away`` is why it cannot be reached, None if it can."""

    def __init__(self, sysfs: Path, name: str = "a", memory: MemoryHost | None = None) -> None:
        self.node_pk = new_node_pk()
        self.url = f"https://{name}.example:7443"
        self.memory = memory or MemoryWorld().host(name)
        self.physical = PhysicalHost(f"memory:///{name}", self.memory)
        self.sysfs = sysfs if sysfs.joinpath("bus").exists() else fake_sysfs.build(sysfs)
        self.away: str | None = None
        self.before: Before | None = None
        self._instead: Any = None
        self.routers: dict[str, RequestHandlers] = {}
        self.consolidated: dict[str, ConsolidatedNode] = {}
        """What the agents of routers tell of these, by name."""
        self.asked: list[tuple[Any, str | None, float | None]] = []
        self.opened = self.closed = 0
        self.dead_times = DeadTimesAnswer(())
        """Of each of its routers."""
        self.planes: tuple[SeparatedPlane, ...] = ()
        self.tunnels: tuple[PlaneTunnel, ...] = ()
        self.strays: tuple[str, ...] = ()
        self.mover = FakeMover(self.memory)
        self._runtime, self._netlink = FakeRuntime(), FakeNetlink()
        self.scanned = Neighborhood()
        """Who is beside it."""
        self.scan_progress = ScanProgress(0, 0)
        own = ElementScan(self._netlink, lambda _request: self.scanned)
        runtime: Any = self._runtime
        consolidating = NodeConsolidate(self.physical, own, self._ask_agent, runtime)
        xentop = xentop_source(self.memory, self.physical.uri)
        self._services: RequestHandlers = {
            **domain_handlers(self.physical),
            **device_handlers(DeviceManager(self.memory, SysfsDevices(self.sysfs))),
            **self.mover.handlers(),
            ListPlanes: RequestHandler(self._list_planes),
            **consolidate_handlers(consolidating),
            GetScanProgress: RequestHandler(lambda _body: self.scan_progress),
            **self._measuring(
                {"xentop": xentop}, HostSummary(self.memory, self._runtime, self._netlink)
            ),
        }

    def _ask_agent(self, name: str, body: Any, _seconds: float) -> Any:
        if name not in self.consolidated:
            raise SubjectNotFound(f"no agent is known for {name}")
        return self.consolidated[name]

    def _list_planes(self, body: ListPlanes) -> PlaneList:
        """Tell of faults only where they were asked for."""
        told = [one if body.check else replace(one, faults=()) for one in self.planes]
        return PlaneList(tuple(told), self.tunnels, self.strays if body.check else ())

    def _measuring(
        self, more: dict[str, Gatherer], summary: HostSummary | RouterSummary
    ) -> RequestHandlers:
        own: dict[str, Gatherer] = {
            "ifconfig": IfconfigGatherer(self._netlink),
            "latency": FakeLatency(),
            "memory": MemoryGatherer(),
        }
        measuring = MeasuresGatherer(own | more, self._runtime)
        return {
            measures.Measures: RequestHandler(measuring.get_measures),
            GetSummary: RequestHandler(summary.get_summary),
        }

    def add_router(self, name: str) -> None:
        """Have an agent in the domain of that name."""
        self.routers[name] = {
            **self._measuring({}, RouterSummary(self._runtime, self._netlink)),
            GetDeadTimes: RequestHandler(lambda _body: self.dead_times),
        }

    def connect(self, _url: str, node_pk: str) -> FakeConnection:
        """Return a connection for the controller."""
        self.opened += 1
        return FakeConnection(self, node_pk)

    def allow(self, *paths: str) -> None:
        """Have new domains be given nothing else, as ``xen-bridge serve --allow-path`` does."""
        allowed = AllowedPaths(map(allowed_path, paths))
        self._services = {**self._services, **domain_handlers(self.physical, allowed)}

    def answer_with(self, body: Any) -> None:
        """Answer everything with ``body``, as no honest host would."""
        self._instead = body

    def kinds(self) -> list[str]:
        """The requests that arrived, by the names of their forms."""
        return [type(body).__name__ for body, _router, _seconds in self.asked]

    # ---- the other side

    def answer(self, request: Message) -> Message:
        """Return what a node answers, an error too."""
        try:
            if self.before is not None:
                self.before(request.body)
            body = self._instead or self._service(request).carry_out(request.body)
        except BridgeError as error:
            return messages.refusal(self.node_pk, request.application, error)
        return Message(self.node_pk, request.application, body)

    def _service(self, request: Message) -> Any:
        services = self._services
        if request.router is not None:
            if request.router not in self.routers:
                raise SubjectNotFound(f"no agent is known for {request.router}")
            services = self.routers[request.router]
        if type(request.body) not in services:
            raise RequestUnsupported(f"this node has no {type(request.body).__name__}")
        return services[type(request.body)]


class FakeConnection:
    """What a BridgeClient is; it refuses two callers at one time."""

    def __init__(self, bridge: FakeBridge, node_pk: str) -> None:
        self._bridge = bridge
        self._node_pk = node_pk
        self._is_busy = False
        self.is_closed = False

    def ask(self, body: Any, router: str | None = None, seconds: float | None = None) -> Any:
        """Carry a request there and the answer back."""
        if self._is_busy:
            raise RequestConflict("two callers on one connection")
        self._is_busy = True
        try:
            return self._exchanged(body, router, seconds)
        finally:
            self._is_busy = False

    def _exchanged(self, body: Any, router: str | None, seconds: float | None) -> Any:
        bridge = self._bridge
        if bridge.away is not None:
            raise PeerAway(bridge.away)
        if self._node_pk != bridge.node_pk:
            raise PeerAway("has another key than it is registered with")
        sent = messages.write(messages.request(CONTROLLER, body, router))
        bridge.asked.append((body, router, seconds))
        answered = messages.write(bridge.answer(messages.read(sent)))
        return messages.answer_to(body, messages.read(answered, 1 << 26))

    def close(self) -> None:
        """End it."""
        if not self.is_closed:
            self.is_closed = True
            self._bridge.closed += 1
