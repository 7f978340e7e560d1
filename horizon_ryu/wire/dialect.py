"""From what the core asks to the bytes of the version that a switch speaks."""

from __future__ import annotations

import struct

from horizon_ryu.wire import codec10, codec13
from horizon_ryu.wire.messages import (
    DropBuffered,
    FlowDeleteByCookie,
    FlowMod,
    Match,
    Message,
    MeterMod,
    PacketOut,
    SetNoFlood,
)

OPENFLOW_10, OPENFLOW_13 = codec10.VERSION, codec13.VERSION


def encode(version: int, message: Message, xid: int) -> bytes:
    """Return ``message`` for wire version 1 or 4; ValueError if that version has no such thing.

    So too for numbers that do not fit. The members of the flood group are not encoded here:
    whether the group is there already is known to the registry alone.
    """
    try:
        return _encode(version, message, xid)
    except struct.error as error:
        raise ValueError(f"a number does not fit: {error}") from error


def _encode(version: int, message: Message, xid: int) -> bytes:
    old = version == OPENFLOW_10
    if isinstance(message, FlowMod):
        write_flow = codec10.encode_flow_mod if old else codec13.encode_flow_mod
        return write_flow(xid, message)
    if isinstance(message, PacketOut):
        write_out = codec10.encode_packet_out if old else codec13.encode_packet_out
        return write_out(xid, message)
    if isinstance(message, DropBuffered):
        write_drop = codec10.encode_drop if old else codec13.encode_drop
        return write_drop(xid, message.buffer_id, message.in_port)
    if isinstance(message, SetNoFlood) and old:
        return codec10.encode_no_flood(xid, message)
    if isinstance(message, FlowDeleteByCookie) and not old:
        return codec13.encode_delete_by_cookie(xid, message)
    if isinstance(message, MeterMod) and not old:
        return codec13.encode_meter_mod(xid, message)
    raise ValueError(f"wire version {version} has no {type(message).__name__}")


def encode_barrier(version: int, xid: int) -> bytes:
    """Return a barrier request."""
    write = codec10.encode_barrier if version == OPENFLOW_10 else codec13.encode_barrier
    return write(xid)


def encode_flow_stats_request(
    version: int,
    xid: int,
    match: Match = Match(),  # noqa: B008 - frozen
    cookie: int = 0,
    mask: int = 0,
    to_controller: bool = False,
) -> bytes:
    """Return the request for the flow entries that ``match`` takes in.

    On 1.3 for those whose cookie equals ``cookie`` under ``mask``; 1.0 cannot ask so.
    With ``to_controller`` for those that send frames to the controller.
    ValueError for a match that the version cannot express.
    """
    if version == OPENFLOW_10:
        return codec10.encode_flow_stats_request(xid, match, to_controller)
    return codec13.encode_flow_stats_request(xid, match, cookie, mask, to_controller)


def encode_desc_request(version: int, xid: int) -> bytes:
    """Return the request for what a switch says of itself."""
    write = codec10.encode_desc_request if version == OPENFLOW_10 else codec13.encode_desc_request
    return write(xid)
