"""Session of OpenFlow with one peer, whatever its role: all of the protocol, none of its I/O."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPET, OFPHFC
from horizon_ryu.wire.guard import (
    AnswerLimits,
    Framer,
    MessageGuard,
    Role,
    UnknownElement,
    Violation,
)
from horizon_ryu.wire.guard.framing import HEADER_SIZE, MAX_SIZE
from horizon_ryu.wire.guard.protocol import Check
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session.events import SessionEnd, SessionEvent, SessionStage
from horizon_ryu.wire.session.keep_alive import KeepAlive
from horizon_ryu.wire.session.negotiation import NoCommonVersion, VersionOffer
from horizon_ryu.wire.session.pending import PendingRequest, PendingRequests, xid_of
from horizon_ryu.wire.session.repetition import Repetition, Repetitions
from horizon_ryu.wire.symmetric import Error

MAX_XID = 0xFFFF_FFFF

# The same on both versions; plain, for what is done once per message.
_HELLO, _ERROR, _PACKET_IN = int(OFPT.HELLO), int(OFPT.ERROR), int(OFPT.PACKET_IN)
_ECHO_REQUEST, _ECHO_REPLY = int(OFPT.ECHO_REQUEST), int(OFPT.ECHO_REPLY)
_HEAD = struct.Struct("!BBH")
_FRAME, _MESSAGE = SessionEvent.PACKET_IN, SessionEvent.MESSAGE
_READY, _CLOSED = SessionStage.READY, SessionStage.CLOSED

Events: TypeAlias = Iterable[SessionEvent]
"""What one message is, one after the other: the next is made when the last was dealt with."""
MESSAGE: Events = (SessionEvent.MESSAGE,)
_ANSWER: Events = (SessionEvent.ANSWER,)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What a peer may take of our time (seconds) and memory; ``offer``: the versions it may have.

    ``handshake_seconds``: from the start to READY; then the peer is asked each ``echo_interval``
    whether it lives, and is dead when more than ``unanswered_echoes`` (0: nobody asks) are open.
    """

    handshake_seconds: float = 5.0
    echo_interval: float = 5.0
    unanswered_echoes: int = 3
    answers: AnswerLimits = field(default_factory=AnswerLimits)
    offer: VersionOffer = field(default_factory=VersionOffer)


