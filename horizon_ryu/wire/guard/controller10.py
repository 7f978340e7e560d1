"""OpenFlow 1.0 (1.0.0 sections 5.3 and 5.5): every message a controller may send, every list."""

from __future__ import annotations

from horizon_ryu.wire.guard.framing import MAX_SIZE, max_sizes
from horizon_ryu.wire.guard.openflow10 import ACTIONS
from horizon_ryu.wire.guard.protocol import (
    MAX_ECHO_SIZE,
    Protocol,
    Role,
    by_type,
    no_less_than,
    packet_out,
    sized,
)
from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import Walker, at_least, exactly, remembering
from horizon_ryu.wire.ofp10 import OFPST, OFPT
from horizon_ryu.wire.versions import OPENFLOW_10

_PACKET_OUT, _ACTIONS_LENGTH = 16, 14
_FLOW_MOD = 72
_ACTIONS = remembering(ACTIONS)


def _flow_mod(message: bytes) -> None:
    size = len(message)
    if size < _FLOW_MOD:
        raise Violation(Reason.LENGTH, f"flow-mod of {size - 8} bytes, not {_FLOW_MOD - 8}")
    _ACTIONS(message, _FLOW_MOD, size)


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

_MAX_SIZES = max_sizes(
    {
        OFPT.HELLO: 8,
        OFPT.ERROR: MAX_SIZE,
        OFPT.ECHO_REQUEST: MAX_ECHO_SIZE,
        OFPT.ECHO_REPLY: MAX_ECHO_SIZE,
        OFPT.VENDOR: MAX_SIZE,
        OFPT.FEATURES_REQUEST: 8,
        OFPT.GET_CONFIG_REQUEST: 8,
        OFPT.SET_CONFIG: 12,
        OFPT.PACKET_OUT: MAX_SIZE,
        OFPT.FLOW_MOD: MAX_SIZE,
        OFPT.PORT_MOD: 32,
        OFPT.STATS_REQUEST: MAX_SIZE,
        OFPT.BARRIER_REQUEST: 8,
        OFPT.QUEUE_GET_CONFIG_REQUEST: 12,
    }
)

CONTROLLER10 = Protocol(
    version=OPENFLOW_10,
    role=Role.CONTROLLER,
    max_sizes=_MAX_SIZES,
    checks=by_type(
        {
            OFPT.ERROR: no_less_than(12),
            OFPT.ECHO_REQUEST: no_less_than(8),
            OFPT.ECHO_REPLY: no_less_than(8),
            OFPT.VENDOR: no_less_than(12),
            OFPT.FEATURES_REQUEST: sized(8),
            OFPT.GET_CONFIG_REQUEST: sized(8),
            OFPT.SET_CONFIG: sized(12),
            OFPT.PACKET_OUT: packet_out(_PACKET_OUT, _ACTIONS_LENGTH, _ACTIONS),
            OFPT.FLOW_MOD: _flow_mod,
            OFPT.PORT_MOD: sized(32),
            OFPT.BARRIER_REQUEST: sized(8),
            OFPT.QUEUE_GET_CONFIG_REQUEST: sized(12),
        }
    ),
    multipart_request=OFPT.STATS_REQUEST,
    multipart_reply=OFPT.STATS_REPLY,
    body_at=12,
    bodies=_BODIES,
)
