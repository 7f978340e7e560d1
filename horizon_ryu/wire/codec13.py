"""The hot messages of OpenFlow 1.3 as bytes (specification 1.3.5, section 7).

Everything else goes through Ryu's codec. Each encoder is checked byte for byte against Ryu's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from horizon_ryu.wire.actions13 import (
    OUTPUT,
    OUTPUT_KIND,
    encode_actions,
    encode_instructions,
    encode_meter,
)
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    VLAN_NONE,
    FlowCommand,
    FlowDeleteByCookie,
    FlowMod,
    Match,
    MeterCommand,
    MeterMod,
    PacketOut,
)
from horizon_ryu.wire.oxm import ANY_FRAME, encode_match
from horizon_ryu.wire.reserved_ports import ANY_13, CONTROLLER_13
from horizon_ryu.wire.versions import OPENFLOW_13

VERSION = OPENFLOW_13
PACKET_OUT, FLOW_MOD, GROUP_MOD, MULTIPART_REQUEST, MULTIPART_REPLY = 13, 14, 15, 18, 19
BARRIER_REQUEST, BARRIER_REPLY, METER_MOD = 20, 21, 29
MULTIPART_DESC, MULTIPART_FLOW, MULTIPART_GROUP_DESC = 0, 1, 7
NO_BUFFER = 0xFFFF_FFFF
ALL_TABLES = 0xFF
GROUP_ADD, GROUP_MODIFY = 0, 1

HEADER = struct.Struct("!BBHI")
_PACKET_IN = struct.Struct("!IHBBQHH")
_PACKET_OUT = struct.Struct("!BBHIIIH6x")
_FLOW_MOD = struct.Struct("!BBHIQQBBHHHIIIHxx")
_GROUP_MOD = struct.Struct("!BBHIHBxI")
_BUCKET = struct.Struct("!HHII4x")
_METER_MOD = struct.Struct("!BBHIHHI")
_BAND = struct.Struct("!HHII4x")
_MULTIPART = struct.Struct("!BBHIHH4x")
_FLOW_STATS = struct.Struct("!B3xII4xQQ")
_OXM_IN_PORT = 0x8000_0004
_SEND_FLOW_REMOVED = 1
_ADD, _DELETE, _DELETE_STRICT = 0, 3, 4
_COMMANDS = {FlowCommand.ADD: _ADD, FlowCommand.DELETE_STRICT: _DELETE_STRICT}
_METER_COMMANDS = {MeterCommand.ADD: 0, MeterCommand.MODIFY: 1, MeterCommand.DELETE: 2}
_KBPS, _DROP = 1, 1


def decode_packet_in(message: bytes) -> tuple[int, int | None, bytes] | None:
    """Return (in_port, buffer_id or None, frame) of a packet-in; None if it is malformed."""
    if len(message) < 34:
        return None
    buffer_id, total, _, _, _, kind, length = _PACKET_IN.unpack_from(message, 8)
    start = 24 + (length + 7) // 8 * 8 + 2
    if kind != 1 or length < 4 or start > len(message):
        return None
    in_port = _in_port(message, 28, 24 + length)
    if in_port is None:
        return None
    # Some switches pad the message; total_len is the frame's own length (7.4.1).
    frame = message[start : start + total]
    return in_port, None if buffer_id == NO_BUFFER else buffer_id, frame


def _in_port(message: bytes, at: int, end: int) -> int | None:
    """Walk the match fields from ``at`` and return in_port; each step advances by at least 4."""
    while at + 4 <= end:
        header = int.from_bytes(message[at : at + 4], "big")
        size = header & 0xFF
        if header == _OXM_IN_PORT and at + 8 <= end:
            return int.from_bytes(message[at + 4 : at + 8], "big")
        at += 4 + size
    return None


def encode_flow_mod(xid: int, mod: FlowMod) -> bytes:
    """Return the bytes of a flow-mod for table 0; no actions means none is applied: drop.

    ValueError for what 1.3 cannot express.
    """
    match = mod.match
    tagged = None if match.dl_vlan is None else match.dl_vlan != VLAN_NONE
    tail = encode_instructions(mod.actions, match.dl_type, tagged, match.nw_proto)
    if mod.meter is not None:
        tail = encode_meter(mod.meter) + tail
    tail = encode_match(match) + tail
    return (
        _FLOW_MOD.pack(
            VERSION,
            FLOW_MOD,
            48 + len(tail),
            xid,
            mod.cookie,
            0,
            0,
            _COMMANDS[mod.command],
            mod.idle_timeout,
            mod.hard_timeout,
            mod.priority,
            NO_BUFFER,
            ANY_13,
            ANY_13,
            _SEND_FLOW_REMOVED if mod.send_flow_removed else 0,
        )
        + tail
    )


def encode_delete_by_cookie(xid: int, message: FlowDeleteByCookie) -> bytes:
    """Return the flow-mod that deletes by cookie in every table (6.4)."""
    head = (VERSION, FLOW_MOD, 56, xid, message.cookie, message.mask, ALL_TABLES, _DELETE)
    return _FLOW_MOD.pack(*head, 0, 0, 0, NO_BUFFER, ANY_13, ANY_13, 0) + ANY_FRAME


def encode_packet_out(xid: int, out: PacketOut) -> bytes:
    """Return the bytes of a packet-out that carries its frame."""
    actions = encode_actions(out.actions, None, None, None)
    in_port = CONTROLLER_13 if out.in_port is None else out.in_port
    size = 24 + len(actions) + len(out.data)
    head = _PACKET_OUT.pack(VERSION, PACKET_OUT, size, xid, NO_BUFFER, in_port, len(actions))
    return head + actions + out.data


def encode_drop(xid: int, buffer_id: int, in_port: int) -> bytes:
    """Return a packet-out without actions: the switch drops the frame it holds."""
    return _PACKET_OUT.pack(VERSION, PACKET_OUT, 24, xid, buffer_id, in_port, 0)


def encode_group(xid: int, command: int, ports: Iterable[int]) -> bytes:
    """Return the group-mod that gives the flood group (type ALL) one bucket per port."""
    buckets = b"".join(
        _BUCKET.pack(32, 0, ANY_13, ANY_13) + OUTPUT.pack(OUTPUT_KIND, 16, port, 0)
        for port in sorted(ports)
    )
    head = _GROUP_MOD.pack(VERSION, GROUP_MOD, 16 + len(buckets), xid, command, 0, FLOOD_GROUP)
    return head + buckets


def encode_barrier(xid: int) -> bytes:
    """Return a barrier request."""
    return HEADER.pack(VERSION, BARRIER_REQUEST, 8, xid)


def encode_meter_mod(xid: int, mod: MeterMod) -> bytes:
    """Return the meter-mod for one band, in kbit/s, that drops (7.3.4.5)."""
    if mod.meter_id < 1:
        raise ValueError("meters are numbered from 1")
    bands = b""
    if mod.command is not MeterCommand.DELETE:
        if mod.rate_kbps < 1:
            raise ValueError("a meter needs a rate")
        bands = _BAND.pack(_DROP, _BAND.size, mod.rate_kbps, 0)
    size = _METER_MOD.size + len(bands)
    command = _METER_COMMANDS[mod.command]
    return _METER_MOD.pack(VERSION, METER_MOD, size, xid, command, _KBPS, mod.meter_id) + bands


def encode_flow_stats_request(
    xid: int,
    match: Match = Match(),  # noqa: B008 - frozen
    cookie: int = 0,
    mask: int = 0,
    to_controller: bool = False,
) -> bytes:
    """Return the request for the flow entries of every table that ``match`` takes in.

    Of them those whose cookie equals ``cookie`` under ``mask``, and with ``to_controller`` those
    that send frames to the controller.
    """
    port = CONTROLLER_13 if to_controller else ANY_13
    body = _FLOW_STATS.pack(ALL_TABLES, port, ANY_13, cookie, mask) + encode_match(match)
    head = _MULTIPART.pack(VERSION, MULTIPART_REQUEST, 16 + len(body), xid, MULTIPART_FLOW, 0)
    return head + body


def encode_desc_request(xid: int) -> bytes:
    """Return the request for what the switch says of itself."""
    return _MULTIPART.pack(VERSION, MULTIPART_REQUEST, 16, xid, MULTIPART_DESC, 0)


def encode_group_desc_request(xid: int) -> bytes:
    """Return the request for the buckets of every group."""
    return _MULTIPART.pack(VERSION, MULTIPART_REQUEST, 16, xid, MULTIPART_GROUP_DESC, 0)
