"""Flow-removed messages: which entry a switch says is gone (1.0 5.4.3, 1.3.5 7.4.2)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.wire import match10, oxm
from horizon_ryu.wire.messages import FlowRemoved, Match, RemovalReason
from horizon_ryu.wire.ofp13 import OFPRR
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

_FIELDS = struct.Struct("!QHBBII")
_MATCH_10, _FIELDS_10 = 8, 48
_FIELDS_13, _MATCH_13 = 8, 48
_MATCH_HEADER = struct.Struct("!HH")
_OXM = 1
_NANO = 1e-9

_REASONS: Mapping[int, RemovalReason] = MappingProxyType(
    {
        int(OFPRR.IDLE_TIMEOUT): RemovalReason.IDLE_TIMEOUT,
        int(OFPRR.HARD_TIMEOUT): RemovalReason.HARD_TIMEOUT,
        int(OFPRR.DELETE): RemovalReason.DELETE,
    }
)
"""By their numbers, which both versions share."""


def read_flow_removed(version: int, message: bytes) -> FlowRemoved | None:
    """Read a whole flow-removed message; None if it is too short or of another version."""
    if version == OPENFLOW_10:
        return _read_10(message)
    return _read_13(message) if version == OPENFLOW_13 else None


def _read_10(message: bytes) -> FlowRemoved | None:
    if len(message) < _FIELDS_10 + _FIELDS.size:
        return None
    match, whole = match10.decode_match(message[_MATCH_10:_FIELDS_10])
    # Where 1.3 has the table, 1.0 pads.
    return _removed(message, _FIELDS_10, match, whole)._replace(table_id=0)


def _read_13(message: bytes) -> FlowRemoved | None:
    if len(message) < _MATCH_13 + _MATCH_HEADER.size:
        return None
    kind, length = _MATCH_HEADER.unpack_from(message, _MATCH_13)
    match, whole = oxm.decode_match(bytes(message[_MATCH_13 + 4 : _MATCH_13 + length]))
    whole &= kind == _OXM and 4 <= length <= len(message) - _MATCH_13
    return _removed(message, _FIELDS_13, match, whole)


def _removed(message: bytes, at: int, match: Match, whole: bool) -> FlowRemoved:
    cookie, priority, reason, table_id, seconds, nanoseconds = _FIELDS.unpack_from(message, at)
    known = _REASONS.get(reason, RemovalReason.OTHER)
    duration = seconds + nanoseconds * _NANO
    return FlowRemoved(cookie, match, priority, known, table_id, duration, whole)
