"""Addresses of interfaces, and changes of them."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    IFA_ADDRESS,
    IFA_BROADCAST,
    IFA_FLAGS,
    IFA_LOCAL,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    RTM_DELADDR,
    RTM_NEWADDR,
)
from xen_bridge.netlink.wire import Request

IFADDRMSG = struct.Struct("=BBBBI")
"""Family, prefix length, flags, scope, index."""


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An address of the interface ``index``, as text; ``scope`` is rtnetlink's (0: global)."""

    index: int
    family: int
    address: str
    prefix: int
    scope: int
    broadcast: str | None


def read_address(data: bytes) -> LinkAddress | None:
    """Return the IPv4 or IPv6 address that a message tells of; None if it tells of none."""
    if len(data) < IFADDRMSG.size:
        return None
    family, prefix, _, scope, index = IFADDRMSG.unpack_from(data)
    found = wire.attributes(data, IFADDRMSG.size)
    # Of a point-to-point link IFA_ADDRESS is the other end.
    address = wire.address_text(family, found.get(IFA_LOCAL, found.get(IFA_ADDRESS)))
    if address is None:
        return None
    broadcast = wire.address_text(family, found.get(IFA_BROADCAST))
    return LinkAddress(index, family, address, prefix, scope, broadcast)


# ---- changes


def replace_address(index: int, prefix: str, flags: int = 0) -> Request:
    """Return what gives an interface an address, as 192.0.2.1/24.

    ``flags`` are IFA_F_…: with IFA_F_NOPREFIXROUTE the kernel adds no route to the prefix.
    """
    return _change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, prefix, flags)


def delete_address(index: int, prefix: str) -> Request:
    """Return what takes an address from an interface."""
    return _change(RTM_DELADDR, 0, index, prefix, 0)


def _change(kind: int, how: int, index: int, prefix: str, flags: int) -> Request:
    family = wire.family_of(prefix)
    address, length = wire.prefix_bytes(family, prefix)
    payload = IFADDRMSG.pack(family, length, 0, 0, wire.index(index))
    payload += wire.attribute(IFA_ADDRESS, address)
    if family == socket.AF_INET:
        payload += wire.attribute(IFA_LOCAL, address)
    if flags:
        payload += wire.attribute(IFA_FLAGS, wire.u32(flags))
    return Request(kind, how, payload)
