"""Load carrier: a switch on a real socket for benchmarks, one of many in one loop.

Flow-mods and packet-outs are counted and reach no table: this measures controllers.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.of10.statistics import StatsRequest
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.symmetric import BarrierRequest
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_10, OPENFLOW_13
from virtual_switch.dialect import SwitchTexts
from virtual_switch.effects import Effects
from virtual_switch.hot_messages import read_packet_out
from virtual_switch.switch import VirtualSwitch

_10GB_KBPS = 10_000_000
_CHUNK = 262_144
_HEAD = struct.Struct("!BBHIHH")
_TEXTS = SwitchTexts("Horizon bench", "simulated")
_FLOW_MOD, _PACKET_OUT = int(OFPT.FLOW_MOD), int(OFPT.PACKET_OUT)
_ECHO_REQUEST, _FEATURES_REQUEST = int(OFPT.ECHO_REQUEST), int(OFPT.FEATURES_REQUEST)


class LoadSwitch:
    """One switch and its connection to the controller.

    ``joined_at`` is when it had answered the handshake (monotonic seconds), None before.
    ``on_flow_mod`` (message) and ``on_frame`` (ports, frame) may be set by whoever measures.
    ``prepared`` has whole answers, by the type of the statistics asked for: nothing is looked up
    for them.
    """

    def __init__(self, dpid: int, ports: Iterable[int], version: int = OPENFLOW_13) -> None:
        self.dpid = dpid
        self.version = version
        self.switch = VirtualSwitch(dpid, version, buffers=256, texts=_TEXTS)
        for number in ports:
            self.switch.datapath.ports.add(number, True, _10GB_KBPS, f"p{number}")
        self.joined_at: float | None = None
        self.flow_mods = 0
        self.packet_outs = 0
        self.on_flow_mod: Callable[[LoadSwitch, bytes], None] | None = None
        self.on_frame: Callable[[LoadSwitch, list[int], bytes], None] | None = None
        self.prepared: dict[int, Sequence[bytes]] = {}
        self.socket: socket.socket | None = None
        self.closed = False
        self.waiting: set[LoadSwitch] = set()
        """Where the switch puts itself when it has something to send."""
        kinds = {made: kind for kind, made in codec_of(version).messages.classes().items()}
        self._barrier = kinds[BarrierRequest]
        self._stats_request = kinds[StatsRequest if version == OPENFLOW_10 else MultipartRequest]
        self._received = b""
        self._output = bytearray()

    # ---- the connection

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
        self._obey(self.switch.connect())

    def close(self) -> None:
        """Close the connection, as a switch that loses its power."""
        self.closed = True
        if self.socket is not None:
            self.socket.close()

    def send(self, data: bytes) -> None:
        """Queue ``data``; :meth:`flush` sends it."""
        self._output += data
        self.waiting.add(self)

    def _obey(self, effects: Effects) -> None:
        """Send what comes of an input."""
        for message in effects.messages:
            self.send(message)
        if effects.closes:
            self.close()

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

    # ---- what happens to it

    def set_port(self, number: int, up: bool) -> None:
        """Change a port's carrier and tell the controller."""
        self._obey(self.switch.set_carrier(number, up))

    def packet_in(self, in_port: int, frame: bytes) -> bytes:
        """Return the message that hands a frame to the controller."""
        return self.switch.packet_ins.by_action(in_port, frame)

    def frame_in(self, in_port: int, frame: bytes) -> None:
        """Hand a frame that came in by ``in_port`` to the controller."""
        self.send(self.packet_in(in_port, frame))

    def receive(self) -> None:
        """Read and answer what the controller sent; the peer's close sets ``closed``."""
        if self.socket is None:
            return
        try:
            chunk = self.socket.recv(_CHUNK)
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
        while end - at >= HEADER_SIZE:
            size = data[at + 2] << 8 | data[at + 3]
            if size < HEADER_SIZE or end - at < size:
                break
            self._take(data[at : at + size])
            at += size
        self._received = data[at:]

    def _take(self, message: bytes) -> None:
        kind = message[1]
        if kind == _FLOW_MOD:
            self.flow_mods += 1
            if self.on_flow_mod is not None:
                self.on_flow_mod(self, message)
        elif kind == _PACKET_OUT:
            self.packet_outs += 1
            if self.on_frame is not None:
                self.on_frame(self, *read_packet_out(message))
        else:
            self.answer(message)

    def answer(self, message: bytes) -> None:
        """Answer a message other than flow-mods and packet-outs."""
        kind = message[1]
        if kind in (_ECHO_REQUEST, self._barrier):
            # Of both the reply has the type that follows, and all else of the request.
            self.send(message[:1] + bytes((kind + 1,)) + message[2:])
            return
        asked = message[8] << 8 | message[9] if kind == self._stats_request else None
        if asked in self.prepared:
            for piece in self.prepared[asked]:
                self.send(piece[:4] + message[4:8] + piece[8:])
        else:
            self._obey(self.switch.handle(message, time.monotonic()))
        old = self.version == OPENFLOW_10
        if kind == _FEATURES_REQUEST if old else asked == OFPMP.PORT_DESC:
            self._joined()

    def prepare(self, stats: int, bodies: Sequence[bytes]) -> None:
        """Have a request for statistics answered with these bodies, one in each piece."""
        kind, body_at = self._stats_request + 1, BODY_AT[self.version]
        made = []
        for place, body in enumerate(bodies, 1):
            more = int(place < len(bodies))
            head = _HEAD.pack(self.version, kind, body_at + len(body), 0, stats, more)
            made.append(head.ljust(body_at, b"\0") + body)
        self.prepared[stats] = made

    def _joined(self) -> None:
        if self.joined_at is None:
            self.joined_at = time.monotonic()
