"""Dumps of the kernel's tables, on sockets that are kept."""

from __future__ import annotations

import os
import socket
from collections import deque
from contextlib import suppress

from xen_bridge.errors import BridgeError, RequestUnsupported
from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NETLINK_GET_STRICT_CHK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    SOL_NETLINK,
)
from xen_bridge.netlink.wire import Request

IDLE_AT_MOST = 4
ATTEMPTS = 5
SECONDS = 2.0
"""For an answer, which the kernel has ready when the question is sent."""


class NetlinkSocket:
    """Asks for dumps. Any number of threads may: each takes a socket that is idle, or opens one.

    The sockets belong to the network namespace of the threads that opened them.
    """

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._protocol = protocol
        # Taking and giving back are atomic. A lock would not do: eventlet's cannot be shared
        # between native threads.
        self._idle: deque[socket.socket] = deque()
        self._closed = False

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """Return the payloads that the kernel answers to a dump request.

        Asked again when a table changed meanwhile, or the socket failed. Raises RequestUnsupported
        when the kernel has no such table, and BridgeError when it refuses or the table never rests.
        """
        trouble = "the tables change all the time"
        for _ in range(ATTEMPTS):
            connection = self._take()
            try:
                found = _exchange(connection, kind, body)
            except OSError as error:
                connection.close()
                if error.errno in wire.UNSUPPORTED:
                    raise RequestUnsupported(f"the kernel has no such table: {error}") from error
                trouble = error.strerror or str(error)
                continue
            self._give_back(connection)
            if found is not None:
                return found
        raise BridgeError(f"the kernel does not tell what it has: {trouble}")

    def _take(self) -> socket.socket:
        try:
            return self._idle.pop()
        except IndexError:
            return _opened(self._protocol)

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


def _opened(protocol: int) -> socket.socket:
    connection = wire.opened(SECONDS, protocol)
    # Only what is asked for is told, not whole tables; kernels before 4.20 tell more.
    with suppress(OSError):
        connection.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
    return connection


def _exchange(connection: socket.socket, kind: int, body: bytes) -> list[bytes] | None:
    """Return the payloads, or None if the table changed while it was told."""
    sequence = int.from_bytes(os.urandom(4), "little")
    connection.send(Request(kind, NLM_F_REQUEST | NLM_F_DUMP, body).pack(sequence))
    found: list[bytes] = []
    steady = True
    while True:
        for answer in wire.answers(wire.receive(connection)):
            if answer.sequence != sequence:
                continue
            steady = steady and not answer.flags & NLM_F_DUMP_INTR
            if answer.kind == NLMSG_DONE:
                return found if steady else None
            if answer.kind == NLMSG_ERROR:
                code = wire.error_code(answer.payload)
                raise OSError(code, wire.error_text(code))
            found.append(answer.payload)