class ProtocolSession(ABC):
    """One conversation with a peer of one role.

    Whoever carries it feeds :meth:`receive` with what comes, sends what :meth:`take_output`
    gives, and calls :meth:`tick` when :meth:`next_deadline` has come. Nothing that a peer sends
    raises: at worst the session is CLOSED, and ``end`` says why.
    """

    def __init__(self, peer: Role, now: float, limits: SessionLimits, first_xid: int) -> None:
        """``now`` is the time of any clock that does not go back; our Hello is in the output.

        ``first_xid`` is best drawn at random: answers to an earlier session are told apart.
        """
        self.stage = SessionStage.OPENED
        self.end: SessionEnd | None = None
        self.dpid: int | None = None
        self.codec: Codec = codec_of(limits.offer.newest)
        """Of the version negotiated; until then of our newest."""
        self._offer = limits.offer
        self._framer = Framer()
        self._guard = MessageGuard(limits.answers, peer)
        self._pending = PendingRequests()
        self._repetitions = Repetitions(self._leave)
        self._keep_alive = KeepAlive(limits.echo_interval, limits.unanswered_echoes)
        self._handshake_due = now + limits.handshake_seconds
        self._xid = first_xid & MAX_XID
        self.unsent: list[bytes] = []
        """What is said and was not taken yet: see :meth:`take_output`."""
        self._alone: tuple[Check | None, ...] = ()
        self._takers: dict[int, Callable[[bytes], Events]] = {
            _HELLO: self._hello,
            _ECHO_REQUEST: self._echo_request,
            _ERROR: self._answer,
        }
        self.say(self._offer.encode_hello(self.next_xid()))

    @property
    def version(self) -> int | None:
        """The version on the wire, once negotiated."""
        return self._guard.version

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self.stage is _CLOSED

    # What comes

    @property
    def version_between_messages(self) -> int | None:
        """The version if the session is ready and a message begins with what comes next."""
        return self._guard.version if self.stage is _READY and not self._framer.rest else None

    def receive(self, chunk: bytes) -> Iterator[tuple[SessionEvent, bytes]]:
        """Yield what ``chunk`` completes: whole messages that may be parsed, and what they are.

        Each message is judged when the one before it has been dealt with, so whoever takes them
        may close the session in between, or wait. Ends early when the session is closed.
        """
        return self._plain_first(chunk) if self.stage is _READY else self._every(chunk)

    def _plain_first(self, chunk: bytes) -> Iterator[tuple[SessionEvent, bytes]]:
        """Yield messages as :meth:`receive` does: a short way for those that stand above.

        From the first on that is anything else, or that may not come, it is the usual way.
        """
        framer, repeated, version = self._framer, self._repetitions.by_xid, self._guard.version
        checks, unpack = self._alone or self._find_alone(), _HEAD.unpack_from
        data = framer.rest + chunk if framer.rest else chunk
        framer.rest, at, end = b"", 0, len(data)
        while end - at >= HEADER_SIZE and self.stage is not _CLOSED and not repeated:
            its, kind, size = unpack(data, at)
            check = checks[kind]
            if check is None or its != version or not HEADER_SIZE <= size <= end - at:
                break
            message = data[at : at + size]
            try:
                check(message)
            except Violation:
                break
            at += size
            yield _FRAME if kind == _PACKET_IN else _MESSAGE, message
        yield from self._every(data[at:])

    def _every(self, chunk: bytes) -> Iterator[tuple[SessionEvent, bytes]]:
        """Yield what a chunk completes, whatever it is."""
        guard = self._guard
        if self.stage is _CLOSED:
            return
        try:
            for message in self._framer.feed(chunk):
                if self._repetitions.by_xid and self._repetitions.take(message):
                    continue
                check = guard.checks[message[1]]
                try:
                    if check is None or message[0] != guard.version:
                        guard.accept(message)
                    else:
                        check(message)
                except UnknownElement as unknown:
                    for event in self._unknown(message, unknown):
                        yield event, message
                    continue
                taker = self._takers.get(message[1])
                if taker is None:
                    is_frame = message[1] == _PACKET_IN and self.stage is _READY
                    yield _FRAME if is_frame else _MESSAGE, message
                else:
                    for event in taker(message):
                        yield event, message
                        if self.stage is _CLOSED:
                            break
                if self.stage is _CLOSED:
                    return
        except Violation as violation:
            self._end(SessionEnd(violation.reason.value, violation.detail, violation=True))

    def only_message(self, chunk: bytes) -> SessionEvent | None:
        """Return what ``chunk`` is if it is one whole message for whoever stands above.

        None for all else, and nothing has been taken: that is for :meth:`receive`. A short way for
        peers that send one message at a time.
        """
        if self.stage is not _READY or self._framer.rest or len(chunk) < HEADER_SIZE:
            return None
        version, kind, size = _HEAD.unpack_from(chunk)
        check = (self._alone or self._find_alone())[kind]
        if (
            check is None
            or size != len(chunk)
            or version != self._guard.version
            or self._repetitions.by_xid
        ):
            return None
        try:
            check(chunk)
        except UnknownElement:
            return None
        except Violation as violation:
            self._end(SessionEnd(violation.reason.value, violation.detail, violation=True))
            return None
        return _FRAME if kind == _PACKET_IN else _MESSAGE

    def _find_alone(self) -> tuple[Check | None, ...]:
        """Return the checks of what may be any size and is not the session's own to deal with."""
        sizes = self._framer.max_sizes
        self._alone = tuple(
            None if kind in self._takers or sizes[kind] < MAX_SIZE else check
            for kind, check in enumerate(self._guard.checks)
        )
        return self._alone

    def readable(self, message: bytes) -> bool:
        """Tell whether Ryu's parser returns from ``message``, which was yielded."""
        return self._guard.readable(message)

    def _hello(self, message: bytes) -> Events:
        try:
            version = self._offer.agree(message)
        except NoCommonVersion as error:
            self._refuse_hello(str(error))
            return ()
        self._framer.max_sizes = self._guard.negotiated(version)
        self.codec = codec_of(version)
        self._takers |= dict.fromkeys((*self.codec.replies, _ERROR), self._answer)
        self._takers[_ECHO_REPLY] = self._echo_reply
        self.stage = SessionStage.NEGOTIATED
        return self._negotiated()

    def _refuse_hello(self, reason: str) -> None:
        """Say why there is no version in common, and end (1.3.5 section 6.3.1)."""
        error = Error(OFPET.HELLO_FAILED, OFPHFC.INCOMPATIBLE, reason.encode("ascii"))
        self.say(self.codec.messages.encode(self.next_xid(), error))
        self._end(SessionEnd("hello_failed", reason, farewell=True))

    @abstractmethod
    def _negotiated(self) -> Events:
        """Tell that the version is settled, and go on with the handshake as our role has it."""

    def _echo_request(self, message: bytes) -> Events:
        self.say(bytes((message[0], _ECHO_REPLY)) + message[2:])
        return MESSAGE

    def _echo_reply(self, message: bytes) -> Events:
        if self._pending.take(self.codec, message):
            self._keep_alive.answered_others()
            return _ANSWER
        self._keep_alive.answered(xid_of(message))
        return MESSAGE

    def _answer(self, message: bytes) -> Events:
        return _ANSWER if self._pending.take(self.codec, message) else MESSAGE

    def _unknown(self, _message: bytes, unknown: UnknownElement) -> Events:
        """Deal with a message that names what the version lacks; Violation: the session ends."""
        raise unknown

    # What goes

    def say(self, data: bytes) -> None:
        """Put whole messages of ours into the output."""
        # A single message that is no request, as most are, says nothing of answers to come.
        size = len(data)
        if size < HEADER_SIZE or data[1] in self._guard.requests or data[2] << 8 | data[3] != size:
            self._guard.sent(data)
        self.unsent.append(data)

    def say_one(self, message: bytes) -> None:
        """Put one whole message of ours into the output."""
        if message[1] in self._guard.requests:
            self._guard.sent(message)
        self.unsent.append(message)

    def sent(self, data: bytes) -> None:
        """Note the requests in ``data``, whole messages that others send: answers may come."""
        self._guard.sent(data)

    def take_output(self) -> bytes:
        """Return the bytes that are to be sent now, and forget them; empty if there are none."""
        output = self.unsent
        if not output:
            return b""
        data = output[0] if len(output) == 1 else b"".join(output)
        output.clear()
        return data

    def next_xid(self) -> int:
        """Return the next transaction id (32 bits)."""
        self._xid = xid = (self._xid + 1) & MAX_XID
        return xid

    def request(self, request: PendingRequest) -> None:
        """Take note of a request that is about to be sent; TooManyRequests."""
        self._pending.open(request)

    def repeat(self, repetition: Repetition) -> None:
        """Take note of questions that are about to be asked again; TooManyRequests."""
        self._repetitions.begin(repetition)
        if self.stage is _CLOSED:
            self._repetitions.end(repetition)

    def end_repetition(self, repetition: Repetition) -> None:
        """End one as late, if it is not at its end."""
        self._repetitions.end(repetition)

    def takes(self, message: bytes) -> bool:
        """Take a whole message that says nothing new.

        That answers a repetition with what is known, or tells that the peer lives.
        """
        if message[1] == _ECHO_REPLY and len(message) == HEADER_SIZE:
            return self._keep_alive.answered(xid_of(message))
        return bool(self._repetitions.by_xid) and self._repetitions.take(message)

    def _leave(self, xid: int, question: bytes) -> None:
        self._guard.sent(question)
        self._pending.drop(xid)

    def give_up(self, request: PendingRequest) -> None:
        """End a request as late."""
        self._pending.give_up(request)

    # Time

    def next_deadline(self) -> float:
        """Return when :meth:`tick` has something to do; infinity if never."""
        if self.stage is _CLOSED:
            return inf
        return min(self._handshake_due, self._keep_alive.due, self._pending.next_deadline())

    def tick(self, now: float) -> None:
        """Do what is due: end what is late, ask whether the peer lives."""
        if self.stage is _CLOSED:
            return
        if now >= self._handshake_due:
            self._handshake_due = inf
            if self.stage is not _READY:
                self.close("handshake_deadline")
                return
            self._keep_alive.start(now)
        if now >= self._keep_alive.due:
            self._ask_for_life(now)
        self._pending.expire(now)

    def _ask_for_life(self, now: float) -> None:
        if self._keep_alive.is_dead:
            self.close("no_echo")
            return
        if self._keep_alive.spares(now):
            return
        xid = self.next_xid()
        self._keep_alive.asked(xid, now)
        self.say(self.codec.encode_echo_request(xid))

    # The end

    def close(self, reason: str = "") -> None:
        """End the session, unless it has ended, and all that is pending; the reason is a label."""
        self._end(SessionEnd(reason))

    def _end(self, end: SessionEnd) -> None:
        if self.stage is not _CLOSED:
            self.stage, self.end = _CLOSED, end
            self._pending.abandon()
            self._repetitions.end_all()
