"""Simulated switches that speak real OpenFlow over TCP: many of them in one loop, no threads.

A :class:`WireNetwork` holds switches and the cables between their ports. Frames that the
controller emits at a cabled port come back as packet-ins of the switch at the other end, if they
are LLDP; others are only counted. There are no flow tables: this measures controllers.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from bench import wire_messages as wire

LLDP = b"\x88\xcc"
End = tuple[int, int]
"""A port of a switch: (dpid, port number)."""


class WireSwitch:
    """One switch and its connection to the controller.

    ``joined_at`` is when it had answered the handshake (monotonic seconds), None before.
    ``on_flow_mod`` (body) and ``on_frame`` (ports, frame) may be set by whoever measures.
    """

    def __init__(self, dpid: int, ports: Iterable[int], version: int = wire.OPENFLOW_13) -> None:
        self.dpid = dpid
        self.version = version
        self.ports = dict.fromkeys(ports, True)
        self.joined_at: float | None = None
        self.flow_mods = 0
        self.packet_outs = 0
        self.on_flow_mod: Callable[[WireSwitch, bytes], None] | None = None
        self.on_frame: Callable[[WireSwitch, list[int], bytes], None] | None = None
        self.socket: socket.socket | None = None
        self.closed = False
        self.waiting: set[WireSwitch] = set()
        """Where the switch puts itself when it has something to send."""
        self._kinds = wire.KINDS[version]
        self._received = b""
        self._output = bytearray()

    def connect(self, address: tuple[str, int], deadline: float) -> None:
        """Connect and say hello; retried until ``deadline`` (monotonic), then ConnectionError."""
        while True:
            try:
                self.socket = socket.create_connection(address, timeout=2)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ConnectionError(f"no controller at {address}") from error
                time.sleep(0.02)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.send(wire.message(self.version, wire.HELLO, 1))

    def close(self) -> None:
        """Close the connection, as a switch that loses its power."""
        self.closed = True
        if self.socket is not None:
            self.socket.close()

    def send(self, data: bytes) -> None:
        """Queue ``data``; :meth:`flush` sends it."""
        self._output += data
        self.waiting.add(self)

    def flush(self) -> bool:
        """Send what is queued; tell whether some is left because the controller is slow."""
        if self._output and self.socket is not None:
            try:
                sent = self.socket.send(self._output)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return False
            del self._output[:sent]
        return bool(self._output)

    def set_port(self, number: int, up: bool) -> None:
        """Change a port's state and tell the controller."""
        self.ports[number] = up
        self.send(wire.port_status(self.version, number, up, self.dpid))

    def frame_in(self, in_port: int, data: bytes) -> None:
        """Hand a frame that came in by ``in_port`` to the controller."""
        self.send(wire.packet_in(self.version, in_port, data))

    def receive(self) -> None:
        """Read and answer what the controller sent; the peer's close sets ``closed``."""
        if self.socket is None:
            return
        try:
            chunk = self.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return
        self._consume(self._received + chunk if self._received else chunk)

    def _consume(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 8:
            size = data[at + 2] << 8 | data[at + 3]
            if size < 8 or end - at < size:
                break
            self._handle(data[at + 1], data[at + 4 : at + 8], data[at + 8 : at + size])
            at += size
        self._received = data[at:]

    def _handle(self, kind: int, xid_bytes: bytes, body: bytes) -> None:
        if kind == wire.FLOW_MOD:
            self.flow_mods += 1
            if self.on_flow_mod is not None:
                self.on_flow_mod(self, body)
        elif kind == wire.PACKET_OUT:
            self.packet_outs += 1
            if self.on_frame is not None:
                self.on_frame(self, *wire.packet_out(self.version, body))
        else:
            self._answer(kind, int.from_bytes(xid_bytes, "big"), body)

    def _answer(self, kind: int, xid: int, body: bytes) -> None:
        version, kinds = self.version, self._kinds
        if kind == wire.ECHO_REQUEST:
            self.send(wire.message(version, wire.ECHO_REPLY, xid, body))
        elif kind == wire.FEATURES_REQUEST:
            self.send(wire.features_reply(version, xid, self.dpid, self.ports))
            if version == wire.OPENFLOW_10:
                self._joined()
        elif kind == wire.GET_CONFIG_REQUEST:
            self.send(wire.message(version, wire.GET_CONFIG_REPLY, xid, b"\0\0\xff\xff"))
        elif kind == kinds.barrier_request:
            self.send(wire.message(version, kinds.barrier_reply, xid))
        elif kind == kinds.stats_request:
            asked = body[0] << 8 | body[1]
            answer = wire.stats_body(version, asked, self.dpid, self.ports)
            self.send(wire.stats_reply(version, xid, asked, answer))
            if asked == wire.STATS_PORT_DESC:
                self._joined()
        elif kind == kinds.role_request:
            self.send(wire.message(version, kinds.role_request + 1, xid, body))

    def _joined(self) -> None:
        if self.joined_at is None:
            self.joined_at = time.monotonic()


class WireNetwork:
    """Switches, the cables between them, and the loop that moves their bytes."""

    def __init__(self, switches: Iterable[WireSwitch], cables: Mapping[End, End]) -> None:
        """``cables`` maps each end to the other, in both directions."""
        self.switches = {switch.dpid: switch for switch in switches}
        self.cables = dict(cables)
        self.silent: set[End] = set()
        self.probes: Counter[End] = Counter()
        """LLDP frames that the controller emitted, by port."""
        self._selector = selectors.DefaultSelector()
        self._waiting: set[WireSwitch] = set()
        self._slow: set[WireSwitch] = set()

    def connect(self, address: tuple[str, int], deadline: float, loop_lldp: bool = True) -> None:
        """Connect every switch, serving those already connected meanwhile."""
        for switch in self.switches.values():
            switch.waiting = self._waiting
            if loop_lldp:
                switch.on_frame = self._frame_out
            switch.connect(address, deadline)
            if switch.socket is not None:
                self._selector.register(switch.socket, selectors.EVENT_READ, switch)
            self.step(0)

    def close(self) -> None:
        """Close all connections."""
        for switch in self.switches.values():
            switch.close()
        self._selector.close()

    def run(self, until: Callable[[], bool], deadline: float) -> bool:
        """Serve until the condition holds (True) or the monotonic ``deadline`` passes (False)."""
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.step(min(left, 0.01))
        return True

    def run_for(self, seconds: float) -> None:
        """Serve for a while."""
        self.run(lambda: False, time.monotonic() + seconds)

    def joined(self) -> bool:
        """Tell whether every switch has answered the handshake."""
        return all(switch.joined_at is not None for switch in self.switches.values())

    def last_join(self) -> float:
        """Return when the last switch had joined (monotonic); 0 when none has."""
        return max(switch.joined_at or 0.0 for switch in self.switches.values())

    def cut(self, end: End) -> None:
        """Take both ports of a cable down and tell the controller."""
        for dpid, number in (end, self.cables[end]):
            self.switches[dpid].set_port(number, False)
        self.silence(end)

    def silence(self, end: End) -> None:
        """Lose every frame of a cable, both ways, and tell nobody."""
        self.silent.update((end, self.cables[end]))

    def step(self, timeout: float) -> None:
        """Send what is queued, wait up to ``timeout`` seconds for bytes, and serve once."""
        self._flush()
        for key, events in self._selector.select(timeout):
            switch: WireSwitch = key.data
            if events & selectors.EVENT_WRITE:
                self._waiting.add(switch)
            if events & selectors.EVENT_READ:
                switch.receive()
                if switch.closed:
                    self._selector.unregister(key.fileobj)
        self._flush()

    def _flush(self) -> None:
        while self._waiting:
            switch = self._waiting.pop()
            slow = switch.flush()
            if not switch.closed and slow != (switch in self._slow):
                self._ask_for_room(switch, slow)

    def _ask_for_room(self, switch: WireSwitch, slow: bool) -> None:
        (self._slow.add if slow else self._slow.discard)(switch)
        if switch.socket is not None:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if slow else 0)
            self._selector.modify(switch.socket, events, switch)

    def _frame_out(self, switch: WireSwitch, ports: list[int], data: bytes) -> None:
        if data[12:14] != LLDP:
            return
        for number in ports:
            end = (switch.dpid, number)
            self.probes[end] += 1
            other = self.cables.get(end)
            if other is not None and end not in self.silent:
                peer = self.switches[other[0]]
                if not peer.closed:
                    peer.frame_in(other[1], data)
