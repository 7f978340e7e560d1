"""The listening socket: it survives what strangers do to it.

Ryu's server ends for good at the first error of accept (say, no file descriptor left), waits for
ever for a TLS handshake that does not come, and takes as many connections as somebody opens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import eventlet
from eventlet.green import ssl
from ryu.lib import hub

from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.context import ConnectionContext
from horizon_ryu.openflow.peer_log import PeerLog
from xen_bridge.serving.accepting import accepted, host_of, listen
from xen_bridge.serving.room import Place

LOG = logging.getLogger(__name__)

BACKLOG = 1024
"""A whole network that reconnects after a restart of the controller fits."""


class GuardedServer:
    """Takes the place, and the arguments, of Ryu's StreamServer."""

    def __init__(
        self,
        context: ConnectionContext,
        door: ConnectionAdmission,
        log: PeerLog,
        address: tuple[str, int],
        handle: Callable[[Any, Any, Place], None],
        **tls: Any,
    ) -> None:
        self._context = context
        self._door = door
        self._log = log
        self._handle = handle
        self._tls = _tls_context(tls) if tls else None
        self.server = listen(context.runtime, address, BACKLOG)

    @property
    def port(self) -> int:
        """The TCP port that was taken, for those who asked for any (0)."""
        return int(self.server.getsockname()[1])

    def serve_forever(self) -> None:
        """Accept connections until killed."""
        for socket, address in accepted(
            self._context.runtime, self.server, self._accept_failed, self._door.make_room
        ):
            self._admit(socket, address)

    def _accept_failed(self, error: Exception) -> None:
        self._context.counters.refused("accept_failed")
        if self._context.accept_failed is not None:
            self._context.accept_failed(error)

    def _admit(self, socket: Any, address: Any) -> None:
        host = host_of(address)
        place = self._door.enter(host)
        if place is None:
            socket.close()
            self._context.counters.refused("too_many_connections")
            self._log.report(host, self._context.clock(), "refused: too many connections")
            return
        serving = hub.spawn(self._serve, socket, address, place)
        serving.link(_over, socket, place)
        place.ended_by(partial(self._give_up, serving, host))

    def _give_up(self, serving: Any, host: str) -> None:
        """End a connection that owes its handshake, for another one that has come."""
        self._context.counters.refused("made_room")
        self._log.report(host, self._context.clock(), "closed to make room: no handshake yet")
        hub.kill(serving)

    def _serve(self, socket: Any, address: Any, place: Place) -> None:
        try:
            secured = self._secure(socket, place.host)
            if secured is not None:
                self._handle(secured, address, place)
        finally:
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


def _over(_serving: Any, socket: Any, place: Place) -> None:
    # A greenlet that is killed before its first turn runs no finally clause.
    place.leave()
    socket.close()


def _tls_context(tls: dict[str, Any]) -> Any:
    """Return the server's TLS context for the arguments that Ryu's options became."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls["certfile"], tls["keyfile"])
    if tls.get("ca_certs"):
        context.load_verify_locations(tls["ca_certs"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context
