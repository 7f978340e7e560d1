"""Ternary matches of OpenFlow 1.0 as the bytes of ``struct ofp_match``, and back (5.2.3).

The struct behind its wildcards is the number, so only the wildcards are translated.
"""

from __future__ import annotations

from functools import lru_cache

from horizon_ryu.wire.fields import FIELDS_10, MATCH_SIZE_10
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.match10 import NW_BITS, WILD_ALL
from horizon_ryu.wire.match_rules import ARP, IPV4
from horizon_ryu.wire.ofp10 import OFP_VLAN_NONE, OFPFW
from horizon_ryu.wire.protocols import IPV4_BITS, MAX_VLAN, WITH_PORTS
from horizon_ryu.wire.ternary import FIELDS_SIZE_10, HEADER_10, TernaryMatch

_ALL_WILDCARDS = int(WILD_ALL)
_TYPE, _VLAN, _PROTOCOL = HEADER_10["dl_type"], HEADER_10["dl_vlan"], HEADER_10["nw_proto"]
_TYPE_MASK, _VLAN_MASK, _PROTOCOL_MASK = _TYPE.mask, _VLAN.mask, _PROTOCOL.mask
DECIDING_10 = _TYPE_MASK | _VLAN_MASK | _PROTOCOL_MASK
"""Which fields of a match say nothing depends on its mask, and on what it says in these."""
_PORTS_MASK = HEADER_10["tp_src"].mask | HEADER_10["tp_dst"].mask
_TOS_MASK, _PCP_MASK = HEADER_10["nw_tos"].mask, HEADER_10["dl_vlan_pcp"].mask
_NETWORK_MASK = (
    HEADER_10["nw_src"].mask | HEADER_10["nw_dst"].mask | _PROTOCOL_MASK | _TOS_MASK | _PORTS_MASK
)
_NO_TAG = OFP_VLAN_NONE << _VLAN.shift
_ANY_TAG = (_VLAN.ones ^ MAX_VLAN) << _VLAN.shift
"""No identifier has these bits; OFP_VLAN_NONE, of frames without a tag, has all of them."""
_IP_KINDS = {IPV4 << _TYPE.shift: True, ARP << _TYPE.shift: False}
"""The types of frames whose addresses count -> whether ToS and ports do, too."""
_PORT_PROTOCOLS = frozenset(protocol << _PROTOCOL.shift for protocol in WITH_PORTS)


def read_match10(message: bytes, start: int) -> TernaryMatch:
    """Return the match of 1.0 at ``start``; WireError if the message ends before it does.

    A field whose prerequisite is not there says nothing, as Open vSwitch has it: what is returned
    takes exactly the frames that the entry would.
    """
    end = start + MATCH_SIZE_10
    if len(message) < end:
        raise WireError(f"{len(message) - start} bytes left for a match")
    return match10(int.from_bytes(message[start : start + 4], "big"), message[start + 4 : end])


def match10(wildcards: int, fields: bytes) -> TernaryMatch:
    """Return the match of these wildcards and the fields behind them; see :func:`read_match10`."""
    mask = mask10(wildcards)
    return effective10(int.from_bytes(fields, "big") & mask, mask)


def mask10(wildcards: int) -> int:
    """Return the mask of these wildcards, of fields that say nothing too."""
    return _mask_of(wildcards & _ALL_WILDCARDS)


def effective10(value: int, mask: int) -> TernaryMatch:
    """Return the match without the fields that say nothing."""
    if not mask & _VLAN_MASK:
        # A priority without an identifier is that of any tag, but not of none.
        mask |= _ANY_TAG if mask & _PCP_MASK else 0
    elif value & _VLAN_MASK == _NO_TAG:
        mask &= ~_PCP_MASK
    is_ip = _IP_KINDS.get(value & _TYPE_MASK) if mask & _TYPE_MASK else None
    if is_ip is None:
        mask &= ~_NETWORK_MASK
    elif not is_ip:
        mask &= ~(_TOS_MASK | _PORTS_MASK)
    elif not mask & _PROTOCOL_MASK or value & _PROTOCOL_MASK not in _PORT_PROTOCOLS:
        mask &= ~_PORTS_MASK
    return TernaryMatch(value & mask, mask)


def write_match10(match: TernaryMatch) -> bytes:
    """Return the 40 bytes of a match; WireError for masks that 1.0 cannot express."""
    wildcards = wildcards10(match.mask)
    return wildcards.to_bytes(4, "big") + match.value.to_bytes(FIELDS_SIZE_10, "big")


@lru_cache(maxsize=4096)
def _mask_of(wildcards: int) -> int:
    mask = 0
    for field in FIELDS_10:
        place = HEADER_10[field.label]
        if field.shift is None:
            mask |= 0 if wildcards & field.wildcard else place.mask
        else:
            free = min(wildcards >> field.shift & NW_BITS, IPV4_BITS)
            mask |= (place.ones >> free << free) << place.shift
    return mask


@lru_cache(maxsize=4096)
def wildcards10(mask: int) -> int:
    """Return the wildcards of a mask; WireError for masks that 1.0 cannot express."""
    wildcards = 0
    if mask & _VLAN_MASK == _ANY_TAG and mask & _PCP_MASK == _PCP_MASK:
        mask ^= _ANY_TAG
    for field in FIELDS_10:
        place = HEADER_10[field.label]
        named = place.of(mask)
        if field.shift is not None:
            free = IPV4_BITS - named.bit_count()
            if named != place.ones >> free << free:
                raise WireError(f"OpenFlow 1.0 has no mask {named:#x} of {field.label}")
            wildcards |= free << field.shift
        elif not named:
            wildcards |= field.wildcard
        elif named != place.ones:
            raise WireError(f"OpenFlow 1.0 has no mask {named:#x} of {field.label}")
    return wildcards


EVERY_FRAME_10 = int(OFPFW.ALL).to_bytes(4, "big") + bytes(FIELDS_SIZE_10)
"""The match of every frame."""
