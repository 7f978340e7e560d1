"""Headers of frames as whole numbers: what a frame has of each match field of a version.

Frames come from strangers: bytes that are missing count as fields that the frame does not have.
The numbers are those of :mod:`horizon_ryu.wire.ternary`; what Open vSwitch reads differently from
the specifications (tags, IEEE 802.3 lengths, fragments) is read as Open vSwitch does, since its
entries are what these headers are compared with.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire.match_codes13 import OFPVID
from horizon_ryu.wire.match_rules import ADVERTISEMENT, ARP, ICMP, ICMP6, IPV4, IPV6, SOLICITATION
from horizon_ryu.wire.ofp10 import OFP_VLAN_NONE
from horizon_ryu.wire.protocols import (
    DSCP_SHIFT,
    ETHERTYPE,
    IPPROTO,
    MAX_BYTE,
    MAX_VLAN,
    TOS_ECN_BITS,
)
from horizon_ryu.wire.ternary import HEADER_13, HeaderField

_ETHERNET, _TAG = 14, 4
_TAGS = frozenset({int(ETHERTYPE.VLAN), int(ETHERTYPE.QINQ)})
_MPLS = frozenset({int(ETHERTYPE.MPLS), int(ETHERTYPE.MPLS_MULTICAST)})
_PBB = int(ETHERTYPE.PBB)
_LEAST_TYPE, _NO_TYPE = 0x0600, 0x05FF
_SNAP = bytes((0xAA, 0xAA, 3, 0, 0, 0))
"""LLC and SNAP of a frame with a length whose type stands behind them (IEEE 802.2)."""
_ARP_SIZE, _IPV4_SIZE, _IPV6_SIZE, _MPLS_SIZE = 28, 20, 40, 4
_OFFSET = 0x1FFF
_FRAGMENT, _AUTHENTICATION = 44, 51
_EXTENSIONS = frozenset({0, 43, 60, _AUTHENTICATION, _FRAGMENT})
"""Hop-by-hop, routing, destination options, authentication, fragment (RFC 8200 section 4)."""
_MOST_EXTENSIONS = 16
_HEADER_10 = struct.Struct("!H6s6sHBxHBBxxIIHH")
_ARP_BODY = struct.Struct("!6xH6sI6sI")
_PORTS = struct.Struct("!HH")
_PRESENT, _PCP_SHIFT = int(OFPVID.PRESENT), 13


class _Link(NamedTuple):
    """Of a frame: its type, where its payload begins, and its outermost tag if it has one."""

    kind: int
    payload: int
    tag: int | None


def _link(frame: bytes) -> _Link:
    kind, at, tag = _type_at(frame, 12), _ETHERNET, None
    if kind in _TAGS and len(frame) >= _ETHERNET + _TAG:
        tag = _type_at(frame, 14)
        kind, at = _type_at(frame, 16), _ETHERNET + _TAG
    if kind < _LEAST_TYPE:
        if frame[at : at + len(_SNAP)] == _SNAP and len(frame) >= at + 8:
            inner = _type_at(frame, at + 6)
            if inner >= _LEAST_TYPE:
                return _Link(inner, at + 8, tag)
        return _Link(_NO_TYPE, at, tag)
    return _Link(kind, at, tag)


def _type_at(frame: bytes, at: int) -> int:
    """Return the number of 16 bits at a place; of less, if the frame ends before."""
    return int.from_bytes(frame[at : at + 2], "big")


class _Transport(NamedTuple):
    """What a packet carries, and the two numbers that its protocol has for ports."""

    protocol: int
    src: int = 0
    dst: int = 0


_NUMBERED = frozenset({int(IPPROTO.TCP), int(IPPROTO.UDP), int(IPPROTO.SCTP)})


def _transport(frame: bytes, at: int, protocol: int, icmp: int) -> _Transport:
    """Read the ports of TCP, UDP and SCTP, or type and code of ``icmp``, which is a protocol."""
    if protocol in _NUMBERED and len(frame) >= at + _PORTS.size:
        return _Transport(protocol, *_PORTS.unpack_from(frame, at))
    if protocol == icmp and len(frame) >= at + 2:
        return _Transport(protocol, frame[at], frame[at + 1])
    return _Transport(protocol)


def _ipv4_transport(frame: bytes, at: int) -> _Transport:
    protocol = frame[at + 9]
    if _type_at(frame, at + 6) & _OFFSET:
        return _Transport(protocol)
    return _transport(frame, at + 4 * (frame[at] & 0xF), protocol, ICMP)


def _has_ipv4(frame: bytes, at: int) -> bool:
    return len(frame) >= at + _IPV4_SIZE and frame[at] >> 4 == 4 and frame[at] & 0xF >= 5


def header10(frame: bytes, in_port: int) -> int:
    """Return the header of a frame as 1.0 has it; ``in_port`` as it stands on the wire."""
    kind = frame[12] << 8 | frame[13] if len(frame) >= _ETHERNET else 0
    if kind < _LEAST_TYPE or kind in _TAGS:
        kind, at, tag = _link(frame)
        vlan, pcp = (OFP_VLAN_NONE, 0) if tag is None else (tag & MAX_VLAN, tag >> _PCP_SHIFT)
    else:
        at, vlan, pcp = _ETHERNET, OFP_VLAN_NONE, 0
    tos = protocol = src = dst = tp_src = tp_dst = 0
    if kind == IPV4 and _has_ipv4(frame, at):
        tos = frame[at + 1] & ~TOS_ECN_BITS
        src, dst = struct.unpack_from("!II", frame, at + 12)
        protocol, tp_src, tp_dst = _ipv4_transport(frame, at)
    elif kind == ARP and len(frame) >= at + _ARP_SIZE:
        operation, _, src, _, dst = _ARP_BODY.unpack_from(frame, at)
        protocol = operation if operation <= MAX_BYTE else 0
    packed = _HEADER_10.pack(
        in_port, frame[6:12], frame[:6], vlan, pcp, kind, tos, protocol, src, dst, tp_src, tp_dst
    )
    return int.from_bytes(packed, "big")


def _field(name: str) -> HeaderField:
    return HEADER_13[name]


_SHIFTS: Mapping[str, int] = MappingProxyType(
    {name: field.shift for name, field in HEADER_13.fields.items()}
)
_PORT_FIELDS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {
        number: (_SHIFTS[f"{name}_src"], _SHIFTS[f"{name}_dst"])
        for number, name in (
            (int(IPPROTO.TCP), "tcp"),
            (int(IPPROTO.UDP), "udp"),
            (int(IPPROTO.SCTP), "sctp"),
        )
    }
    | {
        ICMP: (_SHIFTS["icmpv4_type"], _SHIFTS["icmpv4_code"]),
        ICMP6: (_SHIFTS["icmpv6_type"], _SHIFTS["icmpv6_code"]),
    }
)


def header13(frame: bytes, in_port: int, metadata: int = 0, tunnel_id: int = 0) -> int:
    """Return the header of a frame as 1.3 has it; what is not in the frame is an argument."""
    kind, at, tag = _link(frame)
    shifts = _SHIFTS
    header = (
        in_port << shifts["in_port"]
        | metadata << shifts["metadata"]
        | tunnel_id << shifts["tunnel_id"]
        | int.from_bytes(frame[:6], "big") << shifts["eth_dst"]
        | int.from_bytes(frame[6:12], "big") << shifts["eth_src"]
        | kind << shifts["eth_type"]
    )
    if tag is not None:
        header |= (tag & MAX_VLAN | _PRESENT) << shifts["vlan_vid"]
        header |= tag >> _PCP_SHIFT << shifts["vlan_pcp"]
    if kind == IPV4:
        return header | _ipv4(frame, at)
    if kind == ARP:
        return header | _arp(frame, at)
    if kind == IPV6:
        return header | _ipv6(frame, at)
    if kind in _MPLS:
        return header | _mpls(frame, at)
    if kind == _PBB and len(frame) >= at + 4:
        header |= int.from_bytes(frame[at + 1 : at + 4], "big") << shifts["pbb_isid"]
    return header


def _tos(octet: int) -> int:
    dscp = octet >> DSCP_SHIFT << _SHIFTS["ip_dscp"]
    return dscp | (octet & TOS_ECN_BITS) << _SHIFTS["ip_ecn"]


def _ports(transport: _Transport) -> int:
    protocol, src, dst = transport
    header = protocol << _SHIFTS["ip_proto"]
    places = _PORT_FIELDS.get(protocol)
    return header if places is None else header | src << places[0] | dst << places[1]


def _ipv4(frame: bytes, at: int) -> int:
    if not _has_ipv4(frame, at):
        return 0
    src, dst = struct.unpack_from("!II", frame, at + 12)
    header = _tos(frame[at + 1]) | _ports(_ipv4_transport(frame, at))
    return header | int(src) << _SHIFTS["ipv4_src"] | int(dst) << _SHIFTS["ipv4_dst"]


def _arp(frame: bytes, at: int) -> int:
    if len(frame) < at + _ARP_SIZE:
        return 0
    operation, sha, spa, tha, tpa = _ARP_BODY.unpack_from(frame, at)
    return int(
        operation << _SHIFTS["arp_op"]
        | spa << _SHIFTS["arp_spa"]
        | tpa << _SHIFTS["arp_tpa"]
        | int.from_bytes(sha, "big") << _SHIFTS["arp_sha"]
        | int.from_bytes(tha, "big") << _SHIFTS["arp_tha"]
    )


def _mpls(frame: bytes, at: int) -> int:
    if len(frame) < at + _MPLS_SIZE:
        return 0
    label = int.from_bytes(frame[at : at + 4], "big")
    return (
        label >> 12 << _SHIFTS["mpls_label"]
        | (label >> 9 & 7) << _SHIFTS["mpls_tc"]
        | (label >> 8 & 1) << _SHIFTS["mpls_bos"]
    )


def _ipv6(frame: bytes, at: int) -> int:
    if len(frame) < at + _IPV6_SIZE or frame[at] >> 4 != 6:
        return 0
    first = int.from_bytes(frame[at : at + 4], "big")
    header = (
        _tos(first >> 20 & MAX_BYTE)
        | (first & _field("ipv6_flabel").ones) << _SHIFTS["ipv6_flabel"]
        | int.from_bytes(frame[at + 8 : at + 24], "big") << _SHIFTS["ipv6_src"]
        | int.from_bytes(frame[at + 24 : at + 40], "big") << _SHIFTS["ipv6_dst"]
    )
    protocol, upper = _upper_layer(frame, at)
    if upper is None:
        return header | protocol << _SHIFTS["ip_proto"]
    transport = _transport(frame, upper, protocol, ICMP6)
    header |= _ports(transport)
    if protocol == ICMP6 and transport.src in (SOLICITATION, ADVERTISEMENT):
        header |= _neighbour(frame, upper, transport.src)
    return header


def _upper_layer(frame: bytes, at: int) -> tuple[int, int | None]:
    """Return the protocol behind the extension headers, and where it begins.

    None for a later fragment, which has none, and for headers that the frame is too short for.
    """
    protocol, at = frame[at + 6], at + _IPV6_SIZE
    for _ in range(_MOST_EXTENSIONS):
        if protocol not in _EXTENSIONS:
            return protocol, at
        if len(frame) < at + 8:
            return protocol, None
        if protocol == _FRAGMENT:
            if _type_at(frame, at + 2) & ~7:
                return protocol, None
            length = 8
        elif protocol == _AUTHENTICATION:
            length = 4 * (frame[at + 1] + 2)
        else:
            length = 8 * (frame[at + 1] + 1)
        protocol, at = frame[at], at + length
    return protocol, None


_ND_TARGET, _ND_OPTIONS = 8, 24
_SOURCE_LINK, _TARGET_LINK = 1, 2


def _neighbour(frame: bytes, at: int, kind: int) -> int:
    """Read a neighbour solicitation or advertisement (RFC 4861 sections 4.3, 4.4 and 4.6)."""
    if len(frame) < at + _ND_OPTIONS or frame[at + 1]:
        return 0
    target = int.from_bytes(frame[at + _ND_TARGET : at + _ND_OPTIONS], "big")
    header = target << _SHIFTS["ipv6_nd_target"]
    wanted, name = (
        (_SOURCE_LINK, "ipv6_nd_sll") if kind == SOLICITATION else (_TARGET_LINK, "ipv6_nd_tll")
    )
    option = at + _ND_OPTIONS
    while len(frame) >= option + 8 and frame[option + 1]:
        if frame[option] == wanted and frame[option + 1] == 1:
            address = int.from_bytes(frame[option + 2 : option + 8], "big")
            return header | address << _SHIFTS[name]
        option += 8 * frame[option + 1]
    return header
