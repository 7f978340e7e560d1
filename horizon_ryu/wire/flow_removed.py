"""Which flow entry a switch says it removed (1.0 spec 5.4.3, 1.3.5 spec 7.4.2)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire import match10, oxm
from horizon_ryu.wire.messages import Match
from horizon_ryu.wire.ofp13 import OFPRR
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

_FIELDS = struct.Struct("!QHB")
_MATCH_10, _FIELDS_10 = 8, 48
_FIELDS_13, _MATCH_13 = 8, 48
_MATCH_HEADER = struct.Struct("!HH")


class Reason(Enum):
    """Why an entry was removed; OTHER: its group or meter was deleted, or the table is full."""

    IDLE_TIMEOUT = "idle_timeout"
    HARD_TIMEOUT = "hard_timeout"
    DELETE = "delete"
    OTHER = "other"


_REASONS: Mapping[int, Reason] = MappingProxyType(
    {
        int(OFPRR.IDLE_TIMEOUT): Reason.IDLE_TIMEOUT,
        int(OFPRR.HARD_TIMEOUT): Reason.HARD_TIMEOUT,
        int(OFPRR.DELETE): Reason.DELETE,
    }
)
"""By their numbers, which both versions share."""


class FlowRemoved(NamedTuple):
    """What a switch says of an entry that is gone."""

    cookie: int
    match: Match
    priority: int
    reason: Reason

    @property
    def timed_out(self) -> bool:
        """Whether a timeout removed it, and nobody's decision."""
        return self.reason in (Reason.IDLE_TIMEOUT, Reason.HARD_TIMEOUT)


def read_flow_removed(version: int, message: bytes) -> FlowRemoved | None:
    """Read a whole flow-removed message; None if it is too short or of another version."""
    if version == OPENFLOW_10:
        return _read_10(message)
    return _read_13(message) if version == OPENFLOW_13 else None


def _read_10(message: bytes) -> FlowRemoved | None:
    if len(message) < _FIELDS_10 + _FIELDS.size:
        return None
    match, _ = match10.decode_match(message[_MATCH_10:_FIELDS_10])
    return _removed(message, _FIELDS_10, match)


def _read_13(message: bytes) -> FlowRemoved | None:
    if len(message) < _MATCH_13 + _MATCH_HEADER.size:
        return None
    _, length = _MATCH_HEADER.unpack_from(message, _MATCH_13)
    match, _ = oxm.decode_match(bytes(message[_MATCH_13 + 4 : _MATCH_13 + length]))
    return _removed(message, _FIELDS_13, match)


def _removed(message: bytes, at: int, match: Match) -> FlowRemoved:
    cookie, priority, reason = _FIELDS.unpack_from(message, at)
    known = _REASONS.get(reason, Reason.OTHER)
    return FlowRemoved(cookie, match, priority, known)
