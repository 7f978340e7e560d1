"""Ethernet frames: what the core reads in them, and the ARP frames it makes.

Frames come from strangers: every reader returns None for bytes that are too short or do not fit
together, and none raises. Addresses stay packed (4, 6 or 16 bytes); :func:`address_text` gives
the text form where people or JSON need it.
"""

from __future__ import annotations

import ipaddress
from struct import Struct
from typing import NamedTuple

from horizon_ryu.wire.protocols import ETHERTYPE

# Plain numbers: every frame that comes to the controller is compared with them.
ETH_IPV4, ETH_ARP, ETH_IPV6, ETH_LLDP = (
    int(ETHERTYPE.IPV4),
    int(ETHERTYPE.ARP),
    int(ETHERTYPE.IPV6),
    int(ETHERTYPE.LLDP),
)
ETH_NONE = 0x05FF
"""Stands for "no Ethernet type" (an IEEE 802.3 length), as OpenFlow 1.0 spec 3.4 has it."""

BROADCAST = b"\xff" * 6
LINK_LOCAL = b"\x01\x80\xc2\0\0\0"
"""With LINK_LOCAL_MASK: the groups that no bridge relays (IEEE 802.1Q-2018, table 8-1)."""
LINK_LOCAL_MASK = b"\xff\xff\xff\xff\xff\xf0"
ARP_REQUEST = 1
ARP_REPLY = 2
MIN_FRAME = 60
"""Shortest Ethernet frame in bytes without its checksum (IEEE 802.3, 3.2.8)."""

CUSTOMER_TAG = int(ETHERTYPE.VLAN).to_bytes(2, "big")

_ZERO = bytes(6)
_HEADER = 14
_TAG = 4
_TAG_TYPES = frozenset((int(ETHERTYPE.VLAN), int(ETHERTYPE.QINQ), int(ETHERTYPE.OLD_QINQ)))
_ARP = Struct("!HHBBH6s4s6s4s")
_ARP_FIXED = (1, ETH_IPV4, 6, 4)


class Frame(NamedTuple):
    """An Ethernet header: ``payload`` is where the bytes after it begin.

    ``ethertype`` is the one after all VLAN tags. ``vlan`` is the identifier of the outermost
    tag (0 to 4095), None when there is no tag.
    """

    dst: bytes
    src: bytes
    ethertype: int
    vlan: int | None
    payload: int


class Arp(NamedTuple):
    """An ARP packet for IPv4 over Ethernet (RFC 826)."""

    op: int
    sha: bytes
    spa: bytes
    tha: bytes
    tpa: bytes


def is_multicast(mac: bytes) -> bool:
    """Tell whether ``mac`` (6 bytes) has the group bit; broadcast is one of these."""
    return bool(mac[0] & 1)


def is_link_local(data: bytes) -> bool:
    """Tell whether a frame is for whoever is at the other end of the cable, and for nobody else."""
    return data[:5] == LINK_LOCAL[:5] and len(data) > 5 and data[5] < 0x10


def has_impossible_source(frame: Frame) -> bool:
    """Tell whether no station can have sent this: its source is a group, zero, or its destination.

    A source address is that of one station (IEEE 802.3, 3.2.3), and a station sends nothing to
    itself over a cable.
    """
    src = frame.src
    return bool(src[0] & 1) or src == frame.dst or src == _ZERO


def is_plain(data: bytes, frame: Frame) -> bool:
    """Tell whether a frame has no tag but one, if any, of a customer's VLAN (IEEE 802.1Q, 9.5).

    Behind a provider's tag is the network of somebody else, with addresses of its own.
    """
    one_tag = _HEADER + _TAG
    return frame.vlan is None or (frame.payload == one_tag and data[12:14] == CUSTOMER_TAG)


def decode(data: bytes) -> Frame | None:
    """Read the Ethernet header with its VLAN tags; None if ``data`` ends before it does."""
    if len(data) < _HEADER:
        return None
    ethertype = data[12] << 8 | data[13]
    if ethertype in _TAG_TYPES:
        return _decode_tagged(data)
    if ethertype < 0x0600:
        ethertype = ETH_NONE
    return Frame(data[:6], data[6:12], ethertype, None, _HEADER)


