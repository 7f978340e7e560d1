"""Accepts connections of known keys and serves them, side by side.

The handshake of one peer must not hold up another's: each has a green thread and a deadline.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import eventlet
from eventlet import wsgi
from eventlet.green.ssl import GreenSSLContext
from greenlet import GreenletExit

from xen_bridge.server.lingering import drain
from xen_bridge.server.web import BridgeProtocol
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.tls import prepare

LOG = logging.getLogger(__name__)
HANDSHAKE_SECONDS = 10.0
MAX_HANDSHAKES = 256
MAX_CONNECTIONS = 512
IDLE_SECONDS = 60.0
"""After which an idle connection is closed; clients give theirs up earlier."""


class TlsListener:
    """A listening socket whose connections have shown a key of the list.

    It stands in for the socket that eventlet's server accepts from.
    """

    def __init__(
        self, listening: Any, identity: Identity, authorized: Callable[[], Mapping[str, str]]
    ) -> None:
        self._listening = listening
        self._identity = identity
        self._authorized = authorized
        self._context: tuple[frozenset[str], Any] | None = None
        self._shaking: dict[Any, None] = {}
        self._ready: Any = eventlet.Queue(MAX_HANDSHAKES)
        self._accepting = eventlet.spawn(self._accept_all)

    def accept(self) -> tuple[Any, Any]:
        """Return the next connection and its address."""
        ready: tuple[Any, Any] = self._ready.get()
        return ready

    def getsockname(self) -> Any:
        """Return the address that is listened on."""
        return self._listening.getsockname()

    @property
    def family(self) -> Any:
        """The address family."""
        return self._listening.family

    def do_handshake(self) -> None:
        """Nothing: connections are ready when they are accepted."""

    def close(self) -> None:
        """Accept no more."""
        self._accepting.kill()
        self._listening.close()

    def _accept_all(self) -> None:
        while True:
            try:
                connection, address = self._listening.accept()
            except OSError as error:
                LOG.warning("a connection was not accepted: %s", error)
                eventlet.sleep(0.1)
                continue
            if len(self._shaking) >= MAX_HANDSHAKES:
                # Whoever stalls is given up for whoever comes: nobody can shut the door.
                next(iter(self._shaking)).kill()
            shaking = eventlet.spawn(self._shake, connection, address)
            self._shaking[shaking] = None
            shaking.link(self._shaken)

    def _shaken(self, shaking: Any) -> None:
        self._shaking.pop(shaking, None)

    def _shake(self, connection: Any, address: Any) -> None:
        try:
            with eventlet.Timeout(HANDSHAKE_SECONDS, TimeoutError("no handshake in time")):
                secured = self._secured().wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                secured.do_handshake()
        except (OSError, ValueError) as error:
            LOG.info("%s: refused: %s", address[0], _reason(error))
            _close_gently(connection)
            return
        except GreenletExit:
            connection.close()
            raise
        self._ready.put((secured, address))

    def _secured(self) -> Any:
        """Return the TLS context that trusts the list as it is now."""
        trusted = frozenset(self._authorized())
        if self._context is None or self._context[0] != trusted:
            context = GreenSSLContext(ssl.PROTOCOL_TLS_SERVER)
            # A ticket would let in a key that has left the list meanwhile.
            context.num_tickets = 0
            self._context = trusted, prepare(context, self._identity, trusted)
        return self._context[1]


def _close_gently(connection: Any) -> None:
    """Close after what the peer had under way, for a reset would overtake the alert we sent."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        drain(connection.recv)
    connection.close()


def _reason(error: Exception) -> str:
    return getattr(error, "verify_message", None) or getattr(error, "reason", None) or str(error)


def listen(host: str, port: int) -> Any:
    """Return a socket that listens on ``host``, an IPv4 or IPv6 address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return eventlet.listen((host, port), family=family, reuse_addr=True, backlog=128)


def serve(peers: TlsListener, application: Callable[..., Iterable[bytes]]) -> None:
    """Serve ``application`` to ``peers``, for ever."""
    wsgi.server(
        peers,
        application,
        log=LOG,
        log_output=False,
        max_size=MAX_CONNECTIONS,
        protocol=BridgeProtocol,
        socket_timeout=IDLE_SECONDS,
        debug=False,
        keepalive=True,
    )
