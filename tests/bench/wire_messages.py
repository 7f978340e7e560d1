"""The bytes a switch sends, OpenFlow 1.0 (wire version 1) and 1.3 (4), and no library's code.

Written from the specifications so that neither Ryu's codec nor ours judges itself.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

OPENFLOW_10 = 1
OPENFLOW_13 = 4
NO_BUFFER = 0xFFFFFFFF

HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY = 0, 1, 2, 3
FEATURES_REQUEST, FEATURES_REPLY = 5, 6
GET_CONFIG_REQUEST, GET_CONFIG_REPLY = 7, 8
PACKET_IN, PORT_STATUS, PACKET_OUT, FLOW_MOD = 10, 12, 13, 14


class Kinds(NamedTuple):
    """The message types whose numbers differ between the versions."""

    stats_request: int
    stats_reply: int
    barrier_request: int
    barrier_reply: int
    role_request: int


KINDS = {OPENFLOW_10: Kinds(16, 17, 18, 19, -1), OPENFLOW_13: Kinds(18, 19, 20, 21, 24)}

STATS_DESC = 0
STATS_AGGREGATE = 2
STATS_PORT_DESC = 13

_HEADER = struct.Struct("!BBHI")
_PORT_10 = struct.Struct("!H6s16sIIIIII")
_PORT_13 = struct.Struct("!I4x6s2x16sIIIIIIII")
_LINK_DOWN = 1
_10GB_10 = 1 << 6
_10GB_13 = 1 << 6
_KBPS = 10_000_000


def message(version: int, kind: int, xid: int, body: bytes = b"") -> bytes:
    """Return one whole message."""
    return _HEADER.pack(version, kind, 8 + len(body), xid) + body


def port(version: int, number: int, up: bool, dpid: int) -> bytes:
    """Return the description of a 10 Gbit/s port whose MAC is made of ``dpid`` and ``number``."""
    mac = b"\x0e" + (dpid & 0xFFFFFF).to_bytes(3, "big") + number.to_bytes(2, "big")
    name = f"p{number}".encode().ljust(16, b"\0")
    state = 0 if up else _LINK_DOWN
    if version == OPENFLOW_10:
        return _PORT_10.pack(number, mac, name, 0, state, _10GB_10, 0, 0, 0)
    return _PORT_13.pack(number, mac, name, 0, state, _10GB_13, 0, 0, 0, _KBPS, _KBPS)


def features_reply(version: int, xid: int, dpid: int, ports: Mapping[int, bool]) -> bytes:
    """Return what the switch is; on 1.0 with its ports (number: up)."""
    if version == OPENFLOW_10:
        body = struct.pack("!QIB3xII", dpid, 256, 1, 0x87, 0xFFF)
        body += b"".join(port(version, number, up, dpid) for number, up in ports.items())
    else:
        body = struct.pack("!QIBB2xII", dpid, 256, 254, 0, 0x4F, 0)
    return message(version, FEATURES_REPLY, xid, body)


def stats_reply(version: int, xid: int, kind: int, body: bytes) -> bytes:
    """Return a statistics (multipart) reply of one piece."""
    pad = b"" if version == OPENFLOW_10 else bytes(4)
    head = struct.pack("!HH", kind, 0) + pad
    return message(version, KINDS[version].stats_reply, xid, head + body)


def stats_body(version: int, kind: int, dpid: int, ports: Mapping[int, bool]) -> bytes:
    """Return what a switch without flow entries says: description, ports, or an empty list."""
    if kind == STATS_DESC:
        texts = [b"Horizon bench", b"simulated", b"1", b"0"]
        sizes = [256, 256, 256, 32]
        text = b"".join(t.ljust(n, b"\0") for t, n in zip(texts, sizes, strict=True))
        return text + f"s{dpid}".encode().ljust(256, b"\0")
    if kind == STATS_AGGREGATE:
        return bytes(24)
    if kind == STATS_PORT_DESC and version == OPENFLOW_13:
        return b"".join(port(version, number, up, dpid) for number, up in ports.items())
    return b""


def port_status(version: int, number: int, up: bool, dpid: int) -> bytes:
    """Return the notice that a port changed (reason: modify)."""
    return message(version, PORT_STATUS, 0, b"\x02" + bytes(7) + port(version, number, up, dpid))


def packet_in(version: int, in_port: int, data: bytes) -> bytes:
    """Return an unbuffered frame for the controller (reason: action)."""
    if version == OPENFLOW_10:
        body = struct.pack("!IHHBx", NO_BUFFER, len(data), in_port, 1)
    else:
        body = struct.pack("!IHBBQ", NO_BUFFER, len(data), 1, 0, 0)
        body += struct.pack("!HHII4x2x", 1, 12, 0x80000004, in_port)
    return message(version, PACKET_IN, 0, body + data)


def packet_out(version: int, body: bytes) -> tuple[list[int], bytes]:
    """Return the ports that a packet-out's body sends to, and the frame."""
    if version == OPENFLOW_10:
        (length,) = struct.unpack_from("!H", body, 6)
        start, port_format = 8, "!H"
    else:
        (length,) = struct.unpack_from("!H", body, 8)
        start, port_format = 16, "!I"
    ports = []
    at, end = start, start + length
    while at < end:
        kind, size = struct.unpack_from("!HH", body, at)
        if kind == 0:
            ports.append(struct.unpack_from(port_format, body, at + 4)[0])
        at += max(size, 8)
    return ports, body[end:]
