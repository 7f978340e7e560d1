"""Neighbour discovery for IPv6 (RFC 4861): the questions and answers that the core reads and makes.

Frames come from strangers, as in :mod:`horizon_ryu.core.frames`: whatever does not fit together is
no message of neighbour discovery.
"""

from __future__ import annotations

from struct import pack, unpack
from typing import NamedTuple

from horizon_ryu.core import frames
from horizon_ryu.wire.protocols import ICMPV6, IPPROTO

UNSPECIFIED = bytes(16)
"""The source of a probe for an address that nobody may have yet (RFC 4862, 5.4.2)."""
_HEADER = 40
_SHORTEST = 24
"""Bytes of a solicitation or an advertisement without options."""
_HOP_LIMIT = 255
"""What no router lets pass: such frames come from this link (RFC 4861, 7.1)."""
_ICMPV6 = int(IPPROTO.ICMPV6)
_SOURCE_LINK_LAYER = b"\x01\x01"
"""Type and length, in units of 8 bytes, of the option with the MAC address of the sender."""


class Neighbour(NamedTuple):
    """A neighbour solicitation or advertisement (``kind``) about ``target``, from ``source``."""

    kind: int
    source: bytes
    target: bytes

    @property
    def is_solicitation(self) -> bool:
        """Whether it asks; else it answers."""
        return self.kind == ICMPV6.NEIGHBOUR_SOLICITATION


def decode_neighbour(data: bytes, frame: frames.Frame) -> Neighbour | None:
    """Read what ``frame`` carries; None if that is no valid message of these two kinds.

    Valid as RFC 4861, 7.1.1 and 7.1.2 demand, options left aside.
    """
    start = frame.payload
    body = start + _HEADER
    if frame.ethertype != frames.ETH_IPV6 or len(data) < body + _SHORTEST or data[start] >> 4 != 6:
        return None
    size = data[start + 4] << 8 | data[start + 5]
    if data[start + 6] != _ICMPV6 or data[start + 7] != _HOP_LIMIT or size < _SHORTEST:
        return None
    kind, code = data[body], data[body + 1]
    if code or kind not in _KINDS or len(data) < body + size:
        return None
    source, destination = data[start + 8 : start + 24], data[start + 24 : body]
    target = data[body + 8 : body + 24]
    if target[0] == 0xFF or _sum(source, destination, data[body : body + size]):
        return None
    return Neighbour(kind, source, target)


_KINDS = (int(ICMPV6.NEIGHBOUR_SOLICITATION), int(ICMPV6.NEIGHBOUR_ADVERTISEMENT))


def neighbour_address(data: bytes, frame: frames.Frame) -> str | None:
    """Return the address that the sender of ``frame`` says is its own; None if it says none.

    Of a question its source, of an answer its target: a virtual address may be told from another
    one. Frames that routers forward say nothing.
    """
    message = decode_neighbour(data, frame)
    if message is None:
        return None
    claimed = message.source if message.is_solicitation else message.target
    if claimed[0] == 0xFF or not any(claimed[:15]):
        return None
    return frames.address_text(claimed)


def build_solicitation(mac: bytes, sender: bytes, target: bytes, vlan: int | None = None) -> bytes:
    """Return the frame by which ``sender`` asks station ``mac`` alone whether it has ``target``."""
    body = pack("!BBHI", ICMPV6.NEIGHBOUR_SOLICITATION, 0, 0, 0) + target
    body += _SOURCE_LINK_LAYER + sender
    return build_icmp6(mac, sender, _solicited_node(target), body, vlan)


def build_icmp6(
    mac: bytes, sender: bytes, destination: bytes, body: bytes, vlan: int | None = None
) -> bytes:
    """Return the frame that carries ``body``, whose checksum is zero yet, to station ``mac``.

    Its source is the link-local address that belongs to the MAC address ``sender``.
    """
    source = b"\xfe\x80" + bytes(6) + _interface_id(sender)
    summed = body[:2] + pack("!H", _sum(source, destination, body)) + body[4:]
    header = pack("!IHBB", 6 << 28, len(body), _ICMPV6, _HOP_LIMIT) + source + destination
    tag = b"" if vlan is None else frames.CUSTOMER_TAG + vlan.to_bytes(2, "big")
    frame = mac + sender + tag + frames.ETH_IPV6.to_bytes(2, "big") + header + summed
    return frame.ljust(frames.MIN_FRAME, b"\0")


def _solicited_node(address: bytes) -> bytes:
    """Return the group of the stations whose addresses end like this one (RFC 4291, 2.7.1)."""
    return b"\xff\x02" + bytes(9) + b"\x01\xff" + address[13:]


def _interface_id(mac: bytes) -> bytes:
    """Return the modified EUI-64 of a MAC address (RFC 4291, appendix A)."""
    return bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def _sum(source: bytes, destination: bytes, body: bytes) -> int:
    """Return the checksum of an ICMPv6 message with its pseudo-header; 0 if it has its own."""
    data = source + destination + pack("!II", len(body), _ICMPV6) + body + bytes(len(body) % 2)
    total: int = sum(unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def proven_address(data: bytes, frame: frames.Frame) -> str | None:
    """Return the sender's address where the frame proves it: ARP and ND, not routed IP.

    An address behind more tags than that of a VLAN is one of another network.
    """
    if not frames.is_plain(data, frame):
        return None
    if frame.ethertype == frames.ETH_IPV6:
        return neighbour_address(data, frame)
    arp = frames.decode_arp(data, frame) if frame.ethertype == frames.ETH_ARP else None
    if arp is None or arp.sha != frame.src:
        return None
    claimed = frames.sender_address(data, frame)
    return None if claimed is None else frames.address_text(claimed)