def _decode_tagged(data: bytes) -> Frame | None:
    payload = _HEADER
    ethertype = data[12] << 8 | data[13]
    while ethertype in _TAG_TYPES:
        if len(data) < payload + _TAG:
            return None
        ethertype = data[payload + 2] << 8 | data[payload + 3]
        payload += _TAG
    if ethertype < 0x0600:
        ethertype = ETH_NONE
    return Frame(data[:6], data[6:12], ethertype, (data[14] << 8 | data[15]) & 0xFFF, payload)


def decode_arp(data: bytes, frame: Frame) -> Arp | None:
    """Read the ARP packet that ``frame`` carries; None if it is none for IPv4 over Ethernet."""
    if frame.ethertype != ETH_ARP or len(data) < frame.payload + _ARP.size:
        return None
    fields = _ARP.unpack_from(data, frame.payload)
    return Arp(*fields[4:]) if fields[:4] == _ARP_FIXED else None


def ip_addresses(data: bytes, frame: Frame) -> tuple[bytes, bytes] | None:
    """Return source and destination of an IPv4 (4 bytes each) or IPv6 (16 bytes) packet."""
    start = frame.payload
    if frame.ethertype == ETH_IPV4 and len(data) >= start + 20 and data[start] >> 4 == 4:
        return data[start + 12 : start + 16], data[start + 16 : start + 20]
    if frame.ethertype == ETH_IPV6 and len(data) >= start + 40 and data[start] >> 4 == 6:
        return data[start + 8 : start + 24], data[start + 24 : start + 40]
    return None


def sender_address(data: bytes, frame: Frame) -> bytes | None:
    """Return the IP address the sender claims: of ARP, IPv4 or IPv6; None if it claims none.

    Unspecified, loopback and multicast addresses are no claims: an ARP probe, for one, comes
    from 0.0.0.0 (RFC 5227, 2.1.1).
    """
    if frame.ethertype == ETH_ARP:
        arp = decode_arp(data, frame)
        packed = None if arp is None else arp.spa
    else:
        pair = ip_addresses(data, frame)
        packed = None if pair is None else pair[0]
    return packed if packed is not None and _is_station(packed) else None


def _is_station(packed: bytes) -> bool:
    if len(packed) == 4:
        return packed[0] not in (0, 127) and packed[0] < 224
    return packed[0] != 0xFF and any(packed[:15])


def address_text(packed: bytes) -> str | None:
    """Return the text form of 4 (IPv4) or 16 (IPv6) packed bytes; None for any other length."""
    if len(packed) not in (4, 16):
        return None
    return str(ipaddress.ip_address(packed))


def address_from_text(text: str) -> bytes | None:
    """Return the packed form of an IPv4 or IPv6 address in text form; None if it is neither."""
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return None


def build_arp_request(sha: bytes, spa: bytes, tpa: bytes, vlan: int | None = None) -> bytes:
    """Return the broadcast frame by which ``sha``/``spa`` asks who has ``tpa``."""
    return _build_arp(BROADCAST, Arp(ARP_REQUEST, sha, spa, bytes(6), tpa), vlan)


def build_arp_probe(mac: bytes, sha: bytes, tpa: bytes, vlan: int | None = None) -> bytes:
    """Return the frame that asks station ``mac`` alone whether it has ``tpa``.

    The sender's IP address is 0.0.0.0 so that nobody's ARP cache changes (RFC 5227, 2.1.1).
    """
    return _build_arp(mac, Arp(ARP_REQUEST, sha, bytes(4), bytes(6), tpa), vlan)


def build_arp_reply(
    sha: bytes, spa: bytes, tha: bytes, tpa: bytes, vlan: int | None = None
) -> bytes:
    """Return the frame by which ``sha`` tells ``tha``/``tpa`` that it has ``spa``."""
    return _build_arp(tha, Arp(ARP_REPLY, sha, spa, tha, tpa), vlan)


def _build_arp(dst: bytes, arp: Arp, vlan: int | None) -> bytes:
    tag = b"" if vlan is None else CUSTOMER_TAG + vlan.to_bytes(2, "big")
    frame = dst + arp.sha + tag + ETH_ARP.to_bytes(2, "big") + _ARP.pack(*_ARP_FIXED, *arp)
    return frame.ljust(MIN_FRAME, b"\0")
