"""Overlap of matches: whether two share a frame, and whether one takes Discovery's frames."""

from __future__ import annotations

from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.frames import ETH_LLDP
from horizon_ryu.core.ownership import Priority
from horizon_ryu.wire.messages import VLAN_NONE, VLAN_TAGGED, Match
from horizon_ryu.wire.protocols import IPV4_BITS, IPV6_BITS

_EXACT = (
    "in_port",
    "dl_type",
    "dl_vlan_pcp",
    "nw_proto",
    "nw_tos",
    "tp_src",
    "tp_dst",
    "ipv6_nd_target",
    "ipv6_nd_sll",
    "ipv6_nd_tll",
)
_GROUP_BIT = 1 << 40
_ALL_BITS = (1 << 48) - 1
_PROBED = (int.from_bytes(lldp.NEAREST_BRIDGE, "big"), _ALL_BITS)


def overlaps(one: Match, other: Match) -> bool:
    """Tell whether some frame has all fields of both matches."""
    for name in _EXACT:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine is not None and theirs is not None and mine != theirs:
            return False
    return (
        _common_tag(one.dl_vlan, other.dl_vlan)
        and _common_range(one.nw_src, other.nw_src, IPV4_BITS)
        and _common_range(one.nw_dst, other.nw_dst, IPV4_BITS)
        and _common_range(one.ipv6_src, other.ipv6_src, IPV6_BITS)
        and _common_range(one.ipv6_dst, other.ipv6_dst, IPV6_BITS)
        and _common_mac(_sources(one), _sources(other))
        and _common_mac(_destinations(one), _destinations(other))
    )


def _common_tag(one: int | None, other: int | None) -> bool:
    if one is None or other is None or one == other:
        return True
    return VLAN_TAGGED in (one, other) and VLAN_NONE not in (one, other)


def _common_range(one: tuple[int, int] | None, other: tuple[int, int] | None, bits: int) -> bool:
    if one is None or other is None:
        return True
    free = bits - min(one[1], other[1])
    return one[0] >> free == other[0] >> free


def _common_mac(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return not (one[0] ^ other[0]) & one[1] & other[1]


def _sources(match: Match) -> tuple[int, int]:
    """Return the bits that a source must have, and which bits those are."""
    return _bits(match.dl_src, match.dl_src_mask)


def _destinations(match: Match) -> tuple[int, int]:
    if match.dl_dst_multicast:
        return _GROUP_BIT, _GROUP_BIT
    return _bits(match.dl_dst, match.dl_dst_mask)


def _bits(mac: bytes | None, mask: bytes | None) -> tuple[int, int]:
    if mac is None:
        return 0, 0
    return int.from_bytes(mac, "big"), _ALL_BITS if mask is None else int.from_bytes(mask, "big")


def blinds_discovery(match: Match, priority: int) -> bool:
    """Tell whether an entry would take probes before the LLDP entry of Discovery does.

    Of entries of equal priority a switch may use either (1.0 specification, 3.4).
    """
    if priority < Priority.LLDP or match.dl_type not in (None, ETH_LLDP):
        return False
    if not _common_mac(_destinations(match), _PROBED):
        return False
    # Probes carry no tag.
    return match.dl_vlan in (None, VLAN_NONE)
