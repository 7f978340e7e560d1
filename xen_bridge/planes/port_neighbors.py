"""Port neighbors: whom the ports of a router know, in words that mean the same on another host."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink.constants import NUD_REACHABLE
from xen_bridge.netlink.neighbors import ANSWERED, KernelNeighbor, replace_neighbor
from xen_bridge.netlink.wire import Request


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


def beside_ports(
    devices: Sequence[int], found: Iterable[KernelNeighbor]
) -> tuple[PortNeighbor, ...]:
    """Return those that answered beside port devices; ``devices``: their indices in order."""
    places = {index: at for at, index in enumerate(devices)}
    return tuple(
        PortNeighbor(places[one.index], one.address, one.mac)
        for one in found
        if one.index in places and one.state & ANSWERED and is_neighbor(one.address, one.mac)
    )


def known_beforehand(devices: Sequence[int], neighbors: Iterable[PortNeighbor]) -> list[Request]:
    """Return what makes neighbors known as if they had answered just now.

    Those of ports that there are not are left out.
    """
    return [
        replace_neighbor(KernelNeighbor(devices[one.port], one.address, NUD_REACHABLE, one.mac))
        for one in neighbors
        if one.port < len(devices)
    ]
