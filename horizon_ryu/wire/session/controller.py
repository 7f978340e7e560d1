"""Session of a controller with a switch: it asks who the switch is, and on 1.3 for its ports."""

from __future__ import annotations

from horizon_ryu.wire.guard import Role
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session.events import SessionEvent, SessionStage
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.session.protocol_session import (
    MESSAGE,
    Events,
    ProtocolSession,
    SessionLimits,
)
from horizon_ryu.wire.stats.types import StatsType

_FEATURES_REPLY, _MULTIPART_REPLY = int(OFPT.FEATURES_REPLY), int(OFPT.MULTIPART_REPLY)
_DPID = slice(8, 16)


class ControllerSession(ProtocolSession):
    """We are the controller. READY when the switch has told its dpid and its ports.

    On 1.0 the ports are part of the features (1.0.0 section 5.3.1); on 1.3 they are asked for
    apart (1.3.5 section 7.3.5.7). Whoever doubts the dpid closes the session when it is told
    (IDENTIFIED): nothing else is asked before.
    """

    def __init__(self, now: float, limits: SessionLimits, first_xid: int = 0) -> None:
        super().__init__(Role.SWITCH, now, limits, first_xid)
        self._ports_xid = -1

    def _negotiated(self) -> Events:
        self._takers[_FEATURES_REPLY] = self._features_reply
        yield SessionEvent.NEGOTIATED
        self.say(self.codec.encode_features_request(self.next_xid()))

    def _features_reply(self, message: bytes) -> Events:
        """Take the first; the guard lets none pass that tells another dpid."""
        self._takers[_FEATURES_REPLY] = self._answer
        self.dpid = int.from_bytes(message[_DPID], "big")
        self.stage = SessionStage.IDENTIFIED
        yield SessionEvent.IDENTIFIED
        if self.codec.capabilities.port_desc:
            self._ask_for_ports()
        else:
            self.stage = SessionStage.READY
            yield SessionEvent.READY

    def _ask_for_ports(self) -> None:
        self._takers[_MULTIPART_REPLY] = self._ports_reply
        self._ports_xid = self.next_xid()
        self.say(self.codec.stats.encode_request(StatsType.PORT_DESC, self._ports_xid))

    def _ports_reply(self, message: bytes) -> Events:
        if xid_of(message) != self._ports_xid:
            return self._answer(message)
        return MESSAGE if self.codec.has_more(message) else self._last_ports()

    def _last_ports(self) -> Events:
        self._takers[_MULTIPART_REPLY] = self._answer
        yield SessionEvent.MESSAGE
        self.stage = SessionStage.READY
        yield SessionEvent.READY
