"""TLS listener: accepts the connections of known keys, side by side.

The handshake of one peer must not hold up another's: each has a task and a deadline.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from xen_bridge.errors import BridgeError
from xen_bridge.runtime.port import Runtime
from xen_bridge.server.lasting import run_lasting
from xen_bridge.server.lingering import drain
from xen_bridge.serving.accepting import AcceptFailures, accepted, host_of
from xen_bridge.serving.accepting import listen as listen_on
from xen_bridge.serving.descriptors import for_connections
from xen_bridge.serving.room import Room
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.tls import prepare

LOG = logging.getLogger(__name__)
HANDSHAKE_SECONDS = 10.0
MAX_HANDSHAKES = 256
"""At once, and at most a third of the connections that descriptors allow."""
BACKLOG = 128
MAX_CONNECTIONS = 512
SHARES = 4
"""One address, or one IPv6 network, has so small a part of the handshakes at most."""


class TlsListener:
    """A listening socket whose connections have shown a key of the list.

    It stands in for the socket that an HTTP server accepts from.
    """

    def __init__(
        self,
        runtime: Runtime,
        listening: Any,
        identity: Identity,
        authorized: Callable[[], Mapping[str, str]],
        descriptors: int,
    ) -> None:
        """``descriptors`` is how many the process may have."""
        self._runtime = runtime
        self._listening = listening
        self._identity = identity
        self._authorized = authorized
        self._context: tuple[frozenset[str], Any] | None = None
        available = for_connections(descriptors)
        handshakes = max(min(MAX_HANDSHAKES, available // 3), 1)
        self.max_connections = max(min(MAX_CONNECTIONS, available - handshakes), 1)
        self._shaking = Room(handshakes, max(handshakes // SHARES, 1))
        """Whoever stalls gives way to whoever comes from the same address, or else to anybody."""
        self.failed = partial(AcceptFailures(LOG).note, "the service")
        """To be told of each error of accepting."""
        self._ready = runtime.queue(MAX_HANDSHAKES)
        self._is_closed = False
        self._accepting = runtime.spawn(
            run_lasting,
            runtime,
            "accepting connections",
            self._accept_all,
            lambda: self._is_closed,
            connection=listening,
        )

    def accept(self) -> tuple[Any, Any]:
        """Return the next connection and its address."""
        ready: tuple[Any, Any] = self._ready.get()
        return ready

    def fileno(self) -> int:
        """Return the descriptor that is listened on, -1 when it is closed."""
        return int(self._listening.fileno())

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
        self._is_closed = True
        self._accepting.kill()
        self._listening.close()

    def _accept_all(self) -> None:
        for connection, address in accepted(
            self._runtime, self._listening, self.failed, self._shaking.make_room
        ):
            place = self._shaking.enter(host_of(address))
            if place is None:
                connection.close()
                continue
            shaking = self._runtime.spawn(self._shake, connection, address, connection=connection)
            place.ended_by(shaking.kill)
            shaking.link(place.leave)

    def _shake(self, connection: Any, address: Any) -> None:
        try:
            context = self._trusting()
        except (OSError, ValueError, BridgeError) as error:
            # Not the peer's fault: without its files this node lets nobody in.
            self.failed(BridgeError(f"{self._identity.key_file.parent}: {error}"))
            connection.close()
            return
        try:
            with self._runtime.timeout(HANDSHAKE_SECONDS, TimeoutError("no handshake in time")):
                secured = self._runtime.secure(context, connection)
                secured.do_handshake()
        except (OSError, ValueError) as error:
            LOG.info("%s: refused: %s", host_of(address), _reason(error))
            self._close_gently(connection)
            return
        except BaseException:
            connection.close()
            raise
        self._hand_over(secured, address)

    def _hand_over(self, secured: Any, address: Any) -> None:
        """Give a connection to who accepts; it is closed if nobody takes it."""
        try:
            self._ready.put((secured, address))
        except BaseException:
            secured.close()
            raise

    def _trusting(self) -> Any:
        """Return the TLS context that trusts the list as it is now."""
        trusted = frozenset(self._authorized())
        if self._context is None or self._context[0] != trusted:
            context = self._runtime.server_tls()
            # A ticket would let in a key that has left the list meanwhile.
            context.num_tickets = 0
            self._context = trusted, prepare(context, self._identity, trusted)
        return self._context[1]

    def _close_gently(self, connection: Any) -> None:
        """Close after what the peer had under way, for a reset would overtake the alert we sent."""
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            drain(self._runtime, connection.recv)
        connection.close()


def _reason(error: Exception) -> str:
    return getattr(error, "verify_message", None) or getattr(error, "reason", None) or str(error)


def listen(runtime: Runtime, host: str, port: int) -> Any:
    """Return a socket that listens on ``host``, an IPv4 or IPv6 address."""
    return listen_on(runtime, (host, port), BACKLOG)
