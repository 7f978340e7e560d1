"""Peer: the node at the destination, as the source's migration asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from xen_bridge.client import BridgeClient
from xen_bridge.protocol.documents.migration import MigrateDomain
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
