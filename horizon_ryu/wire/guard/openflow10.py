"""OpenFlow 1.0 (1.0.0 sections 5.1 to 5.5): every message a switch may send, every list in it."""

from __future__ import annotations

from horizon_ryu.wire.action_table import ACTIONS_10
from horizon_ryu.wire.error_codes10 import OFPBAC, OFPET
from horizon_ryu.wire.guard.framing import MAX_SIZE, max_sizes
from horizon_ryu.wire.guard.nicira import (
    any_properties,
    properties_as_ryu_reads_them,
    with_nicira,
)
from horizon_ryu.wire.guard.oxm import MAX_MATCH_SIZE, walk_fields
from horizon_ryu.wire.guard.protocol import (
    MAX_ECHO_SIZE,
    Protocol,
    by_type,
    no_less_than,
    sized,
    whole,
)
from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import (
    Walker,
    at_least,
    exactly,
    fixed_list,
    length_prefixed_list,
    tlv_list,
    uint16,
    uint32,
    with_header,
)
from horizon_ryu.wire.nicira_ext import NX_EXPERIMENTER_ID, NXST, NXT
from horizon_ryu.wire.ofp10 import OFPAT, OFPQT, OFPST, OFPT
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_10

_HEADER = 8
_FEATURES = 32
_PORT = 48
_PACKET_IN_HEAD = 18
_TOTAL_LENGTH_AT = 12
_FLOW, _AGGREGATE = 88, 24
_PADDING = 7
"""Some switches pad the message to 8 bytes after the frame."""


_UNKNOWN_ACTION = int(OFPET.BAD_ACTION), int(OFPBAC.BAD_TYPE)


def _standard_actions(foreign: Walker) -> Walker:
    known = {number: exactly(row.size, "action") for number, row in ACTIONS_10.items()}
    return tlv_list("action", {**known, OFPAT.VENDOR: foreign}, error=_UNKNOWN_ACTION)


ACTIONS = with_nicira(_standard_actions, any_properties)
_AS_RYU_READS_THEM = with_nicira(_standard_actions, properties_as_ryu_reads_them)


def _flows(actions: Walker) -> Walker:
    return length_prefixed_list("flow", 0, _FLOW, with_header(_FLOW, actions, "flow"))


def _packet_in(message: bytes) -> None:
    size = len(message)
    if size < _PACKET_IN_HEAD:
        raise Violation(Reason.SIZE, f"packet-in of {size} bytes")
    total = message[_TOTAL_LENGTH_AT] << 8 | message[_TOTAL_LENGTH_AT + 1]
    if size - _PACKET_IN_HEAD > total + _PADDING:
        raise Violation(Reason.LENGTH, "packet-in with more than the whole frame")


def _nicira_match(message: bytes, start: int, end: int, length: int) -> int:
    """Check Nicira's match of ``length`` bytes at ``start``; return where its padding ends."""
    space = (length + 7) & ~7
    if length > MAX_MATCH_SIZE or space > end - start:
        raise Violation(Reason.LENGTH, f"match of {length} bytes, {end - start} left")
    walk_fields(message, start, start + length)
    return start + space


def _nicira_flows(actions: Walker) -> Walker:
    def walk(message: bytes, start: int, end: int) -> None:
        length = uint16(message, start + _NICIRA_MATCH_LENGTH_AT)
        actions(message, _nicira_match(message, start + _NICIRA_FLOW, end, length), end)

    return length_prefixed_list("flow", 0, _NICIRA_FLOW, walk)


_NICIRA_FLOW, _NICIRA_MATCH_LENGTH_AT = 48, 18
_VENDOR_HEAD, _NICIRA_HEAD = 4, 12
"""Of vendor statistics, and of Nicira's: vendor, type, padding."""

_nicira_aggregate = exactly(_AGGREGATE, "aggregate statistics")


def _vendor_stats(actions: Walker) -> Walker:
    """Return a walker for vendor statistics: vendor; Nicira's have a type and padding too."""
    flows = _nicira_flows(actions)

    def walk(message: bytes, start: int, end: int) -> None:
        size = end - start
        if size < _VENDOR_HEAD:
            raise Violation(Reason.LENGTH, f"vendor statistics of {size} bytes")
        if uint32(message, start) != NX_EXPERIMENTER_ID:
            return
        if size < _NICIRA_HEAD:
            raise Violation(Reason.LENGTH, f"vendor statistics of {size} bytes")
        kind = uint32(message, start + _VENDOR_HEAD)
        if kind == NXST.FLOW:
            flows(message, start + _NICIRA_HEAD, end)
        elif kind == NXST.AGGREGATE:
            _nicira_aggregate(message, start + _NICIRA_HEAD, end)

    return walk


