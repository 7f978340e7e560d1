"""Matches of both versions as one thing: values of fields under masks.

A match is a tuple of constraints in the order of their fields, so equal matches are equal tuples,
however they were written.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from horizon_ryu.wire.fields import FIELDS, MatchField
from horizon_ryu.wire.match10 import NW_BITS, NW_DST_SHIFT, NW_SRC_SHIFT
from horizon_ryu.wire.match_codes13 import OFPXMC, OFPXMT_OFB
from horizon_ryu.wire.of10.structures import Match10
from horizon_ryu.wire.of13.match import OxmField, OxmMatch
from horizon_ryu.wire.ofp10 import OFP_VLAN_NONE, OFPFW
from horizon_ryu.wire.protocols import (
    DSCP_SHIFT,
    ETHERTYPE,
    IPPROTO,
    IPV4_BITS,
    MAX_LONG,
    MAX_SHORT,
    MAX_VLAN,
)
from virtual_switch import fields as f
from virtual_switch.port_numbers import widened
from virtual_switch.refusal import SwitchRefusal


class Constraint(NamedTuple):
    """A field must have ``value`` where ``mask`` has ones; ``value`` has none elsewhere."""

    field: int
    value: int
    mask: int


FieldMatch: TypeAlias = tuple[Constraint, ...]


def covers(match: FieldMatch, fields: f.Fields) -> bool:
    """Tell whether a frame has what a match asks for."""
    for field, value, mask in match:
        found = fields.get(field)
        if found is None or found & mask != value:
            return False
    return True


def is_within(narrow: FieldMatch, wide: FieldMatch) -> bool:
    """Tell whether every frame that ``narrow`` matches is matched by ``wide``."""
    given = {field: (value, mask) for field, value, mask in narrow}
    for field, value, mask in wide:
        found = given.get(field)
        if found is None or mask & ~found[1] or found[0] & mask != value:
            return False
    return True


def overlap(one: FieldMatch, other: FieldMatch) -> bool:
    """Tell whether a frame can be matched by both."""
    given = {field: (value, mask) for field, value, mask in one}
    for field, value, mask in other:
        found = given.get(field)
        if found is not None and (found[0] ^ value) & found[1] & mask:
            return False
    return True


def full_mask(field: MatchField) -> int:
    """Return the mask of a field's bits; of all its bytes, as an identifier on the wire has."""
    return (1 << 8 * field.size) - 1


# ---- OpenFlow 1.3


def from_oxm(match: OxmMatch) -> FieldMatch:
    """Return a match of 1.3; SwitchRefusal (1.3.5 section 7.2.3)."""
    found: dict[int, Constraint] = {}
    for field in match.oxm_fields:
        if field.oxm_class != OFPXMC.OPENFLOW_BASIC or field.field not in FIELDS:
            raise SwitchRefusal("BAD_MATCH", "BAD_FIELD")
        if field.field in found:
            raise SwitchRefusal("BAD_MATCH", "DUP_FIELD")
        found[field.field] = _constraint(field)
    for number in found:
        _check_prerequisite(FIELDS[number], found)
    return tuple(sorted(one for one in found.values() if one.mask))


def _constraint(field: OxmField) -> Constraint:
    row = FIELDS[field.field]
    if len(field.value) != row.size or len(field.payload) != row.size << field.has_mask:
        raise SwitchRefusal("BAD_MATCH", "BAD_LEN")
    value = int.from_bytes(field.value, "big")
    mask = full_mask(row) if field.mask is None else int.from_bytes(field.mask, "big")
    if value & ~mask:
        raise SwitchRefusal("BAD_MATCH", "BAD_WILDCARDS")
    if value >> row.bits:
        raise SwitchRefusal("BAD_MATCH", "BAD_VALUE")
    return Constraint(field.field, value, mask)


