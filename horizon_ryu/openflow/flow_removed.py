"""Which flow entry a switch says it removed (1.0 spec 5.4.3, 1.3.5 spec 7.4.2)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from horizon_ryu.core.messages import Match
from horizon_ryu.openflow import codec10, codec13, oxm

_FIELDS_10 = struct.Struct("!QHB")
_MATCH_10, _FIELDS_10_AT = 8, 48
_FIELDS_13 = struct.Struct("!QHB")
_FIELDS_13_AT, _MATCH_13 = 8, 48
_MATCH_HEADER = struct.Struct("!HH")
_TIMEOUTS = (0, 1)


class FlowRemoved(NamedTuple):
    """``timed_out``: idle or hard timeout, not a deletion. On 1.0 the match lacks IP addresses."""

    cookie: int
    match: Match
    timed_out: bool


def read_flow_removed(version: int, message: bytes) -> FlowRemoved | None:
    """Read a whole flow-removed message; None if it is too short or of another version."""
    if version == codec10.VERSION:
        return _read_10(message)
    return _read_13(message) if version == codec13.VERSION else None


def _read_10(message: bytes) -> FlowRemoved | None:
    if len(message) < _FIELDS_10_AT + _FIELDS_10.size:
        return None
    wild, in_port, src, dst = codec10.MATCH.unpack_from(message, _MATCH_10)[:4]
    cookie, _, reason = _FIELDS_10.unpack_from(message, _FIELDS_10_AT)
    match = Match(
        None if wild & codec10.WILD_IN_PORT else in_port,
        None if wild & codec10.WILD_SRC else src,
        None if wild & codec10.WILD_DST else dst,
    )
    return FlowRemoved(cookie, match, reason in _TIMEOUTS)


def _read_13(message: bytes) -> FlowRemoved | None:
    if len(message) < _MATCH_13 + _MATCH_HEADER.size:
        return None
    cookie, _, reason = _FIELDS_13.unpack_from(message, _FIELDS_13_AT)
    _, length = _MATCH_HEADER.unpack_from(message, _MATCH_13)
    match, _ = oxm.decode_match(bytes(message[_MATCH_13 + 4 : _MATCH_13 + length]))
    return FlowRemoved(cookie, match, reason in _TIMEOUTS)
