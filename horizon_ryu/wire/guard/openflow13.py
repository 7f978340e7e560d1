"""OpenFlow 1.3 (1.3.5 section 7): every message a switch may send, every list in it."""

from __future__ import annotations

import struct

from horizon_ryu.wire.guard.framing import MAX_SIZE, caps
from horizon_ryu.wire.guard.nicira import aligned_properties, with_nicira
from horizon_ryu.wire.guard.oxm import walk_field, walk_match
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

VERSION = 4

MAX_PROPERTY_SIZE = 4096
"""A thousand ids; Ryu copies the rest of a property for each id in it."""

MAX_PROPERTIES = 64
"""Of one table; 1.3 defines sixteen kinds, each at most once."""

_ONLY_IN_PORT = (1, 12, 0x80000004)
"""Type and length of a match, and the field, when the input port is all there is."""

_PADDING = 7
"""Some switches pad the message to 8 bytes after the frame."""

_packet_in_head = struct.Struct("!H10xHHI").unpack_from


def _set_field(message: bytes, start: int, end: int) -> None:
    if end - start < 16:
        raise Violation(Reason.LENGTH, f"set-field of {end - start} bytes")
    field_end = walk_field(message, start + 4, end)
    if (field_end - start + 7) & ~7 != end - start:
        raise Violation(Reason.LENGTH, f"set-field of {end - start} bytes around its field")
    if message[start + 6] & 1:
        raise Violation(Reason.KIND, "set-field with a mask")


def _standard_actions(foreign: Walker) -> Walker:
    short = exactly(8, "action")
    known = dict.fromkeys((11, 12, *range(15, 25), 26, 27), short)
    return kinds("action", {**known, 0: exactly(16, "action"), 25: _set_field, 0xFFFF: foreign})


ACTIONS = with_nicira(_standard_actions, aligned_properties)

_in_actions = after(8, ACTIONS, "instruction")

INSTRUCTIONS = kinds(
    "instruction",
    {
        1: exactly(8, "instruction"),
        2: exactly(24, "instruction"),
        3: _in_actions,
        4: _in_actions,
        5: _in_actions,
        6: exactly(8, "instruction"),
        0xFFFF: at_least(8, "instruction"),
    },
)


def _flow(message: bytes, start: int, end: int) -> None:
    INSTRUCTIONS(message, walk_match(message, start + 48, end), end)


BUCKETS = entries("bucket", 0, 16, after(16, ACTIONS, "bucket"))

BANDS = kinds(
    "meter band",
    {
        1: exactly(16, "meter band"),
        2: exactly(16, "meter band"),
        0xFFFF: at_least(16, "meter band"),
    },
    least=12,
    step=4,
)

_ids = kinds("id", {}, other=at_least(4, "id"), least=4, step=4)


def _oxm_ids(message: bytes, start: int, end: int) -> None:
    while start < end:
        size = 8 if end - start >= 2 and uint16(message, start) == 0xFFFF else 4
        if end - start < size:
            raise Violation(Reason.LENGTH, f"{end - start} bytes left for a field id")
        start += size


def _property(inner: Walker) -> Walker:
    body = after(4, inner, "table property")

    def walk(message: bytes, start: int, end: int) -> None:
        if end - start > MAX_PROPERTY_SIZE:
            raise Violation(Reason.EXCESS, f"table property of {end - start} bytes")
        body(message, start, end)

    return walk


_table_properties = kinds(
    "table property",
    {
        **{kind: _property(_ids) for kind in (0, 1, 4, 5, 6, 7)},
        **{kind: at_least(4, "next tables", 4 + 256) for kind in (2, 3)},
        **{kind: _property(_oxm_ids) for kind in (8, 10, 12, 13, 14, 15)},
        **{kind: _property(at_least(8, "property")) for kind in (0xFFFE, 0xFFFF)},
    },
    other=at_least(4, "table property"),
    least=4,
    step=1,
    padded=True,
    most=MAX_PROPERTIES,
)

