"""Links: the interfaces of a machine, their counters, and changes of them."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    IFF_ALLMULTI,
    IFF_UP,
    IFLA_ADDRESS,
    IFLA_BR_VLAN_FILTERING,
    IFLA_BRPORT_BCAST_FLOOD,
    IFLA_BRPORT_LEARNING,
    IFLA_BRPORT_MCAST_FLOOD,
    IFLA_BRPORT_STATE,
    IFLA_BRPORT_UNICAST_FLOOD,
    IFLA_IFNAME,
    IFLA_INFO_DATA,
    IFLA_INFO_KIND,
    IFLA_LINK,
    IFLA_LINKINFO,
    IFLA_MACVLAN_MODE,
    IFLA_MASTER,
    IFLA_MTU,
    IFLA_NET_NS_FD,
    IFLA_PROTINFO,
    IFLA_STATS64,
    IFLA_TXQLEN,
    IFLA_XDP,
    IFLA_XDP_ATTACHED,
    MACVLAN_MODE_BRIDGE,
    NLA_F_NESTED,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_DELLINK,
    RTM_NEWLINK,
    RTM_SETLINK,
    VETH_INFO_PEER,
)
from xen_bridge.netlink.port_mac import port_mac
from xen_bridge.netlink.wire import Request

AF_BRIDGE = 7
IFINFOMSG = struct.Struct("=BxHiII")
"""Family, type (ARPHRD_…), index, flags, change."""
_STATS_WORDS = 21
"""Of rtnl_link_stats64, up to tx_window_errors; later kernels append more."""
_STATS = struct.Struct(f"={_STATS_WORDS}Q")


@dataclass(frozen=True, slots=True)
class LinkCounters:
    """The counters of a link, in the order of rtnl_link_stats64 (linux/if_link.h)."""

    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int
    multicast: int
    collisions: int
    rx_length_errors: int
    rx_over_errors: int
    rx_crc_errors: int
    rx_frame_errors: int
    rx_fifo_errors: int
    rx_missed_errors: int
    tx_aborted_errors: int
    tx_carrier_errors: int
    tx_fifo_errors: int
    tx_heartbeat_errors: int
    tx_window_errors: int


@dataclass(frozen=True, slots=True)
class KernelLink:
    """An interface. ``kind`` is None for a device that the kernel did not make up (a NIC)."""

    index: int
    name: str
    type: int
    flags: int
    mac: bytes
    mtu: int
    queue_length: int
    kind: str | None
    master: int | None
    counters: LinkCounters
    has_program: bool = False
    """Whether a program of XDP sees what comes by it."""
    lower: int | None = None
    """The link that it stands on, or its other end."""
    filters_vlans: bool = False
    """Whether it is a bridge that has frames by VLAN."""


def read_link(data: bytes) -> KernelLink | None:
    """Return the link that a message tells of; None if it tells of none.

    What a bridge says of its ports (family AF_BRIDGE) is no link: to leave a bridge is not to go.
    """
    if len(data) < IFINFOMSG.size:
        return None
    family, kind, index, flags, _ = IFINFOMSG.unpack_from(data)
    if family != socket.AF_UNSPEC:
        return None
    found = wire.attributes(data, IFINFOMSG.size)
    return KernelLink(
        index=index,
        name=wire.text(found.get(IFLA_IFNAME, b"")) or f"#{index}",
        type=kind,
        flags=flags,
        mac=found.get(IFLA_ADDRESS, b""),
        mtu=wire.number(found.get(IFLA_MTU)),
        queue_length=wire.number(found.get(IFLA_TXQLEN)),
        kind=_kind(found.get(IFLA_LINKINFO)),
        master=None if IFLA_MASTER not in found else wire.number(found[IFLA_MASTER]),
        counters=_counters(found.get(IFLA_STATS64, b"")),
        has_program=any(wire.attributes(found.get(IFLA_XDP, b"")).get(IFLA_XDP_ATTACHED, b"")),
        lower=wire.optional_number(found.get(IFLA_LINK)),
        filters_vlans=_filters_vlans(found.get(IFLA_LINKINFO, b"")),
    )


def _kind(info: bytes | None) -> str | None:
    kind = None if info is None else wire.attributes(info).get(IFLA_INFO_KIND)
    return None if kind is None else wire.text(kind)


def _filters_vlans(info: bytes) -> bool:
    found = wire.attributes(info)
    if wire.text(found.get(IFLA_INFO_KIND, b"")) != "bridge":
        return False
    return any(wire.attributes(found.get(IFLA_INFO_DATA, b"")).get(IFLA_BR_VLAN_FILTERING, b""))


def _counters(data: bytes) -> LinkCounters:
    return LinkCounters(*_STATS.unpack_from(data.ljust(_STATS.size, b"\0")))


# ---- changes


def set_up(index: int) -> Request:
    """Return what brings a link up."""
    return _change(index, IFF_UP, IFF_UP)


def set_down(index: int) -> Request:
    """Return what takes a link down; its routes go with that."""
    return _change(index, 0, IFF_UP)


def set_master(index: int, master: int | None) -> Request:
    """Return what makes a link a port of the bridge ``master``, or (None) frees it."""
    return _change(index, 0, 0, wire.attribute(IFLA_MASTER, wire.u32(master or 0)))


def set_mtu(index: int, mtu: int) -> Request:
    """Return what sets the MTU of a link, in bytes."""
    return _change(index, 0, 0, wire.attribute(IFLA_MTU, wire.u32(mtu)))


def add_veth(name: str, peer: str) -> Request:
    """Return what makes two links that are each other's other end, either fit for a bridge."""
    head = IFINFOMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    other = head + wire.attribute(IFLA_IFNAME, wire.name(peer))
    other += wire.attribute(IFLA_ADDRESS, port_mac())
    data = wire.attribute(IFLA_INFO_DATA, wire.attribute(VETH_INFO_PEER, other))
    kind = wire.attribute(IFLA_INFO_KIND, b"veth\0") + data
    more = wire.attribute(IFLA_IFNAME, wire.name(name)) + wire.attribute(IFLA_LINKINFO, kind)
    more += wire.attribute(IFLA_ADDRESS, port_mac())
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, head + more)


