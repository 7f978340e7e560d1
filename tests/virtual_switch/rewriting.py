"""Rewriting of frames: fields, tags and TTLs, with the checksums that cover them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from horizon_ryu.wire.protocols import ETHERTYPE, IPPROTO, MAX_VLAN
from virtual_switch import fields as f

_IPV4 = int(ETHERTYPE.IPV4)
_CHECKSUM_AT = {int(IPPROTO.TCP): 16, int(IPPROTO.UDP): 6}
"""IP protocol -> where in its header the checksum stands."""
_TTL, _PROTOCOL, _CHECKSUM = 8, 9, 10
"""Offsets in the header of IPv4 (RFC 791)."""

_SIZES = {f.ETH_DST: 6, f.ETH_SRC: 6, f.ARP_SHA: 6, f.ARP_THA: 6, f.ARP_OP: 2}
_LINK_AT = {f.ETH_DST: 0, f.ETH_SRC: 6}
_ARP_AT = {f.ARP_OP: 6, f.ARP_SHA: 8, f.ARP_SPA: 14, f.ARP_THA: 18, f.ARP_TPA: 24}
_IPV4_AT = {f.IPV4_SRC: 12, f.IPV4_DST: 16}
_PORT_AT = {f.TCP_SRC: 0, f.UDP_SRC: 0, f.SCTP_SRC: 0, f.TCP_DST: 2, f.UDP_DST: 2, f.SCTP_DST: 2}
_ICMP_AT = {f.ICMPV4_TYPE: 0, f.ICMPV4_CODE: 1}


def rewrite(frame: bytes, field: int, value: int) -> bytes:
    """Return ``frame`` with another value of a field that it has.

    KeyError for a field that cannot be rewritten here.
    """
    made = bytearray(frame)
    _, at = f.payload_at(frame)
    if field in _LINK_AT:
        _put(made, _LINK_AT[field], value, _SIZES[field])
    elif field in (f.VLAN_VID, f.VLAN_PCP):
        _rewrite_tag(made, field, value)
    elif field in _ARP_AT:
        _put(made, at + _ARP_AT[field], value, _SIZES.get(field, 4))
    else:
        _IP[field](made, at, field, value)
        _sum_up(made, at)
    return bytes(made)


def push_tag(frame: bytes, ethertype: int) -> bytes:
    """Return ``frame`` with one more tag, a copy of the outermost or zero (1.3.5 5.11.1)."""
    _, at = f.payload_at(frame)
    tag = frame[14:16] if at > f.ETHERNET_SIZE else bytes(2)
    return frame[:12] + ethertype.to_bytes(2, "big") + tag + frame[12:]


def pop_tag(frame: bytes) -> bytes:
    """Return ``frame`` without its outermost tag, if it has one."""
    _, at = f.payload_at(frame)
    return frame[:12] + frame[16:] if at > f.ETHERNET_SIZE else frame


def set_ttl(frame: bytes, change: Callable[[int], int]) -> bytes | None:
    """Return an IPv4 frame with the TTL that ``change`` makes of its own.

    None if that is below 1; other frames stay as they are.
    """
    kind, at = f.payload_at(frame)
    if kind != _IPV4 or len(frame) < at + f.IPV4_SIZE:
        return frame
    ttl = change(frame[at + _TTL])
    if ttl < 1:
        return None
    made = bytearray(frame)
    made[at + _TTL] = ttl
    _sum_up(made, at)
    return bytes(made)


def _put(made: bytearray, at: int, value: int, size: int) -> None:
    made[at : at + size] = value.to_bytes(size, "big")


def _rewrite_tag(made: bytearray, field: int, value: int) -> None:
    tag = made[14] << 8 | made[15]
    if field == f.VLAN_VID:
        tag = tag & ~MAX_VLAN | value & MAX_VLAN
    else:
        tag = tag & (1 << f.PCP_SHIFT) - 1 | value << f.PCP_SHIFT
    _put(made, 14, tag, 2)


def _tos(made: bytearray, at: int, field: int, value: int) -> None:
    tos = made[at + 1]
    made[at + 1] = value << 2 | tos & 3 if field == f.IP_DSCP else tos & ~3 | value


def _address(made: bytearray, at: int, field: int, value: int) -> None:
    _put(made, at + _IPV4_AT[field], value, 4)


def _protocol(made: bytearray, at: int, _field: int, value: int) -> None:
    made[at + _PROTOCOL] = value


def _port(made: bytearray, at: int, field: int, value: int) -> None:
    _put(made, at + 4 * (made[at] & 0xF) + _PORT_AT[field], value, 2)


def _icmp(made: bytearray, at: int, field: int, value: int) -> None:
    made[at + 4 * (made[at] & 0xF) + _ICMP_AT[field]] = value


_IP: Mapping[int, Callable[[bytearray, int, int, int], None]] = {
    f.IP_DSCP: _tos,
    f.IP_ECN: _tos,
    f.IP_PROTO: _protocol,
    **dict.fromkeys(_IPV4_AT, _address),
    **dict.fromkeys(_PORT_AT, _port),
    **dict.fromkeys(_ICMP_AT, _icmp),
}


def _sum_up(made: bytearray, at: int) -> None:
    """Write the checksums of an IPv4 packet anew; a UDP checksum of zero means none (RFC 768)."""
    size = 4 * (made[at] & 0xF)
    made[at + _CHECKSUM : at + _CHECKSUM + 2] = bytes(2)
    _put(made, at + _CHECKSUM, _checksum(bytes(made[at : at + size])), 2)
    protocol = made[at + _PROTOCOL]
    offset = _CHECKSUM_AT.get(protocol)
    segment = bytes(made[at + size : at + int.from_bytes(made[at + 2 : at + 4], "big")])
    if offset is None or len(segment) < offset + 2:
        return
    if protocol == IPPROTO.UDP and segment[offset : offset + 2] == bytes(2):
        return
    blank = segment[:offset] + bytes(2) + segment[offset + 2 :]
    pseudo = bytes(made[at + 12 : at + 20]) + struct.pack("!BBH", 0, protocol, len(segment))
    _put(made, at + size + offset, _checksum(pseudo + blank) or 0xFFFF, 2)


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