_queue_properties = kinds(
    "queue property",
    {
        1: exactly(16, "queue property"),
        2: exactly(16, "queue property"),
        0xFFFF: at_least(16, "queue property", MAX_PROPERTY_SIZE),
    },
    other=at_least(8, "queue property"),
)
_queues = entries("queue", 8, 16, after(16, _queue_properties, "queue"))

_counters = array(16, "counters")

_BODIES: dict[int, Walker] = {
    0: exactly(1056, "description"),
    1: entries("flow", 0, 56, _flow),
    2: exactly(24, "aggregate statistics"),
    3: array(24, "table statistics"),
    4: array(112, "port statistics"),
    5: array(40, "queue statistics"),
    6: entries("group", 0, 40, after(40, _counters, "group")),
    7: entries("group", 0, 8, after(8, BUCKETS, "group")),
    8: exactly(40, "group features"),
    9: entries("meter", 4, 40, after(40, _counters, "meter")),
    10: entries("meter", 0, 8, after(8, BANDS, "meter")),
    11: exactly(16, "meter features"),
    12: entries("table", 0, 64, after(64, _table_properties, "table")),
    13: array(64, "ports"),
    0xFFFF: at_least(8, "experimenter statistics"),
}


def _packet_in(message: bytes) -> None:
    """Check a packet-in: 24 bytes, the match, 2 bytes of padding, the frame (7.4.1)."""
    size = len(message)
    if size < 34:
        raise Violation(Reason.SIZE, f"packet-in of {size} bytes")
    if size < 42:
        frame = walk_match(message, 24, size) + 2
        total = uint16(message, 12)
    else:
        total, *match = _packet_in_head(message, 12)
        frame = 42 if tuple(match) == _ONLY_IN_PORT else walk_match(message, 24, size) + 2
    if frame > size:
        raise Violation(Reason.SIZE, f"packet-in of {size} bytes")
    if size - frame > total + _PADDING:
        raise Violation(Reason.LENGTH, "packet-in with more than the whole frame")


def _flow_removed(message: bytes) -> None:
    size = len(message)
    if size < 56 or walk_match(message, 48, size) != size:
        raise Violation(Reason.SIZE, f"flow-removed of {size} bytes")


def _error(message: bytes) -> None:
    size = len(message)
    if size < 12 or (size < 16 and uint16(message, 8) == 0xFFFF):
        raise Violation(Reason.SIZE, f"error of {size} bytes")


_ONF, _BUNDLE_CONTROL = 0x4F4E4600, 2300


def _experimenter(message: bytes) -> None:
    size = len(message)
    bundle = size >= 16 and (uint32(message, 8), uint32(message, 12)) == (_ONF, _BUNDLE_CONTROL)
    if size < 16 or (bundle and size < 24):
        raise Violation(Reason.SIZE, f"experimenter message of {size} bytes")


_CAPS = caps(
    {
        0: 8, 1: MAX_SIZE, 2: MAX_ECHO_SIZE, 3: MAX_ECHO_SIZE, 4: MAX_SIZE, 6: 32, 8: 12,
        10: MAX_SIZE, 11: 4096, 12: 80, 19: MAX_SIZE, 21: 8, 23: MAX_SIZE, 25: 24, 27: 32,
    }
)  # fmt: skip

OPENFLOW13 = Protocol(
    version=VERSION,
    caps=_CAPS,
    checks=by_type(
        {
            1: _error,
            2: no_less_than(8),
            3: no_less_than(8),
            4: _experimenter,
            8: sized(12),
            10: _packet_in,
            11: _flow_removed,
            12: sized(80),
            21: sized(8),
            23: whole(after(8, _queues, "queue configuration")),
            25: sized(24),
            27: sized(32),
        }
    ),
    features=sized(32),
    multipart_request=18,
    multipart_reply=19,
    body_at=16,
    bodies=_BODIES,
)
