"""OpenFlow 1.3 (1.3.5 section 7): every message a switch may send, every list in it."""

from __future__ import annotations

import struct

from horizon_ryu.wire.action_table import ACTIONS_13
from horizon_ryu.wire.error_codes13 import OFPBAC, OFPBIC, OFPET, OFPMMFC
from horizon_ryu.wire.fields import HAS_MASK, header
from horizon_ryu.wire.guard.framing import MAX_SIZE, max_sizes
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
from horizon_ryu.wire.guard.violation import Reason, UnknownElement, Violation
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
from horizon_ryu.wire.match_codes13 import OFPMT, OFPXMC, OFPXMT_OFB
from horizon_ryu.wire.ofp13 import (
    OFPAT,
    OFPIT,
    OFPMBT,
    OFPMP,
    OFPQT,
    OFPT,
    OFPTFPT,
    ONF_EXPERIMENTER_ID,
)
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_13

MAX_PROPERTY_SIZE = 4096
"""A thousand ids; Ryu copies the rest of a property for each id in it."""

MAX_PROPERTIES = 64
"""Of one table; 1.3 defines sixteen kinds, each at most once."""

_ONLY_IN_PORT = (int(OFPMT.OXM), 12, header(OFPXMT_OFB.IN_PORT))
"""Type and length of a match, and the field, when the input port is all there is."""

_PADDING = 7
"""Some switches pad the message to 8 bytes after the frame."""

_HEADER = 8
_SET_FIELD, _FIELD_AT = 16, 4
_FLOW, _FLOW_MATCH_AT = 56, 48
_AGGREGATE, _BUCKET, _BAND, _COUNTED = 24, 16, 16, 40
_LONG_ID = int(OFPXMC.EXPERIMENTER)
"""The class of fields whose ids are twice as long."""
_LONG_ID_SIZE, _ID_SIZE, _CLASS_SIZE = 8, 4, 2

_TOTAL_LENGTH_AT, _PACKET_IN_MATCH_AT, _FRAME_PADDING = 12, 24, 2
_PACKET_IN, _PACKET_IN_WITH_PORT = 34, 42
"""Bytes before the frame of a packet-in, with an empty match, and with the input port in it."""

_packet_in_head = struct.Struct("!H10xHHI").unpack_from


_UNKNOWN_ACTION = int(OFPET.BAD_ACTION), int(OFPBAC.BAD_TYPE)
_MASKED_SET_FIELD = int(OFPET.BAD_ACTION), int(OFPBAC.BAD_SET_ARGUMENT)


def _set_field(message: bytes, start: int, end: int) -> None:
    if end - start < _SET_FIELD:
        raise Violation(Reason.LENGTH, f"set-field of {end - start} bytes")
    field_end = walk_field(message, start + _FIELD_AT, end)
    if (field_end - start + 7) & ~7 != end - start:
        raise Violation(Reason.LENGTH, f"set-field of {end - start} bytes around its field")
    if uint32(message, start + _FIELD_AT) & HAS_MASK:
        raise UnknownElement("set-field with a mask", _MASKED_SET_FIELD)


def _standard_actions(foreign: Walker) -> Walker:
    known = {number: exactly(row.size, "action") for number, row in ACTIONS_13.items()}
    known |= {OFPAT.SET_FIELD: _set_field, OFPAT.EXPERIMENTER: foreign}
    return tlv_list("action", known, error=_UNKNOWN_ACTION)


ACTIONS = with_nicira(_standard_actions, aligned_properties)

_in_actions = with_header(8, ACTIONS, "instruction")

INSTRUCTIONS = tlv_list(
    "instruction",
    {
        OFPIT.GOTO_TABLE: exactly(8, "instruction"),
        OFPIT.WRITE_METADATA: exactly(24, "instruction"),
        OFPIT.WRITE_ACTIONS: _in_actions,
        OFPIT.APPLY_ACTIONS: _in_actions,
        OFPIT.CLEAR_ACTIONS: _in_actions,
        OFPIT.METER: exactly(8, "instruction"),
        OFPIT.EXPERIMENTER: at_least(8, "instruction"),
    },
    error=(int(OFPET.BAD_INSTRUCTION), int(OFPBIC.UNKNOWN_INST)),
)


def _flow(message: bytes, start: int, end: int) -> None:
    INSTRUCTIONS(message, walk_match(message, start + _FLOW_MATCH_AT, end), end)


BUCKETS = length_prefixed_list("bucket", 0, _BUCKET, with_header(_BUCKET, ACTIONS, "bucket"))

