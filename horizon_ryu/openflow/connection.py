"""Connection of a switch: a session over a transport, and who is told what comes of it.

Packet-ins go through the pipeline at once; of everything else the observer (Ryu's applications,
by their Datapath) sees what the session has no use for. Whatever goes wrong closes this
connection and no other.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any, Protocol

from horizon_ryu.core.dpid_claims import DpidClaim
from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.context import ConnectionContext
from horizon_ryu.openflow.peer_log import PeerLog
from horizon_ryu.openflow.transport import Transport
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.messages import PacketIn
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session import (
    ControllerSession,
    PendingRequest,
    Repetition,
    SessionEnd,
    SessionEvent,
    TooManyRequests,
)
from xen_bridge.serving.accepting import host_of

LOG = logging.getLogger(__name__)

COLD_PER_TURN = 32
"""Messages for the observer before other connections get their turn (about 1 ms)."""
PACKET_INS_PER_TURN = 256
"""The same for packet-ins, which cost about a tenth."""
_FALSE_CLAIMS = frozenset({"dpid_not_allowed", "wrong_certificate", "dpid_in_use"})
_FRAME = SessionEvent.PACKET_IN
_PACKET_IN = int(OFPT.PACKET_IN)
"""The same on both versions."""
_COLD = PACKET_INS_PER_TURN // COLD_PER_TURN


class ConnectionObserver(Protocol):
    """Who sees a connection live, in its receive task; an exception costs one message only."""

    def negotiated(self, hello: bytes) -> None:
        """The version is settled."""

    def identified(self, features: bytes) -> None:
        """The switch has told its dpid, and nobody else has it."""

    def ready(self) -> None:
        """The handshake is complete; the registry knows already."""

    def received(self, message: bytes) -> None:
        """A message that answers no request of ours, and no frame that the pipeline took."""

    def wants_packet_ins(self) -> bool:
        """Tell whether frames that the pipeline leaves are for :meth:`received`."""

    def gone(self) -> None:
        """The connection is dead; the registry knows already."""


class SwitchConnection:
    """One connection. Everybody's way to its switch."""

    def __init__(
        self,
        socket: Any,
        address: Any,
        context: ConnectionContext,
        admission: ConnectionAdmission,
        log: PeerLog,
        observed_by: Callable[[SwitchConnection], ConnectionObserver],
        settled: Callable[[SwitchConnection], None] = lambda _connection: None,
    ) -> None:
        """``observed_by`` makes the observer; ``settled`` is called when the handshake is over."""
        self.id: int | None = None
        """The dpid, once it is believed."""
        self._dpid = 0
        self.address = address
        self._context = context
        self._counters = context.counters
        self._admission = admission
        self._log = log
        self._settled = settled
        self._gone = context.runtime.event()
        now, limits = context.runtime.now(), context.limits
        self._session = ControllerSession(now, limits.of_session(), secrets.randbits(32))
        self._transport = Transport(
            context.runtime, socket, limits.output_bytes, self.close, self._stuck, self._at_once
        )
        self._is_registered = False
        self._ready_at = 0.0
        self._end_is_told = False
        self._decode = self._session.codec.decode_packet_in
        self.next_xid = self._session.next_xid
        """Return a transaction id not used before on this connection."""
        self.write = self._transport.write
        """Queue whole messages that ask for no multipart answer, like :meth:`send` otherwise."""
        self.end_repetition = self._session.end_repetition
        """End a repetition as late, if it is not at its end."""
        self.readable = self._session.readable
        """Tell whether Ryu's parser returns from a message."""
        self.next_deadline = self._session.next_deadline
        self._observer = observed_by(self)

    @property
    def version(self) -> int | None:
        """The version on the wire, once negotiated."""
        return self._session.version

    @property
    def codec(self) -> Codec:
        """What reads and writes the version negotiated."""
        return self._session.codec

    @property
    def is_closed(self) -> bool:
        """Whether it is dead, or about to be."""
        return self._session.is_closed

    @property
    def peer(self) -> str:
        """The address as the log shows it."""
        return host_of(self.address)

    # What others ask of it

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        """Queue whole messages, among them requests; ``close_socket`` closes when they have left.

        Never blocks. False if the connection is closing, also because of this very call: beyond
        the cap of the output buffer the switch is stuck.
        """
        data = bytes(buf)
        self._session.sent(data)
        queued = self._transport.send(data)
        if close_socket:
            self._transport.close_when_sent()
        return queued

    def send_soon(self, data: bytes) -> bool:
        """Queue whole messages, among them requests, that leave with others of this turn."""
        self._session.sent(data)
        return self.write(data)

    def request(self, request: PendingRequest) -> None:
        """Take note of a request that is about to be sent; TooManyRequests."""
        self._session.request(request)

    def repeat(self, repetition: Repetition) -> None:
        """Ask again what the switch has answered before; TooManyRequests."""
        self._session.repeat(repetition)
        self._transport.send(repetition.message())

    def give_up(self, request: PendingRequest) -> None:
        """End a request as late; what still comes for it is dropped."""
        self._session.give_up(request)

    def close(self) -> None:
        """Close the connection: what waits is dropped, the receive task says farewell."""
        self.abort("")

    def abort(self, reason: str) -> None:
        """Close the connection for ``reason``, counted and logged; never blocks."""
        self._session.close(reason)
        self._after_session()
        self._transport.close()

    def give_way(self) -> None:
        """Close the connection for another one that has come; never blocks."""
        self.abort("gave_way")

    def _stuck(self) -> None:
        self.abort("output_stuck")

    def answers(self, seconds: float) -> bool:
        """Send an echo request and tell whether the reply comes within ``seconds``."""
        if self.is_closed:
            return False
        answered = self._context.runtime.event()
        until = self._context.runtime.now() + seconds
        challenge = PendingRequest(self.next_xid(), answered.set, deadline=until)
        try:
            self._session.request(challenge)
        except TooManyRequests:
            # Our own zeal is no reason to evict it.
            return True
        self.write(self.codec.encode_echo_request(challenge.last))
        answered.wait(seconds)
        self._session.give_up(challenge)
        return not challenge.failures

    def wait_gone(self, seconds: float) -> bool:
        """Wait up to ``seconds`` until everybody knows that this connection is dead."""
        return self._gone.wait(seconds)

    # Its life

    def serve(self) -> None:
        """Talk to the switch until one of both hangs up."""
        try:
            self._after_session()
            self._transport.serve(self._take, self)
        finally:
            self.close()
            self._bury()

    def _bury(self) -> None:
        """Tell everybody, then make room for the next connection of this switch."""
        try:
            if self._is_registered:
                self._admission.remember(self._dpid, self._context.clock() - self._ready_at)
                self._tell(self._context.registry.disconnected, self)
            self._tell(self._observer.gone)
        finally:
            self._transport.release()
            if self._session.dpid is not None:
                self._admission.release(self._session.dpid, self)
            self._gone.set()

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._tell(self._session.tick, now)
        self._after_session()

    def _after_session(self) -> None:
        """Carry out what the session wants: its bytes leave, its end is the connection's."""
        data = self._session.take_output()
        if data:
            self.write(data)
        end = self._session.end
        if end is not None and not self._end_is_told:
            self._end_is_told = True
            self._tell_end(end)
            if end.farewell:
                self._transport.close_when_sent()
            else:
                self._transport.close()

    def _tell_end(self, end: SessionEnd) -> None:
        if end.violation:
            self._counters.violation(end.reason)
            self._report(f"closed for {end}")
        elif end.reason:
            self._counters.refused(end.reason)
            self._report(f"connection closed: {end}")

    def _report(self, what: str) -> None:
        self._log.report(self.peer, self._context.clock(), what)

    # What comes

    def _take(self, chunk: bytes) -> None:
        """Handle the messages that ``chunk`` completes; a flooding switch must starve nobody."""
        clock = self._context.clock
        now, turn = clock(), 0
        for event, message in self._session.receive(chunk):
            if event is _FRAME and self._packet_in(message, now):
                turn += 1
            else:
                self._cold(event, message)
                turn += _COLD
            if turn >= PACKET_INS_PER_TURN:
                self._transport.checkpoint()
                now, turn = clock(), 0
        self._after_session()

    def _at_once(self, chunk: bytes) -> int:
        """Take what a chunk begins with as long as it is nothing new; return how many bytes.

        That is packet-ins whose frames are expected, and answers that say what they said before:
        most of what comes at rest. Whatever else it is goes the usual way, with all that follows.
        Never waits nor raises.
        """
        version, at, end = self._session.version_between_messages, 0, len(chunk)
        now = self._context.clock()
        while end - at >= HEADER_SIZE and chunk[at] == version:
            size = chunk[at + 2] << 8 | chunk[at + 3]
            if not HEADER_SIZE <= size <= end - at:
                break
            message = chunk[at : at + size]
            is_known = self._is_expected if message[1] == _PACKET_IN else self._is_repeated
            if not is_known(message, now):
                break
            at += size
        return at

    def _is_expected(self, message: bytes, now: float) -> bool:
        """Take a packet-in whose frame is expected, if no part of it is in the switch."""
        fields = self._decode(message)
        if fields is None or fields[1] is not None:
            return False
        in_port, _, frame = fields
        return self._context.packet_in_pipeline.is_expected(self._dpid, in_port, frame, now)

    def _is_repeated(self, message: bytes, _now: float) -> bool:
        """Take an answer that says what is known."""
        return self._session.takes(message)

    def _packet_in(self, message: bytes, now: float) -> bool:
        """Take a packet-in through the pipeline; False if it still is for the observer."""
        fields = self._decode(message)
        if fields is None:
            self._counters.unparsed("packet_in")
            return True
        in_port, buffer_id, data = fields
        packet_in = PacketIn(self._dpid, in_port, data, buffer_id)
        admit = self._context.admit
        if admit is not None and not admit(packet_in, now):
            self._counters.shed()
            return True
        if self._context.packet_in_pipeline.dispatch(packet_in, now):
            return True
        return not self._observer.wants_packet_ins()

    def _cold(self, event: SessionEvent, message: bytes) -> None:
        """Take anything else; what the session wants to say about it leaves before more comes."""
        if event is SessionEvent.NEGOTIATED:
            self._decode = self._session.codec.decode_packet_in
            self._tell(self._observer.negotiated, message)
        elif event is SessionEvent.IDENTIFIED:
            self._identified(message)
        elif event is SessionEvent.READY:
            self._ready()
        elif event is not SessionEvent.ANSWER:
            self._tell(self._observer.received, message)
        self._after_session()

    def _ready(self) -> None:
        self._settled(self)
        self._ready_at = self._context.clock()
        self._is_registered = True
        self._tell(self._context.registry.connected, self)
        self._tell(self._observer.ready)

    def _tell(self, listener: Callable[..., None], *args: Any) -> None:
        try:
            listener(*args)
        except Exception:
            name = getattr(listener, "__qualname__", type(listener).__name__)
            self._counters.handler_failed(name)
            LOG.debug("%s failed for %s", name, self.peer, exc_info=True)
            self._report(f"handler {name} failed")

    # Who is it?

    def _identified(self, features: bytes) -> None:
        """Let the switch be the dpid it says it is, if nobody else is."""
        dpid = self._session.dpid or 0
        holder = self._admission.holder(dpid)
        reason = self._doubt(dpid, features)
        if reason in _FALSE_CLAIMS or holder is not None:
            self._tell_claim(DpidClaim(dpid, self.peer, holder, reason or "replaced"))
        if reason:
            self.abort(reason)
        elif not self.is_closed:
            self.id = self._dpid = dpid
            self._tell(self._observer.identified, features)

    def _tell_claim(self, claim: DpidClaim) -> None:
        if self._context.claimed is not None:
            self._tell(self._context.claimed, claim)

    def _doubt(self, dpid: int, features: bytes) -> str:
        """Return why it is not believed, empty if it is; may wait for another connection's word."""
        context = self._context
        if self.codec.is_auxiliary(features):
            return "auxiliary_connection"
        if context.allowed_dpids is not None and dpid not in context.allowed_dpids:
            return "dpid_not_allowed"
        pins = context.certificates
        if pins and not pins.permits(dpid, self._transport.fingerprint()):
            return "wrong_certificate"
        return "" if self._admission.claim(dpid, self) else "dpid_in_use"
