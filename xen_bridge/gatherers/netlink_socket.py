"""Questions to the kernel over route netlink (RFC 3549), on sockets that are kept.

A library for it, pyroute2, takes ten times as long for what a sample needs and cannot be asked from
several threads of a process with eventlet; what is needed of the protocol is this much.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from collections.abc import Iterator

from xen_bridge.errors import BridgeError

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x1, 0x300, 0x10
HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence number, port."""
ATTRIBUTE = struct.Struct("=HH")
"""rtattr: length, type."""
TYPE_MASK = 0x3FFF
"""Without NLA_F_NESTED and NLA_F_NET_BYTEORDER."""
CHUNK = 1 << 17
"""More than the kernel ever puts into one answer of a dump."""
IDLE_AT_MOST = 4
ATTEMPTS = 5
SECONDS = 2.0
"""For an answer, which the kernel has ready when the question is sent."""


class NetlinkSocket:
    """Asks for dumps. Any number of threads may: each takes a socket that is idle, or opens one.

    The sockets belong to the network namespace of the threads that opened them.
    """

    def __init__(self) -> None:
        # Taking and giving back are atomic. A lock would not do: eventlet's cannot be shared
        # between native threads.
        self._idle: deque[socket.socket] = deque()
        self._closed = False

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """Return the payloads that the kernel answers to a dump request.

        Asked again when a table changed meanwhile, or the socket failed. Raises BridgeError when
        the kernel refuses or the table never rests.
        """
        trouble = "the tables change all the time"
        for _ in range(ATTEMPTS):
            connection = self._take()
            try:
                found = _exchange(connection, kind, body)
            except OSError as error:
                connection.close()
                trouble = error.strerror or str(error)
                continue
            self._give_back(connection)
            if found is not None:
                return found
        raise BridgeError(f"the kernel does not tell of its interfaces: {trouble}")

    def _take(self) -> socket.socket:
        try:
            return self._idle.pop()
        except IndexError:
            return _opened()

    def _give_back(self, connection: socket.socket) -> None:
        if self._closed or len(self._idle) >= IDLE_AT_MOST:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle; nothing is kept from now on."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


def _opened() -> socket.socket:
    try:
        connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        connection.bind((0, 0))
        connection.settimeout(SECONDS)
    except OSError as error:
        raise BridgeError(f"no netlink here: {error.strerror}") from error
    return connection


def _exchange(connection: socket.socket, kind: int, body: bytes) -> list[bytes] | None:
    """Return the payloads, or None if the table changed while it was told."""
    sequence = int.from_bytes(os.urandom(4), "little")
    flags = NLM_F_REQUEST | NLM_F_DUMP
    connection.send(HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body)
    found: list[bytes] = []
    steady = True
    while True:
        for answer, its_flags, its_sequence, payload in _messages(connection.recv(CHUNK)):
            if its_sequence != sequence:
                continue
            steady = steady and not its_flags & NLM_F_DUMP_INTR
            if answer == NLMSG_DONE:
                return found if steady else None
            if answer == NLMSG_ERROR:
                code = -int.from_bytes(payload[:4], "little", signed=True)
                raise OSError(code, os.strerror(code))
            found.append(payload)


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield type, flags, sequence number and payload of every message."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > len(data):
            return
        yield kind, flags, sequence, data[at + HEADER.size : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """Return the attributes of a message from ``at`` on, by type; the last of a type counts."""
    found: dict[int, bytes] = {}
    size = len(data)
    while at + 4 <= size:
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < 4 or at + length > size:
            break
        found[kind & TYPE_MASK] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found