_NICIRA_MESSAGES: dict[int, tuple[int, int | None]] = {
    NXT.ROLE_REPLY: (20, None),
    NXT.FLOW_REMOVED: (56, 38),
    NXT.PACKET_IN: (40, 32),
}
"""Subtype: least size, and where the length of the match stands."""
_VENDOR_AT, _SUBTYPE_AT = 8, 12
_VENDOR_SIZE, _NICIRA_SIZE = 12, 16


def _vendor(message: bytes) -> None:
    size = len(message)
    if size < _VENDOR_SIZE:
        raise Violation(Reason.SIZE, f"vendor message of {size} bytes")
    if uint32(message, _VENDOR_AT) != NX_EXPERIMENTER_ID:
        return
    if size < _NICIRA_SIZE:
        raise Violation(Reason.SIZE, f"vendor message of {size} bytes")
    subtype = uint32(message, _SUBTYPE_AT)
    least, length_at = _NICIRA_MESSAGES.get(subtype, (_NICIRA_SIZE, None))
    if size < least:
        raise Violation(Reason.SIZE, f"Nicira message of {size} bytes, not {least}")
    if length_at is not None:
        _nicira_match(message, least, size, uint16(message, length_at))


_queue_properties = tlv_list(
    "queue property",
    {
        OFPQT.NONE: exactly(8, "queue property"),
        OFPQT.MIN_RATE: exactly(16, "queue property"),
    },
    other=at_least(8, "queue property"),
)
_queues = length_prefixed_list("queue", 4, 8, with_header(8, _queue_properties, "queue"))

_BODIES: dict[int, Walker] = {
    OFPST.DESC: exactly(1056, "description"),
    OFPST.FLOW: _flows(ACTIONS),
    OFPST.AGGREGATE: exactly(_AGGREGATE, "aggregate statistics"),
    OFPST.TABLE: fixed_list(64, "table statistics"),
    OFPST.PORT: fixed_list(104, "port statistics"),
    OFPST.QUEUE: fixed_list(32, "queue statistics"),
    OFPST.VENDOR: _vendor_stats(ACTIONS),
}

_SIZES: dict[int, int] = {
    OFPT.GET_CONFIG_REPLY: 12,
    OFPT.FLOW_REMOVED: 88,
    OFPT.PORT_STATUS: 64,
    OFPT.BARRIER_REPLY: _HEADER,
}
"""The messages that have but one size."""

_MAX_SIZES = max_sizes(
    {
        **_SIZES,
        OFPT.HELLO: _HEADER,
        OFPT.ERROR: MAX_SIZE,
        OFPT.ECHO_REQUEST: MAX_ECHO_SIZE,
        OFPT.ECHO_REPLY: MAX_ECHO_SIZE,
        OFPT.VENDOR: MAX_SIZE,
        OFPT.FEATURES_REPLY: MAX_SIZE,
        OFPT.PACKET_IN: MAX_SIZE,
        OFPT.STATS_REPLY: MAX_SIZE,
        OFPT.QUEUE_GET_CONFIG_REPLY: MAX_SIZE,
    }
)

OPENFLOW10 = Protocol(
    version=OPENFLOW_10,
    max_sizes=_MAX_SIZES,
    checks=by_type(
        {
            **{kind: sized(size) for kind, size in _SIZES.items()},
            OFPT.ERROR: no_less_than(12),
            OFPT.ECHO_REQUEST: no_less_than(_HEADER),
            OFPT.ECHO_REPLY: no_less_than(_HEADER),
            OFPT.VENDOR: _vendor,
            OFPT.PACKET_IN: _packet_in,
            OFPT.QUEUE_GET_CONFIG_REPLY: whole(with_header(8, _queues, "queue configuration")),
        }
    ),
    features=whole(with_header(_FEATURES - _HEADER, fixed_list(_PORT, "ports"), "features reply")),
    multipart_request=int(OFPT.STATS_REQUEST),
    multipart_reply=int(OFPT.STATS_REPLY),
    body_at=BODY_AT[OPENFLOW_10],
    bodies=_BODIES,
    hazards={
        OFPST.FLOW: _flows(_AS_RYU_READS_THEM),
        OFPST.VENDOR: _vendor_stats(_AS_RYU_READS_THEM),
    },
)
