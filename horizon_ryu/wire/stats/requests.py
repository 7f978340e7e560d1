"""The questions of :mod:`horizon_ryu.core.stats.stats_types`, as bytes of either version."""

from __future__ import annotations

import struct

from horizon_ryu.wire import ofp10, ofp13
from horizon_ryu.wire.ofp10 import OFPFW
from horizon_ryu.wire.ofp13 import OFPMP
from horizon_ryu.wire.oxm import ANY_FRAME
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

_HEADER = struct.Struct("!BBHI")
_REQUESTS = {
    OPENFLOW_10: (int(ofp10.OFPT.STATS_REQUEST), struct.Struct("!HH")),
    OPENFLOW_13: (int(ofp13.OFPT.MULTIPART_REQUEST), struct.Struct("!HH4x")),
}
"""Version -> message type, and what packs type and flags of the statistics."""
_TYPES = {
    StatsType.DESC: OFPMP.DESC,
    StatsType.FLOWS: OFPMP.FLOW,
    StatsType.AGGREGATE: OFPMP.AGGREGATE,
    StatsType.TABLES: OFPMP.TABLE,
    StatsType.PORTS: OFPMP.PORT_STATS,
    StatsType.TABLE_FEATURES: OFPMP.TABLE_FEATURES,
    StatsType.PORT_DESC: OFPMP.PORT_DESC,
}
"""Types of ofp_multipart_type; those that 1.0 has too have the same numbers in OFPST."""

_ANY_MATCH_10 = struct.pack("!I36x", OFPFW.ALL)
_ALL_10 = _ANY_MATCH_10 + struct.pack("!BxH", ofp10.OFPTT_ALL, ofp10.OFPP.NONE)
_ALL_13 = (
    struct.pack("!B3xII4xQQ", ofp13.OFPTT.ALL, ofp13.OFPP.ANY, ofp13.OFPG.ANY, 0, 0) + ANY_FRAME
)
"""All tables, any output port, any match (1.0.0 section 5.3.5, 1.3.5 section 7.3.5.2)."""

_PORT_10 = struct.pack("!H6x", ofp10.OFPP.NONE)
_PORT_13 = struct.pack("!I4x", ofp13.OFPP.ANY)
"""Every port."""


def bare(version: int, kind: int, xid: int) -> bytes:
    """Return a message that is nothing but its header."""
    return _HEADER.pack(version, kind, _HEADER.size, xid)


def statistics_request(version: int, number: int, xid: int, body: bytes = b"") -> bytes:
    """Return a question for statistics of type ``number`` (OFPST, OFPMP) with that body."""
    kind, head = _REQUESTS[version]
    rest = head.pack(number, 0) + body
    return _HEADER.pack(version, kind, _HEADER.size + len(rest), xid) + rest


def encode(version: int, kind: StatsType, xid: int) -> bytes:
    """Return the question of ``kind``."""
    if kind is StatsType.ECHO:
        return bare(version, ofp13.OFPT.ECHO_REQUEST, xid)
    if kind is StatsType.FEATURES:
        return bare(version, ofp13.OFPT.FEATURES_REQUEST, xid)
    return statistics_request(version, _TYPES[kind], xid, _body(version, kind))


def _body(version: int, kind: StatsType) -> bytes:
    old = version == OPENFLOW_10
    if kind in (StatsType.FLOWS, StatsType.AGGREGATE):
        return _ALL_10 if old else _ALL_13
    if kind is StatsType.PORTS:
        return _PORT_10 if old else _PORT_13
    return b""
