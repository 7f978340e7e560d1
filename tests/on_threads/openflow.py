"""The controller's side of OpenFlow and of flows without Ryu, on a runtime that is given."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection
from types import MappingProxyType
from typing import Any

from fuzz.wire import OF10, OF13
from horizon_ryu.core.flows.planner import FlowLimits, FlowPlanner
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyView
from horizon_ryu.flows.assembly import FlowParts, Foundation, assemble
from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.connection import SwitchConnection
from horizon_ryu.openflow.context import ConnectionContext
from horizon_ryu.openflow.counters import ConnectionCounters
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline, PacketInVerdict
from horizon_ryu.openflow.peer_log import PeerLog
from horizon_ryu.openflow.registry import SwitchRegistry
from horizon_ryu.openflow.server import GuardedServer
from horizon_ryu.openflow.transport import Transport
from horizon_ryu.settings import FlowManagerOptions, FlowMigrationOptions
from horizon_ryu.store import Store
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.messages import Outgoing, Output, PacketIn, PacketOut
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.session import SessionLimits, SwitchSession, VersionOffer
from unit.session.sessions import answer, ports
from xen_bridge.runtime.port import Runtime
from xen_bridge.serving.room import Place

EDGE = 90


class NobodyLooks:
    """An observer of connections with nothing to do."""

    def negotiated(self, hello: bytes) -> None: ...
    def identified(self, features: bytes) -> None: ...
    def ready(self) -> None: ...
    def received(self, message: bytes) -> None: ...
    def gone(self) -> None: ...

    def wants_packet_ins(self) -> bool:
        return False


class Controller:
    """Server, connections, registry, and a pipeline that sends every frame back."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.registry = SwitchRegistry(runtime)
        self.counters = ConnectionCounters()
        pipeline = PacketInPipeline(self.registry.send, self.counters)
        pipeline.register(1, self._send_back)
        self._context = ConnectionContext(pipeline, self.registry, runtime, self.counters)
        self._admission = ConnectionAdmission(self._context.limits)
        self._log = PeerLog(logging.getLogger("trial"))
        where = ("127.0.0.1", 0)
        self._server = GuardedServer(
            self._context, self._admission, self._log, where, self._converse
        )
        self.port = self._server.port
        self._serving = runtime.spawn(self._server.serve_forever, connection=self._server.server)

    def close(self) -> None:
        """Accept no more, and end all connections."""
        self._serving.kill()
        for dpid in self.registry.connected_switches():
            self.registry.disconnect(dpid, "the trial is over")

    def _converse(self, socket: Any, address: Any, place: Place) -> None:
        socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        socket.settimeout(5.0)
        observer = NobodyLooks()
        SwitchConnection(
            socket,
            address,
            self._context,
            self._admission,
            self._log,
            lambda _connection: observer,
            lambda _connection: place.busy(),
        ).serve()

    def _send_back(self, frame: PacketIn, _now: float) -> PacketInVerdict:
        out = PacketOut((Output(frame.in_port),), frame.data, frame.in_port)
        return PacketInVerdict(True, (Outgoing(frame.dpid, out),))


class EmulatedSwitch:
    """A switch that shakes hands, answers barriers while it is told to, and counts what comes."""

    def __init__(self, runtime: Runtime, port: int, dpid: int) -> None:
        self.is_silent = False
        self.frames = 0
        self.flow_mods = 0
        limits = SessionLimits(offer=VersionOffer(frozenset({OF13})))
        self.session = SwitchSession(partial(self.features, dpid), runtime.now(), limits)
        native = create_connection(("127.0.0.1", port), timeout=30)
        native.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self.transport = Transport(runtime, runtime.adopt(native), 1 << 20, self.close, self.close)
        self.transport.write(self.session.take_output())
        self.task = runtime.spawn(self.transport.serve, self._take, self.session, connection=native)

    @staticmethod
    def features(dpid: int, _codec: Codec) -> FeaturesReply13:
        """Return what the switch ``dpid`` says of itself."""
        return FeaturesReply13(dpid, 0, 1, 0, 0)

    def close(self) -> None:
        """Hang up."""
        self.session.close()
        self.transport.close()

    def _take(self, chunk: bytes) -> None:
        for _, message in self.session.receive(chunk):
            self._handle(message)
        self.transport.write(self.session.take_output())

    def _handle(self, message: bytes) -> None:
        kind = message[:2]
        if kind == bytes([OF13, 18]):
            self.session.say(answer(message, ports()))
        elif kind in (bytes([OF13, 20]), bytes([OF10, 18])) and not self.is_silent:
            self.session.say(message[:1] + bytes([message[1] + 1]) + message[2:])
        elif kind == bytes([OF13, 13]):
            self.frames += 1
        elif kind == bytes([OF13, 14]):
            self.flow_mods += 1


def line_of(dpids: range) -> TopologyView:
    """Return switches in a row: each reaches the next by port 2, the one before by port 1."""
    links: dict[PortRef, Link] = {}
    for one, other in pairwise(dpids):
        for src, dst in (
            (PortRef(one, 2), PortRef(other, 1)),
            (PortRef(other, 1), PortRef(one, 2)),
        ):
            links[src] = Link(src, dst)
    switches = {dpid: Switch(dpid, f"192.0.2.{dpid}:1", OF13, _own_ports()) for dpid in dpids}
    return TopologyView(1, switches, links, {})


def _own_ports() -> Mapping[int, Port]:
    mac = bytes((2, 0, 0, 0, 0, 9))
    return MappingProxyType({no: Port(no, f"p{no}", mac, True) for no in (1, 2, EDGE)})


class Nothing:
    """An event log that nobody reads."""

    def publish(self, kind: str, data: Mapping[str, Any]) -> None: ...


def flow_manager(controller: Controller, view: TopologyView, folder: Path) -> FlowParts:
    """Return the Flow Manager's parts over the switches of ``controller``."""
    runtime, registry = controller.runtime, FlowRegistry()
    beneath = Foundation(
        registry=registry,
        planner=FlowPlanner(
            registry, lambda: view, FlowLimits((3000, 4094), 1000), partial(secrets.randbits, 32)
        ),
        switches=controller.registry,
        connected=lambda: controller.registry.connected_switches().keys(),
        store=Store(f"sqlite:///{folder / 'flows.sqlite'}"),
        events=Nothing(),
        supervisor=Supervisor(runtime, runtime.now, lambda _name: None),
        runtime=runtime,
        clock=runtime.now,
        told_vain=lambda _dpids: None,
    )
    return assemble(beneath, FlowManagerOptions(deadline=10.0), FlowMigrationOptions(drain=0.01))
