"""Transport: moves the bytes of one connection, and knows nothing of what they mean.

Receiving: large chunks, each handed to the owner in the receive task. Sending: bytes are queued
without ever blocking the caller and leave once per received chunk, or per turn of the hub.
Deadlines: one task sleeps until the next of them.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from horizon_ryu.openflow.lateness import sleep_in_time
from horizon_ryu.openflow.sender import Sender
from xen_bridge.runtime.port import AtOnce, Runtime

LOG = logging.getLogger(__name__)

CHUNK_SIZE = 64 * 1024
SHORT = 1024
"""Bytes of a chunk that is all that had come, mostly: who waits for the next gives way then."""
IN_A_ROW = 4
"""Short chunks after which others have their turns even if more is there: about 1 ms."""
_BOTH_DIRECTIONS = 2


class Deadlines(Protocol):
    """What is due at times."""

    def next_deadline(self) -> float:
        """Return when something is due next, by the runtime's clock; infinity if nothing is."""

    def tick(self, now: float) -> None:
        """Do what is due."""


class Transport:
    """One socket, connected, and TLS or not.

    ``broken`` is called when nothing can be sent any more, or all was said; ``stuck`` when the
    peer does not read what is more than ``most`` bytes. Both are to call :meth:`close`. What
    ``at_once`` takes of what comes may not come to who is served.
    """

    def __init__(
        self,
        runtime: Runtime,
        socket: Any,
        most: int,
        broken: Callable[[], None],
        stuck: Callable[[], None],
        at_once: AtOnce | None = None,
    ) -> None:
        self._runtime = runtime
        self._socket = socket
        self._reader = runtime.reader(socket, at_once)
        self._sender = Sender(runtime, socket, most, broken, stuck)
        self._closing = False
        self.write = self._sender.append
        """Queue bytes, never waiting; False if the connection is closing."""
        self.send = self._sender.send
        """The same for a message that nothing follows at once: it leaves now if it can."""
        self.close_when_sent = self._sender.close_when_sent
        """Have ``broken`` called when all that is queued has left; nothing more is taken."""

    def serve(self, take: Callable[[bytes], None], deadlines: Deadlines) -> None:
        """Hand what comes to ``take`` until one of both hangs up; then all is closed."""
        helpers = [
            self._runtime.spawn(self._sender.run, connection=self._socket),
            self._runtime.spawn(self._tend, deadlines),
        ]
        try:
            self._receive(take)
        finally:
            self.close()
            for helper in helpers:
                helper.kill()

    def _receive(self, take: Callable[[bytes], None]) -> None:
        in_a_row = 0
        while not self._closing:
            chunk = self._next_chunk()
            if chunk is None:
                continue
            if not chunk:
                return
            self._sender.hold()
            take(chunk)
            self._sender.flush()
            in_a_row += 1
            if self._reader.gives_way:
                continue
            if len(chunk) > SHORT or in_a_row >= IN_A_ROW:
                self._runtime.checkpoint()
                in_a_row = 0

    def _next_chunk(self) -> bytes | None:
        """Return what came, nothing at the end, None when the time of one wait is over."""
        try:
            return self._reader.read(CHUNK_SIZE)
        except (TimeoutError, ssl.SSLWantReadError):
            return None
        except (OSError, EOFError, ValueError):
            return b""

    def _end_turn(self) -> None:
        self._sender.flush()
        self._runtime.checkpoint()

    def checkpoint(self) -> None:
        """Send, and let every other task run: for whoever takes long over one chunk."""
        self._end_turn()
        self._sender.hold()

    def _tend(self, deadlines: Deadlines) -> None:
        """Call ``tick`` at each deadline.

        One that is set while this sleeps until a later one is served by whoever set it and waits.
        """
        while not self._closing and (due := deadlines.next_deadline()) < inf:
            sleep_in_time(self._runtime, due)
            deadlines.tick(self._runtime.now())

    def close(self) -> None:
        """Drop what waits and hang up; the receive task comes to its end."""
        if self._closing:
            return
        self._closing = True
        self._sender.end()
        self._reader.close()
        try:
            self._socket.shutdown(_BOTH_DIRECTIONS)
        except (OSError, EOFError, ValueError):
            LOG.debug("the peer had hung up already")

    def release(self) -> None:
        """Give the socket back; nobody uses it any more."""
        self._socket.close()

    def fingerprint(self) -> str | None:
        """Return the SHA-256 of the peer's certificate, None without TLS or certificate."""
        get_certificate = getattr(self._socket, "getpeercert", None)
        certificate = get_certificate(binary_form=True) if get_certificate else None
        return hashlib.sha256(certificate).hexdigest() if certificate else None
