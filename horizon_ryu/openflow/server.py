"""The listening socket: it survives what strangers do to it.

Ryu's server ends for good at the first error of accept (say, no file descriptor left), waits for
ever for a TLS handshake that does not come, and takes as many connections as somebody opens.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.context import ConnectionContext
from horizon_ryu.openflow.peer_log import PeerLog
from xen_bridge.runtime.port import Task
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
        admission: ConnectionAdmission,
        log: PeerLog,
        address: tuple[str, int],
        handle: Callable[[Any, Any, Place], None],
        **tls: Any,
    ) -> None:
        self._context = context
        self._admission = admission
        self._log = log
        self._handle = handle
        self._runtime = context.runtime
        self._tls = _tls_context(context.runtime.server_tls(), tls) if tls else None
        self.server = listen(context.runtime, address, BACKLOG)
        if context.listening is not None:
            context.listening(self.server.getsockname(), self._tls is not None)

    @property
    def port(self) -> int:
        """The TCP port that was taken, for those who asked for any (0)."""
        return int(self.server.getsockname()[1])

    def serve_forever(self) -> None:
        """Accept connections until killed."""
        run = self._context.run
        if run is None:
            self._accept_all()
        else:
            run(self._accept_all)

    def _accept_all(self) -> None:
        for socket, address in accepted(
            self._runtime, self.server, self._accept_failed, self._admission.make_room
        ):
            self._admit(socket, address)

    def _accept_failed(self, error: Exception) -> None:
        self._context.counters.refused("accept_failed")
        if self._context.accept_failed is not None:
            self._context.accept_failed(error)

    def _admit(self, socket: Any, address: Any) -> None:
        host = host_of(address)
        place = self._admission.enter(host)
        if place is None:
            socket.close()
            self._context.counters.refused("too_many_connections")
            self._log.report(host, self._context.clock(), "refused: too many connections")
            return
        serving = self._runtime.spawn(self._serve, socket, address, place, connection=socket)
        serving.link(partial(_over, socket, place))
        place.ended_by(partial(self._give_up, serving, host))

    def _give_up(self, serving: Task, host: str) -> None:
        """End a connection that owes its handshake, for another one that has come."""
        self._context.counters.refused("made_room")
        self._log.report(host, self._context.clock(), "closed to make room: no handshake yet")
        serving.kill()

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
            secured = self._runtime.secure(self._tls, socket)
            with self._runtime.timeout(self._context.limits.handshake_seconds):
                secured.do_handshake()
            return secured
        except (OSError, EOFError, ValueError) as error:
            self._context.counters.refused("tls_handshake")
            self._log.report(host, self._context.clock(), f"TLS handshake failed: {error}")
            return None


def _over(socket: Any, place: Place) -> None:
    # A task that is killed before its first turn runs no finally clause.
    place.leave()
    socket.close()


def _tls_context(context: ssl.SSLContext, tls: dict[str, Any]) -> ssl.SSLContext:
    """Return ``context`` as the arguments that Ryu's options became want it."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls["certfile"], tls["keyfile"])
    if tls.get("ca_certs"):
        context.load_verify_locations(tls["ca_certs"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context
