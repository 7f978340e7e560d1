"""Set-fields: what setting a field means, given the frames that an entry matches.

1.0 has one action per field of its match (1.0.0 section 5.2.4); the switch leaves alone what is
not there. On 1.3 the action names an OXM field, which depends on the kind of frame, and the
match must say so much that the field is there (1.3.5 section 7.2.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire.fields import FIELDS, header
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.match_rules import (
    ADVERTISEMENT,
    ARP,
    ICMP,
    ICMP6,
    IPV4,
    IPV6,
    SOLICITATION,
)
from horizon_ryu.wire.messages import VLAN_NONE, Match, SetField
from horizon_ryu.wire.oxm import TRANSPORT
from horizon_ryu.wire.protocols import (
    IPV6_BITS,
    MAC_SIZE,
    MAX_BYTE,
    MAX_LONG,
    MAX_PCP,
    MAX_SHORT,
    MAX_VLAN,
    TOS_ECN_BITS,
    WITH_PORTS,
)


class FrameKind(NamedTuple):
    """What a match says of its frames, as far as actions depend on it; None: it may be anything.

    ``tagged``: whether they have a VLAN tag. ``icmp6_type``: the type of an ICMPv6 message.
    """

    dl_type: int | None = None
    tagged: bool | None = None
    nw_proto: int | None = None
    icmp6_type: int | None = None


ANY_KIND = FrameKind()


def frame_kind(match: Match) -> FrameKind:
    """Return what ``match`` says of its frames."""
    tagged = None if match.dl_vlan is None else match.dl_vlan != VLAN_NONE
    is_icmp6 = match.nw_proto == ICMP6 and match.dl_type == IPV6
    return FrameKind(match.dl_type, tagged, match.nw_proto, match.tp_src if is_icmp6 else None)


MACS = frozenset({"dl_src", "dl_dst"})
TAG_FIELDS = frozenset({"dl_vlan", "dl_vlan_pcp"})
_ADDRESSES = frozenset({"nw_src", "nw_dst"})
_PORTS = frozenset({"tp_src", "tp_dst"})
BYTE_VALUES = MACS | {"ipv6_nd_sll", "ipv6_nd_tll"}
"""Fields whose values are the bytes of a MAC address."""
_MAX_IPV6 = (1 << IPV6_BITS) - 1
_LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "dl_vlan": MAX_VLAN,
        "dl_vlan_pcp": MAX_PCP,
        "nw_src": MAX_LONG,
        "nw_dst": MAX_LONG,
        "nw_tos": MAX_BYTE,
        "tp_src": MAX_SHORT,
        "tp_dst": MAX_SHORT,
        "ip_ecn": TOS_ECN_BITS,
        "ipv6_src": _MAX_IPV6,
        "ipv6_dst": _MAX_IPV6,
        "ipv6_nd_target": _MAX_IPV6,
    }
)
_OF_10 = frozenset({None, IPV4})
_TRANSPORT_10 = frozenset({None, *WITH_PORTS})


def check_value(action: SetField, nw_proto: int | None) -> None:
    """Raise ValueError unless ``action`` names a field that can be set, and a value of it."""
    name, value = action.field, action.value
    if name in BYTE_VALUES:
        if not isinstance(value, bytes) or len(value) != MAC_SIZE:
            raise ValueError(f"{name} takes {MAC_SIZE} bytes, not {value!r}")
        return
    if name not in _LIMITS:
        raise ValueError(f"{name} cannot be set")
    limit = MAX_BYTE if name in _PORTS and nw_proto in (ICMP, ICMP6) else _LIMITS[name]
    if not isinstance(value, int) or not 0 <= value <= limit:
        raise ValueError(f"{name} takes 0 to {limit}, not {value!r}")
    if name == "nw_tos" and value & TOS_ECN_BITS:
        raise ValueError("the two lowest bits of nw_tos are zero")


def check_10(action: SetField, kind: FrameKind) -> None:
    """Raise ValueError if a 1.0 switch would not set this field in frames of this kind."""
    check_value(action, kind.nw_proto)
    if action.field in MACS or action.field in TAG_FIELDS:
        return
    if action.field in ONLY_13:
        raise ValueError(f"OpenFlow 1.0 cannot set {action.field}")
    if kind.dl_type not in _OF_10:
        raise ValueError(f"OpenFlow 1.0 sets {action.field} in IPv4 only")
    if action.field in _PORTS and kind.nw_proto not in _TRANSPORT_10:
        raise ValueError(f"IP protocol {kind.nw_proto} has no {action.field}")


def oxm_header(name: str, kind: FrameKind) -> int:
    """Return the header of the field that ``name`` stands for; ValueError if none is known."""
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain
    if name in _ADDRESSES:
        return _address_header(name, kind.dl_type)
    if name in _IN_IPV6:
        return _ipv6_header(name, kind)
    if name in _TOS and kind.dl_type in (IPV4, IPV6):
        return _TOS[name]
    if name in _PORTS and kind.dl_type in (IPV4, IPV6):
        return _port_header(name, kind)
    raise ValueError(f"{name} is set in IP only: dl_type must say so")


def _address_header(name: str, dl_type: int | None) -> int:
    if dl_type == IPV4:
        return header(OFPXMT_OFB.IPV4_SRC if name == "nw_src" else OFPXMT_OFB.IPV4_DST)
    if dl_type == ARP:
        return header(OFPXMT_OFB.ARP_SPA if name == "nw_src" else OFPXMT_OFB.ARP_TPA)
    raise ValueError(f"{name} is set in IPv4 and ARP only: dl_type must say which")


def _port_header(name: str, kind: FrameKind) -> int:
    if kind.nw_proto == ICMP6 and kind.dl_type == IPV6:
        return _ICMP6_HEADERS[name == "tp_dst"]
    fields = TRANSPORT.get(kind.nw_proto or 0)
    if fields is None or (kind.nw_proto == ICMP and kind.dl_type != IPV4):
        raise ValueError(f"{name} depends on nw_proto, which must be 1, 6, 17, 58 or 132")
    return header(fields[name == "tp_dst"])


def _ipv6_header(name: str, kind: FrameKind) -> int:
    number, types = _IN_IPV6[name]
    if kind.dl_type != IPV6:
        raise ValueError(f"{name} is set in IPv6 only: dl_type must be 0x86dd")
    if types and (kind.nw_proto != ICMP6 or kind.icmp6_type not in types):
        wanted = " or ".join(map(str, types))
        raise ValueError(f"{name} is set in ICMPv6 of type {wanted} only: the match must say so")
    return header(number)


_TOS: Mapping[str, int] = MappingProxyType(
    {"nw_tos": header(OFPXMT_OFB.IP_DSCP), "ip_ecn": header(OFPXMT_OFB.IP_ECN)}
)
_ICMP6_HEADERS = header(OFPXMT_OFB.ICMPV6_TYPE), header(OFPXMT_OFB.ICMPV6_CODE)
_IN_IPV6: Mapping[str, tuple[OFPXMT_OFB, tuple[int, ...]]] = MappingProxyType(
    {
        "ipv6_src": (OFPXMT_OFB.IPV6_SRC, ()),
        "ipv6_dst": (OFPXMT_OFB.IPV6_DST, ()),
        "ipv6_nd_target": (OFPXMT_OFB.IPV6_ND_TARGET, (SOLICITATION, ADVERTISEMENT)),
        "ipv6_nd_sll": (OFPXMT_OFB.IPV6_ND_SLL, (SOLICITATION,)),
        "ipv6_nd_tll": (OFPXMT_OFB.IPV6_ND_TLL, (ADVERTISEMENT,)),
    }
)
"""Field of IPv6 -> its number, and the types of ICMPv6 messages that have it, if not all do."""
ONLY_13 = frozenset({*_IN_IPV6, "ip_ecn"})
"""What OpenFlow 1.0 cannot set."""


_PLAIN: Mapping[str, int] = MappingProxyType(
    {
        FIELDS[number].label: header(number)
        for number in (
            OFPXMT_OFB.ETH_SRC,
            OFPXMT_OFB.ETH_DST,
            OFPXMT_OFB.VLAN_VID,
            OFPXMT_OFB.VLAN_PCP,
        )
    }
)
_IN_IP_AND_ARP = (
    OFPXMT_OFB.IP_DSCP,
    OFPXMT_OFB.IP_ECN,
    OFPXMT_OFB.IPV4_SRC,
    OFPXMT_OFB.IPV4_DST,
    OFPXMT_OFB.ICMPV6_TYPE,
    OFPXMT_OFB.ICMPV6_CODE,
    OFPXMT_OFB.ARP_SPA,
    OFPXMT_OFB.ARP_TPA,
    *(number for number, _ in _IN_IPV6.values()),
    *(number for fields in TRANSPORT.values() for number in fields),
)

NAMES: Mapping[int, str] = MappingProxyType(
    {head: name for name, head in _PLAIN.items()}
    | {header(number): FIELDS[number].label for number in _IN_IP_AND_ARP}
)
"""Header of an OXM field that can be set -> its name here."""
