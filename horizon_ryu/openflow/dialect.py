"""From what the core asks to the bytes of the version that a switch speaks."""

from __future__ import annotations

from horizon_ryu.core.messages import (
    DropBuffered,
    FlowDeleteByCookie,
    FlowMod,
    Message,
    PacketOut,
    SetNoFlood,
)
from horizon_ryu.openflow import codec10, codec13

OPENFLOW_10, OPENFLOW_13 = codec10.VERSION, codec13.VERSION


def encode(version: int, message: Message, xid: int) -> bytes:
    """Return ``message`` for wire version 1 or 4; ValueError if that version has no such thing.

    The members of the flood group are not encoded here: whether the group is there already is
    known to the registry alone.
    """
    codec = codec10 if version == OPENFLOW_10 else codec13
    if isinstance(message, FlowMod):
        return codec.encode_flow_mod(xid, message)
    if isinstance(message, PacketOut):
        return codec.encode_packet_out(xid, message)
    if isinstance(message, DropBuffered):
        return codec.encode_drop(xid, message.buffer_id, message.in_port)
    if isinstance(message, SetNoFlood) and version == OPENFLOW_10:
        return codec10.encode_no_flood(xid, message)
    if isinstance(message, FlowDeleteByCookie) and version == OPENFLOW_13:
        return codec13.encode_delete_by_cookie(xid, message)
    raise ValueError(f"wire version {version} has no {type(message).__name__}")


def encode_barrier(version: int, xid: int) -> bytes:
    """Return a barrier request."""
    codec = codec10 if version == OPENFLOW_10 else codec13
    return codec.encode_barrier(xid)


def encode_flow_stats_request(version: int, xid: int) -> bytes:
    """Return the request for all flow entries."""
    codec = codec10 if version == OPENFLOW_10 else codec13
    return codec.encode_flow_stats_request(xid)
