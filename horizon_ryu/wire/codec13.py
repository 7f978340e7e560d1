"""Codec of OpenFlow 1.3 (specification 1.3.5, section 7): what the core sends, as bytes.

Each encoder is checked byte for byte against Ryu's. All messages as the specification has them
are in :mod:`horizon_ryu.wire.of13`; these here are the hot ones.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from horizon_ryu.wire.actions13 import (
    OUTPUT,
    OUTPUT_KIND,
    encode_actions,
    encode_instructions,
    encode_meter,
)
from horizon_ryu.wire.codec import ANY_MATCH, PacketInFields, VersionCodec
from horizon_ryu.wire.fields import header
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    DropBuffered,
    FlowCommand,
    FlowDeleteByCookie,
    FlowMod,
    Match,
    MeterCommand,
    MeterMod,
    PacketOut,
)
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.ofp13 import (
    OFP_NO_BUFFER,
    OFPFC,
    OFPGC,
    OFPGT,
    OFPM,
    OFPMBT,
    OFPMC,
    OFPMF,
    OFPMP,
    OFPT,
    OFPTT,
)
from horizon_ryu.wire.oxm import ANY_FRAME, encode_match
from horizon_ryu.wire.reserved_ports import ANY_13, CONTROLLER_13
from horizon_ryu.wire.set_fields import ANY_KIND, frame_kind
from horizon_ryu.wire.stats.requests import statistics_request
from horizon_ryu.wire.versions import OPENFLOW_13

VERSION = OPENFLOW_13
# Plain ints: looking a member up costs more than packing it.
_PACKET_OUT_TYPE, _FLOW_MOD_TYPE = int(OFPT.PACKET_OUT), int(OFPT.FLOW_MOD)

_PACKET_IN = struct.Struct("!IHBBQHH")
_USUAL_PACKET_IN = struct.Struct("!8xIH18xI")
"""Buffer, length of the frame, and the port where a match has nothing else."""
_ONLY_IN_PORT = struct.pack("!xxHHI", 1, 12, header(OFPXMT_OFB.IN_PORT))[2:]
_PACKET_OUT = struct.Struct("!BBHIIIH6x")
_FLOW_MOD = struct.Struct("!BBHIQQBBHHHIIIHxx")
_GROUP_MOD = struct.Struct("!BBHIHBxI")
_BUCKET = struct.Struct("!HHII4x")
_METER_MOD = struct.Struct("!BBHIHHI")
_BAND = struct.Struct("!HHII4x")
_FLOW_STATS = struct.Struct("!B3xII4xQQ")
_METER_REQUEST = struct.Struct("!I4x")
_OXM_IN_PORT = header(OFPXMT_OFB.IN_PORT)
_COMMANDS = {
    FlowCommand.ADD: int(OFPFC.ADD),
    FlowCommand.DELETE_STRICT: int(OFPFC.DELETE_STRICT),
}
_METER_COMMANDS = {
    MeterCommand.ADD: OFPMC.ADD,
    MeterCommand.MODIFY: OFPMC.MODIFY,
    MeterCommand.DELETE: OFPMC.DELETE,
}


def decode_packet_in(message: bytes) -> PacketInFields | None:
    """Return (in_port, buffer_id or None, frame) of a packet-in; None if it is malformed."""
    if len(message) < 34:
        return None
    if message[24:32] == _ONLY_IN_PORT and len(message) >= 42:
        # So do nearly all: the port is all that the match has.
        buffer_id, total, in_port = _USUAL_PACKET_IN.unpack_from(message)
        frame = message[42 : 42 + total]
        return in_port, None if buffer_id == OFP_NO_BUFFER else buffer_id, frame
    buffer_id, total, _, _, _, kind, length = _PACKET_IN.unpack_from(message, 8)
    start = 24 + (length + 7) // 8 * 8 + 2
    if kind != 1 or length < 4 or start > len(message):
        return None
    in_port = _in_port(message, 28, 24 + length)
    if in_port is None:
        return None
    # Some switches pad the message; total_len is the frame's own length (7.4.1).
    frame = message[start : start + total]
    return in_port, None if buffer_id == OFP_NO_BUFFER else buffer_id, frame


def _in_port(message: bytes, at: int, end: int) -> int | None:
    """Walk the match fields from ``at`` and return in_port; each step advances by at least 4."""
    while at + 4 <= end:
        oxm = int.from_bytes(message[at : at + 4], "big")
        size = oxm & 0xFF
        if oxm == _OXM_IN_PORT and at + 8 <= end:
            return int.from_bytes(message[at + 4 : at + 8], "big")
        at += 4 + size
    return None


def encode_flow_mod(xid: int, mod: FlowMod) -> bytes:
    """Return the bytes of a flow-mod; no actions means none is applied: drop.

    ValueError for what 1.3 cannot express.
    """
    match = mod.match
    tail = encode_instructions(mod.actions, frame_kind(match))
    if mod.meter is not None:
        tail = encode_meter(mod.meter) + tail
    tail = encode_match(match) + tail
    return (
        _FLOW_MOD.pack(
            VERSION,
            _FLOW_MOD_TYPE,
            48 + len(tail),
            xid,
            mod.cookie,
            0,
            mod.table_id,
            _COMMANDS[mod.command],
            mod.idle_timeout,
            mod.hard_timeout,
            mod.priority,
            OFP_NO_BUFFER,
            ANY_13,
            ANY_13,
            mod.flags,
        )
        + tail
    )


def encode_delete_by_cookie(xid: int, message: FlowDeleteByCookie) -> bytes:
    """Return the flow-mod that deletes by cookie in every table (6.4)."""
    head = (VERSION, _FLOW_MOD_TYPE, 56, xid, message.cookie, message.mask, OFPTT.ALL, OFPFC.DELETE)
    return _FLOW_MOD.pack(*head, 0, 0, 0, OFP_NO_BUFFER, ANY_13, ANY_13, 0) + ANY_FRAME


def encode_packet_out(xid: int, out: PacketOut) -> bytes:
    """Return the bytes of a packet-out that carries its frame."""
    actions = encode_actions(out.actions, ANY_KIND)
    in_port = CONTROLLER_13 if out.in_port is None else out.in_port
    size = 24 + len(actions) + len(out.data)
    head = _PACKET_OUT.pack(
        VERSION, _PACKET_OUT_TYPE, size, xid, OFP_NO_BUFFER, in_port, len(actions)
    )
    return head + actions + out.data


def encode_drop(xid: int, drop: DropBuffered) -> bytes:
    """Return a packet-out without actions: the switch drops the frame it holds."""
    return _PACKET_OUT.pack(VERSION, _PACKET_OUT_TYPE, 24, xid, drop.buffer_id, drop.in_port, 0)


def encode_group(xid: int, command: int, ports: Iterable[int]) -> bytes:
    """Return the group-mod that gives the flood group (type ALL) one bucket per port."""
    buckets = b"".join(
        _BUCKET.pack(32, 0, ANY_13, ANY_13) + OUTPUT.pack(OUTPUT_KIND, 16, port, 0)
        for port in sorted(ports)
    )
    head = _GROUP_MOD.pack(
        VERSION, OFPT.GROUP_MOD, 16 + len(buckets), xid, command, OFPGT.ALL, FLOOD_GROUP
    )
    return head + buckets


def encode_meter_mod(xid: int, mod: MeterMod) -> bytes:
    """Return the meter-mod for one band, in kbit/s, that drops (7.3.4.5)."""
    if mod.meter_id < 1:
        raise ValueError("meters are numbered from 1")
    bands = b""
    if mod.command is not MeterCommand.DELETE:
        if mod.rate_kbps < 1:
            raise ValueError("a meter needs a rate")
        bands = _BAND.pack(OFPMBT.DROP, _BAND.size, mod.rate_kbps, 0)
    size = _METER_MOD.size + len(bands)
    command = _METER_COMMANDS[mod.command]
    return (
        _METER_MOD.pack(VERSION, OFPT.METER_MOD, size, xid, command, OFPMF.KBPS, mod.meter_id)
        + bands
    )


class Codec13(VersionCodec):
    """See :class:`horizon_ryu.wire.codec.Codec`."""

    decode_packet_in = staticmethod(decode_packet_in)

    def __init__(self) -> None:
        encoders: dict[type, Callable[[int, Any], bytes]] = {
            FlowMod: encode_flow_mod,
            PacketOut: encode_packet_out,
            DropBuffered: encode_drop,
            FlowDeleteByCookie: encode_delete_by_cookie,
            MeterMod: encode_meter_mod,
        }
        barriers = OFPT.BARRIER_REQUEST, OFPT.BARRIER_REPLY
        super().__init__(MESSAGES13, encoders, barriers, OFPT.MULTIPART_REPLY)

    def encode_flow_stats_request(
        self,
        xid: int,
        match: Match = ANY_MATCH,
        cookie: int = 0,
        mask: int = 0,
        to_controller: bool = False,
    ) -> bytes:
        port = CONTROLLER_13 if to_controller else ANY_13
        body = _FLOW_STATS.pack(OFPTT.ALL, port, ANY_13, cookie, mask) + encode_match(match)
        return statistics_request(VERSION, OFPMP.FLOW, xid, body)

    def encode_group(self, xid: int, modify: bool, ports: Iterable[int]) -> bytes:
        return encode_group(xid, OFPGC.MODIFY if modify else OFPGC.ADD, ports)

    def encode_group_desc_request(self, xid: int) -> bytes:
        return statistics_request(VERSION, OFPMP.GROUP_DESC, xid)

    def encode_meter_config_request(self, xid: int) -> bytes:
        return statistics_request(VERSION, OFPMP.METER_CONFIG, xid, _METER_REQUEST.pack(OFPM.ALL))

    def is_auxiliary(self, features: bytes) -> bool:
        # Byte 21: connections beside the main one (1.3.5 section 6.3.6).
        return features[21] != 0

    def read_flooding_ports(self, features: bytes) -> frozenset[int]:
        raise ValueError("ports of OpenFlow 1.3 do not flood by themselves")


CODEC13 = Codec13()
