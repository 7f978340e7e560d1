"""Matches as users write them: field names and values to :class:`Match` and back.

Both name sets are read: the twelve fields of OpenFlow 1.0 (``dl_type``, ``nw_src`` ...) and the
OXM names of 1.3 (``eth_type``, ``ipv4_src`` ...); the former are written (design, section 3).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import (
    ANY_TAG,
    ARP_WORDS,
    ETHERTYPE_WORDS,
    PROTOCOL_WORDS,
    Loc,
    Reader,
    number,
    parse_address6,
    parse_dscp,
    parse_mac,
    parse_mac_range,
    parse_network,
    parse_network6,
    parse_port,
    parse_tos,
    parse_vlan,
    parse_vlan_vid,
    plain_number,
)
from horizon_ryu.core.flows.spelling import ICMP_NAMES, OTHER_NAMES, canonical, unknown_field
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    VLAN_TAGGED,
    Match,
)
from horizon_ryu.wire.protocols import (
    ETHERTYPE,
    ICMPV6,
    IPPROTO,
    IPV4_BITS,
    IPV6_BITS,
    WITH_PORTS,
    WITH_PORTS_IPV6,
)

ETH_IPV4, ETH_ARP, ETH_IPV6 = int(ETHERTYPE.IPV4), int(ETHERTYPE.ARP), int(ETHERTYPE.IPV6)
ICMP, TCP, UDP, SCTP = WITH_PORTS
ICMP6 = int(IPPROTO.ICMPV6)
SOLICITATION, ADVERTISEMENT = ICMPV6


class _Alias(NamedTuple):
    """What an OXM name stands for: the field, and the dl_type or nw_proto that it demands.

    No dl_types: whatever the field itself allows.
    """

    field: str
    dl_types: tuple[int, ...] = ()
    nw_proto: int | None = None


_V4, _V6, _ARP = (ETH_IPV4,), (ETH_IPV6,), (ETH_ARP,)
_IP = _V4 + _V6


OXM_NAMES: Mapping[str, _Alias] = MappingProxyType(
    {
        "eth_src": _Alias("dl_src"),
        "eth_dst": _Alias("dl_dst"),
        "eth_type": _Alias("dl_type"),
        "vlan_vid": _Alias("dl_vlan"),
        "vlan_pcp": _Alias("dl_vlan_pcp"),
        "ip_proto": _Alias("nw_proto"),
        "ip_dscp": _Alias("nw_tos"),
        "ipv4_src": _Alias("nw_src", _V4),
        "ipv4_dst": _Alias("nw_dst", _V4),
        "arp_spa": _Alias("nw_src", _ARP),
        "arp_tpa": _Alias("nw_dst", _ARP),
        "arp_op": _Alias("nw_proto", _ARP),
        "tcp_src": _Alias("tp_src", _IP, TCP),
        "tcp_dst": _Alias("tp_dst", _IP, TCP),
        "udp_src": _Alias("tp_src", _IP, UDP),
        "udp_dst": _Alias("tp_dst", _IP, UDP),
        "sctp_src": _Alias("tp_src", _IP, SCTP),
        "sctp_dst": _Alias("tp_dst", _IP, SCTP),
        "icmpv4_type": _Alias("tp_src", _V4, ICMP),
        "icmpv4_code": _Alias("tp_dst", _V4, ICMP),
        "icmpv6_type": _Alias("tp_src", _V6, ICMP6),
        "icmpv6_code": _Alias("tp_dst", _V6, ICMP6),
    }
)
"""The names of 1.3 (specification 1.3.5, table 12) for the fields that both versions have."""

_PLAIN = _Alias("")
_IMPLIED: Mapping[str, _Alias] = MappingProxyType(
    {
        **OXM_NAMES,
        "ipv6_src": _Alias("ipv6_src", _V6),
        "ipv6_dst": _Alias("ipv6_dst", _V6),
    }
)
"""Fields whose names say what frames they are of."""

PROTOCOLS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "ip": {"dl_type": ETH_IPV4},
        "arp": {"dl_type": ETH_ARP},
        "icmp": {"dl_type": ETH_IPV4, "nw_proto": ICMP},
        "tcp": {"dl_type": ETH_IPV4, "nw_proto": TCP},
        "udp": {"dl_type": ETH_IPV4, "nw_proto": UDP},
        "sctp": {"dl_type": ETH_IPV4, "nw_proto": SCTP},
        "ipv6": {"dl_type": ETH_IPV6},
        "icmp6": {"dl_type": ETH_IPV6, "nw_proto": ICMP6},
        "tcp6": {"dl_type": ETH_IPV6, "nw_proto": TCP},
        "udp6": {"dl_type": ETH_IPV6, "nw_proto": UDP},
        "sctp6": {"dl_type": ETH_IPV6, "nw_proto": SCTP},
        "rarp": {"dl_type": int(ETHERTYPE.RARP)},
        "mpls": {"dl_type": int(ETHERTYPE.MPLS)},
    }
)
"""Words that stand for fields, as in ``ovs-ofctl``; their value is true."""


def parse_match(fields: Mapping[str, Any], loc: Loc = ("match",)) -> Match:
    """Return the match that ``fields`` describe; InvalidInput names the field and the reason."""
    values: dict[str, Any] = {}
    given: dict[str, _Given] = {}
    words: dict[str, _Given] = {}
    for written, value in fields.items():
        name, here = written, (*loc, written)
        if written not in _NAMES:
            name = canonical(written, _says_ipv6(fields))
        if name in PROTOCOLS:
            words[name] = _Given(name, here, value)
            continue
        field = OXM_NAMES[name].field if name in OXM_NAMES else name
        if field not in _READERS:
            raise InvalidInput(here, unknown_field(written, _NAMES))
        if field in given:
            before = given[field].loc[-1]
            raise InvalidInput(here, f"the same field is given as {before}")
        given[field] = _Given(name, here, value)
        read = _OXM_READERS.get(name) or _READERS[field]
        values[field] = read(value, here)
    _take_protocols(words.values(), values)
    _take_implied((item.name for item in given.values()), values)
    for field, item in given.items():
        _check_alias(item, values)
        _check_needs(field, item.loc, values, item.value)
    _split_masks(values)
    return Match(**values)


class _Given(NamedTuple):
    """A field as it was given: the name that is read here, where it stands, and the value."""

    name: str
    loc: Loc
    value: Any


def _says_ipv6(fields: Mapping[str, Any]) -> bool:
    """Tell whether some field says that the match is of IPv6."""
    for written, value in fields.items():
        name = canonical(written, is_ipv6=False)
        if PROTOCOLS.get(name, _NO_FIELDS).get("dl_type") == ETH_IPV6 or name in _OF_IPV6:
            return True
        if name in ("dl_type", "eth_type") and plain_number(value, ETHERTYPE_WORDS) == ETH_IPV6:
            return True
    return False


_OF_IPV6 = ("ipv6_src", "ipv6_dst", "ipv6_nd_target", "ipv6_nd_sll", "ipv6_nd_tll")
_NO_FIELDS: Mapping[str, int] = MappingProxyType({})


def _split_masks(values: dict[str, Any]) -> None:
    """Give masks of MAC addresses their own fields, and the group bit of the destination its."""
    for name in ("dl_src", "dl_dst"):
        if name in values:
            values[name], values[f"{name}_mask"] = values[name]
    if values.get("dl_dst") == values.get("dl_dst_mask") == _GROUP_BIT:
        values |= {"dl_dst": None, "dl_dst_mask": None, "dl_dst_multicast": True}


_GROUP_BIT = b"\x01\x00\x00\x00\x00\x00"


def match_fields(match: Match) -> dict[str, Any]:
    """Return the fields of ``match`` that are given, under their 1.0 names."""
    found = {}
    for name, write in _WRITERS.items():
        value = getattr(match, name)
        if value is not None:
            found[name] = write(value)
    if match.dl_src_mask is not None:
        found["dl_src"] += f"/{mac_to_text(match.dl_src_mask)}"
    if match.dl_dst_mask is not None:
        found["dl_dst"] += f"/{mac_to_text(match.dl_dst_mask)}"
    if match.dl_dst_multicast:
        found["dl_dst"] = f"{mac_to_text(_GROUP_BIT)}/{mac_to_text(_GROUP_BIT)}"
    return found


def _take_protocols(words: Iterable[_Given], values: dict[str, Any]) -> None:
    """Put what ``words`` stand for into ``values``."""
    for name, loc, given in words:
        if given is not True and given not in ("", "true"):
            raise InvalidInput(loc, "write true")
        for field, value in PROTOCOLS[name].items():
            if values.setdefault(field, value) != value:
                raise InvalidInput(loc, f"contradicts {field} {values[field]:#x}")


def _take_implied(names: Iterable[str], values: dict[str, Any]) -> None:
    """Put into ``values`` the dl_type and the nw_proto that a field's name says, if none is given.

    ``ipv4_dst`` is of IPv4 alone; ``tcp_dst`` may be of either version of IP.
    """
    for name in names:
        alias = _IMPLIED.get(name)
        if alias is None:
            continue
        if len(alias.dl_types) == 1:
            values.setdefault("dl_type", alias.dl_types[0])
        if alias.nw_proto is not None and values.get("dl_type") in alias.dl_types:
            values.setdefault("nw_proto", alias.nw_proto)


_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "in_port": parse_port,
        "dl_src": parse_mac_range,
        "dl_dst": parse_mac_range,
        "dl_type": number(0x05FF, 0xFFFF, ETHERTYPE_WORDS),
        "dl_vlan": parse_vlan,
        "dl_vlan_pcp": number(0, 7),
        "nw_src": parse_network,
        "nw_dst": parse_network,
        "nw_proto": number(0, 255, PROTOCOL_WORDS),
        "nw_tos": parse_tos,
        "tp_src": number(0, 0xFFFF),
        "tp_dst": number(0, 0xFFFF),
        "ipv6_src": parse_network6,
        "ipv6_dst": parse_network6,
        "ipv6_nd_target": parse_address6,
        "ipv6_nd_sll": parse_mac,
        "ipv6_nd_tll": parse_mac,
    }
)
_OXM_READERS: Mapping[str, Reader] = MappingProxyType(
    {"ip_dscp": parse_dscp, "vlan_vid": parse_vlan_vid, "arp_op": number(0, 255, ARP_WORDS)}
)
"""Of names whose values are not those of the field of 1.0."""
MATCH_FIELDS = tuple(_READERS)
"""The fields, by the names in which answers are written: twelve of 1.0, then those of IPv6."""
_NAMES = frozenset((*MATCH_FIELDS, *OXM_NAMES, *PROTOCOLS))
NAMES_READ = (*MATCH_FIELDS, *OXM_NAMES, *PROTOCOLS, *OTHER_NAMES, *ICMP_NAMES)
"""Every name that may be written in a match."""


def network_text(network: tuple[int, int]) -> str:
    """Return a range in CIDR form, a single address without its length."""
    address = str(ipaddress.IPv4Address(network[0]))
    return address if network[1] == IPV4_BITS else f"{address}/{network[1]}"


def network6_text(network: tuple[int, int]) -> str:
    """Return an IPv6 range in CIDR form, a single address without its length."""
    address = str(ipaddress.IPv6Address(network[0]))
    return address if network[1] == IPV6_BITS else f"{address}/{network[1]}"


def _address6_text(address: int) -> str:
    return str(ipaddress.IPv6Address(address))


def _vlan_text(vlan: int) -> int | str:
    return ANY_TAG if vlan == VLAN_TAGGED else vlan


def _same(value: Any) -> Any:
    return value


_WRITERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        **dict.fromkeys(MATCH_FIELDS, _same),
        **dict.fromkeys(("dl_src", "dl_dst", "ipv6_nd_sll", "ipv6_nd_tll"), mac_to_text),
        **dict.fromkeys(("nw_src", "nw_dst"), network_text),
        **dict.fromkeys(("ipv6_src", "ipv6_dst"), network6_text),
        "ipv6_nd_target": _address6_text,
        "dl_vlan": _vlan_text,
    }
)


def _check_alias(given: _Given, values: Mapping[str, Any]) -> None:
    """Refuse an OXM name beside a dl_type or nw_proto that contradicts it (1.3.5, 7.2.3.6)."""
    alias = OXM_NAMES.get(given.name, _PLAIN)
    if alias.dl_types and values.get("dl_type") not in alias.dl_types:
        needed = " or ".join(f"{dl_type:#06x}" for dl_type in alias.dl_types)
        words = " or ".join(_words_for(alias))
        raise InvalidInput(given.loc, f"needs dl_type {needed}; add {words}")
    if alias.nw_proto is not None and values.get("nw_proto") != alias.nw_proto:
        raise InvalidInput(given.loc, f"needs nw_proto {alias.nw_proto}")


def _words_for(alias: _Alias) -> Iterator[str]:
    """Yield the words that say what frames a field is of."""
    for word, fields in PROTOCOLS.items():
        if fields["dl_type"] in alias.dl_types and fields.get("nw_proto") == alias.nw_proto:
            yield word


def _check_needs(field: str, loc: Loc, values: Mapping[str, Any], given: Any) -> None:
    """Refuse a field that the others do not make sense of; it was ``given`` so.

    Open vSwitch on 1.0 takes such an entry, ignores the field, and lets it match every frame.
    """
    kind, proto = values.get("dl_type"), values.get("nw_proto")
    if field in ("nw_src", "nw_dst") and kind not in (ETH_IPV4, ETH_ARP):
        raise InvalidInput(loc, "needs dl_type 0x0800 (IPv4) or 0x0806 (ARP); add ip or arp")
    if field in ("ipv6_src", "ipv6_dst") and kind != ETH_IPV6:
        raise InvalidInput(loc, "needs dl_type 0x86dd (IPv6)")
    if field == "nw_proto" and kind == ETH_ARP and str(given).lower() in PROTOCOL_WORDS:
        raise InvalidInput(loc, "of ARP it is what that does: request (1) or reply (2)")
    if field == "nw_proto" and kind not in (ETH_IPV4, ETH_ARP, ETH_IPV6):
        raise InvalidInput(
            loc, "needs dl_type 0x0800 (IPv4), 0x86dd or 0x0806 (ARP); add ip, ipv6 or arp"
        )
    if field == "nw_tos" and kind not in _IP:
        raise InvalidInput(loc, "needs dl_type 0x0800 (IPv4) or 0x86dd; add ip or ipv6")
    if field == "dl_vlan_pcp" and values.get("dl_vlan") in (None, VLAN_NONE):
        raise InvalidInput(loc, "needs dl_vlan: frames without a tag have no priority")
    if field in ("tp_src", "tp_dst"):
        if proto not in _WITH_PORTS.get(kind or 0, ()):
            raise InvalidInput(
                loc,
                "needs dl_type 0x0800 and nw_proto 1, 6, 17 or 132, or 0x86dd and 58, 6, 17 or "
                "132: add tcp, udp, sctp or icmp, or tcp6 and so on",
            )
        if proto in (ICMP, ICMP6) and values[field] > 255:
            raise InvalidInput(loc, "an ICMP type or code is 0 to 255")
    if field in _NEIGHBOUR:
        types = _NEIGHBOUR[field]
        if (kind, proto) != (ETH_IPV6, ICMP6) or values.get("tp_src") not in types:
            needed = " or ".join(str(int(number)) for number in types)
            raise InvalidInput(loc, f"needs icmp6 and icmpv6_type {needed}")


_WITH_PORTS: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {ETH_IPV4: WITH_PORTS, ETH_IPV6: WITH_PORTS_IPV6}
)
_NEIGHBOUR: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "ipv6_nd_target": (SOLICITATION, ADVERTISEMENT),
        "ipv6_nd_sll": (SOLICITATION,),
        "ipv6_nd_tll": (ADVERTISEMENT,),
    }
)
