"""The questions of :mod:`horizon_ryu.core.stats.kinds`, as bytes of either version."""

from __future__ import annotations

import struct

from horizon_ryu.wire.stats.mapping import OPENFLOW_10
from horizon_ryu.wire.stats.types import Kind

_HEADER = struct.Struct("!BBHI")
_ECHO, _FEATURES = 2, 5
_STATS_10, _MULTIPART_13 = 16, 18
_TYPES = {
    Kind.DESC: 0,
    Kind.FLOWS: 1,
    Kind.AGGREGATE: 2,
    Kind.TABLES: 3,
    Kind.PORTS: 4,
    Kind.TABLE_FEATURES: 12,
    Kind.PORT_DESC: 13,
}
"""Types of ofp_stats_types and ofp_multipart_type."""

_ANY_MATCH_10 = struct.pack("!I36x", 0x003F_FFFF)
_ALL_10 = _ANY_MATCH_10 + struct.pack("!BxH", 0xFF, 0xFFFF)
_ALL_13 = struct.pack("!B3xII4xQQHH4x", 0xFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0, 0, 1, 4)
"""All tables, any output port, any match (1.0.0 section 5.3.5, 1.3.5 section 7.3.5.2)."""


def encode(version: int, kind: Kind, xid: int) -> bytes:
    """Return the question of ``kind``."""
    if kind is Kind.ECHO:
        return _HEADER.pack(version, _ECHO, 8, xid)
    if kind is Kind.FEATURES:
        return _HEADER.pack(version, _FEATURES, 8, xid)
    body = _body(version, kind)
    if version == OPENFLOW_10:
        head = struct.pack("!HH", _TYPES[kind], 0)
        return _HEADER.pack(version, _STATS_10, 12 + len(body), xid) + head + body
    head = struct.pack("!HH4x", _TYPES[kind], 0)
    return _HEADER.pack(version, _MULTIPART_13, 16 + len(body), xid) + head + body


def _body(version: int, kind: Kind) -> bytes:
    old = version == OPENFLOW_10
    if kind in (Kind.FLOWS, Kind.AGGREGATE):
        return _ALL_10 if old else _ALL_13
    if kind is Kind.PORTS:
        return struct.pack("!H6x", 0xFFFF) if old else struct.pack("!I4x", 0xFFFF_FFFF)
    return b""
