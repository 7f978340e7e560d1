"""The hot messages of OpenFlow 1.0 as bytes (specification 1.0.0, section 5).

Everything else goes through Ryu's codec. Each encoder is checked byte for byte against Ryu's.
"""

from __future__ import annotations

import struct

from horizon_ryu.wire.actions10 import encode_actions
from horizon_ryu.wire.match10 import encode_match
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    FlowCommand,
    FlowMod,
    Match,
    PacketOut,
    SetNoFlood,
)
from horizon_ryu.wire.reserved_ports import CONTROLLER_10, NONE_10
from horizon_ryu.wire.versions import OPENFLOW_10

VERSION = OPENFLOW_10
FEATURES_REQUEST = 5
PACKET_OUT, FLOW_MOD, PORT_MOD, STATS_REQUEST, STATS_REPLY = 13, 14, 15, 16, 17
BARRIER_REQUEST, BARRIER_REPLY = 18, 19
STATS_DESC, STATS_FLOW = 0, 1
NO_BUFFER = 0xFFFF_FFFF
NO_FLOOD_BIT = 1 << 4

HEADER = struct.Struct("!BBHI")
_PACKET_IN = struct.Struct("!IHHB")
_PACKET_OUT = struct.Struct("!BBHIIHH")
_FLOW_MOD = struct.Struct("!BBHI40sQHHHHIHH")
_PORT_MOD = struct.Struct("!BBHIH6sIIIxxxx")
_STATS = struct.Struct("!BBHIHH")
_PORTS_AT, _PORT = 32, struct.Struct("!H22xI20x")
_FLOW_STATS = struct.Struct("!BBHIHH40sBxH")
_COMMANDS = {FlowCommand.ADD: 0, FlowCommand.DELETE_STRICT: 4}
_SEND_FLOW_REMOVED = 1


def decode_packet_in(message: bytes) -> tuple[int, int | None, bytes] | None:
    """Return (in_port, buffer_id or None, frame) of a packet-in; None if it is too short."""
    if len(message) < 18:
        return None
    buffer_id, total, in_port, _ = _PACKET_IN.unpack_from(message, 8)
    # Some switches pad the message; total_len is the frame's own length (5.4.1).
    frame = message[18 : 18 + total]
    return in_port, None if buffer_id == NO_BUFFER else buffer_id, frame


def encode_flow_mod(xid: int, mod: FlowMod) -> bytes:
    """Return the bytes of a flow-mod; ValueError for what 1.0 cannot express."""
    if mod.meter is not None:
        raise ValueError("OpenFlow 1.0 has no meters")
    match = mod.match
    tagged = None if match.dl_vlan is None else match.dl_vlan != VLAN_NONE
    actions = encode_actions(mod.actions, match.dl_type, tagged, match.nw_proto)
    return (
        _FLOW_MOD.pack(
            VERSION,
            FLOW_MOD,
            72 + len(actions),
            xid,
            encode_match(match),
            mod.cookie,
            _COMMANDS[mod.command],
            mod.idle_timeout,
            mod.hard_timeout,
            mod.priority,
            NO_BUFFER,
            NONE_10,
            _SEND_FLOW_REMOVED if mod.send_flow_removed else 0,
        )
        + actions
    )


def encode_packet_out(xid: int, out: PacketOut) -> bytes:
    """Return the bytes of a packet-out that carries its frame."""
    actions = encode_actions(out.actions, None, None, None)
    in_port = NONE_10 if out.in_port is None else out.in_port
    size = 16 + len(actions) + len(out.data)
    head = _PACKET_OUT.pack(VERSION, PACKET_OUT, size, xid, NO_BUFFER, in_port, len(actions))
    return head + actions + out.data


def encode_drop(xid: int, buffer_id: int, in_port: int) -> bytes:
    """Return a packet-out without actions: the switch drops the frame it holds (5.3.6)."""
    return _PACKET_OUT.pack(VERSION, PACKET_OUT, 16, xid, buffer_id, in_port, 0)


def encode_no_flood(xid: int, message: SetNoFlood) -> bytes:
    """Return the port-mod that sets or clears NO_FLOOD and nothing else (5.3.3)."""
    bits = NO_FLOOD_BIT if message.no_flood else 0
    return _PORT_MOD.pack(
        VERSION, PORT_MOD, 32, xid, message.port_no, message.hw_addr, bits, NO_FLOOD_BIT, 0
    )


def encode_barrier(xid: int) -> bytes:
    """Return a barrier request."""
    return HEADER.pack(VERSION, BARRIER_REQUEST, 8, xid)


def encode_features_request(xid: int) -> bytes:
    """Return the request for what the switch has, its ports among that (5.3.1)."""
    return HEADER.pack(VERSION, FEATURES_REQUEST, 8, xid)


def decode_flooding(message: bytes) -> frozenset[int]:
    """Return the numbers of the ports without NO_FLOOD in a features reply (5.2.1, 5.3.1)."""
    body = message[_PORTS_AT:]
    ports = _PORT.iter_unpack(body[: len(body) - len(body) % _PORT.size])
    return frozenset(number for number, config in ports if not config & NO_FLOOD_BIT)


def encode_flow_stats_request(
    xid: int,
    match: Match = Match(),  # noqa: B008 - frozen
    to_controller: bool = False,
) -> bytes:
    """Return the request for the flow entries of every table that ``match`` takes in.

    With ``to_controller`` for those that send frames to the controller.
    """
    wanted, port = encode_match(match), CONTROLLER_10 if to_controller else NONE_10
    return _FLOW_STATS.pack(VERSION, STATS_REQUEST, 56, xid, STATS_FLOW, 0, wanted, 0xFF, port)


def encode_desc_request(xid: int) -> bytes:
    """Return the request for what the switch says of itself."""
    return _STATS.pack(VERSION, STATS_REQUEST, 12, xid, STATS_DESC, 0)
