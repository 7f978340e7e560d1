"""Overlays: bridges, and devices that carry a segment to one other machine.

That is VXLAN (RFC 7348), or GRE with a key (RFC 2784, RFC 2890) around Ethernet.
"""

from __future__ import annotations

import socket
import struct

from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    GRE_KEY,
    IFLA_ADDRESS,
    IFLA_GRE_IFLAGS,
    IFLA_GRE_IGNORE_DF,
    IFLA_GRE_IKEY,
    IFLA_GRE_LOCAL,
    IFLA_GRE_OFLAGS,
    IFLA_GRE_OKEY,
    IFLA_GRE_PMTUDISC,
    IFLA_GRE_REMOTE,
    IFLA_GRE_TTL,
    IFLA_IFNAME,
    IFLA_INFO_DATA,
    IFLA_INFO_KIND,
    IFLA_LINKINFO,
    IFLA_MTU,
    IFLA_VXLAN_GROUP,
    IFLA_VXLAN_GROUP6,
    IFLA_VXLAN_ID,
    IFLA_VXLAN_LOCAL,
    IFLA_VXLAN_LOCAL6,
    IFLA_VXLAN_PORT,
    IFLA_VXLAN_TTL,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_NEWLINK,
)
from xen_bridge.netlink.links import IFINFOMSG
from xen_bridge.netlink.port_mac import port_mac
from xen_bridge.netlink.wire import Request

PORT = 4789
"""Of UDP, at either end (RFC 7348, section 5)."""
_TTL = 64
_PORT = struct.Struct("!H")
_KEY = struct.Struct("!L")


def add_bridge(name: str) -> Request:
    """Return what makes a bridge."""
    return _added(name, b"bridge\0")


def add_vxlan(name: str, number: int, local: str, remote: str, mtu: int) -> Request:
    """Return what makes a VXLAN device whose frames go from ``local`` to ``remote``.

    ``number`` is the VXLAN network identifier, of 24 bits. An ``mtu`` beyond what the way allows
    has the packets between both fragmented, where what they carry may be.
    """
    family = wire.family_of(remote)
    is_v6 = family == socket.AF_INET6
    to, of = (
        (IFLA_VXLAN_GROUP6, IFLA_VXLAN_LOCAL6) if is_v6 else (IFLA_VXLAN_GROUP, IFLA_VXLAN_LOCAL)
    )
    data = wire.attribute(IFLA_VXLAN_ID, wire.u32(number))
    data += wire.attribute(to, wire.address_bytes(family, remote))
    data += wire.attribute(of, wire.address_bytes(family, local))
    data += wire.attribute(IFLA_VXLAN_TTL, bytes((_TTL,)))
    data += wire.attribute(IFLA_VXLAN_PORT, _PORT.pack(PORT))
    more = wire.attribute(IFLA_MTU, wire.u32(mtu)) + wire.attribute(IFLA_ADDRESS, port_mac())
    return _added(name, b"vxlan\0", wire.attribute(IFLA_INFO_DATA, data), more)


def add_gretap(name: str, number: int, local: str, remote: str, mtu: int) -> Request:
    """Return what makes a device of Ethernet in GRE, between two IPv4 addresses.

    ``number`` is the key, of 32 bits. What ``mtu`` is beyond what the way allows, see
    :func:`add_vxlan`: the bit that forbids fragments stays within.
    """
    key, flags = _KEY.pack(number), _PORT.pack(GRE_KEY)
    data = wire.attribute(IFLA_GRE_IFLAGS, flags) + wire.attribute(IFLA_GRE_OFLAGS, flags)
    data += wire.attribute(IFLA_GRE_IKEY, key) + wire.attribute(IFLA_GRE_OKEY, key)
    data += wire.attribute(IFLA_GRE_LOCAL, wire.address_bytes(socket.AF_INET, local))
    data += wire.attribute(IFLA_GRE_REMOTE, wire.address_bytes(socket.AF_INET, remote))
    data += wire.attribute(IFLA_GRE_TTL, bytes((_TTL,)))
    data += wire.attribute(IFLA_GRE_PMTUDISC, bytes((0,)))
    data += wire.attribute(IFLA_GRE_IGNORE_DF, bytes((1,)))
    more = wire.attribute(IFLA_MTU, wire.u32(mtu)) + wire.attribute(IFLA_ADDRESS, port_mac())
    return _added(name, b"gretap\0", wire.attribute(IFLA_INFO_DATA, data), more)


def _added(name: str, kind: bytes, data: bytes = b"", more: bytes = b"") -> Request:
    about = wire.attribute(IFLA_INFO_KIND, kind) + data
    more += wire.attribute(IFLA_IFNAME, wire.name(name)) + wire.attribute(IFLA_LINKINFO, about)
    head = IFINFOMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, head + more)
