"""Neighbors: addresses that were seen beside interfaces, and changes of them (ARP, RFC 4861)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NDA_DST,
    NDA_LLADDR,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NTF_PROXY,
    NTF_ROUTER,
    NUD_DELAY,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
    RTN_UNICAST,
)
from xen_bridge.netlink.wire import Request

NDMSG = struct.Struct("=BxxxiHBB")
"""Family, index, state, flags, type."""
ANSWERED = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT
"""States of an address that answered once, or was put there."""
MAX_MAC = 32
"""MAX_ADDR_LEN of linux/netdevice.h."""


@dataclass(frozen=True, slots=True)
class KernelNeighbor:
    """An address that was seen beside the interface ``index``; ``state`` is NUD_…."""

    index: int
    address: str
    state: int
    mac: bytes = b""
    type: int = RTN_UNICAST


def read_neighbor(data: bytes) -> KernelNeighbor | None:
    """Return the IPv4 or IPv6 neighbor that a message tells of, whatever its state."""
    if len(data) < NDMSG.size:
        return None
    family, index, state, _, kind = NDMSG.unpack_from(data)
    found = wire.attributes(data, NDMSG.size)
    address = wire.address_text(family, found.get(NDA_DST))
    if address is None:
        return None
    return KernelNeighbor(index, address, state, found.get(NDA_LLADDR, b""), kind)


def names_a_machine(neighbor: KernelNeighbor) -> bool:
    """Return whether a neighbor answered once and can be named without its interface.

    Not so are entries that failed, wait for an answer, need none (``noarp``, with it multicast
    and point-to-point), and link-local IPv6 addresses: their text names no machine without an
    interface, and every such machine has another address.
    """
    if neighbor.type != RTN_UNICAST or not neighbor.state & ANSWERED:
        return False
    if ":" not in neighbor.address:
        return True
    raw = wire.address_bytes(socket.AF_INET6, neighbor.address)
    return not (raw[0] == 0xFE and raw[1] & 0xC0 == 0x80)


# ---- changes


def replace_neighbor(neighbor: KernelNeighbor) -> Request:
    """Return what puts a neighbor into the table, with its ``mac``, in its ``state``."""
    if not 0 < len(neighbor.mac) <= MAX_MAC:
        raise InvalidRequest(("mac",), f"a neighbor has a MAC address of 1 to {MAX_MAC} bytes")
    more = wire.attribute(NDA_LLADDR, neighbor.mac)
    return _change(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbor, more)


def delete_neighbor(index: int, address: str) -> Request:
    """Return what takes a neighbor from the table of an interface."""
    return _change(RTM_DELNEIGH, 0, KernelNeighbor(index, address, 0), b"")


def replace_proxy(index: int, address: str) -> Request:
    """Return what lets an interface answer for an IPv6 address, as a router would."""
    how = NLM_F_CREATE | NLM_F_REPLACE
    neighbor = KernelNeighbor(index, address, NUD_PERMANENT)
    return _change(RTM_NEWNEIGH, how, neighbor, b"", NTF_PROXY | NTF_ROUTER)


def delete_proxy(index: int, address: str) -> Request:
    """Return what ends that an interface answers for an address."""
    return _change(RTM_DELNEIGH, 0, KernelNeighbor(index, address, 0), b"", NTF_PROXY)


def _change(kind: int, how: int, neighbor: KernelNeighbor, more: bytes, flags: int = 0) -> Request:
    family = wire.family_of(neighbor.address)
    head = NDMSG.pack(family, wire.index(neighbor.index), neighbor.state, flags, 0)
    address = wire.attribute(NDA_DST, wire.address_bytes(family, neighbor.address))
    return Request(kind, how, head + address + more)
