"""Hot messages: what a load of thousands a second needs, read and written by patching bytes."""

from __future__ import annotations

import struct
from typing import Any

from horizon_ryu.wire.message_table import Envelope
from horizon_ryu.wire.ofp13 import OFPAT, OFPR, OFPT
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from virtual_switch.dialect import Dialect
from virtual_switch.pipeline import ForController

_LENGTH = struct.Struct("!H")
_LENGTH_AT, _TOTAL_AT = 2, 12
"""Where the length of a message stands, and in a packet-in that of the frame."""
_OUTPUT = int(OFPAT.OUTPUT)
_TLV = struct.Struct("!HH")
_HEADER = struct.Struct("!BBHI")
_LIST_AT = {OPENFLOW_10: (14, 16), OPENFLOW_13: (16, 24)}
"""Where in a packet-out the length of its actions stands, and where they begin."""
_HEADS_KEPT = 1000


class PacketInTemplates:
    """Unbuffered packet-ins of one version: written once per origin, patched per frame."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._heads: dict[tuple[int, ...], bytes] = {}
        self._by_port: dict[int, bytes] = {}

    def by_action(self, in_port: int, frame: bytes) -> bytes:
        """Return a packet-in that some entry's action makes."""
        head = self._by_port.get(in_port)
        if head is None:
            asked = ForController(b"", in_port, int(OFPR.ACTION))
            head = self._by_port[in_port] = self._head(asked)
        return _patched(head, frame)

    def of(self, asked: ForController) -> bytes:
        """Return the packet-in of a whole frame."""
        origin = asked.in_port, asked.reason, asked.table_id, asked.cookie
        head = self._heads.get(origin)
        if head is None:
            head = self._heads[origin] = self._head(asked._replace(frame=b""))
        return _patched(head, asked.frame)

    def _head(self, asked: ForController) -> bytes:
        message = self._dialect.packet_in(asked, b"", None)
        return self._dialect.messages.encode(0, message)


class PacketOutHeads:
    """Packet-outs of one version: what stands before the frame is read once, and kept."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._kind = dialect.messages.version, int(OFPT.PACKET_OUT)
        self._known: dict[bytes, Any] = {}

    def decode(self, message: bytes) -> Envelope:
        """Return what ``dialect.messages.decode`` returns of a packet-out; WireError as there."""
        decode = self._dialect.messages.decode
        length_at, at = _LIST_AT[self._dialect.messages.version]
        if len(message) < at:
            return decode(message)
        version, kind, size, xid = _HEADER.unpack_from(message)
        if (version, kind, size) != (*self._kind, len(message)):
            return decode(message)
        end = at + int(_LENGTH.unpack_from(message, length_at)[0])
        head = message[_HEADER.size : end]
        known = self._known.get(head)
        if known is None:
            read = decode(message)
            if len(self._known) < _HEADS_KEPT:
                self._known[head] = read.message
            return read
        make = type(known)
        return Envelope(xid, make(known.buffer_id, known.in_port, known.actions, message[end:]))


def _patched(head: bytes, frame: bytes) -> bytes:
    """Return a packet-in with a frame, and with the lengths that follow from it."""
    made = bytearray(head + frame)
    _LENGTH.pack_into(made, _LENGTH_AT, len(made))
    _LENGTH.pack_into(made, _TOTAL_AT, len(frame))
    return bytes(made)


def read_packet_out(message: bytes) -> tuple[list[int], bytes]:
    """Return the ports that a valid, unbuffered packet-out sends to, and the frame."""
    length_at, at = _LIST_AT[message[0]]
    port = "!H" if message[0] == OPENFLOW_10 else "!I"
    end = at + int(_LENGTH.unpack_from(message, length_at)[0])
    ports = []
    while at < end:
        kind, size = _TLV.unpack_from(message, at)
        if kind == _OUTPUT:
            ports.append(int(struct.unpack_from(port, message, at + 4)[0]))
        at += max(size, 8)
    return ports, message[end:]
