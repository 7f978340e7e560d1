"""A switch, or somebody who pretends to be one, on a plain socket."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from fuzz.wire import OF10, OF13, PORT13, features10, features13, hello, message

SECONDS = 10.0


class Gone(Exception):
    """The controller closed the connection."""


class Switch:
    """Speaks OpenFlow as far as a handshake goes."""

    def __init__(self, port: int, link: Any = None) -> None:
        self.link = link or socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
        return len(self._data) >= 8 and len(self._data) >= int.from_bytes(self._data[2:4], "big")

    def expect(self, kind: int, seconds: float = SECONDS) -> bytes:
        """Return the next message of type ``kind``, answering echo requests on the way."""
        deadline = time.monotonic() + seconds
        while True:
            got = self.receive(max(deadline - time.monotonic(), 0.001))
            if got[1] == kind:
                return got
            if got[1] == 2:
                self.send(got[:1] + b"\x03" + got[2:])

    def shake_hands(self, dpid: int, version: int = OF13, auxiliary: int = 0) -> None:
        """Complete the handshake, so far as the controller wants it."""
        self.send(hello(version))
        self.expect(0)
        xid = struct.unpack("!I", self.expect(5)[4:8])[0]
        reply = features10(dpid) if version == OF10 else features13(dpid, auxiliary)
        self.send(reply[:4] + struct.pack("!I", xid) + reply[8:])
        if version == OF13:
            asked = self.expect(18)
            self.send(message(OF13, 19, struct.pack("!HH4x", 13, 0) + PORT13, _xid(asked)))

    def shake_hands_until_closed(self, dpid: int, auxiliary: int = 0) -> None:
        """Try a handshake that is going to be refused; TimeoutError if it is not."""
        try:
            self.send(hello(OF13))
            asked = self.expect(5)
            reply = features13(dpid, auxiliary)
            self.send(reply[:4] + asked[4:8] + reply[8:])
            self.wait_closed()
        finally:
            self.close()

    def echo(self, seconds: float = SECONDS) -> float:
        """Send an echo request and return the seconds until its reply."""
        start = time.perf_counter()
        self.send(message(OF13, 2, b"are you there?"))
        self.expect(3, seconds)
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


def _xid(data: bytes) -> int:
    return int.from_bytes(data[4:8], "big")


@contextmanager
def connected_switch(port: int, dpid: int, version: int = OF13) -> Iterator[Switch]:
    """Give a switch that has completed its handshake."""
    with closing(Switch(port)) as switch:
        switch.shake_hands(dpid, version)
        yield switch
