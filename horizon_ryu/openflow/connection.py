"""The connection of a switch: Ryu's Datapath with a receive and a send side of our own.

Receiving: large chunks, cut into messages, each judged by the wire guard. Packet-ins go through
the fast lane at once; everything else takes Ryu's parser and Ryu's events, exactly as in Ryu.
Sending: bytes are queued without ever blocking the caller and leave once per received chunk or
per turn of the hub. Whatever goes wrong closes this connection and no other.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import struct
from collections.abc import Callable
from typing import Any

import eventlet
from ryu.base import app_manager  # noqa: F401  # Ryu's own circle of imports starts here
from ryu.controller import ofp_event
from ryu.controller.controller import Datapath
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER
from ryu.lib import hub
from ryu.ofproto import ofproto_v1_0_parser, ofproto_v1_3_parser

from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.context import ConnectionContext
from horizon_ryu.openflow.peer_log import PeerLog
from horizon_ryu.openflow.sender import Sender
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.guard import Framer, MessageGuard, Violation, normalize_hello
from horizon_ryu.wire.messages import PacketIn
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

LOG = logging.getLogger(__name__)

CHUNK_SIZE = 64 * 1024
COLD_PER_TURN = 32
"""Messages through Ryu's parser before other connections get their turn (about 1 ms)."""
PACKET_INS_PER_TURN = 256
"""The same for packet-ins, which cost about a tenth."""

_HELLO, _ERROR, _ECHO_REQUEST, _FEATURES_REPLY, _PACKET_IN = 0, 1, 2, 6, 10
_HEADER = struct.Struct("!BBHI")
_PARSERS: dict[int, Callable[..., Any]] = {
    OPENFLOW_10: ofproto_v1_0_parser.msg_parser,
    OPENFLOW_13: ofproto_v1_3_parser.msg_parser,
}
_parse_hello: Callable[..., Any] = ofproto_v1_3_parser.OFPHello.parser


class _Refused(Exception):
    """The peer is turned away for a reason that is not in its bytes alone."""


class _SendQueue:
    """What Ryu applications that put into ``send_q`` find there: it is true while open."""

    def __init__(self, send: Callable[[bytes, bool], bool]) -> None:
        self._send = send

    def put(self, item: tuple[bytes, bool]) -> None:
        """Queue ``(buffer, close_socket)`` as Ryu's queue takes it."""
        self._send(*item)


