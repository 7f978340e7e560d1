"""Overlap of matches: whether two share a frame, and whether one takes Discovery's frames."""

from __future__ import annotations

from horizon_ryu.core import lldp
from horizon_ryu.core.frames import ETH_LLDP
from horizon_ryu.core.ownership import Priority
from horizon_ryu.wire.messages import VLAN_NONE, Match

_EXACT = (
    "in_port",
    "dl_src",
    "dl_dst",
    "dl_type",
    "dl_vlan",
    "dl_vlan_pcp",
    "nw_proto",
    "nw_tos",
    "tp_src",
    "tp_dst",
)


def overlaps(one: Match, other: Match) -> bool:
    """Tell whether some frame has all fields of both matches."""
    for name in _EXACT:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine is not None and theirs is not None and mine != theirs:
            return False
    return _common(one.nw_src, other.nw_src) and _common(one.nw_dst, other.nw_dst)


def _common(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    if one is None or other is None:
        return True
    free = 32 - min(one[1], other[1])
    return one[0] >> free == other[0] >> free


def blinds_discovery(match: Match, priority: int) -> bool:
    """Tell whether an entry would take probes before the LLDP entry of Discovery does.

    Of entries of equal priority a switch may use either (1.0 specification, 3.4).
    """
    if priority < Priority.LLDP or match.dl_type not in (None, ETH_LLDP):
        return False
    if match.dl_dst not in (None, lldp.NEAREST_BRIDGE):
        return False
    # Probes carry no tag.
    return match.dl_vlan in (None, VLAN_NONE)
