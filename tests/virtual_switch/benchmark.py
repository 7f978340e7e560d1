"""Benchmark switch: says what cbench, the load generator for controllers, says, and no more.

It speaks OpenFlow 1.0, answers Hello, features, echo, configuration, barrier and description, and
leaves all other statistics unanswered. It announces one station at its second port, then reports
frames from ever new ones at its first, and counts the entries and the frames that come in answer.
"""

from __future__ import annotations

import socket
import struct
import time

from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.versions import OPENFLOW_10
from virtual_switch.blocking import Gone

SECONDS = 60.0
_STATS_REQUEST, _STATS_REPLY, _BARRIER_REQUEST, _BARRIER_REPLY, _FLOW_MOD = 16, 17, 18, 19, 14
_PORTS = 4
_BUFFERS = 256
_LLDP = b"\x88\xcc"


def _message(kind: int, xid: int, body: bytes = b"") -> bytes:
    return struct.pack("!BBHI", OPENFLOW_10, kind, 8 + len(body), xid) + body


def _port(number: int) -> bytes:
    name = b"veth%d" % (2 * number - 1)
    return struct.pack(
        "!H6s16s6I", number, bytes((2, 0, 0, 0, 0, number)), name, 0, 0, 0xC0, 0, 0, 0
    )


class BenchmarkSwitch:
    """One fake switch; ``answers`` counts what came for its frames since it was asked last."""

    def __init__(self, port: int, dpid: int, barriers: bool = True) -> None:
        """Connect to the controller at ``port`` of the loopback address and shake hands."""
        self.dpid = dpid
        self.answers = 0
        self.flows = 0
        self._barriers = barriers
        self._link = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._data = b""
        self._macs = 0
        self._link.sendall(_message(OFPT.HELLO, 1))
        self.run_until(lambda kind: kind == OFPT.FEATURES_REQUEST)
        self._announce()

    def _announce(self) -> None:
        """Tell of the station at port 2, by an ARP reply for its own address."""
        address = bytes((192, 168, self.dpid & 0xFF, 40))
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + (self.station + address) * 2
        self._packet_in(2, 0xFFFFFFFF, b"\xff" * 6 + self.station + b"\x08\x06" + arp + bytes(18))

    @property
    def station(self) -> bytes:
        """The MAC address to which all frames go."""
        return bytes((0x80, 0, 0, 0, 0, self.dpid & 0xFF))

    def _packet_in(self, in_port: int, buffer_id: int, frame: bytes) -> None:
        body = struct.pack("!IHHBx", buffer_id, len(frame), in_port, 0) + frame
        self._link.sendall(_message(OFPT.PACKET_IN, 0, body))

    def probe(self, frames: int = 1) -> None:
        """Report ``frames`` frames, each from another station."""
        for _ in range(frames):
            self._macs += 1
            source = struct.pack("<xIB", self._macs, self.dpid & 0xFF)
            header = struct.pack("!BBHHHBBH", 0x45, 0, 50, 0, 0, 64, 255, 0xF72C)
            packet = header + bytes((192, 168, 0, 40, 192, 168, 1, 40)) + bytes(30)
            buffer_id = self._macs % _BUFFERS
            self._packet_in(1, buffer_id, self.station + source + b"\x08\x00" + packet)

    def wait_for_answers(self, count: int, seconds: float = SECONDS) -> None:
        """Serve the controller until ``count`` answers have come; TimeoutError, Gone."""
        self.answers = 0
        self.run_until(lambda _kind: self.answers >= count, seconds)

    def run_until(self, condition, seconds: float = SECONDS) -> None:  # type: ignore[no-untyped-def]
        """Serve until ``condition`` is true of the type of a message just carried out."""
        deadline = time.monotonic() + seconds
        while True:
            while len(self._data) >= 8 and len(self._data) >= (size := self._size()):
                message, self._data = self._data[:size], self._data[size:]
                self._take(message)
                if condition(message[1]):
                    return
            self._link.settimeout(max(deadline - time.monotonic(), 0.001))
            got = self._link.recv(65536)
            if not got:
                raise Gone
            self._data += got

    def _size(self) -> int:
        return int.from_bytes(self._data[2:4], "big")

    def _take(self, message: bytes) -> None:
        kind, xid = message[1], int.from_bytes(message[4:8], "big")
        if kind == OFPT.FEATURES_REQUEST:
            head = struct.pack("!QIB3xII", self.dpid, _BUFFERS, 2, 0, 0x7FF)
            ports = b"".join(_port(number) for number in range(1, _PORTS + 1))
            self._link.sendall(_message(OFPT.FEATURES_REPLY, xid, head + ports))
        elif kind == OFPT.ECHO_REQUEST:
            self._link.sendall(_message(OFPT.ECHO_REPLY, xid))
        elif kind == OFPT.GET_CONFIG_REQUEST:
            self._link.sendall(_message(OFPT.GET_CONFIG_REPLY, xid, bytes(4)))
        elif kind == _BARRIER_REQUEST and self._barriers:
            self._link.sendall(_message(_BARRIER_REPLY, xid))
        elif kind == _STATS_REQUEST and message[8:10] == b"\0\0":
            texts = struct.pack("!256s256s256s32s256s", b"benchmark", b"", b"", b"none", b"none")
            self._link.sendall(_message(_STATS_REPLY, xid, bytes(4) + texts))
        else:
            self._count(kind, message)

    def _count(self, kind: int, message: bytes) -> None:
        if kind == OFPT.PACKET_OUT:
            actions = int.from_bytes(message[14:16], "big")
            self.answers += message[16 + actions :][12:14] != _LLDP
        elif kind == _FLOW_MOD:
            # Command ADD, or MODIFY_STRICT.
            is_counted = message[56:58] in (b"\0\0", b"\0\2")
            self.answers += is_counted
            self.flows += is_counted

    def close(self) -> None:
        """Hang up."""
        self._link.close()
