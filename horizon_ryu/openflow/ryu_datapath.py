"""Ryu's Datapath as the observer of a connection: what Ryu's applications see of it, and do.

Everything of the protocol is done before a message comes here. Ryu's parser, which is slow and
does not know every message, reads only what some application of Ryu's observes, and the ports.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from ryu.base.app_manager import lookup_service_brick
from ryu.controller import ofp_event
from ryu.controller.controller import Datapath
from ryu.controller.handler import (
    CONFIG_DISPATCHER,
    DEAD_DISPATCHER,
    HANDSHAKE_DISPATCHER,
    MAIN_DISPATCHER,
)
from ryu.ofproto import ofproto_v1_0, ofproto_v1_0_parser, ofproto_v1_3_parser
from ryu.ofproto.ofproto_protocol import ProtocolDesc

from horizon_ryu.openflow.connection import SwitchConnection
from horizon_ryu.openflow.counters import Counters
from horizon_ryu.wire.guard import normalize_hello
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

LOG = logging.getLogger(__name__)

_HEADER = struct.Struct("!BBHI")
_PARSERS: Mapping[int, ModuleType] = {
    OPENFLOW_10: ofproto_v1_0_parser,
    OPENFLOW_13: ofproto_v1_3_parser,
}


def _events_by_type(parser: ModuleType) -> dict[int, tuple[type, ...]]:
    """Return the events that a message of each type may become."""
    found: dict[int, list[type]] = {}
    for message in vars(parser).values():
        kind = getattr(message, "cls_msg_type", None)
        if kind is not None and isinstance(message, type):
            found.setdefault(kind, []).append(ofp_event.ofp_msg_to_ev_cls(message))
    return {kind: tuple(events) for kind, events in found.items()}


_EVENTS = {version: _events_by_type(parser) for version, parser in _PARSERS.items()}


class _SendQueue:
    """What Ryu applications that put into ``send_q`` find there: it is true while open."""

    def __init__(self, send: Callable[[bytes, bool], bool]) -> None:
        self._send = send

    def put(self, item: tuple[bytes, bool]) -> None:
        """Queue ``(buffer, close_socket)`` as Ryu's queue takes it."""
        self._send(*item)


class RyuDatapath(Datapath):
    """One connection as Ryu's applications know it: their handle to send, and their events.

    Of Ryu's own handlers, which do the handshake there, one is still called: that of port
    status, which keeps ``ports``.
    """

    def __init__(self, counters: Counters, connection: SwitchConnection) -> None:
        # Ryu's own constructor would take the socket, and make queues that nobody reads.
        ProtocolDesc.__init__(self, connection.codec.version)
        self._counters = counters
        self._connection = connection
        self.address = connection.address
        self.is_active = True
        self.send_q: _SendQueue | None = _SendQueue(self.send)
        self.id: int | None = None
        self.ports: dict[int, Any] = {}
        self.flow_format = ofproto_v1_0.NXFF_OPENFLOW10
        self.ofp_brick = lookup_service_brick("ofp_event")
        self.state: str | None = None
        self.set_state(HANDSHAKE_DISPATCHER)

    # What Ryu's applications call

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        """Queue whole messages, as Ryu's method does, but never block."""
        return self._connection.send(buf, close_socket)

    def set_xid(self, msg: Any) -> int:
        """Give ``msg`` a transaction id, from the counter that we use too."""
        xid = self._connection.next_xid()
        msg.set_xid(xid)
        return xid

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def set_state(self, state: str) -> None:
        """Tell Ryu's applications of a stage; nothing follows death."""
        if self.state != DEAD_DISPATCHER:
            super().set_state(state)

    # What the connection tells

    def negotiated(self, hello: bytes) -> None:
        """Speak the version of the connection from now on."""
        if self._is_observed(hello):
            # Ryu's own reading of an unusual Hello can hang.
            self._publish(self._parse(normalize_hello(hello)))
        self.set_version(self._connection.version)
        self.set_state(CONFIG_DISPATCHER)

    def identified(self, features: bytes) -> None:
        """Have the dpid, and on 1.0 the ports."""
        self.id = self._connection.id
        parsed = self._parse(features)
        if parsed is not None and not self._connection.codec.capabilities.port_desc:
            self.ports = parsed.ports
        self._publish(parsed)

    def ready(self) -> None:
        """Let Ryu's applications begin."""
        self.set_state(MAIN_DISPATCHER)

    def received(self, message: bytes) -> None:
        """Make Ryu's event of ``message``, if anybody observes it."""
        kind = message[1]
        if kind == OFPT.PORT_STATUS:
            self._port_status(message)
        elif self.state == CONFIG_DISPATCHER and self._describes_ports(message):
            self._describe_ports(message)
        elif self._is_observed(message):
            self._publish(self._parse(message))

    def wants_packet_ins(self) -> bool:
        """Tell whether a Ryu application observes packet-ins."""
        return bool(self.ofp_brick.observers.get(ofp_event.EventOFPPacketIn))

    def gone(self) -> None:
        """Be dead."""
        self.send_q = None
        self.is_active = False
        self.set_state(DEAD_DISPATCHER)

    # Ryu's messages and events

    def _is_observed(self, message: bytes) -> bool:
        observers = self.ofp_brick.observers
        version = OPENFLOW_13 if message[1] == OFPT.HELLO else message[0]
        events = _EVENTS[version].get(message[1], ())
        return any(observers.get(event) for event in events)

    def _publish(self, parsed: Any) -> Any:
        """Send the event of a message, None if there is none, to whoever observes it."""
        if parsed is None:
            return None
        event = ofp_event.ofp_msg_to_ev(parsed)
        self.ofp_brick.send_event_to_observers(event, self.state)
        return event

    def _port_status(self, message: bytes) -> None:
        event = self._publish(self._parse(message))
        if event is not None and self.state == MAIN_DISPATCHER:
            for handler in tuple(self.ofp_brick.get_handlers(event)):
                handler(event)

    def _describes_ports(self, message: bytes) -> bool:
        return (
            self._connection.codec.capabilities.port_desc
            and message[1] == OFPT.MULTIPART_REPLY
            and int.from_bytes(message[8:10], "big") == OFPMP.PORT_DESC
        )

    def _describe_ports(self, message: bytes) -> None:
        parsed = self._parse(message)
        if parsed is not None:
            self.ports |= {port.port_no: port for port in parsed.body}
            self._publish(parsed)

    def _parse(self, message: bytes) -> Any:
        """Return Ryu's message, None if Ryu does not know how to read it.

        The structure is sound, or the guard would not have let it pass. So an error here is
        Ryu's, mostly for an extension that it has no class for: it costs the message, since to
        close would make a switch with one such flow entry reconnect at each poll.
        """
        version, kind, size, xid = _HEADER.unpack_from(message)
        if not self._connection.readable(message):
            self._counters.unparsed("endless")
            return None
        # A Hello may be of any version, also of one that Ryu does not know.
        parser = ofproto_v1_3_parser if kind == OFPT.HELLO else _PARSERS[version]
        try:
            return parser.msg_parser(self, version, kind, size, xid, message)
        except Exception as error:
            self._counters.unparsed(type(error).__name__)
            LOG.debug("message type %d of %s is unknown to Ryu", kind, self.address, exc_info=True)
            return None
