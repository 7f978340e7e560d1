"""The match of OpenFlow 1.0 as bytes and back (specification 1.0.0, section 5.2.3)."""

from __future__ import annotations

import struct

from horizon_ryu.wire.fields import MATCH_FORMAT_10
from horizon_ryu.wire.match_rules import check_inner, check_only_10, check_vlan
from horizon_ryu.wire.messages import VLAN_NONE, Match
from horizon_ryu.wire.ofp10 import OFPFW, OFPFW_NW_BITS, OFPFW_NW_DST_SHIFT, OFPFW_NW_SRC_SHIFT
from horizon_ryu.wire.protocols import IPV4_BITS, MAC_SIZE, MAX_VLAN, TOS_ECN_BITS
from horizon_ryu.wire.reserved_ports import MAX_10, narrowed, widened
from horizon_ryu.wire.versions import OPENFLOW_10

MATCH = struct.Struct(f"!{MATCH_FORMAT_10}")

# Plain numbers: a match is read or written in a microsecond.
WILD_IN_PORT, WILD_VLAN, WILD_SRC = int(OFPFW.IN_PORT), int(OFPFW.DL_VLAN), int(OFPFW.DL_SRC)
WILD_DST, WILD_TYPE, WILD_PROTO = int(OFPFW.DL_DST), int(OFPFW.DL_TYPE), int(OFPFW.NW_PROTO)
WILD_TP_SRC, WILD_TP_DST = int(OFPFW.TP_SRC), int(OFPFW.TP_DST)
WILD_PCP, WILD_TOS, WILD_ALL = int(OFPFW.DL_VLAN_PCP), int(OFPFW.NW_TOS), int(OFPFW.ALL)
NW_SRC_SHIFT, NW_DST_SHIFT = OFPFW_NW_SRC_SHIFT, OFPFW_NW_DST_SHIFT
NW_BITS = (1 << OFPFW_NW_BITS) - 1
_INNER = int(
    OFPFW.NW_PROTO | OFPFW.TP_SRC | OFPFW.TP_DST | OFPFW.DL_VLAN_PCP | OFPFW.NW_TOS
    | OFPFW.NW_SRC_ALL | OFPFW.NW_DST_ALL
)  # fmt: skip
"""All set when nothing beyond Ethernet is matched: of a network, the bit for 32 free ones."""
_NO_MAC = bytes(MAC_SIZE)


def encode_match(match: Match) -> bytes:
    """Return the 40 bytes of ``match``; ValueError for what 1.0 cannot express."""
    if match.dl_dst_multicast:
        raise ValueError("OpenFlow 1.0 has no masks for MAC addresses")
    check_only_10(match)
    wild = WILD_ALL
    if match.in_port is not None:
        wild ^= WILD_IN_PORT
    if match.dl_src is not None:
        wild ^= WILD_SRC
    if match.dl_dst is not None:
        wild ^= WILD_DST
    if match.dl_type is not None:
        wild ^= WILD_TYPE
    if match.dl_vlan is not None:
        check_vlan(match.dl_vlan)
        wild ^= WILD_VLAN
    nw_src, nw_dst, wild = _inner(match, wild)
    in_port = match.in_port or 0
    return MATCH.pack(
        wild,
        in_port if in_port <= MAX_10 else narrowed(in_port),
        match.dl_src or _NO_MAC,
        match.dl_dst or _NO_MAC,
        match.dl_vlan or 0,
        match.dl_vlan_pcp or 0,
        match.dl_type or 0,
        match.nw_tos or 0,
        match.nw_proto or 0,
        nw_src,
        nw_dst,
        match.tp_src or 0,
        match.tp_dst or 0,
    )


def _inner(match: Match, wild: int) -> tuple[int, int, int]:
    """Return both addresses, and ``wild`` without the bits of what is given beyond Ethernet."""
    if match.nw_tos is not None:
        wild ^= WILD_TOS
    if match.nw_proto is not None:
        wild ^= WILD_PROTO
    if match.dl_vlan_pcp is not None:
        wild ^= WILD_PCP
    if match.tp_src is not None:
        wild ^= WILD_TP_SRC
    if match.tp_dst is not None:
        wild ^= WILD_TP_DST
    networks = match.nw_src is not None or match.nw_dst is not None
    if not networks and wild & _INNER == _INNER:
        return 0, 0, wild
    check_inner(OPENFLOW_10, match)
    nw_src, wild = _network(match.nw_src, wild, NW_SRC_SHIFT)
    nw_dst, wild = _network(match.nw_dst, wild, NW_DST_SHIFT)
    return nw_src, nw_dst, wild


def _network(field: tuple[int, int] | None, wild: int, shift: int) -> tuple[int, int]:
    """Put a network's prefix into the wildcard bits: how many low bits are free."""
    if field is None or field[1] == 0:
        return 0, wild
    address, prefix = field
    free = IPV4_BITS - prefix
    return address >> free << free, wild & ~(NW_BITS << shift) | free << shift


def decode_match(data: bytes) -> tuple[Match, bool]:
    """Return the match in 40 bytes, and whether it is one that :func:`encode_match` takes."""
    wild, port, src, dst, vlan, pcp, dl_type, tos, proto, nw_src, nw_dst, tp_src, tp_dst = (
        MATCH.unpack(data)
    )
    # Open vSwitch leaves the bit of the priority clear for frames without a tag.
    tagged = wild & WILD_VLAN or vlan != VLAN_NONE
    match = Match(
        None if wild & WILD_IN_PORT else port if port <= MAX_10 else widened(port),
        None if wild & WILD_SRC else src,
        None if wild & WILD_DST else dst,
        False,
        None if wild & WILD_TYPE else dl_type,
        None if wild & WILD_VLAN else vlan & MAX_VLAN if tagged else VLAN_NONE,
        _read_network(nw_src, wild >> NW_SRC_SHIFT),
        _read_network(nw_dst, wild >> NW_DST_SHIFT),
        pcp if tagged and not wild & WILD_PCP else None,
        None if wild & WILD_PROTO else proto,
        None if wild & WILD_TOS else tos & ~TOS_ECN_BITS,
        None if wild & WILD_TP_SRC else tp_src,
        None if wild & WILD_TP_DST else tp_dst,
    )
    named = wild & WILD_VLAN or vlan <= MAX_VLAN or vlan == VLAN_NONE
    return match, bool(named) and (wild & _INNER == _INNER or _is_whole(match))


def _is_whole(match: Match) -> bool:
    try:
        check_inner(OPENFLOW_10, match)
    except ValueError:
        return False
    return True


def _read_network(address: int, bits: int) -> tuple[int, int] | None:
    free = bits & NW_BITS
    return None if free >= IPV4_BITS else (address >> free << free, IPV4_BITS - free)
