"""Interfaces, their addresses and their neighbors, as the kernel tells them over netlink."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xen_bridge.gatherers.netlink_socket import NetlinkSocket, attributes

RTM_GETLINK, RTM_GETADDR, RTM_GETNEIGH = 18, 22, 30

IFF_LOOPBACK = 0x8

_LINK = struct.Struct("=BxHiII")
"""ifinfomsg: family, type (ARPHRD_…), index, flags, change."""
_ADDRESS = struct.Struct("=BBBBI")
"""ifaddrmsg: family, prefix length, flags, scope, index."""
_NEIGHBOR = struct.Struct("=BxxxiHBB")
"""ndmsg: family, index, state, flags, type."""
_U32 = struct.Struct("=I")

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER = 1, 3, 4, 10
IFLA_TXQLEN, IFLA_LINKINFO, IFLA_STATS64, IFLA_INFO_KIND = 13, 18, 23, 1
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST = 1, 2, 4
NDA_DST = 1

_STATS_WORDS = 21
"""Of rtnl_link_stats64, up to tx_window_errors; later kernels append more."""
_STATS = struct.Struct(f"={_STATS_WORDS}Q")

NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT = 0x02, 0x04, 0x08, 0x10, 0x80
NEIGHBOR_STATES = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT
RTN_UNICAST = 1


@dataclass(frozen=True, slots=True)
class Counters:
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
class Link:
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
    counters: Counters


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An address of the interface ``index``, as text; ``scope`` is rtnetlink's (0: global)."""

    index: int
    family: int
    address: str
    prefix: int
    scope: int
    broadcast: str | None


@dataclass(frozen=True, slots=True)
class Neighbor:
    """An address that was seen beside the interface ``index``."""

    index: int
    address: str
    state: int


class Netlink:
    """The tables of the kernel; may be asked by several threads. Raises BridgeError."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket()

    def links(self) -> list[Link]:
        """Return all interfaces with their counters, up or down."""
        body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        return list(_each_link(self._socket.dump(RTM_GETLINK, body)))

    def addresses(self) -> list[LinkAddress]:
        """Return the IPv4 and IPv6 addresses of all interfaces."""
        body = _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        return list(_each_address(self._socket.dump(RTM_GETADDR, body)))

    def neighbors(self) -> list[Neighbor]:
        """Return who was seen beside the interfaces: unicast addresses that answered once.

        Left out are entries that failed, wait for an answer, need none (``noarp``, with it
        multicast and point-to-point), and link-local IPv6 addresses: their text names no
        machine without an interface, and every such machine has another address.
        """
        body = _NEIGHBOR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        return list(_each_neighbor(self._socket.dump(RTM_GETNEIGH, body)))

    def close(self) -> None:
        """Close the sockets."""
        self._socket.close()


def _each_link(messages: list[bytes]) -> Iterator[Link]:
    for data in messages:
        if len(data) < _LINK.size:
            continue
        _, kind, index, flags, _ = _LINK.unpack_from(data)
        found = attributes(data, _LINK.size)
        master = found.get(IFLA_MASTER)
        yield Link(
            index=index,
            name=_text(found.get(IFLA_IFNAME, b"")) or f"#{index}",
            type=kind,
            flags=flags,
            mac=found.get(IFLA_ADDRESS, b""),
            mtu=_number(found.get(IFLA_MTU)),
            queue_length=_number(found.get(IFLA_TXQLEN)),
            kind=_kind(found.get(IFLA_LINKINFO)),
            master=None if master is None else _number(master),
            counters=_counters(found.get(IFLA_STATS64, b"")),
        )


def _kind(info: bytes | None) -> str | None:
    kind = None if info is None else attributes(info).get(IFLA_INFO_KIND)
    return None if kind is None else _text(kind)


def _counters(data: bytes) -> Counters:
    return Counters(*_STATS.unpack_from(data.ljust(_STATS.size, b"\0")))


def _each_address(messages: list[bytes]) -> Iterator[LinkAddress]:
    for data in messages:
        if len(data) < _ADDRESS.size:
            continue
        family, prefix, _, scope, index = _ADDRESS.unpack_from(data)
        found = attributes(data, _ADDRESS.size)
        # Of a point-to-point link IFA_ADDRESS is the other end.
        address = _address(family, found.get(IFA_LOCAL, found.get(IFA_ADDRESS, b"")))
        if address is not None:
            broadcast = _address(family, found.get(IFA_BROADCAST, b""))
            yield LinkAddress(index, family, address, prefix, scope, broadcast)


def _each_neighbor(messages: list[bytes]) -> Iterator[Neighbor]:
    for data in messages:
        if len(data) < _NEIGHBOR.size:
            continue
        family, index, state, _, kind = _NEIGHBOR.unpack_from(data)
        raw = attributes(data, _NEIGHBOR.size).get(NDA_DST, b"")
        address = _address(family, raw)
        if address is None or kind != RTN_UNICAST or not state & NEIGHBOR_STATES:
            continue
        if family == socket.AF_INET6 and raw[0] == 0xFE and raw[1] & 0xC0 == 0x80:
            continue
        yield Neighbor(index, address, state)


_SIZES: Mapping[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}


def _address(family: int, data: bytes) -> str | None:
    if len(data) != _SIZES.get(family):
        return None
    return socket.inet_ntop(family, data)


def _number(data: bytes | None) -> int:
    return 0 if data is None or len(data) != 4 else int(_U32.unpack(data)[0])


def _text(data: bytes) -> str:
    """Return a name: any bytes but a slash, a colon and blanks may be in one."""
    return data.partition(b"\0")[0].decode(errors="replace")
