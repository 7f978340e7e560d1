"""OpenFlow 1.0 (1.0.0 sections 5.1 to 5.5): every message a switch may send, every list in it."""

from __future__ import annotations

from horizon_ryu.wire.guard.framing import MAX_SIZE, caps
from horizon_ryu.wire.guard.nicira import EXPERIMENTER as NICIRA
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
    after,
    array,
    at_least,
    entries,
    exactly,
    kinds,
    uint16,
    uint32,
)

VERSION = 1
_PORT = 48
_FEATURES = 32
_PACKET_IN_HEAD = 18
_PADDING = 7
"""Some switches pad the message to 8 bytes after the frame."""


def _standard_actions(foreign: Walker) -> Walker:
    short, long = exactly(8, "action"), exactly(16, "action")
    known = dict.fromkeys((0, 1, 2, 3, 6, 7, 8, 9, 10), short)
    return kinds("action", {**known, 4: long, 5: long, 11: long, 0xFFFF: foreign})


ACTIONS = with_nicira(_standard_actions, any_properties)
_AS_RYU_READS_THEM = with_nicira(_standard_actions, properties_as_ryu_reads_them)


def _flows(actions: Walker) -> Walker:
    return entries("flow", 0, 88, after(88, actions, "flow"))


def _packet_in(message: bytes) -> None:
    size = len(message)
    if size < _PACKET_IN_HEAD:
        raise Violation(Reason.SIZE, f"packet-in of {size} bytes")
    if size - _PACKET_IN_HEAD > (message[12] << 8 | message[13]) + _PADDING:
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
        actions(message, _nicira_match(message, start + 48, end, uint16(message, start + 18)), end)

    return entries("flow", 0, 48, walk)


_nicira_aggregate = exactly(24, "aggregate statistics")


def _vendor_stats(actions: Walker) -> Walker:
    """Return a walker for vendor statistics: vendor; Nicira's have a type and padding too."""
    flows = _nicira_flows(actions)

    def walk(message: bytes, start: int, end: int) -> None:
        size = end - start
        if size < 4 or (uint32(message, start) == NICIRA and size < 12):
            raise Violation(Reason.LENGTH, f"vendor statistics of {size} bytes")
        if uint32(message, start) != NICIRA:
            return
        kind = uint32(message, start + 4)
        if kind == 0:
            flows(message, start + 12, end)
        elif kind == 1:
            _nicira_aggregate(message, start + 12, end)

    return walk


_NICIRA_MESSAGES = {11: (20, None), 14: (56, 38), 17: (40, 32)}
"""Subtype: least size, and where the length of the match stands."""


def _vendor(message: bytes) -> None:
    size = len(message)
    if size < 12 or (uint32(message, 8) == NICIRA and size < 16):
        raise Violation(Reason.SIZE, f"vendor message of {size} bytes")
    if uint32(message, 8) != NICIRA:
        return
    least, length_at = _NICIRA_MESSAGES.get(uint32(message, 12), (16, None))
    if size < least:
        raise Violation(Reason.SIZE, f"Nicira message of {size} bytes, not {least}")
    if length_at is not None:
        _nicira_match(message, least, size, uint16(message, length_at))


_queue_properties = kinds(
    "queue property",
    {0: exactly(8, "queue property"), 1: exactly(16, "queue property")},
    other=at_least(8, "queue property"),
)
_queues = entries("queue", 4, 8, after(8, _queue_properties, "queue"))

_BODIES: dict[int, Walker] = {
    0: exactly(1056, "description"),
    1: _flows(ACTIONS),
    2: exactly(24, "aggregate statistics"),
    3: array(64, "table statistics"),
    4: array(104, "port statistics"),
    5: array(32, "queue statistics"),
    0xFFFF: _vendor_stats(ACTIONS),
}

_CAPS = caps(
    {
        0: 8, 1: MAX_SIZE, 2: MAX_ECHO_SIZE, 3: MAX_ECHO_SIZE, 4: MAX_SIZE, 6: MAX_SIZE,
        8: 12, 10: MAX_SIZE, 11: 88, 12: 64, 17: MAX_SIZE, 19: 8, 21: MAX_SIZE,
    }
)  # fmt: skip

OPENFLOW10 = Protocol(
    version=VERSION,
    caps=_CAPS,
    checks=by_type(
        {
            1: no_less_than(12),
            2: no_less_than(8),
            3: no_less_than(8),
            4: _vendor,
            8: sized(12),
            10: _packet_in,
            11: sized(88),
            12: sized(64),
            19: sized(8),
            21: whole(after(8, _queues, "queue configuration")),
        }
    ),
    features=whole(after(_FEATURES - 8, array(_PORT, "ports"), "features reply")),
    multipart_request=16,
    multipart_reply=17,
    body_at=12,
    bodies=_BODIES,
    hazards={1: _flows(_AS_RYU_READS_THEM), 0xFFFF: _vendor_stats(_AS_RYU_READS_THEM)},
)