def flood_nothing(index: int) -> Request:
    """Return what keeps a bridge from flooding to a port of it, and from learning there."""
    off = (
        IFLA_BRPORT_LEARNING,
        IFLA_BRPORT_UNICAST_FLOOD,
        IFLA_BRPORT_MCAST_FLOOD,
        IFLA_BRPORT_BCAST_FLOOD,
    )
    settings = b"".join(wire.attribute(one, b"\0") for one in off)
    head = IFINFOMSG.pack(AF_BRIDGE, 0, wire.index(index), 0, 0)
    return Request(RTM_SETLINK, 0, head + wire.attribute(IFLA_PROTINFO | NLA_F_NESTED, settings))


def hear_all_multicast(index: int) -> Request:
    """Return what lets a link hear every multicast frame, asked for or not."""
    return _change(index, IFF_ALLMULTI, IFF_ALLMULTI)


def add_macvlan(name: str, parent: int, mac: bytes) -> Request:
    """Return what makes a macvlan (mode bridge) over the link ``parent``, with a MAC of its own."""
    mode = wire.attribute(IFLA_MACVLAN_MODE, wire.u32(MACVLAN_MODE_BRIDGE))
    kind = wire.attribute(IFLA_INFO_KIND, b"macvlan\0") + wire.attribute(IFLA_INFO_DATA, mode)
    more = wire.attribute(IFLA_IFNAME, wire.name(name))
    more += wire.attribute(IFLA_LINK, wire.u32(wire.index(parent)))
    more += wire.attribute(IFLA_ADDRESS, mac) + wire.attribute(IFLA_LINKINFO, kind)
    head = IFINFOMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, head + more)


def hand_over(index: int, namespace: int, name: str, master: int | None) -> Request:
    """Return what makes a link, at once, one of another namespace: its name there, its bridge, up.

    ``namespace`` is an open descriptor; ``master`` is the bridge's index there, None for none.
    As it is one change, the other end of a veth is not told that its carrier was gone for a moment.
    """
    more = wire.attribute(IFLA_NET_NS_FD, wire.u32(namespace))
    more += wire.attribute(IFLA_IFNAME, wire.name(name))
    more += wire.attribute(IFLA_MASTER, wire.u32(master or 0))
    return _change(index, IFF_UP, IFF_UP, more)


def set_port_state(index: int, state: int) -> Request:
    """Return what sets the state of a bridge's port (BR_STATE_…); its carrier stays as it is."""
    head = IFINFOMSG.pack(socket.AF_BRIDGE, 0, wire.index(index), 0, 0)
    told = wire.attribute(IFLA_BRPORT_STATE, bytes((state,)))
    return Request(RTM_SETLINK, 0, head + wire.attribute(IFLA_PROTINFO | NLA_F_NESTED, told))


def delete_link(index: int) -> Request:
    """Return what takes a link away, with its addresses and routes."""
    head = IFINFOMSG.pack(socket.AF_UNSPEC, 0, wire.index(index), 0, 0)
    return Request(RTM_DELLINK, 0, head)


def _change(index: int, flags: int, mask: int, more: bytes = b"") -> Request:
    head = IFINFOMSG.pack(socket.AF_UNSPEC, 0, wire.index(index), flags, mask)
    return Request(RTM_NEWLINK, 0, head + more)
