"""OpenFlow 1.0 (1.0.0 sections 5.3 and 5.5): every message a controller may send, every list."""

from __future__ import annotations

from horizon_ryu.wire.guard.framing import MAX_SIZE, caps
from horizon_ryu.wire.guard.openflow10 import ACTIONS
from horizon_ryu.wire.guard.protocol import (
    MAX_ECHO_SIZE,
    Protocol,
    Role,
    by_type,
    no_less_than,
    sized,
    whole,
)
from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import Walker, after, at_least, exactly, uint16
from horizon_ryu.wire.message_types import OFPST, OFPT10
from horizon_ryu.wire.versions import OPENFLOW_10

_PACKET_OUT, _ACTIONS_LENGTH = 16, 14


def _packet_out(message: bytes) -> None:
    """Check a packet-out: the actions have a length of their own, the rest is the frame (5.3.6)."""
    size = len(message)
    if size < _PACKET_OUT:
        raise Violation(Reason.SIZE, f"packet-out of {size} bytes")
    length = uint16(message, _ACTIONS_LENGTH)
    if length > size - _PACKET_OUT:
        raise Violation(Reason.LENGTH, f"actions of {length} bytes, {size - _PACKET_OUT} left")
    ACTIONS(message, _PACKET_OUT, _PACKET_OUT + length)


_flows = exactly(44, "flow request")

_BODIES: dict[int, Walker] = {
    OFPST.DESC: exactly(0, "description request"),
    OFPST.FLOW: _flows,
    OFPST.AGGREGATE: _flows,
    OFPST.TABLE: exactly(0, "table request"),
    OFPST.PORT: exactly(8, "port request"),
    OFPST.QUEUE: exactly(8, "queue request"),
    OFPST.VENDOR: at_least(4, "vendor request"),
}

_CAPS = caps(
    {
        OFPT10.HELLO: 8,
        OFPT10.ERROR: MAX_SIZE,
        OFPT10.ECHO_REQUEST: MAX_ECHO_SIZE,
        OFPT10.ECHO_REPLY: MAX_ECHO_SIZE,
        OFPT10.VENDOR: MAX_SIZE,
        OFPT10.FEATURES_REQUEST: 8,
        OFPT10.GET_CONFIG_REQUEST: 8,
        OFPT10.SET_CONFIG: 12,
        OFPT10.PACKET_OUT: MAX_SIZE,
        OFPT10.FLOW_MOD: MAX_SIZE,
        OFPT10.PORT_MOD: 32,
        OFPT10.STATS_REQUEST: MAX_SIZE,
        OFPT10.BARRIER_REQUEST: 8,
        OFPT10.QUEUE_GET_CONFIG_REQUEST: 12,
    }
)

CONTROLLER10 = Protocol(
    version=OPENFLOW_10,
    role=Role.CONTROLLER,
    caps=_CAPS,
    checks=by_type(
        {
            OFPT10.ERROR: no_less_than(12),
            OFPT10.ECHO_REQUEST: no_less_than(8),
            OFPT10.ECHO_REPLY: no_less_than(8),
            OFPT10.VENDOR: no_less_than(12),
            OFPT10.FEATURES_REQUEST: sized(8),
            OFPT10.GET_CONFIG_REQUEST: sized(8),
            OFPT10.SET_CONFIG: sized(12),
            OFPT10.PACKET_OUT: _packet_out,
            OFPT10.FLOW_MOD: whole(after(64, ACTIONS, "flow-mod")),
            OFPT10.PORT_MOD: sized(32),
            OFPT10.BARRIER_REQUEST: sized(8),
            OFPT10.QUEUE_GET_CONFIG_REQUEST: sized(12),
        }
    ),
    multipart_request=OFPT10.STATS_REQUEST,
    multipart_reply=OFPT10.STATS_REPLY,
    body_at=12,
    bodies=_BODIES,
)
