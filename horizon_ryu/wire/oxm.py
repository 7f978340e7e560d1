"""Match fields of OpenFlow 1.3 as OXM bytes and back (specification 1.3.5, section 7.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from horizon_ryu.wire.match_rules import (
    ARP,
    ICMP,
    IPV4,
    MAX_VLAN,
    SCTP,
    TCP,
    UDP,
    check_inner,
    check_vlan,
)
from horizon_ryu.wire.messages import VLAN_NONE, Match
from horizon_ryu.wire.versions import OPENFLOW_13

IN_PORT, ETH_DST, ETH_SRC, ETH_TYPE, VLAN_VID, VLAN_PCP, IP_DSCP, IP_PROTO = 0, 3, 4, 5, 6, 7, 8, 10
IPV4_SRC, IPV4_DST, ARP_OP, ARP_SPA, ARP_TPA = 11, 12, 21, 22, 23
TRANSPORT = MappingProxyType({TCP: (13, 14), UDP: (15, 16), SCTP: (17, 18), ICMP: (19, 20)})
"""IP protocol -> fields of the source and destination port; in ICMP, of the type and code."""
BASIC = 0x8000
VLAN_PRESENT = 0x1000
DSCP_SHIFT = 2
GROUP_BIT = b"\x01\x00\x00\x00\x00\x00"
_ALL_ONES = 0xFFFF_FFFF

_MATCH = struct.Struct("!HH")
_BYTE, _SHORT, _LONG = (
    struct.Struct("!IB").pack,
    struct.Struct("!IH").pack,
    struct.Struct("!II").pack,
)
_MAC = struct.Struct("!I6s").pack
_MASKED = struct.Struct("!III").pack
_NETWORK = struct.Struct("!II")


def header(field: int, size: int, masked: bool = False) -> int:
    """Return an OXM header; ``size`` is of the value alone, in bytes, the mask is as long."""
    return BASIC << 16 | field << 9 | masked << 8 | size << masked


_PORT, _DST, _SRC = header(IN_PORT, 4), header(ETH_DST, 6), header(ETH_SRC, 6)
_TYPE, _VLAN, _PCP = header(ETH_TYPE, 2), header(VLAN_VID, 2), header(VLAN_PCP, 1)
_DSCP, _PROTO, _OPCODE = header(IP_DSCP, 1), header(IP_PROTO, 1), header(ARP_OP, 2)
_MULTICAST = header(ETH_DST, 6, masked=True).to_bytes(4, "big") + GROUP_BIT * 2
ANY_FRAME = b"\0\1\0\4\0\0\0\0"
"""The match of every frame: no fields."""


def encode_match(match: Match) -> bytes:
    """Return the OXM match, padded to 8 bytes; fields in the order of their numbers, as Ryu's.

    ValueError for fields without those that they need (7.2.3.6), and for values out of range.
    """
    fields = b"".join(_fields(match))
    if not fields:
        return ANY_FRAME
    length = 4 + len(fields)
    return _MATCH.pack(1, length) + fields + bytes(-length % 8)


def _fields(match: Match) -> list[bytes]:
    parts = []
    if match.in_port is not None:
        parts.append(_LONG(_PORT, match.in_port))
    if match.dl_dst_multicast:
        if match.dl_dst is not None:
            raise ValueError("dl_dst says already whether it is a group address")
        parts.append(_MULTICAST)
    elif match.dl_dst is not None:
        parts.append(_MAC(_DST, match.dl_dst))
    if match.dl_src is not None:
        parts.append(_MAC(_SRC, match.dl_src))
    if match.dl_type is not None:
        parts.append(_SHORT(_TYPE, match.dl_type))
    if match.dl_vlan is not None:
        check_vlan(match.dl_vlan)
        present = 0 if match.dl_vlan == VLAN_NONE else match.dl_vlan | VLAN_PRESENT
        parts.append(_SHORT(_VLAN, present))
    if (
        match.nw_src is None
        and match.nw_dst is None
        and match.nw_proto is None
        and match.dl_vlan_pcp is None
        and match.nw_tos is None
        and match.tp_src is None
        and match.tp_dst is None
    ):
        return parts
    check_inner(OPENFLOW_13, match)
    return parts + _inner_fields(match)


def _inner_fields(match: Match) -> list[bytes]:
    parts = []
    arp, proto = match.dl_type == ARP, match.nw_proto
    if match.dl_vlan_pcp is not None:
        parts.append(_BYTE(_PCP, match.dl_vlan_pcp))
    if match.nw_tos is not None:
        parts.append(_BYTE(_DSCP, match.nw_tos >> DSCP_SHIFT))
    if proto is not None:
        parts.append(_SHORT(_OPCODE, proto) if arp else _BYTE(_PROTO, proto))
    networks = [
        _network(ARP_SPA if arp else IPV4_SRC, match.nw_src),
        _network(ARP_TPA if arp else IPV4_DST, match.nw_dst),
    ]
    if match.tp_src is None and match.tp_dst is None:
        return parts + networks
    pack, size = (_BYTE, 1) if proto == ICMP else (_SHORT, 2)
    for field, value in zip(TRANSPORT[proto or 0], (match.tp_src, match.tp_dst), strict=True):
        if value is not None:
            networks.append(pack(header(field, size), value))
    return parts + networks


def _network(field: int, network: tuple[int, int] | None) -> bytes:
    if network is None or network[1] == 0:
        return b""
    address, prefix = network
    if prefix == 32:
        return _LONG(header(field, 4), address)
    # A switch refuses values with bits outside of the mask (7.2.3.5).
    mask = _ALL_ONES << 32 - prefix & _ALL_ONES
    return _MASKED(header(field, 4, masked=True), address & mask, mask)


_Found: TypeAlias = dict[str, Any]
_Reader: TypeAlias = Callable[[_Found, bytes], bool]


def decode_match(data: bytes) -> tuple[Match, bool]:
    """Return the match in ``data`` (OXM fields without header and padding) and if it is whole.

    Fields that Match has no place for are left out, and the second value is then False, as it is
    when :func:`encode_match` would refuse the match. Never raises: what is malformed ends the
    walk.
    """
    found: _Found = {}
    needs: set[tuple[str, int]] = set()
    whole, at = True, 0
    while at + 4 <= len(data):
        head = int.from_bytes(data[at : at + 4], "big")
        start, at = at + 4, at + 4 + (head & 0xFF)
        read = _READERS.get(head)
        whole &= read is not None and at <= len(data) and read(found, data[start:at])
        if head in _NEEDS:
            needs.add(_NEEDS[head])
    match = Match(**found)
    return match, whole and (found.keys() <= _LINK_FIELDS or _is_whole(match, found, needs))


def _is_whole(match: Match, found: _Found, needs: set[tuple[str, int]]) -> bool:
    try:
        check_inner(OPENFLOW_13, match)
    except ValueError:
        return False
    return all(found.get(name) == value for name, value in needs)


_LINK_FIELDS = frozenset({"in_port", "dl_src", "dl_dst", "dl_dst_multicast", "dl_type", "dl_vlan"})


def _number(name: str, shift: int = 0) -> _Reader:
    def read(found: _Found, body: bytes) -> bool:
        found[name] = int.from_bytes(body, "big") << shift
        return True

    return read


def _mac(name: str) -> _Reader:
    def read(found: _Found, body: bytes) -> bool:
        found[name] = body
        return True

    return read


def _group_bit(found: _Found, body: bytes) -> bool:
    if body != GROUP_BIT * 2:
        return False
    found["dl_dst_multicast"] = True
    return True


def _vlan(found: _Found, body: bytes) -> bool:
    value = int.from_bytes(body, "big")
    if value == 0:
        found["dl_vlan"] = VLAN_NONE
    elif value & ~MAX_VLAN == VLAN_PRESENT:
        found["dl_vlan"] = value & MAX_VLAN
    else:
        return False
    return True


def _address(name: str) -> _Reader:
    def read(found: _Found, body: bytes) -> bool:
        found[name] = (int.from_bytes(body, "big"), 32)
        return True

    return read


def _range(name: str) -> _Reader:
    def read(found: _Found, body: bytes) -> bool:
        address, mask = _NETWORK.unpack(body)
        prefix = mask.bit_count()
        # Only masks of leading ones are networks.
        if mask != _ALL_ONES << 32 - prefix & _ALL_ONES:
            return False
        if prefix:
            found[name] = (address & mask, prefix)
        return True

    return read


_NETWORKS = {IPV4_SRC: "nw_src", IPV4_DST: "nw_dst", ARP_SPA: "nw_src", ARP_TPA: "nw_dst"}
_PORTS = {
    header(field, 1 if proto == ICMP else 2): (name, proto)
    for proto, fields in TRANSPORT.items()
    for field, name in zip(fields, ("tp_src", "tp_dst"), strict=True)
}
_READERS: Mapping[int, _Reader] = MappingProxyType(
    {
        _PORT: _number("in_port"),
        _DST: _mac("dl_dst"),
        _SRC: _mac("dl_src"),
        header(ETH_DST, 6, masked=True): _group_bit,
        _TYPE: _number("dl_type"),
        _VLAN: _vlan,
        _PCP: _number("dl_vlan_pcp"),
        _DSCP: _number("nw_tos", DSCP_SHIFT),
        _PROTO: _number("nw_proto"),
        _OPCODE: _number("nw_proto"),
        **{header(field, 4): _address(name) for field, name in _NETWORKS.items()},
        **{header(field, 4, masked=True): _range(name) for field, name in _NETWORKS.items()},
        **{head: _number(name) for head, (name, _) in _PORTS.items()},
    }
)
_NEEDS: Mapping[int, tuple[str, int]] = MappingProxyType(
    {
        _OPCODE: ("dl_type", ARP),
        **{
            header(field, 4, masked): ("dl_type", ARP if field in (ARP_SPA, ARP_TPA) else IPV4)
            for field in _NETWORKS
            for masked in (False, True)
        },
        **{head: ("nw_proto", proto) for head, (_, proto) in _PORTS.items()},
    }
)
"""What else a field demands, and by that tells the name of which field it is (7.2.3.6)."""