def _check_prerequisite(row: MatchField, found: dict[int, Constraint]) -> None:
    if row.needs is None:
        return
    needed = found.get(int(row.needs.field))
    if needed is None or (row.needs.values and needed.value not in row.needs.values):
        raise SwitchRefusal("BAD_MATCH", "BAD_PREREQ")
    if row.needs.field == OFPXMT_OFB.VLAN_VID and not needed.value & f.PRESENT:
        raise SwitchRefusal("BAD_MATCH", "BAD_PREREQ")


# ---- OpenFlow 1.0

_IPV4, _ARP = int(ETHERTYPE.IPV4), int(ETHERTYPE.ARP)
_PORTS_10 = {**f.PORTS_OF, int(IPPROTO.ICMP): (f.ICMPV4_TYPE, f.ICMPV4_CODE)}
_WHOLE = {number: full_mask(row) for number, row in FIELDS.items()}
_PLAIN_10 = (
    (int(OFPFW.DL_SRC), f.ETH_SRC, "dl_src"),
    (int(OFPFW.DL_DST), f.ETH_DST, "dl_dst"),
    (int(OFPFW.DL_TYPE), f.ETH_TYPE, "dl_type"),
)


def from_match10(match: Match10) -> FieldMatch:
    """Return a match of 1.0; fields whose prerequisites are not there say nothing (5.2.3)."""
    wild = match.wildcards
    found: dict[int, tuple[int, int]] = {}
    if not wild & OFPFW.IN_PORT:
        found[f.IN_PORT] = widened(match.in_port), MAX_LONG
    for bit, field, name in _PLAIN_10:
        if not wild & bit:
            value = getattr(match, name)
            number = value if isinstance(value, int) else int.from_bytes(value, "big")
            found[field] = number, _WHOLE[field]
    _read_tag10(match, found)
    if not wild & OFPFW.DL_TYPE:
        _read_network10(match, found)
    return tuple(sorted(Constraint(field, *pair) for field, pair in found.items()))


def _read_tag10(match: Match10, found: dict[int, tuple[int, int]]) -> None:
    if match.wildcards & OFPFW.DL_VLAN:
        if not match.wildcards & OFPFW.DL_VLAN_PCP:
            found[f.VLAN_VID] = f.PRESENT, f.PRESENT
    elif match.dl_vlan == OFP_VLAN_NONE:
        found[f.VLAN_VID] = 0, MAX_SHORT
        return
    else:
        found[f.VLAN_VID] = f.PRESENT | match.dl_vlan & MAX_VLAN, MAX_SHORT
    if not match.wildcards & OFPFW.DL_VLAN_PCP:
        found[f.VLAN_PCP] = match.dl_vlan_pcp, _WHOLE[f.VLAN_PCP]


def _read_network10(match: Match10, found: dict[int, tuple[int, int]]) -> None:
    wild, kind = match.wildcards, match.dl_type
    if kind not in (_IPV4, _ARP):
        return
    ip = kind == _IPV4
    addresses = (
        (match.nw_src, NW_SRC_SHIFT, f.IPV4_SRC if ip else f.ARP_SPA),
        (match.nw_dst, NW_DST_SHIFT, f.IPV4_DST if ip else f.ARP_TPA),
    )
    for address, shift, field in addresses:
        free = min(wild >> shift & NW_BITS, IPV4_BITS)
        mask = MAX_LONG >> free << free
        if mask:
            found[field] = address & mask, mask
    if not wild & OFPFW.NW_PROTO:
        number = f.IP_PROTO if ip else f.ARP_OP
        found[number] = match.nw_proto, _WHOLE[number]
        if ip:
            _read_ports10(match, found)
    if ip and not wild & OFPFW.NW_TOS:
        found[f.IP_DSCP] = match.nw_tos >> DSCP_SHIFT, _WHOLE[f.IP_DSCP]


def _read_ports10(match: Match10, found: dict[int, tuple[int, int]]) -> None:
    fields = _PORTS_10.get(match.nw_proto)
    if fields is None:
        return
    wild = (OFPFW.TP_SRC, OFPFW.TP_DST)
    for field, bit, value in zip(fields, wild, (match.tp_src, match.tp_dst), strict=True):
        if not match.wildcards & bit:
            found[field] = value & _WHOLE[field], _WHOLE[field]