BANDS = tlv_list(
    "meter band",
    {
        OFPMBT.DROP: exactly(_BAND, "meter band"),
        OFPMBT.DSCP_REMARK: exactly(_BAND, "meter band"),
        OFPMBT.EXPERIMENTER: at_least(_BAND, "meter band"),
    },
    least=12,
    step=4,
    error=(int(OFPET.METER_MOD_FAILED), int(OFPMMFC.BAD_BAND)),
)

_ids = tlv_list("id", {}, other=at_least(4, "id"), least=4, step=4)


def _oxm_ids(message: bytes, start: int, end: int) -> None:
    while start < end:
        is_long = end - start >= _CLASS_SIZE and uint16(message, start) == _LONG_ID
        size = _LONG_ID_SIZE if is_long else _ID_SIZE
        if end - start < size:
            raise Violation(Reason.LENGTH, f"{end - start} bytes left for a field id")
        start += size


def _property(inner: Walker) -> Walker:
    body = with_header(4, inner, "table property")

    def walk(message: bytes, start: int, end: int) -> None:
        if end - start > MAX_PROPERTY_SIZE:
            raise Violation(Reason.EXCESS, f"table property of {end - start} bytes")
        body(message, start, end)

    return walk


_T = OFPTFPT
_OF_IDS = (
    _T.INSTRUCTIONS,
    _T.INSTRUCTIONS_MISS,
    _T.WRITE_ACTIONS,
    _T.WRITE_ACTIONS_MISS,
    _T.APPLY_ACTIONS,
    _T.APPLY_ACTIONS_MISS,
)
_OF_TABLES = (_T.NEXT_TABLES, _T.NEXT_TABLES_MISS)
_OF_FIELDS = (
    _T.MATCH,
    _T.WILDCARDS,
    _T.WRITE_SETFIELD,
    _T.WRITE_SETFIELD_MISS,
    _T.APPLY_SETFIELD,
    _T.APPLY_SETFIELD_MISS,
)
_EXPERIMENTERS = (_T.EXPERIMENTER, _T.EXPERIMENTER_MISS)

_table_properties = tlv_list(
    "table property",
    {
        **{kind: _property(_ids) for kind in _OF_IDS},
        **{kind: at_least(4, "next tables", 4 + 256) for kind in _OF_TABLES},
        **{kind: _property(_oxm_ids) for kind in _OF_FIELDS},
        **{kind: _property(at_least(8, "property")) for kind in _EXPERIMENTERS},
    },
    other=at_least(4, "table property"),
    least=4,
    step=1,
    padded=True,
    most=MAX_PROPERTIES,
)

_queue_properties = tlv_list(
    "queue property",
    {
        OFPQT.MIN_RATE: exactly(16, "queue property"),
        OFPQT.MAX_RATE: exactly(16, "queue property"),
        OFPQT.EXPERIMENTER: at_least(16, "queue property", MAX_PROPERTY_SIZE),
    },
    other=at_least(8, "queue property"),
)
_queues = length_prefixed_list("queue", 8, 16, with_header(16, _queue_properties, "queue"))

_counters = fixed_list(16, "counters")

_BODIES: dict[int, Walker] = {
    OFPMP.DESC: exactly(1056, "description"),
    OFPMP.FLOW: length_prefixed_list("flow", 0, _FLOW, _flow),
    OFPMP.AGGREGATE: exactly(_AGGREGATE, "aggregate statistics"),
    OFPMP.TABLE: fixed_list(24, "table statistics"),
    OFPMP.PORT_STATS: fixed_list(112, "port statistics"),
    OFPMP.QUEUE: fixed_list(40, "queue statistics"),
    OFPMP.GROUP: length_prefixed_list(
        "group", 0, _COUNTED, with_header(_COUNTED, _counters, "group")
    ),
    OFPMP.GROUP_DESC: length_prefixed_list("group", 0, 8, with_header(8, BUCKETS, "group")),
    OFPMP.GROUP_FEATURES: exactly(40, "group features"),
    OFPMP.METER: length_prefixed_list(
        "meter", 4, _COUNTED, with_header(_COUNTED, _counters, "meter")
    ),
    OFPMP.METER_CONFIG: length_prefixed_list("meter", 0, 8, with_header(8, BANDS, "meter")),
    OFPMP.METER_FEATURES: exactly(16, "meter features"),
    OFPMP.TABLE_FEATURES: length_prefixed_list(
        "table", 0, 64, with_header(64, _table_properties, "table")
    ),
    OFPMP.PORT_DESC: fixed_list(64, "ports"),
    OFPMP.EXPERIMENTER: at_least(8, "experimenter statistics"),
}


