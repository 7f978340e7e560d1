"""The listening socket: it survives what strangers do to it.

Ryu's server ends for good at the first error of accept (say, no file descriptor left), waits for
ever for a TLS handshake that does not come, and takes as many connections as somebody opens.
"""

from __future__ import annotations

import logging
import os
import socket as sockets
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet.green import ssl
from ryu.lib import hub

from horizon_ryu.openflow.admission import Door
from horizon_ryu.openflow.context import ConnectionContext
from horizon_ryu.openflow.peer_log import PeerLog

LOG = logging.getLogger(__name__)

BACKLOG = 1024
"""A whole network that reconnects after a restart of the controller fits."""

RETRY_SECONDS = 0.1


class GuardedServer:
    """Takes the place, and the arguments, of Ryu's StreamServer."""

    def __init__(
        self,
        context: ConnectionContext,
        door: Door,
        log: PeerLog,
        address: tuple[str, int],
        handle: Callable[[Any, Any], None],
        **tls: Any,
    ) -> None:
        self._context = context
        self._door = door
        self._log = log
        self._handle = handle
        self._tls = _tls_context(tls) if tls else None
        self.server = _listen(address)

    @property
    def port(self) -> int:
        """The TCP port that was taken, for those who asked for any (0)."""
        return int(self.server.getsockname()[1])

    def serve_forever(self) -> None:
        """Accept connections until killed."""
        while True:
            try:
                socket, address = self.server.accept()
            except OSError as error:
                # Out of file descriptors, most likely: closing connections will free some.
                self._context.counters.refused("accept_failed")
                self._log.report("listener", self._context.clock(), f"accept failed: {error}")
                hub.sleep(RETRY_SECONDS)
                continue
            self._admit(socket, address)

    def _admit(self, socket: Any, address: Any) -> None:
        host = str(address[0]) if isinstance(address, tuple) else str(address)
        if self._door.enter(host):
            hub.spawn(self._serve, socket, address, host)
            return
        socket.close()
        self._context.counters.refused("too_many_connections")
        self._log.report(host, self._context.clock(), "refused: too many connections")

    def _serve(self, socket: Any, address: Any, host: str) -> None:
        try:
            secured = self._secure(socket, host)
            if secured is not None:
                self._handle(secured, address)
        finally:
            self._door.leave(host)
            socket.close()

    def _secure(self, socket: Any, host: str) -> Any:
        """Return the socket to talk through, None if the TLS handshake fails or takes too long."""
        if self._tls is None:
            return socket
        try:
            with eventlet.Timeout(self._context.limits.handshake_seconds, TimeoutError("late")):
                return self._tls.wrap_socket(socket, server_side=True)
        except (OSError, EOFError, ValueError) as error:
            self._context.counters.refused("tls_handshake")
            self._log.report(host, self._context.clock(), f"TLS handshake failed: {error}")
            return None


def _listen(address: tuple[str, int]) -> Any:
    host = address[0]
    if host and os.path.isdir(os.path.dirname(host)):
        return eventlet.listen(host, family=sockets.AF_UNIX, backlog=BACKLOG)
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    return eventlet.listen(address, family=family, backlog=BACKLOG)


def _tls_context(tls: dict[str, Any]) -> Any:
    """Return the server's TLS context for the arguments that Ryu's options became."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls["certfile"], tls["keyfile"])
    if tls.get("ca_certs"):
        context.load_verify_locations(tls["ca_certs"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context
