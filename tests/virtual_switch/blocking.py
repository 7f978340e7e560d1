"""Blocking carrier: a switch, or somebody who pretends to be one, on a plain socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.symmetric import EchoReply, EchoRequest
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from virtual_switch.faults import Faults
from virtual_switch.switch import VirtualSwitch

SECONDS = 60.0
"""For what comes at once, unless the machine has no time for it."""
_PORT = 3
_ANY_XID = 7


class Gone(Exception):
    """The controller closed the connection."""


class SocketSwitch:
    """Sends what it is told; after :meth:`shake_hands` a virtual switch answers the controller.

    Until then it answers echo requests only. ``link`` is a connected socket, TLS perhaps.
    """

    def __init__(self, port: int, link: Any = None) -> None:
        self.link = link or socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._switch: VirtualSwitch | None = None
        self._data = b""

    def send(self, data: bytes) -> None:
        """Send bytes, whatever they are; Gone if nobody listens any more."""
        try:
            self.link.sendall(data)
        except OSError as error:
            raise Gone from error

    def receive(self, seconds: float = SECONDS) -> bytes:
        """Return the next message of the controller; Gone at the end, TimeoutError."""
        while not self._whole():
            self.link.settimeout(seconds)
            try:
                data = self.link.recv(65536)
            except ConnectionError as error:
                raise Gone from error
            if not data:
                raise Gone
            self._data += data
        size = int.from_bytes(self._data[2:4], "big")
        whole, self._data = self._data[:size], self._data[size:]
        return whole

    def _whole(self) -> bool:
        size = int.from_bytes(self._data[2:4], "big")
        return len(self._data) >= max(HEADER_SIZE, size)

    def expect(self, kind: int, seconds: float = SECONDS) -> bytes:
        """Return the next message of type ``kind``, answering others on the way."""
        deadline = time.monotonic() + seconds
        while True:
            got = self.receive(max(deadline - time.monotonic(), 0.001))
            if got[1] == kind:
                return got
            self._answer(got)

    def _answer(self, message: bytes) -> None:
        if self._switch is not None:
            self.send(self._switch.handle(message, time.monotonic()).data)
        elif message[1] == OFPT.ECHO_REQUEST:
            table = codec_of(message[0]).messages
            xid, request = table.decode(message)
            self.send(table.encode(xid, EchoReply(request.data)))

    def shake_hands(
        self,
        dpid: int,
        version: int = OPENFLOW_13,
        auxiliary: int = 0,
        faults: Faults | None = None,
    ) -> None:
        """Complete the handshake, so far as the controller wants it; the switch has ``faults``."""
        self._begin(dpid, version, auxiliary, faults)
        while not _ends_handshake(message := self.receive()):
            self._answer(message)
        self._answer(message)

    def shake_hands_but_for_ports(self, dpid: int) -> None:
        """Say the dpid, and nothing that is asked after that."""
        self._begin(dpid, OPENFLOW_13, 0)
        while not _ends_handshake(message := self.receive()):
            self._answer(message)

    def claim(self, dpid: int) -> None:
        """Say that this is switch ``dpid``, and wait for nothing."""
        self._begin(dpid, OPENFLOW_13, 0)
        self._answer(self.expect(OFPT.FEATURES_REQUEST))

    def shake_hands_until_closed(self, dpid: int, auxiliary: int = 0) -> None:
        """Try a handshake that is going to be refused; TimeoutError if it is not."""
        try:
            self._begin(dpid, OPENFLOW_13, auxiliary)
            self._answer(self.expect(OFPT.FEATURES_REQUEST))
            self.wait_closed()
        finally:
            self.close()

    def _begin(self, dpid: int, version: int, auxiliary: int, faults: Faults | None = None) -> None:
        self._switch = VirtualSwitch(dpid, version, (_PORT,))
        self._switch.faults = faults or self._switch.faults
        self._switch.datapath.auxiliary = auxiliary
        self.send(self._switch.connect().data)

    def echo(self, seconds: float = SECONDS) -> float:
        """Send an echo request and return the seconds until its reply."""
        request = EchoRequest(b"are you there?")
        start = time.perf_counter()
        self.send(codec_of(OPENFLOW_13).messages.encode(_ANY_XID, request))
        self.expect(OFPT.ECHO_REPLY, seconds)
        return time.perf_counter() - start

    def wait_closed(self, seconds: float = SECONDS) -> None:
        """Return when the controller has closed the connection; TimeoutError if it does not."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.receive(max(deadline - time.monotonic(), 0.001))
        except Gone:
            return

    def close(self) -> None:
        """Hang up."""
        self.link.close()


def _ends_handshake(message: bytes) -> bool:
    """Tell whether the controller asks for the ports, the last it wants to know."""
    if message[0] == OPENFLOW_10:
        return message[1] == OFPT.FEATURES_REQUEST
    asked = int.from_bytes(message[8:10], "big")
    return message[1] == OFPT.MULTIPART_REQUEST and asked == OFPMP.PORT_DESC


@contextmanager
def connected_switch(port: int, dpid: int, version: int = OPENFLOW_13) -> Iterator[SocketSwitch]:
    """Give a switch that has completed its handshake."""
    with closing(SocketSwitch(port)) as switch:
        switch.shake_hands(dpid, version)
        yield switch
