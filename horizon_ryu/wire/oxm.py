"""Match fields of OpenFlow 1.3 as OXM bytes and back (specification 1.3.5, section 7.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from horizon_ryu.wire.fields import FIELDS, MAX_LENGTH, MatchField, ValueKind, header
from horizon_ryu.wire.match_rules import ARP, check_inner, check_vlan
from horizon_ryu.wire.messages import VLAN_NONE, Match
from horizon_ryu.wire.ofp13 import OFPMT, OFPVID, OFPXMT_OFB
from horizon_ryu.wire.protocols import DSCP_SHIFT, IPV4_BITS, MAX_LONG, MAX_VLAN, WITH_PORTS
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
GROUP_BIT = b"\x01\x00\x00\x00\x00\x00"

_MATCH = struct.Struct("!HH")
_BYTE, _SHORT, _LONG = (
    struct.Struct("!IB").pack,
    struct.Struct("!IH").pack,
    struct.Struct("!II").pack,
)
_MAC = struct.Struct("!I6s").pack
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
        for proto, numbers in TRANSPORT.items()
    }
)
_NETWORKS = MappingProxyType(
    {
        number: (header(number), header(number, masked=True))
        for number in (_IP_SRC, _IP_DST, _ARP_SRC, _ARP_DST)
    }
)
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
        parts.append(_MAC(_DST, match.dl_dst))
    if match.dl_src is not None:
        parts.append(_MAC(_SRC, match.dl_src))
    if match.dl_type is not None:
        parts.append(_SHORT(_TYPE, match.dl_type))
    if match.dl_vlan == VLAN_NONE:
        parts.append(_UNTAGGED)
    elif match.dl_vlan is not None:
        check_vlan(match.dl_vlan)
        parts.append(_SHORT(_VLAN, match.dl_vlan | VLAN_PRESENT))
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
        _network(_ARP_SRC if arp else _IP_SRC, match.nw_src),
        _network(_ARP_DST if arp else _IP_DST, match.nw_dst),
    ]
    if match.tp_src is None and match.tp_dst is None:
        return parts + networks
    packers = _PORT_PACKERS[proto or 0]
    for (pack, head), value in zip(packers, (match.tp_src, match.tp_dst), strict=True):
        if value is not None:
            networks.append(pack(head, value))
    return parts + networks


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


def decode_match(data: bytes) -> tuple[Match, bool]:
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


def _is_whole(match: Match, found: _Found, needs: set[tuple[str, frozenset[int]]]) -> bool:
    try:
        check_inner(OPENFLOW_13, match)
    except ValueError:
        return False
    return all(found.get(name) in values for name, values in needs)


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
        found[name] = (int.from_bytes(body, "big"), IPV4_BITS)
        return True

    return read


def _range(name: str) -> _Reader:
    def read(found: _Found, body: bytes) -> bool:
        address, mask = _NETWORK.unpack(body)
        prefix = mask.bit_count()
        # Only masks of leading ones are networks.
        if mask != MAX_LONG << IPV4_BITS - prefix & MAX_LONG:
            return False
        if prefix:
            found[name] = (address & mask, prefix)
        return True

    return read


def _readers(field: MatchField) -> dict[int, _Reader]:
    """Return the readers of a field by its headers: without a mask, and with one if read so."""
    plain, masked, label = header(field.number), header(field.number, masked=True), field.label
    if field.kind is ValueKind.IPV4:
        return {plain: _address(label), masked: _range(label)}
    if field.kind is ValueKind.MAC:
        return {plain: _mac(label)}
    if field.kind is ValueKind.VLAN:
        return {plain: _vlan}
    return {plain: _number(label, DSCP_SHIFT if field.kind is ValueKind.DSCP else 0)}


def _has_place(field: MatchField) -> bool:
    """Tell whether Match has a place for a field; ICMPv6 is not among its protocols."""
    needs = field.needs
    of_ip = needs is not None and needs.field == OFPXMT_OFB.IP_PROTO
    known = needs is None or not of_ip or not needs.values.isdisjoint(WITH_PORTS)
    return known and field.label in Match._fields


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


_DL_DST = FIELDS[OFPXMT_OFB.ETH_DST]
_ROWS: Mapping[int, _Row] = MappingProxyType(
    {
        head: _row(field, read)
        for field in FIELDS.values()
        if _has_place(field)
        for head, read in _readers(field).items()
    }
    | {_MULTICAST_HEADER: _row(_DL_DST, _group_bit)}
)
"""By the header of the field, with its class, its size and whether it has a mask."""