def _packet_in(message: bytes) -> None:
    """Check a packet-in: 24 bytes, the match, 2 bytes of padding, the frame (7.4.1)."""
    size = len(message)
    if size < _PACKET_IN:
        raise Violation(Reason.SIZE, f"packet-in of {size} bytes")
    if size >= _PACKET_IN_WITH_PORT:
        total, *match = _packet_in_head(message, _TOTAL_LENGTH_AT)
        usual = tuple(match) == _ONLY_IN_PORT
    else:
        total, usual = uint16(message, _TOTAL_LENGTH_AT), False
    if usual:
        frame = _PACKET_IN_WITH_PORT
    else:
        frame = walk_match(message, _PACKET_IN_MATCH_AT, size) + _FRAME_PADDING
    if frame > size:
        raise Violation(Reason.SIZE, f"packet-in of {size} bytes")
    if size - frame > total + _PADDING:
        raise Violation(Reason.LENGTH, "packet-in with more than the whole frame")


def _flow_removed(message: bytes) -> None:
    size = len(message)
    if size < _FLOW or walk_match(message, _FLOW_MATCH_AT, size) != size:
        raise Violation(Reason.SIZE, f"flow-removed of {size} bytes")


_ERROR, _FOREIGN_ERROR = 12, 16
"""Type and code; an experimenter's error has its id too."""


def _error(message: bytes) -> None:
    size = len(message)
    foreign = size >= _ERROR and uint16(message, _HEADER) == OFPET.EXPERIMENTER
    if size < (_FOREIGN_ERROR if foreign else _ERROR):
        raise Violation(Reason.SIZE, f"error of {size} bytes")


_EXPERIMENTER, _BUNDLE = 16, 24
_ONF_BUNDLE_CONTROL = ONF_EXPERIMENTER_ID, 2300
"""Experimenter and type of the messages of ONF's extension 230, bundles."""


def _experimenter(message: bytes) -> None:
    size = len(message)
    if size < _EXPERIMENTER:
        raise Violation(Reason.SIZE, f"experimenter message of {size} bytes")
    kind = uint32(message, _HEADER), uint32(message, _HEADER + 4)
    if kind == _ONF_BUNDLE_CONTROL and size < _BUNDLE:
        raise Violation(Reason.SIZE, f"experimenter message of {size} bytes")


_FEATURES = 32
_SIZES: dict[int, int] = {
    OFPT.GET_CONFIG_REPLY: 12,
    OFPT.PORT_STATUS: 80,
    OFPT.BARRIER_REPLY: _HEADER,
    OFPT.ROLE_REPLY: 24,
    OFPT.GET_ASYNC_REPLY: 32,
}
"""The messages that have but one size."""

_MAX_SIZES = max_sizes(
    {
        **_SIZES,
        OFPT.HELLO: _HEADER,
        OFPT.ERROR: MAX_SIZE,
        OFPT.ECHO_REQUEST: MAX_ECHO_SIZE,
        OFPT.ECHO_REPLY: MAX_ECHO_SIZE,
        OFPT.EXPERIMENTER: MAX_SIZE,
        OFPT.FEATURES_REPLY: _FEATURES,
        OFPT.PACKET_IN: MAX_SIZE,
        OFPT.FLOW_REMOVED: 4096,
        OFPT.MULTIPART_REPLY: MAX_SIZE,
        OFPT.QUEUE_GET_CONFIG_REPLY: MAX_SIZE,
    }
)

OPENFLOW13 = Protocol(
    version=OPENFLOW_13,
    max_sizes=_MAX_SIZES,
    checks=by_type(
        {
            **{kind: sized(size) for kind, size in _SIZES.items()},
            OFPT.ERROR: _error,
            OFPT.ECHO_REQUEST: no_less_than(_HEADER),
            OFPT.ECHO_REPLY: no_less_than(_HEADER),
            OFPT.EXPERIMENTER: _experimenter,
            OFPT.PACKET_IN: _packet_in,
            OFPT.FLOW_REMOVED: _flow_removed,
            OFPT.QUEUE_GET_CONFIG_REPLY: whole(with_header(8, _queues, "queue configuration")),
        }
    ),
    features=sized(_FEATURES),
    multipart_request=int(OFPT.MULTIPART_REQUEST),
    multipart_reply=int(OFPT.MULTIPART_REPLY),
    body_at=BODY_AT[OPENFLOW_13],
    bodies=_BODIES,
)
