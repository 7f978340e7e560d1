"""Router interfaces: what a router tells of its own, as its kernel has them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.constants import IFF_LOOPBACK
from xen_bridge.netlink.links import KernelLink
from xen_bridge.protocol.documents.domains import DEVICE_NAME
from xen_bridge.protocol.documents.hello import (
    MAX_ADDRESSES,
    MAX_INTERFACES,
    RouterInterface,
)

ETHERNET = 1
"""ARPHRD_ETHER of linux/if_arp.h."""
_LINK_SCOPE, _HOST_SCOPE = 253, 254


@dataclass(frozen=True, slots=True)
class RouterAddresses:
    """The Ethernet interfaces of a router, and the addresses of its others."""

    interfaces: tuple[RouterInterface, ...] = ()
    others: tuple[str, ...] = ()


def router_addresses(
    links: Iterable[KernelLink], addresses: Iterable[LinkAddress], control: str | None
) -> RouterAddresses:
    """Return what is told; by the interface with the address ``control`` Domain 0 is reached."""
    by_index: dict[int, list[LinkAddress]] = {}
    for one in addresses:
        by_index.setdefault(one.index, []).append(one)
    told, others = list[RouterInterface](), list[str]()
    for link in links:
        own = by_index.get(link.index, [])
        if _is_told(link):
            told.append(_interface(link, own, control))
        else:
            others += (_text(one) for one in own if one.scope not in (_LINK_SCOPE, _HOST_SCOPE))
    return RouterAddresses(tuple(told[:MAX_INTERFACES]), tuple(others[:MAX_ADDRESSES]))


def _is_told(link: KernelLink) -> bool:
    is_ethernet = link.type == ETHERNET and not link.flags & IFF_LOOPBACK
    has_mac = len(link.mac) == 6 and any(link.mac)
    return is_ethernet and has_mac and re.fullmatch(DEVICE_NAME, link.name) is not None


def _interface(link: KernelLink, own: list[LinkAddress], control: str | None) -> RouterInterface:
    return RouterInterface(
        name=link.name,
        index=link.index,
        mac=link.mac.hex(":"),
        mtu=min(max(link.mtu, 68), 1 << 16),
        kind=link.kind,
        control=any(one.address == control for one in own),
        addresses=tuple(map(_text, own))[:MAX_ADDRESSES],
    )


def _text(address: LinkAddress) -> str:
    return f"{address.address}/{address.prefix}"


def address_towards(url: str) -> str | None:
    """Return our address on the way to the node at ``url``; None if there is no way.

    Nothing is sent: a datagram socket that is connected knows its own end.
    """
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as asking:
            asking.connect(address)
            return str(asking.getsockname()[0])
    except OSError:
        return None
