"""The hot messages of OpenFlow 1.0 as bytes (specification 1.0.0, section 5).

Everything else goes through Ryu's codec. Each encoder is checked byte for byte against Ryu's.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from horizon_ryu.core.messages import (
    Action,
    Flood,
    FlowCommand,
    FlowMod,
    Match,
    Output,
    OutputInPort,
    PacketOut,
    SetNoFlood,
    ToController,
)

VERSION = 1
PACKET_OUT, FLOW_MOD, PORT_MOD, STATS_REQUEST, STATS_REPLY = 13, 14, 15, 16, 17
BARRIER_REQUEST, BARRIER_REPLY = 18, 19
STATS_FLOW = 1
IN_PORT, FLOOD, CONTROLLER, NONE = 0xFFF8, 0xFFFB, 0xFFFD, 0xFFFF
NO_BUFFER = 0xFFFF_FFFF
WHOLE_FRAME = 0xFFFF
NO_FLOOD_BIT = 1 << 4
VLAN_NONE = 0xFFFF
_WITH_NETWORKS = (0x0800, 0x0806)

WILD_IN_PORT, WILD_VLAN, WILD_SRC, WILD_DST, WILD_TYPE = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 4
WILD_ALL = (1 << 22) - 1
NW_SRC_SHIFT, NW_DST_SHIFT, NW_BITS = 8, 14, 0x3F

HEADER = struct.Struct("!BBHI")
MATCH = struct.Struct("!IH6s6sHBxHBBxxIIHH")
_PACKET_IN = struct.Struct("!IHHB")
_PACKET_OUT = struct.Struct("!BBHIIHH")
_FLOW_MOD = struct.Struct("!BBHI40sQHHHHIHH")
_OUTPUT = struct.Struct("!HHHH")
_PORT_MOD = struct.Struct("!BBHIH6sIIIxxxx")
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


@lru_cache(maxsize=4096)
def _actions(actions: tuple[Action, ...]) -> bytes:
    return b"".join(map(_action, actions))


def _action(action: Action) -> bytes:
    if isinstance(action, Output):
        return _OUTPUT.pack(0, 8, action.port_no, 0)
    if isinstance(action, ToController):
        return _OUTPUT.pack(0, 8, CONTROLLER, WHOLE_FRAME)
    if isinstance(action, Flood):
        return _OUTPUT.pack(0, 8, FLOOD, 0)
    if isinstance(action, OutputInPort):
        return _OUTPUT.pack(0, 8, IN_PORT, 0)
    raise TypeError(f"no such action: {action!r}")


def encode_match(match: Match) -> bytes:
    """Return the 40 bytes of ``match``; ValueError for what 1.0 cannot express."""
    if match.dl_dst_multicast:
        raise ValueError("OpenFlow 1.0 has no masks for MAC addresses")
    networks = match.nw_src is not None or match.nw_dst is not None
    # Open vSwitch takes such an entry, ignores the networks, and lets it match every frame.
    if networks and match.dl_type not in _WITH_NETWORKS:
        raise ValueError("networks are matched in IPv4 and ARP only: dl_type must say which")
    wild = WILD_ALL
    for field, bit in (
        (match.in_port, WILD_IN_PORT),
        (match.dl_src, WILD_SRC),
        (match.dl_dst, WILD_DST),
        (match.dl_type, WILD_TYPE),
        (match.dl_vlan, WILD_VLAN),
    ):
        if field is not None:
            wild &= ~bit
    nw_src, wild = _network(match.nw_src, wild, NW_SRC_SHIFT)
    nw_dst, wild = _network(match.nw_dst, wild, NW_DST_SHIFT)
    return MATCH.pack(
        wild,
        match.in_port or 0,
        match.dl_src or b"\0" * 6,
        match.dl_dst or b"\0" * 6,
        match.dl_vlan or 0,
        0,
        match.dl_type or 0,
        0,
        0,
        nw_src,
        nw_dst,
        0,
        0,
    )


def _network(field: tuple[int, int] | None, wild: int, shift: int) -> tuple[int, int]:
    """Put a network's prefix into the wildcard bits: how many low bits are free (5.2.3)."""
    if field is None:
        return 0, wild
    address, prefix = field
    return address, wild & ~(NW_BITS << shift) | (32 - prefix) << shift


def encode_flow_mod(xid: int, mod: FlowMod) -> bytes:
    """Return the bytes of a flow-mod."""
    actions = _actions(mod.actions)
    return (
        _FLOW_MOD.pack(
            VERSION,
            FLOW_MOD,
            72 + len(actions),
            xid,
            encode_match(mod.match),
            mod.cookie,
            _COMMANDS[mod.command],
            mod.idle_timeout,
            mod.hard_timeout,
            mod.priority,
            NO_BUFFER,
            NONE,
            _SEND_FLOW_REMOVED if mod.send_flow_removed else 0,
        )
        + actions
    )


def encode_packet_out(xid: int, out: PacketOut) -> bytes:
    """Return the bytes of a packet-out that carries its frame."""
    actions = _actions(out.actions)
    in_port = NONE if out.in_port is None else out.in_port
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


def encode_flow_stats_request(xid: int) -> bytes:
    """Return the request for every flow entry of every table."""
    everything = encode_match(Match())
    return _FLOW_STATS.pack(VERSION, STATS_REQUEST, 56, xid, STATS_FLOW, 0, everything, 0xFF, NONE)
