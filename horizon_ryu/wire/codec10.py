"""Codec of OpenFlow 1.0 (specification 1.0.0, section 5): what the core sends, as bytes.

Each encoder is checked byte for byte against Ryu's. All messages as the specification has them
are in :mod:`horizon_ryu.wire.of10`; these here are the hot ones.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from horizon_ryu.wire.actions10 import encode_actions
from horizon_ryu.wire.codec import ANY_MATCH, PacketInFields, VersionCodec
from horizon_ryu.wire.match10 import encode_match
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    DropBuffered,
    FlowCommand,
    FlowMod,
    Match,
    PacketOut,
    SetNoFlood,
)
from horizon_ryu.wire.of10.messages import MESSAGES10
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER, OFPFC, OFPPC, OFPST, OFPT, OFPTT_ALL
from horizon_ryu.wire.reserved_ports import CONTROLLER_10, MAX_10, NONE_10, narrowed, widened
from horizon_ryu.wire.stats.requests import statistics_request
from horizon_ryu.wire.versions import OPENFLOW_10

VERSION = OPENFLOW_10
# Plain ints: looking a member up costs more than packing it.
_PACKET_OUT_TYPE, _FLOW_MOD_TYPE = int(OFPT.PACKET_OUT), int(OFPT.FLOW_MOD)
_NO_FLOOD = int(OFPPC.NO_FLOOD)

_PACKET_IN = struct.Struct("!IHHB")
_PACKET_OUT = struct.Struct("!BBHIIHH")
_FLOW_MOD = struct.Struct("!BBHI40sQHHHHIHH")
_PORT_MOD = struct.Struct("!BBHIH6sIIIxxxx")
_PORTS_AT, _PORT = 32, struct.Struct("!H22xI20x")
_FLOW_STATS = struct.Struct("!40sBxH")
_COMMANDS = {
    FlowCommand.ADD: int(OFPFC.ADD),
    FlowCommand.DELETE_STRICT: int(OFPFC.DELETE_STRICT),
}


def decode_packet_in(message: bytes) -> PacketInFields | None:
    """Return (in_port, buffer_id or None, frame) of a packet-in; None if it is too short."""
    if len(message) < 18:
        return None
    buffer_id, total, in_port, _ = _PACKET_IN.unpack_from(message, 8)
    # Some switches pad the message; total_len is the frame's own length (5.4.1).
    frame = message[18 : 18 + total]
    if in_port > MAX_10:
        in_port = widened(in_port)
    return in_port, None if buffer_id == OFP_NO_BUFFER else buffer_id, frame


def encode_flow_mod(xid: int, mod: FlowMod) -> bytes:
    """Return the bytes of a flow-mod; ValueError for what 1.0 cannot express."""
    if mod.meter is not None:
        raise ValueError("OpenFlow 1.0 has no meters")
    if mod.table_id:
        raise ValueError("OpenFlow 1.0 has no tables to choose from")
    match = mod.match
    tagged = None if match.dl_vlan is None else match.dl_vlan != VLAN_NONE
    actions = encode_actions(mod.actions, match.dl_type, tagged, match.nw_proto)
    return (
        _FLOW_MOD.pack(
            VERSION,
            _FLOW_MOD_TYPE,
            72 + len(actions),
            xid,
            encode_match(match),
            mod.cookie,
            _COMMANDS[mod.command],
            mod.idle_timeout,
            mod.hard_timeout,
            mod.priority,
            OFP_NO_BUFFER,
            NONE_10,
            mod.flags,
        )
        + actions
    )


def encode_packet_out(xid: int, out: PacketOut) -> bytes:
    """Return the bytes of a packet-out that carries its frame."""
    actions = encode_actions(out.actions, None, None, None)
    in_port = NONE_10 if out.in_port is None else narrowed(out.in_port)
    size = 16 + len(actions) + len(out.data)
    head = _PACKET_OUT.pack(
        VERSION, _PACKET_OUT_TYPE, size, xid, OFP_NO_BUFFER, in_port, len(actions)
    )
    return head + actions + out.data


def encode_drop(xid: int, drop: DropBuffered) -> bytes:
    """Return a packet-out without actions: the switch drops the frame it holds (5.3.6)."""
    in_port = narrowed(drop.in_port)
    return _PACKET_OUT.pack(VERSION, _PACKET_OUT_TYPE, 16, xid, drop.buffer_id, in_port, 0)


def encode_no_flood(xid: int, message: SetNoFlood) -> bytes:
    """Return the port-mod that sets or clears NO_FLOOD and nothing else (5.3.3)."""
    bits = _NO_FLOOD if message.no_flood else 0
    port_no = narrowed(message.port_no)
    return _PORT_MOD.pack(
        VERSION, OFPT.PORT_MOD, 32, xid, port_no, message.hw_addr, bits, _NO_FLOOD, 0
    )


class Codec10(VersionCodec):
    """See :class:`horizon_ryu.wire.codec.Codec`."""

    decode_packet_in = staticmethod(decode_packet_in)

    def __init__(self) -> None:
        encoders: dict[type, Callable[[int, Any], bytes]] = {
            FlowMod: encode_flow_mod,
            PacketOut: encode_packet_out,
            DropBuffered: encode_drop,
            SetNoFlood: encode_no_flood,
        }
        barriers = OFPT.BARRIER_REQUEST, OFPT.BARRIER_REPLY
        super().__init__(MESSAGES10, encoders, barriers, OFPT.STATS_REPLY)

    def encode_flow_stats_request(
        self,
        xid: int,
        match: Match = ANY_MATCH,
        cookie: int = 0,
        mask: int = 0,
        to_controller: bool = False,
    ) -> bytes:
        port = CONTROLLER_10 if to_controller else NONE_10
        body = _FLOW_STATS.pack(encode_match(match), OFPTT_ALL, port)
        return statistics_request(VERSION, OFPST.FLOW, xid, body)

    def read_flooding_ports(self, features: bytes) -> frozenset[int]:
        body = features[_PORTS_AT:]
        ports = _PORT.iter_unpack(body[: len(body) - len(body) % _PORT.size])
        return frozenset(widened(number) for number, config in ports if not config & _NO_FLOOD)

    def encode_group(self, xid: int, modify: bool, ports: Iterable[int]) -> bytes:
        raise ValueError("OpenFlow 1.0 has no groups")

    def encode_group_desc_request(self, xid: int) -> bytes:
        raise ValueError("OpenFlow 1.0 has no groups")

    def encode_meter_config_request(self, xid: int) -> bytes:
        raise ValueError("OpenFlow 1.0 has no meters")

    def is_auxiliary(self, features: bytes) -> bool:
        return False


CODEC10 = Codec10()
