"""Port neighbors: whom the ports of a router know, in words that mean the same on another host."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from xen_bridge.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class PortNeighbor:
    """An address beside the port number ``port`` of a router, and the MAC that it has.

    Raises InvalidRequest unless a machine may have both.
    """

    port: int
    address: str
    mac: bytes

    def __post_init__(self) -> None:
        """Check what another host told."""
        if self.port < 0:
            raise InvalidRequest(("port",), "must not be negative")
        if not is_neighbor(self.address, self.mac):
            raise InvalidRequest(("address",), f"{self.address[:60]!r} is no neighbor's")


def is_neighbor(address: str, mac: bytes) -> bool:
    """Tell whether one machine may have that address and that MAC."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    is_none = found.is_multicast or found.is_unspecified or found.is_loopback or "%" in address
    return not is_none and len(mac) == 6 and not mac[0] & 1 and any(mac)
