"""Sessions for tests: of both roles, with a clock that the test holds, and two back to back."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from fuzz.wire import OF10, OF13, PORT13, features10, features13, hello, message
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.session import (
    ControllerSession,
    ProtocolSession,
    SessionEvent,
    SessionLimits,
    SwitchSession,
)

DPID = 0xD1
LIMITS = SessionLimits(handshake_seconds=5.0, echo_interval=2.0, unanswered_echoes=2)
Events = list[SessionEvent]


def features(codec: Codec) -> FeaturesReply10 | FeaturesReply13:
    """Return what a switch says of itself."""
    if codec.version == OF10:
        return FeaturesReply10(DPID, 0, 1, 0, 0, ())
    return FeaturesReply13(DPID, 0, 1, 0, 0)


def to_switch(limits: SessionLimits = LIMITS) -> ControllerSession:
    """Return a session with a switch, begun at 0 s."""
    return ControllerSession(0.0, limits)


def to_controller(limits: SessionLimits = LIMITS) -> SwitchSession:
    """Return a session with a controller, begun at 0 s."""
    return SwitchSession(features, 0.0, limits)


def events(session: ProtocolSession, *data: bytes) -> Events:
    """Feed messages and return what they were."""
    return [event for event, _ in session.receive(b"".join(data))]


def messages(data: bytes) -> Iterator[bytes]:
    """Yield the whole messages in ``data``."""
    while len(data) >= 8 and len(data) >= (size := int.from_bytes(data[2:4], "big")):
        yield data[:size]
        data = data[size:]


def said(session: ProtocolSession) -> list[bytes]:
    """Return the messages in the output."""
    return list(messages(session.take_output()))


def kinds(session: ProtocolSession) -> list[int]:
    """Return the types of the messages in the output."""
    return [one[1] for one in said(session)]


def answer(to: bytes, reply: bytes) -> bytes:
    """Return ``reply`` with the xid of ``to``."""
    return reply[:4] + to[4:8] + reply[8:]


def ready(version: int = OF13, limits: SessionLimits = LIMITS) -> ControllerSession:
    """Return a session with a switch that has completed its handshake."""
    session = to_switch(limits)
    said(session)
    events(session, hello(version))
    (asked,) = said(session)
    reply = features10(DPID) if version == OF10 else features13(DPID)
    events(session, answer(asked, reply))
    if version == OF13:
        (asked,) = said(session)
        events(session, answer(asked, ports()))
    return session


def ports(more: bool = False) -> bytes:
    """Return a part of the answer to a request for the ports."""
    return message(OF13, 19, struct.pack("!HH4x", 13, more) + PORT13)


def pieces(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut ``data`` into chunks of ``sizes``, over and over; all at once without any."""
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        yield data[at : at + size]
        at, turn = at + size, turn + 1


class BackToBack:
    """A controller's session and a switch's, each fed with what the other says."""

    def __init__(
        self, controller: ControllerSession, switch: SwitchSession, sizes: Sequence[int] = ()
    ) -> None:
        self.controller, self.switch = controller, switch
        self._sizes = sizes

    def run(self) -> None:
        """Carry bytes to and fro until nobody has anything to say."""
        while self._carry(self.controller, self.switch) | self._carry(self.switch, self.controller):
            pass

    def _carry(self, source: ProtocolSession, sink: ProtocolSession) -> bool:
        data = source.take_output()
        for chunk in pieces(data, self._sizes):
            for _, taken in sink.receive(chunk):
                if sink is self.switch and taken[1] == 18:
                    sink.say(answer(taken, ports()))
        return bool(data)
