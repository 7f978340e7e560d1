"""OpenFlow 1.3 (1.3.5 sections 7.3 and 7.5): every message a controller may send, every list."""

from __future__ import annotations

from horizon_ryu.wire.guard.framing import MAX_SIZE, max_sizes
from horizon_ryu.wire.guard.openflow13 import ACTIONS, BANDS, BUCKETS, INSTRUCTIONS, OPENFLOW13
from horizon_ryu.wire.guard.oxm import walk_match
from horizon_ryu.wire.guard.protocol import (
    MAX_ECHO_SIZE,
    Protocol,
    Role,
    by_type,
    no_less_than,
    packet_out,
    sized,
    whole,
)
from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import Walker, at_least, exactly, with_header
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.versions import OPENFLOW_13

_PACKET_OUT, _ACTIONS_LENGTH = 24, 16
_MATCH_OF_FLOW_MOD = 48
_MATCH_OF_REQUEST = 32


def _flow_mod(message: bytes) -> None:
    size = len(message)
    if size < _MATCH_OF_FLOW_MOD:
        raise Violation(Reason.SIZE, f"flow-mod of {size} bytes")
    INSTRUCTIONS(message, walk_match(message, _MATCH_OF_FLOW_MOD, size), size)


def _flows(message: bytes, start: int, end: int) -> None:
    """Check a request for flow entries: a fixed head and a match (7.3.5.2)."""
    if end - start < _MATCH_OF_REQUEST:
        raise Violation(Reason.LENGTH, f"flow request of {end - start} bytes")
    stop = walk_match(message, start + _MATCH_OF_REQUEST, end)
    if stop != end:
        raise Violation(Reason.LENGTH, f"{end - stop} bytes behind a match")


_nothing = exactly(0, "request without a body")
_one = exactly(8, "request for one or all")

_BODIES: dict[int, Walker] = {
    OFPMP.DESC: _nothing,
    OFPMP.FLOW: _flows,
    OFPMP.AGGREGATE: _flows,
    OFPMP.TABLE: _nothing,
    OFPMP.PORT_STATS: _one,
    OFPMP.QUEUE: _one,
    OFPMP.GROUP: _one,
    OFPMP.GROUP_DESC: _nothing,
    OFPMP.GROUP_FEATURES: _nothing,
    OFPMP.METER: _one,
    OFPMP.METER_CONFIG: _one,
    OFPMP.METER_FEATURES: _nothing,
    # With a body it is a request to set them.
    OFPMP.TABLE_FEATURES: OPENFLOW13.bodies[OFPMP.TABLE_FEATURES],
    OFPMP.PORT_DESC: _nothing,
    OFPMP.EXPERIMENTER: at_least(8, "experimenter request"),
}

_MAX_SIZES = max_sizes(
    {
        OFPT.HELLO: 8,
        OFPT.ERROR: MAX_SIZE,
        OFPT.ECHO_REQUEST: MAX_ECHO_SIZE,
        OFPT.ECHO_REPLY: MAX_ECHO_SIZE,
        OFPT.EXPERIMENTER: MAX_SIZE,
        OFPT.FEATURES_REQUEST: 8,
        OFPT.GET_CONFIG_REQUEST: 8,
        OFPT.SET_CONFIG: 12,
        OFPT.PACKET_OUT: MAX_SIZE,
        OFPT.FLOW_MOD: MAX_SIZE,
        OFPT.GROUP_MOD: MAX_SIZE,
        OFPT.PORT_MOD: 40,
        OFPT.TABLE_MOD: 16,
        OFPT.MULTIPART_REQUEST: MAX_SIZE,
        OFPT.BARRIER_REQUEST: 8,
        OFPT.QUEUE_GET_CONFIG_REQUEST: 16,
        OFPT.ROLE_REQUEST: 24,
        OFPT.GET_ASYNC_REQUEST: 8,
        OFPT.SET_ASYNC: 32,
        OFPT.METER_MOD: MAX_SIZE,
    }
)

CONTROLLER13 = Protocol(
    version=OPENFLOW_13,
    role=Role.CONTROLLER,
    max_sizes=_MAX_SIZES,
    checks=by_type(
        {
            OFPT.ERROR: no_less_than(12),
            OFPT.ECHO_REQUEST: no_less_than(8),
            OFPT.ECHO_REPLY: no_less_than(8),
            OFPT.EXPERIMENTER: no_less_than(16),
            OFPT.FEATURES_REQUEST: sized(8),
            OFPT.GET_CONFIG_REQUEST: sized(8),
            OFPT.SET_CONFIG: sized(12),
            OFPT.PACKET_OUT: packet_out(_PACKET_OUT, _ACTIONS_LENGTH, ACTIONS),
            OFPT.FLOW_MOD: _flow_mod,
            OFPT.GROUP_MOD: whole(with_header(8, BUCKETS, "group-mod")),
            OFPT.PORT_MOD: sized(40),
            OFPT.TABLE_MOD: sized(16),
            OFPT.BARRIER_REQUEST: sized(8),
            OFPT.QUEUE_GET_CONFIG_REQUEST: sized(16),
            OFPT.ROLE_REQUEST: sized(24),
            OFPT.GET_ASYNC_REQUEST: sized(8),
            OFPT.SET_ASYNC: sized(32),
            OFPT.METER_MOD: whole(with_header(8, BANDS, "meter-mod")),
        }
    ),
    multipart_request=OFPT.MULTIPART_REQUEST,
    multipart_reply=OFPT.MULTIPART_REPLY,
    body_at=16,
    bodies=_BODIES,
)
