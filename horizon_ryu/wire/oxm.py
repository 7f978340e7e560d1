"""Match fields of OpenFlow 1.3 as OXM bytes and back (specification 1.3.5, section 7.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from horizon_ryu.wire.fields import FIELDS, MAX_LENGTH, MatchField, ValueKind, header
from horizon_ryu.wire.mac_masks import ALL_BITS, GROUP_BIT, masked
from horizon_ryu.wire.match_codes13 import OFPMT, OFPVID, OFPXMT_OFB
from horizon_ryu.wire.match_rules import ARP, ICMP6, IPV6, check_inner, check_macs, check_vlan
from horizon_ryu.wire.messages import VLAN_NONE, VLAN_TAGGED, Match
from horizon_ryu.wire.oxm_ipv6 import address_fields, mask_of, neighbour_fields
from horizon_ryu.wire.protocols import (
    DSCP_SHIFT,
    IPV4_BITS,
    MAC_SIZE,
    MAX_LONG,
    MAX_VLAN,
    WITH_PORTS,
)
from horizon_ryu.wire.versions import OPENFLOW_13


def _ports(proto: int) -> tuple[int, int]:
    """Return the fields that a protocol has in the place of ``tp_src`` and ``tp_dst``."""
    of_it = {
        field.label: int(field.number)
        for field in FIELDS.values()
        if field.needs is not None
        and field.needs.field == OFPXMT_OFB.IP_PROTO
        and proto in field.needs.values
    }
    return of_it["tp_src"], of_it["tp_dst"]


TRANSPORT: Mapping[int, tuple[int, int]] = MappingProxyType(
    {proto: _ports(proto) for proto in WITH_PORTS}
)
"""IP protocol -> fields of the source and destination port; in ICMP, of the type and code."""
VLAN_PRESENT = int(OFPVID.PRESENT)

_MATCH = struct.Struct("!HH")
_BYTE, _SHORT, _LONG = (
    struct.Struct("!IB").pack,
    struct.Struct("!IH").pack,
    struct.Struct("!II").pack,
)
_MAC = struct.Struct("!I6s").pack
_MASKED_MAC = struct.Struct("!I6s6s").pack
_MASKED_SHORT = struct.Struct("!IHH").pack
_MASKED = struct.Struct("!III").pack
_NETWORK = struct.Struct("!II")
_PACKERS = {1: _BYTE, 2: _SHORT}

# Plain numbers, made once: a match is written in a microsecond.
_OXM = int(OFPMT.OXM)
_PORT, _DST, _SRC = (
    header(OFPXMT_OFB.IN_PORT),
    header(OFPXMT_OFB.ETH_DST),
    header(OFPXMT_OFB.ETH_SRC),
)
_TYPE, _VLAN, _PCP = (
    header(OFPXMT_OFB.ETH_TYPE),
    header(OFPXMT_OFB.VLAN_VID),
    header(OFPXMT_OFB.VLAN_PCP),
)
_MASKED_SRC, _MASKED_VLAN = (
    header(OFPXMT_OFB.ETH_SRC, masked=True),
    header(OFPXMT_OFB.VLAN_VID, masked=True),
)
_DSCP, _PROTO, _OPCODE = (
    header(OFPXMT_OFB.IP_DSCP),
    header(OFPXMT_OFB.IP_PROTO),
    header(OFPXMT_OFB.ARP_OP),
)
_IP_SRC, _IP_DST = int(OFPXMT_OFB.IPV4_SRC), int(OFPXMT_OFB.IPV4_DST)
_ARP_SRC, _ARP_DST = int(OFPXMT_OFB.ARP_SPA), int(OFPXMT_OFB.ARP_TPA)
_MULTICAST_HEADER = header(OFPXMT_OFB.ETH_DST, masked=True)
_UNTAGGED = _SHORT(_VLAN, 0)
_MULTICAST = _MULTICAST_HEADER.to_bytes(4, "big") + GROUP_BIT * 2
_PORT_PACKERS = MappingProxyType(
    {
        proto: tuple((_PACKERS[FIELDS[number].size], header(number)) for number in numbers)
        for proto, numbers in (*TRANSPORT.items(), (ICMP6, _ports(ICMP6)))
    }
)
_NETWORKS = MappingProxyType(
    {
        number: (header(number), header(number, masked=True))
        for number in (_IP_SRC, _IP_DST, _ARP_SRC, _ARP_DST)
    }
)
_INNER_AT = Match._fields.index("nw_src")
_NO_INNER = (None,) * len(Match._fields[_INNER_AT:])
ANY_FRAME = _MATCH.pack(_OXM, 4) + bytes(4)
"""The match of every frame: no fields."""


def encode_match(match: Match) -> bytes:
    """Return the OXM match, padded to 8 bytes; fields in the order of their numbers, as Ryu's.

    ValueError for fields without those that they need (7.2.3.6), and for values out of range.
    """
    fields = b"".join(_fields(match))
    if not fields:
        return ANY_FRAME
    length = 4 + len(fields)
    return _MATCH.pack(_OXM, length) + fields + bytes(-length % 8)


def _fields(match: Match) -> list[bytes]:
    parts = []
    if match.in_port is not None:
        parts.append(_LONG(_PORT, match.in_port))
    if match.dl_dst_multicast:
        if match.dl_dst is not None:
            raise ValueError("dl_dst says already whether it is a group address")
        parts.append(_MULTICAST)
    elif match.dl_dst is not None:
        parts.append(_mac_field(_DST, _MULTICAST_HEADER, match.dl_dst, match.dl_dst_mask))
    if match.dl_src is not None:
        parts.append(_mac_field(_SRC, _MASKED_SRC, match.dl_src, match.dl_src_mask))
    if match.dl_type is not None:
        parts.append(_SHORT(_TYPE, match.dl_type))
    if match.dl_vlan is not None:
        parts.append(_UNTAGGED if match.dl_vlan == VLAN_NONE else _vlan_field(match.dl_vlan))
    if match[_INNER_AT:] == _NO_INNER:
        return parts
    check_macs(match)
    check_inner(OPENFLOW_13, match)
    return parts + _inner_fields(match)


def _mac_field(exact: int, masked_header: int, mac: bytes, mask: bytes | None) -> bytes:
    if mask is None:
        return _MAC(exact, mac)
    return _MASKED_MAC(masked_header, masked(mac, mask), mask)


def _vlan_field(vlan: int) -> bytes:
    check_vlan(vlan)
    if vlan == VLAN_TAGGED:
        return _MASKED_SHORT(_MASKED_VLAN, VLAN_PRESENT, VLAN_PRESENT)
    return _SHORT(_VLAN, vlan | VLAN_PRESENT)


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
        _network(_ARP_SRC if arp else _IP_SRC, match.nw_src),
        _network(_ARP_DST if arp else _IP_DST, match.nw_dst),
    ]
    parts += networks
    ports = _port_fields(match)
    # By number, those of ICMPv6 follow the addresses, which follow those of other protocols.
    if proto != ICMP6:
        parts += ports
    if match.dl_type == IPV6:
        parts += address_fields(match)
    return parts + ports + neighbour_fields(match) if proto == ICMP6 else parts


def _port_fields(match: Match) -> list[bytes]:
    if match.tp_src is None and match.tp_dst is None:
        return []
    packers = _PORT_PACKERS[match.nw_proto or 0]
    values = (match.tp_src, match.tp_dst)
    return [
        pack(head, value)
        for (pack, head), value in zip(packers, values, strict=True)
        if value is not None
    ]


def _network(field: int, network: tuple[int, int] | None) -> bytes:
    if network is None or network[1] == 0:
        return b""
    address, prefix = network
    exact, masked = _NETWORKS[field]
    if prefix == IPV4_BITS:
        return _LONG(exact, address)
    # A switch refuses values with bits outside of the mask (7.2.3.5).
    mask = MAX_LONG << IPV4_BITS - prefix & MAX_LONG
    return _MASKED(masked, address & mask, mask)


_Found: TypeAlias = dict[str, Any]
_Reader: TypeAlias = Callable[[_Found, bytes], bool]


_REMEMBERED = 64
"""Bytes of a match that is remembered: long ones, and all of a large table, would fill memory."""


def decode_match(data: bytes) -> tuple[Match, bool]:
    """Return the match in ``data`` as :func:`_decode_match` does; short ones are remembered.

    Audits read the same few entries of every switch again and again.
    """
    return _remembered(data) if len(data) <= _REMEMBERED else _decode_match(data)


def _decode_match(data: bytes) -> tuple[Match, bool]:
    """Return the match in ``data`` (OXM fields without header and padding) and if it is whole.

    Fields that Match has no place for are left out, and the second value is then False, as it is
    when :func:`encode_match` would refuse the match, or not write all of it: a field that stands
    twice says two things (OFPBMC_DUP_FIELD). Never raises: what is malformed ends the walk.
    """
    found: _Found = {}
    needs: set[tuple[str, frozenset[int]]] = set()
    whole, at, seen = True, 0, 0
    while at + 4 <= len(data):
        head = int.from_bytes(data[at : at + 4], "big")
        start, at = at + 4, at + 4 + (head & MAX_LENGTH)
        row = _ROWS.get(head)
        if row is None or at > len(data):
            whole = False
            continue
        read, place, need = row
        whole &= read(found, data[start:at]) and not seen & place
        seen |= place
        if need is not None:
            needs.add(need)
    match = Match(**found)
    return match, whole and (found.keys() <= _LINK_FIELDS or _is_whole(match, found, needs))


_remembered = lru_cache(maxsize=1024)(_decode_match)


def _is_whole(match: Match, found: _Found, needs: set[tuple[str, frozenset[int]]]) -> bool:
    try:
        check_inner(OPENFLOW_13, match)
    except ValueError:
        return False
    return all(found.get(name) in values for name, values in needs)


_LINK_FIELDS = frozenset(
    {"in_port", "dl_src", "dl_dst", "dl_dst_multicast", "dl_type", "dl_vlan"}
    | {"dl_src_mask", "dl_dst_mask"}
)


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


def _masked_mac(name: str) -> _Reader:
    def read(found: _Found, body: bytes) -> bool:
        mac, mask = body[:MAC_SIZE], body[MAC_SIZE:]
        if name == "dl_dst" and mac == mask == GROUP_BIT:
            found["dl_dst_multicast"] = True
        elif any(mask):
            found[name] = masked(mac, mask)
            if mask != ALL_BITS:
                found[f"{name}_mask"] = mask
        return True

    return read


def _masked_vlan(found: _Found, body: bytes) -> bool:
    """Read any tag there may be; other masks of an identifier have no place in Match."""
    if body != _ANY_TAG:
        return False
    found["dl_vlan"] = VLAN_TAGGED
    return True


_ANY_TAG = VLAN_PRESENT.to_bytes(2, "big") * 2


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
        found[name] = (int.from_bytes(body, "big"), len(body) * 8)
        return True

    return read


def _range(name: str) -> _Reader:
    def read(found: _Found, body: bytes) -> bool:
        size = len(body) // 2
        address, mask = int.from_bytes(body[:size], "big"), int.from_bytes(body[size:], "big")
        prefix = mask.bit_count()
        # Only masks of leading ones are networks.
        if mask != mask_of(prefix, size * 8):
            return False
        if prefix:
            found[name] = (address & mask, prefix)
        return True

    return read


def _readers(field: MatchField) -> dict[int, _Reader]:
    """Return the readers of a field by its headers: without a mask, and with one if read so."""
    plain, label = header(field.number), field.label
    with_mask = header(field.number, masked=True)
    if field.kind in (ValueKind.IPV4, ValueKind.IPV6) and field.maskable:
        return {plain: _address(label), with_mask: _range(label)}
    if field.kind is ValueKind.MAC:
        return {plain: _mac(label)} | ({with_mask: _masked_mac(label)} if field.maskable else {})
    if field.kind is ValueKind.VLAN:
        return {plain: _vlan, with_mask: _masked_vlan}
    return {plain: _number(label, DSCP_SHIFT if field.kind is ValueKind.DSCP else 0)}


def _has_place(field: MatchField) -> bool:
    """Tell whether Match has a place for a field."""
    return field.label in Match._fields


class _Row(NamedTuple):
    """How a field of Match is read; ``place`` is a bit of its own for each name in Match.

    ``need`` is what else the field demands, and by that tells which of the fields of that name
    it is (7.2.3.6).
    """

    read: _Reader
    place: int
    need: tuple[str, frozenset[int]] | None


def _row(field: MatchField, read: _Reader) -> _Row:
    needs = field.needs
    # Whether there is a tag, check_inner sees.
    need = (FIELDS[needs.field].label, needs.values) if needs and needs.values else None
    return _Row(read, 1 << Match._fields.index(field.label), need)


_ROWS: Mapping[int, _Row] = MappingProxyType(
    {
        head: _row(field, read)
        for field in FIELDS.values()
        if _has_place(field)
        for head, read in _readers(field).items()
    }
)
"""By the header of the field, with its class, its size and whether it has a mask."""