class GuardedDatapath(Datapath):
    """One connection. Ryu's applications use it as the Datapath that it is."""

    xid: int

    def __init__(
        self,
        socket: Any,
        address: Any,
        context: ConnectionContext,
        door: ConnectionAdmission,
        log: PeerLog,
        settled: Callable[[], None],
    ) -> None:
        """``settled`` is called when the handshake is complete."""
        self._context = context
        self._counters = context.counters
        self._door = door
        self._log = log
        self._settled = settled
        self._framer = Framer()
        self._conversation = MessageGuard(context.limits.answers)
        self._greeted = False
        self._doomed = False
        self._gone = eventlet.Event()
        self._challenges: dict[int, Any] = {}
        self._turn = 0
        self._sender = Sender(socket, context.limits.output_bytes, self.close, self._stuck)
        super().__init__(socket, address)
        self.send_q: _SendQueue | None = _SendQueue(self.send)
        self._bind(codec_of(OPENFLOW_13))

    @property
    def version(self) -> int | None:
        """The version on the wire, once negotiated."""
        return self._conversation.version

    @property
    def peer(self) -> str:
        """The address as the log shows it."""
        return str(self.address[0]) if isinstance(self.address, tuple) else str(self.address)

    # What Ryu calls

    def set_version(self, version: int) -> None:
        """Take the version that Ryu's handler of the Hello found; Violation if not spoken."""
        super().set_version(version)
        # Ryu also calls this in its constructor, with the newest version it knows.
        if self._greeted:
            self._framer.max_sizes = self._conversation.negotiated(version)
            self._bind(codec_of(version))

    def _bind(self, codec: Codec) -> None:
        """Speak as ``codec`` does from now on."""
        self._codec = codec
        self._decode = codec.decode_packet_in

    def set_state(self, state: str) -> None:
        """Move on in the handshake; nothing follows death. The registry hears of it first."""
        before = self.state
        if state == before or before == DEAD_DISPATCHER:
            return
        if self._doomed and state != DEAD_DISPATCHER:
            return
        if state == MAIN_DISPATCHER:
            self._settled()
            self._tell(self._context.registry.connected)
        elif state == DEAD_DISPATCHER and before == MAIN_DISPATCHER:
            self._tell(self._context.registry.disconnected)
        super().set_state(state)

    def _tell(self, listener: Callable[[Any], None]) -> None:
        try:
            listener(self)
        except Exception:
            self._handler_failed(listener)

    def close(self) -> None:
        """Close the connection: what waits is dropped, the receive greenlet says farewell."""
        if not self._doomed:
            self._doomed = True
            self._sender.end()
            self._hang_up()

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        """Queue whole messages; ``close_socket`` closes when they have left.

        Never blocks. False if the connection is closing, also because of this very call: beyond
        the cap of the output buffer the switch is stuck.
        """
        data = bytes(buf)
        self._conversation.sent(data)
        queued = self._sender.append(data)
        if close_socket:
            self._sender.close_when_sent()
        return queued

    def write(self, data: bytes) -> bool:
        """Queue whole messages that ask for no multipart answer, like :meth:`send` otherwise."""
        return self._sender.append(data)

    def next_xid(self) -> int:
        """Return the next transaction id (32 bits), from the counter that Ryu uses too."""
        self.xid = (self.xid + 1) & 0xFFFF_FFFF
        return self.xid

    def acknowledge_echo_reply(self, xid: int) -> None:
        """Take an echo reply: the keep-alive's or the answer to a challenge."""
        super().acknowledge_echo_reply(xid)
        challenge = self._challenges.pop(xid, None)
        if challenge is not None:
            challenge.send(True)

    # The end of a connection

    def abort(self, reason: str) -> None:
        """Close the connection for ``reason``, counted and logged; never blocks."""
        if not self._doomed:
            self._counters.refused(reason)
            self._log.report(self.peer, self._context.clock(), f"connection closed: {reason}")
            self.close()

    def _stuck(self) -> None:
        self.abort("output_stuck")

    def _hang_up(self) -> None:
        for challenge in self._challenges.values():
            challenge.send(False)
        self._challenges.clear()
        try:
            self.socket.shutdown(2)
        except (OSError, EOFError, ValueError):
            LOG.debug("%s had hung up already", self.peer)

    def answers(self, seconds: float) -> bool:
        """Send an echo request and tell whether the reply comes within ``seconds``."""
        if self._doomed:
            return False
        xid = self.next_xid()
        challenge = self._challenges[xid] = eventlet.Event()
        self._send_echo_request(xid)
        answered = challenge.wait(timeout=seconds)
        self._challenges.pop(xid, None)
        return bool(answered)

    def wait_gone(self, seconds: float) -> bool:
        """Wait up to ``seconds`` until everybody knows that this connection is dead."""
        return bool(self._gone.wait(timeout=seconds))

    def _send_echo_request(self, xid: int) -> None:
        self.write(self._codec.encode_echo_request(xid))

    # The greenlets

    def serve(self) -> None:
        """Talk to the switch until one of both hangs up."""
        helpers = [hub.spawn(self._sender.run), hub.spawn(self._tend)]
        try:
            self.send_msg(self.ofproto_parser.OFPHello(self))
            self._recv_loop()
        finally:
            self.close()
            for helper in helpers:
                hub.kill(helper)
            self._bury()

    def _bury(self) -> None:
        """Tell everybody, then make room for the next connection of this switch."""
        self.send_q = None
        try:
            self.set_state(DEAD_DISPATCHER)
        finally:
            self.is_active = False
            self.socket.close()
            if self._conversation.dpid is not None:
                self._door.release(self._conversation.dpid, self)
            self._gone.send(True)

    def _tend(self) -> None:
        """Give the handshake its time, then keep asking whether the switch lives."""
        hub.sleep(self._context.limits.handshake_seconds)
        if self.state != MAIN_DISPATCHER:
            self.abort("handshake_deadline")
            return
        while self.max_unreplied_echo_requests and not self._doomed:
            if len(self.unreplied_echo_requests) > self.max_unreplied_echo_requests:
                self.abort("no_echo")
                return
            xid = self.next_xid()
            self.unreplied_echo_requests.append(xid)
            self._send_echo_request(xid)
            hub.sleep(self.echo_request_interval)

    # Receiving

    def _recv_loop(self) -> None:
        try:
            while not self._doomed:
                chunk = self._receive()
                if chunk is None:
                    continue
                if not chunk:
                    break
                self._take(chunk)
                self._end_turn()
        except Violation as violation:
            self._counters.violation(violation.reason.value)
            self._log.report(self.peer, self._context.clock(), f"closed for {violation}")
        except _Refused as refused:
            self.abort(str(refused))

    def _receive(self) -> bytes | None:
        """Return what came, nothing at the end, None when the time of one wait is over."""
        try:
            return bytes(self.socket.recv(CHUNK_SIZE))
        except (TimeoutError, ssl.SSLWantReadError):
            return None
        except (OSError, EOFError, ValueError):
            return b""

    def _end_turn(self) -> None:
        """Send, and let every other greenlet run: a flooding switch must starve nobody."""
        self._turn = 0
        self._sender.flush()
        hub.sleep(0)

    def _take(self, chunk: bytes) -> None:
        """Handle the messages that ``chunk`` completes."""
        accept = self._conversation.accept
        now = self._context.clock()
        self._sender.held = True
        for message in self._framer.feed(chunk):
            accept(message)
            if message[1] == _PACKET_IN and self._packet_in(message, now):
                self._turn += 1
            else:
                self._cold(message)
                self._turn += PACKET_INS_PER_TURN // COLD_PER_TURN
            if self._doomed:
                return
            if self._turn >= PACKET_INS_PER_TURN:
                self._end_turn()
                self._sender.held = True
                now = self._context.clock()

    def _packet_in(self, message: bytes, now: float) -> bool:
        """Take a packet-in through the fast lane; False if it still is for Ryu's applications."""
        if self.state == MAIN_DISPATCHER:
            fields = self._decode(message)
            if fields is None:
                self._counters.unparsed("packet_in")
                return True
            in_port, buffer_id, data = fields
            packet_in = PacketIn(self.id, in_port, data, buffer_id)
            admit = self._context.admit
            if admit is not None and not admit(packet_in, now):
                self._counters.shed()
                return True
            if self._context.packet_in_pipeline.dispatch(packet_in, now):
                return True
        return not self.ofp_brick.observers.get(ofp_event.EventOFPPacketIn)

    def _cold(self, message: bytes) -> None:
        """Take any other message through the registry, then Ryu's parser and events."""
        if message[1] == _FEATURES_REPLY:
            self._identify(message)
        try:
            if message[1] != _PACKET_IN and self._context.registry.received(self, message):
                return
        except Exception:
            self._handler_failed(self._context.registry.received)
        parsed = self._parse(message)
        if parsed is None:
            return
        event = ofp_event.ofp_msg_to_ev(parsed)
        self.ofp_brick.send_event_to_observers(event, self.state)
        # All that Ryu's own handler of errors does is to log them at debug level, and it raises
        # for every error of version 1.0 and for text that is not ASCII.
        if message[1] != _ERROR:
            self._call_handlers(event)

    def _call_handlers(self, event: Any) -> None:
        for handler in tuple(self.ofp_brick.get_handlers(event)):
            if self.state not in handler.callers[event.__class__].dispatchers:
                continue
            try:
                handler(event)
            except (Violation, _Refused):
                raise
            except Exception:
                self._handler_failed(handler)

    def _handler_failed(self, handler: Any) -> None:
        name = getattr(handler, "__qualname__", type(handler).__name__)
        self._counters.handler_failed(name)
        LOG.debug("%s failed for %s", name, self.peer, exc_info=True)
        self._log.report(self.peer, self._context.clock(), f"handler {name} failed")

    def _parse(self, message: bytes) -> Any:
        """Return Ryu's message, None if Ryu does not know how to read it.

        The structure is sound, or the guard would not have let it pass. So an error here is
        Ryu's, mostly for an extension that it has no class for: it costs the message, since to
        close would make a switch with one such flow entry reconnect at each poll.
        """
        version, kind, size, xid = _HEADER.unpack_from(message)
        if not self._conversation.readable(message):
            self._counters.unparsed("endless")
            return None
        try:
            if kind == _HELLO:
                self._greeted = True
                hello = normalize_hello(message)
                return _parse_hello(self, version, kind, len(hello), xid, hello)
            return _PARSERS[version](self, version, kind, size, xid, message)
        except Exception as error:
            self._counters.unparsed(type(error).__name__)
            LOG.debug("message type %d of %s is unknown to Ryu", kind, self.peer, exc_info=True)
            return None

    # Who is it?

    def _identify(self, message: bytes) -> None:
        """Let the switch be the dpid it says it is, if nobody else is."""
        dpid = int.from_bytes(message[8:16], "big")
        context = self._context
        if self._codec.is_auxiliary(message):
            raise _Refused("auxiliary_connection")
        if context.allowed_dpids is not None and dpid not in context.allowed_dpids:
            raise _Refused("dpid_not_allowed")
        pinned = context.certificates.get(dpid)
        if pinned is not None and self._fingerprint() not in pinned:
            raise _Refused("wrong_certificate")
        if not self._door.claim(dpid, self):
            raise _Refused("dpid_in_use")
        if self._doomed:
            raise _Refused("gone")

    def _fingerprint(self) -> str | None:
        """Return the SHA-256 of the client's certificate, None without TLS or certificate."""
        get_certificate = getattr(self.socket, "getpeercert", None)
        certificate = get_certificate(binary_form=True) if get_certificate else None
        return hashlib.sha256(certificate).hexdigest() if certificate else None
