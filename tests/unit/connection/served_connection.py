"""A connection of ours, served by a task, and the far end of its socket in the hands of a test."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fuzz.wire import OF10, OF13, features10, features13, hello
from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.connection import SwitchConnection
from horizon_ryu.openflow.context import ConnectionContext, ConnectionLimits
from horizon_ryu.openflow.counters import ConnectionCounters
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline, PacketInVerdict
from horizon_ryu.openflow.peer_log import PeerLog
from horizon_ryu.wire.messages import PacketIn
from unit.session.sessions import DPID, answer, messages, ports
from xen_bridge.runtime.green import GreenRuntime

SECONDS = 30.0
RUNTIME = GreenRuntime()


class ConnectionWitness:
    """The observer and the registry of a connection, and a handler of its frames."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.messages: list[bytes] = []
        self.frames: list[PacketIn] = []
        self.takes_frames = True
        self.wants_frames = False
        self.breaks: set[str] = set()

    def _note(self, what: str) -> None:
        self.told.append(what)
        if what in self.breaks:
            raise ValueError(what)

    def connected(self, connection: Any) -> None:
        self._note(f"registry: {connection.id:x} connected")

    def disconnected(self, connection: Any) -> None:
        self._note(f"registry: {connection.id:x} disconnected")

    def negotiated(self, hello: bytes) -> None:
        self._note("negotiated")

    def identified(self, features: bytes) -> None:
        self._note("identified")

    def ready(self) -> None:
        self._note("ready")

    def received(self, message: bytes) -> None:
        self.messages.append(message)
        self._note(f"received {message[1]}")

    def wants_packet_ins(self) -> bool:
        return self.wants_frames

    def gone(self) -> None:
        self._note("gone")

    def frame(self, packet_in: PacketIn, now: float) -> PacketInVerdict:
        self.frames.append(packet_in)
        return PacketInVerdict(self.takes_frames)


class ServedConnection:
    """A connection, served by a task, and the switch's end of its socket."""

    def __init__(
        self,
        limits: ConnectionLimits | None = None,
        admission: ConnectionAdmission | None = None,
        **context: Any,
    ) -> None:
        near, self.far = socket.socketpair()
        self.far.setblocking(False)
        self.witness = ConnectionWitness()
        self.counters = ConnectionCounters()
        self.pipeline = pipeline = PacketInPipeline(lambda messages: None, self.counters)
        pipeline.register(1, self.witness.frame)
        made = ConnectionContext(
            packet_in_pipeline=pipeline,
            registry=self.witness,
            runtime=RUNTIME,
            counters=self.counters,
            limits=limits or ConnectionLimits(),
            **context,
        )
        self.admission = admission or ConnectionAdmission(made.limits)
        log = PeerLog(logging.getLogger("test"))
        adopted = RUNTIME.adopt(near)
        adopted.settimeout(5.0)
        self.connection = SwitchConnection(
            adopted, ("192.0.2.1", 1), made, self.admission, log, lambda connection: self.witness
        )
        self.task = RUNTIME.spawn(self.connection.serve)
        self._data = b""

    def send(self, *data: bytes) -> None:
        self.far.sendall(b"".join(data))

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not in time: {what}; {self.witness.told}"
            RUNTIME.sleep(0.001)

    def expect(self, kind: int) -> bytes:
        """Return the next message of type ``kind``; what comes before it is dropped."""
        found: list[bytes] = []

        def came() -> bool:
            with suppress(BlockingIOError):
                self._data += self.far.recv(65536)
            found.extend(one for one in messages(self._data) if one[1] == kind)
            return bool(found)

        self.until(came, f"a message of type {kind}")
        self._data = b""
        return found[0]

    def shake_hands(self, version: int = OF13, auxiliary: int = 0) -> None:
        self.send(hello(version))
        reply = features10(DPID) if version == OF10 else features13(DPID, auxiliary)
        self.send(answer(self.expect(5), reply))
        if version == OF13 and not auxiliary:
            self.send(answer(self.expect(18), ports()))

    def ready(self, version: int = OF13) -> None:
        self.shake_hands(version)
        self.until(lambda: "ready" in self.witness.told, "ready")

    def wait_closed(self) -> None:
        self.until(lambda: self.task.is_over, "the connection has ended")


def close(*lines: ServedConnection) -> None:
    for line in lines:
        line.far.close()
        line.connection.close()
        line.wait_closed()
