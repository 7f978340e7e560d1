"""Session of OpenFlow: bytes and the time go in; messages, bytes to send and deadlines come out.

It knows no socket, no clock, no Ryu and no hub, so that one is made from nothing but numbers.
:class:`ControllerSession` talks to a switch, :class:`SwitchSession` to a controller.
"""

from horizon_ryu.wire.session.controller import ControllerSession
from horizon_ryu.wire.session.events import SessionEnd, SessionEvent, SessionStage
from horizon_ryu.wire.session.negotiation import VersionOffer
from horizon_ryu.wire.session.pending import (
    FailureKind,
    PendingRequest,
    PendingRequests,
    RequestFailure,
    TooManyRequests,
)
from horizon_ryu.wire.session.protocol_session import ProtocolSession, SessionLimits
from horizon_ryu.wire.session.repetition import RepeatedQuestion, Repetition
from horizon_ryu.wire.session.switch import SwitchSession

__all__ = [
    "ControllerSession",
    "FailureKind",
    "PendingRequest",
    "PendingRequests",
    "ProtocolSession",
    "RepeatedQuestion",
    "Repetition",
    "RequestFailure",
    "SessionEnd",
    "SessionEvent",
    "SessionLimits",
    "SessionStage",
    "SwitchSession",
    "TooManyRequests",
    "VersionOffer",
]
