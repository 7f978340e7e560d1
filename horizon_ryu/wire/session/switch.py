"""Session of a switch with its controller: it tells who it is and is asked for everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.guard import Role, UnknownElement
from horizon_ryu.wire.guard.framing import HEADER_SIZE, MAX_SIZE
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session.events import SessionEvent, SessionStage
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.session.protocol_session import Events, ProtocolSession, SessionLimits
from horizon_ryu.wire.symmetric import Error

FeaturesReply: TypeAlias = FeaturesReply10 | FeaturesReply13

_ECHO_REPLY = int(OFPT.ECHO_REPLY)
_FEATURES_REQUEST = int(OFPT.FEATURES_REQUEST)


_MOST_TOLD = MAX_SIZE - HEADER_SIZE - 4
"""Of a message that is refused: type and code stand before it."""


class SwitchSession(ProtocolSession):
    """We are the switch. READY when the controller has asked for our features and was answered.

    All other requests are messages for whoever stands above, the ports of 1.3 among them: they
    come and go while the session lasts.
    """

    def __init__(
        self,
        features: Callable[[Codec], FeaturesReply],
        now: float,
        limits: SessionLimits,
        first_xid: int = 0,
    ) -> None:
        """``features`` returns what we are, in the version of the codec that was negotiated."""
        super().__init__(Role.CONTROLLER, now, limits, first_xid)
        self._features = features

    def _negotiated(self) -> Events:
        self._framer.max_sizes = self._guard.let_strangers_in(self._framer.max_sizes)
        for kind in self.codec.replies:
            # We ask a controller nothing but whether it lives.
            self._takers.pop(kind, None)
        self._takers[_ECHO_REPLY] = self._echo_reply
        self._takers[_FEATURES_REQUEST] = self._features_request
        yield SessionEvent.NEGOTIATED

    def _unknown(self, message: bytes, unknown: UnknownElement) -> Events:
        """Answer with an error, as switches do: the controller may speak a newer version."""
        error = Error(*unknown.error, message[:_MOST_TOLD])
        self.say(self.codec.messages.encode(xid_of(message), error))
        yield SessionEvent.UNKNOWN

    def _features_request(self, message: bytes) -> Events:
        reply = self._features(self.codec)
        self.say(self.codec.messages.encode(xid_of(message), reply))
        if self.stage is SessionStage.NEGOTIATED:
            self.dpid = reply.datapath_id
            self.stage = SessionStage.READY
            yield SessionEvent.READY
        else:
            yield SessionEvent.MESSAGE
