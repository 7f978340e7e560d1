"""HTTPS of a node: the connections that the TLS listener has let in, served over HTTP."""

from __future__ import annotations

from typing import Any

from xen_bridge.runtime.port import Runtime
from xen_bridge.server.tls_listener import TlsListener
from xen_bridge.server.web import CLOSE, PEER, BridgeApplication
from xen_bridge.serving.http import HttpLimits, HttpServer, PoliteProtocol
from xen_bridge.serving.room import Room
from xen_bridge.trust.identity import node_pk_of

IDLE_SECONDS = 60.0
"""After which an idle connection is closed; clients give theirs up earlier."""


SHARES = 4
"""One key may have this part of all connections: it must not shut out the others."""


def _key_of(connection: Any) -> str:
    return node_pk_of(connection.getpeercert(binary_form=True))


class BridgeProtocol(PoliteProtocol):
    """HTTP that tells the application which key the client has."""

    def get_environ(self) -> dict[str, Any]:
        """Return the environment of a request."""
        environ: dict[str, Any] = super().get_environ()
        environ[PEER] = _key_of(self.connection)
        environ[CLOSE] = self._close_after_answer
        return environ

    def _close_after_answer(self) -> None:
        self.close_connection = True

    def version_string(self) -> str:
        """Say nothing of what runs here."""
        return "xen-bridge"


def serve(runtime: Runtime, peers: TlsListener, application: BridgeApplication) -> None:
    """Serve ``application`` to ``peers``, for ever."""
    HttpServer(
        runtime,
        peers,
        application,
        Room(peers.max_connections, max(peers.max_connections // SHARES, 1)),
        peers.failed,
        BridgeProtocol,
        HttpLimits(keep_alive=IDLE_SECONDS),
        party_of=lambda connection, _address: _key_of(connection),
    ).serve_forever()
