"""Message guard: which message may come next on one connection, and what was asked for.

The peer is a switch or a controller. Of a switch the answers must have been asked for; of a
controller the requests in parts must come to an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET
from horizon_ryu.wire.guard.controller10 import CONTROLLER10
from horizon_ryu.wire.guard.controller13 import CONTROLLER13
from horizon_ryu.wire.guard.framing import HEADER_SIZE, MAX_SIZE
from horizon_ryu.wire.guard.hello import read_hello
from horizon_ryu.wire.guard.openflow10 import OPENFLOW10
from horizon_ryu.wire.guard.openflow13 import OPENFLOW13
from horizon_ryu.wire.guard.protocol import Check, Protocol, Role
from horizon_ryu.wire.guard.violation import Reason, UnknownElement, Violation
from horizon_ryu.wire.guard.walk import uint16, uint32
from horizon_ryu.wire.known_answer import KnownAnswer
from horizon_ryu.wire.ofp13 import OFPMP, OFPT

PROTOCOLS = {
    (protocol.role, protocol.version): protocol
    for protocol in (OPENFLOW10, OPENFLOW13, CONTROLLER10, CONTROLLER13)
}
"""By the role of the peer and the version on the wire."""

# The same on both versions.
HELLO = OFPT.HELLO
FEATURES_REQUEST = OFPT.FEATURES_REQUEST
FEATURES_REPLY = OFPT.FEATURES_REPLY
_UNKNOWN_MULTIPART = int(OFPET.BAD_REQUEST), int(OFPBRC.BAD_MULTIPART)
"""The same in both versions: in 1.0 it is OFPBRC_BAD_STAT."""
_MORE = 1
_REMEMBERED = 2048
"""Bytes of a sound answer that is remembered, at most."""


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """What a peer may send us in messages of many parts.

    ``requests``: open at once. Of ours the oldest is forgotten beyond, a controller must not
    have more. ``parts`` and ``size`` (bytes): of one answer, or of a controller's request.
    """

    requests: int = 1024
    parts: int = 4096
    size: int = 64 * 1024 * 1024


DEFAULT_ANSWER_LIMITS = AnswerLimits()


@dataclass(slots=True)
class _OpenRequest:
    kind: int
    parts: int = 0
    size: int = 0


def _unread(_message: bytes) -> None:
    """Accept a message of which nothing but the header is read."""


class MessageGuard:
    """Judges the messages of one connection, in the order in which they come.

    Three stages: nothing but a Hello; then, with a version negotiated, all that this version
    lets a peer of its role send; and with the features reply a switch has its dpid, for good.
    """

    def __init__(
        self, limits: AnswerLimits = DEFAULT_ANSWER_LIMITS, role: Role = Role.SWITCH
    ) -> None:
        """``role`` is the peer's."""
        self.version: int | None = None
        self.dpid: int | None = None
        self._role = role
        self._limits = limits
        self._greeted = False
        self._protocol: Protocol | None = None
        self.checks: list[Check | None] = [None] * 256
        """By message type, for a message of :attr:`version`: the cheaper half of :meth:`accept`."""
        self.requests: frozenset[int] = frozenset({int(FEATURES_REQUEST)})
        """Types of messages of ours that :meth:`sent` takes note of."""
        self._multipart_request = -1
        self._features_due = 0
        self._open: dict[int, _OpenRequest] = {}
        self._sound: dict[int, KnownAnswer] = {}
        """The last answers of kinds whose walk is long, which were sound."""

    def negotiated(self, version: int) -> tuple[int, ...]:
        """Speak ``version`` from now on; return the largest size of each type, for the framer.

        Violation if it is neither 1.0 nor 1.3.
        """
        protocol = PROTOCOLS.get((self._role, version))
        if protocol is None:
            raise Violation(Reason.VERSION, f"version {version} is not spoken")
        self.version = version
        self._protocol = protocol
        self.checks = list(protocol.checks)
        if self._role is Role.CONTROLLER:
            self.checks[protocol.multipart_request] = self._request
        else:
            self._multipart_request = protocol.multipart_request
            self.requests |= {protocol.multipart_request}
            self.checks[FEATURES_REPLY] = self._features
            self.checks[protocol.multipart_reply] = self._reply
        return protocol.max_sizes

    def let_strangers_in(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Accept messages of types that the peer has no business sending, unread but for headers.

        They cannot be parsed, but answered with an error, as a switch does (1.3.5 section 7.5.4.2).
        A second Hello is none of them. Return the largest size of each type, given those without
        them.
        """
        checks = self.checks
        strangers = {kind for kind in range(256) if checks[kind] is None} - {int(HELLO)}
        self.checks = [_unread if kind in strangers else one for kind, one in enumerate(checks)]
        return tuple(MAX_SIZE if kind in strangers else one for kind, one in enumerate(sizes))

    def accept(self, message: bytes) -> None:
        """Return if ``message`` (whole, of at least 8 bytes) may be parsed; else Violation."""
        if message[0] != self.version:
            self._first(message)
            return
        check = self.checks[message[1]]
        if check is None:
            raise Violation(*self._unwelcome(message[1]))
        check(message)

    def _unwelcome(self, kind: int) -> tuple[Reason, str]:
        if kind == HELLO:
            return Reason.ORDER, "a second Hello"
        return Reason.TYPE, f"type {kind} does not come from a {self._role.value}"

    def _first(self, message: bytes) -> None:
        """Judge a message that is not of the version negotiated: only the first Hello may be."""
        if self.version is not None:
            raise Violation(Reason.VERSION, f"{message[0]} after {self.version} was negotiated")
        if message[1] != HELLO or self._greeted:
            raise Violation(Reason.ORDER, f"type {message[1]} before the versions are settled")
        read_hello(message)
        self._greeted = True

    def readable(self, message: bytes) -> bool:
        """Tell whether Ryu's parser returns from ``message``, which was accepted.

        A valid message that it does not return from is no reason to close a connection.
        """
        protocol = self._protocol
        if protocol is None or message[1] != protocol.multipart_reply:
            return True
        hazard = protocol.hazards.get(uint16(message, 8))
        if hazard is None:
            return True
        try:
            hazard(message, protocol.body_at, len(message))
        except Violation:
            return False
        return True

    def sent(self, data: bytes) -> None:
        """Note the requests in ``data``, whole messages that are about to be sent."""
        at, end = 0, len(data)
        while end - at >= HEADER_SIZE:
            kind = data[at + 1]
            if kind == self._multipart_request:
                if end - at >= HEADER_SIZE + 2:
                    self._ask(uint32(data, at + 4), uint16(data, at + HEADER_SIZE))
            elif kind == FEATURES_REQUEST:
                self._features_due += 1
            size = data[at + 2] << 8 | data[at + 3]
            at += size if size > HEADER_SIZE else HEADER_SIZE

    def _ask(self, xid: int, kind: int) -> None:
        open_requests = self._open
        open_requests.pop(xid, None)
        open_requests[xid] = _OpenRequest(kind)
        if len(open_requests) > self._limits.requests:
            del open_requests[next(iter(open_requests))]

    def _features(self, message: bytes) -> None:
        if self._features_due == 0:
            raise Violation(Reason.UNREQUESTED, "features reply")
        if self._protocol is not None and self._protocol.features is not None:
            self._protocol.features(message)
        self._features_due -= 1
        dpid = int.from_bytes(message[8:16], "big")
        if self.dpid not in (None, dpid):
            raise Violation(Reason.IDENTITY, f"{self.dpid:016x} became {dpid:016x}")
        self.dpid = dpid

    def _reply(self, message: bytes) -> None:
        """Judge a part of a switch's answer: it must have been asked for."""
        kind = self._multipart_kind(message)
        xid = uint32(message, 4)
        request = self._open.get(xid)
        if request is None or request.kind != kind:
            raise Violation(Reason.UNREQUESTED, f"multipart reply of type {kind}")
        self._part(request, message)
        self._check_body(kind, message)
        if not uint16(message, 10) & _MORE:
            del self._open[xid]

    def _check_body(self, kind: int, message: bytes) -> None:
        """Walk a body, unless the last one of its kind was the same but for what is counted."""
        sound = self._sound.get(kind)
        if sound is not None and sound.is_said_by(message):
            return
        self._walk_body(kind, message)
        if kind == OFPMP.FLOW and len(message) <= _REMEMBERED:
            self._sound[kind] = KnownAnswer(message)

    def _request(self, message: bytes) -> None:
        """Judge a controller's request, or a part of one."""
        kind = self._multipart_kind(message)
        self._walk_body(kind, message)
        xid, more = uint32(message, 4), uint16(message, 10) & _MORE
        begun = self._open.get(xid)
        if begun is None:
            if not more:
                return
            if len(self._open) >= self._limits.requests:
                raise Violation(Reason.EXCESS, f"{len(self._open)} requests without an end")
            begun = self._open[xid] = _OpenRequest(kind)
        if begun.kind != kind:
            raise Violation(Reason.ORDER, f"type {kind} amid a request of type {begun.kind}")
        self._part(begun, message)
        if not more:
            del self._open[xid]

    def _multipart_kind(self, message: bytes) -> int:
        protocol = self._protocol
        if protocol is None or len(message) < protocol.body_at:
            raise Violation(Reason.SIZE, f"multipart message of {len(message)} bytes")
        return uint16(message, 8)

    def _part(self, request: _OpenRequest, message: bytes) -> None:
        """Count one more part; Violation beyond the limits."""
        request.parts += 1
        request.size += len(message)
        if request.parts > self._limits.parts or request.size > self._limits.size:
            raise Violation(
                Reason.EXCESS, f"{request.parts} parts, {request.size} bytes in one message"
            )

    def _walk_body(self, kind: int, message: bytes) -> None:
        protocol = self._protocol
        walker = protocol.bodies.get(kind) if protocol is not None else None
        if protocol is None or walker is None:
            raise UnknownElement(f"multipart message of type {kind}", _UNKNOWN_MULTIPART)
        walker(message, protocol.body_at, len(message))
