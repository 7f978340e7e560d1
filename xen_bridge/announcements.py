"""Announcements: frames that tell the neighbors of an interface which MAC has an address.

Gratuitous ARP, as a request and as a reply (RFC 5227, section 3), and unsolicited neighbor
advertisements (RFC 4861, section 7.2.6): bridges learn from them where the MAC is now.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator

from xen_bridge.errors import BridgeError

_BROADCAST, _ALL_NODES = b"\xff" * 6, bytes.fromhex("333300000001")
_ETH_ARP, _ETH_IPV6 = b"\x08\x06", b"\x86\xdd"
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_REQUEST, _REPLY = 1, 2
_IPV6 = struct.Struct("!IHBB16s16s")
_ADVERTISEMENT, _ROUTER, _OVERRIDE = 136, 0x80, 0x20
_ICMPV6, _HOPS = 58, 255

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def frames(mac: bytes, addresses: Iterable[str]) -> Iterator[bytes]:
    """Yield the frames that tell of ``addresses`` (without prefix lengths) of a router's port."""
    for text in addresses:
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv4Address):
            yield _arp(mac, address, _REQUEST)
            yield _arp(mac, address, _REPLY)
        else:
            yield _advertisement(mac, address)


def _arp(mac: bytes, address: ipaddress.IPv4Address, operation: int) -> bytes:
    target = bytes(6) if operation == _REQUEST else _BROADCAST
    told = _ARP.pack(1, 0x0800, 6, 4, operation, mac, address.packed, target, address.packed)
    return _BROADCAST + mac + _ETH_ARP + told.ljust(46, b"\0")


def _advertisement(mac: bytes, address: ipaddress.IPv6Address) -> bytes:
    group = ipaddress.IPv6Address("ff02::1").packed
    flags = (_ROUTER | _OVERRIDE) << 24
    body = struct.pack("!BBHI16sBB6s", _ADVERTISEMENT, 0, 0, flags, address.packed, 2, 1, mac)
    pseudo = address.packed + group + struct.pack("!II", len(body), _ICMPV6)
    total = _checksum(pseudo + body)
    body = body[:2] + struct.pack("!H", total) + body[4:]
    head = _IPV6.pack(6 << 28, len(body), _ICMPV6, _HOPS, address.packed, group)
    return _ALL_NODES + mac + _ETH_IPV6 + head + body


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def announce(interface: str, mac: bytes, addresses: Iterable[str]) -> None:
    """Send the frames from an interface of the calling thread's network namespace."""
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as made:
            made.bind((interface, 0))
            for frame in frames(mac, addresses):
                made.send(frame)
    except OSError as error:
        raise BridgeError(f"{interface} cannot be announced: {error.strerror}") from error
