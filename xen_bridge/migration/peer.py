"""Peer: the node at the destination, as the source's migration asks it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit

from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.documents.domains import CreateDomain, VcpuPins
from xen_bridge.protocol.documents.migration import MigrateDomain
from xen_bridge.protocol.documents.migration_advise import PrepareIncoming
from xen_bridge.trust.identity import Identity


class PeerConnection(Protocol):
    """A connection to a node, as :class:`xen_bridge.client.BridgeClient` is one."""

    def ask(self, body: Any, router: str | None = None, seconds: float | None = None) -> Any:
        """Send a request, return the body of the answer; raises a BridgeError."""

    def close(self) -> None:
        """End the connection."""


Connect: TypeAlias = Callable[[MigrateDomain], PeerConnection]
"""Returns a connection to the destination that an order names. Raises a BridgeError."""


def connecting(identity: Identity) -> Connect:
    """Return what connects to destinations as the node with this key."""

    def connect(order: MigrateDomain) -> PeerConnection:
        return BridgeClient(order.destination_url, order.destination_pk, identity)

    return connect


def incoming_of(
    order: MigrateDomain,
    definition: CreateDomain,
    affinity: Sequence[VcpuPins],
    planes_on: Sequence[str] = (),
    dry_run: bool = False,
) -> PrepareIncoming:
    """Return what a destination is asked to make room by. Raises BridgeError."""
    ends = underlay_ends(order.destination_url) if order.tunnels else (None, None)
    return PrepareIncoming(
        id=order.id,
        definition=definition,
        affinity=tuple(affinity),
        mode=order.mode,
        dry_run=dry_run,
        tunnel_from=ends[0],
        tunnel_to=ends[1],
        planes_on=tuple(planes_on),
    )


def underlay_ends(url: str) -> tuple[str, str]:
    """Return our address on the way to the node at ``url``, and its own. Raises BridgeError.

    Nothing is sent: a datagram socket that is connected knows both.
    """
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as asking:
            asking.connect(address)
            return str(asking.getsockname()[0]), str(asking.getpeername()[0])
    except OSError as error:
        raise BridgeError(f"there is no way to {parts.hostname}: {error.strerror}") from error
