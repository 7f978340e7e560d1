"""Matches as users write them: field names and values to :class:`Match` and back.

Both name sets are read: the twelve fields of OpenFlow 1.0 (``dl_type``, ``nw_src`` ...) and the
OXM names of 1.3 (``eth_type``, ``ipv4_src`` ...); the former are written (design, section 3).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import (
    ETHERTYPE_WORDS,
    PROTOCOL_WORDS,
    Loc,
    Reader,
    number,
    parse_dscp,
    parse_mac,
    parse_network,
    parse_tos,
    parse_vlan,
    parse_vlan_vid,
    plain_number,
)
from horizon_ryu.core.topology import is_port
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.messages import LOCAL_PORT, MAX_PHYSICAL_PORT, VLAN_NONE, Match
from horizon_ryu.wire.protocols import ETHERTYPE, IPV4_BITS, WITH_PORTS

ETH_IPV4, ETH_ARP, ETH_IPV6 = int(ETHERTYPE.IPV4), int(ETHERTYPE.ARP), int(ETHERTYPE.IPV6)
ICMP, TCP, UDP, SCTP = WITH_PORTS


class _Alias(NamedTuple):
    """What an OXM name stands for: the field, and the dl_type or nw_proto that it demands."""

    field: str
    dl_type: int | None = None
    nw_proto: int | None = None


OXM_NAMES: Mapping[str, _Alias] = MappingProxyType(
    {
        "eth_src": _Alias("dl_src"),
        "eth_dst": _Alias("dl_dst"),
        "eth_type": _Alias("dl_type"),
        "vlan_vid": _Alias("dl_vlan"),
        "vlan_pcp": _Alias("dl_vlan_pcp"),
        "ip_proto": _Alias("nw_proto"),
        "ip_dscp": _Alias("nw_tos"),
        "ipv4_src": _Alias("nw_src", ETH_IPV4),
        "ipv4_dst": _Alias("nw_dst", ETH_IPV4),
        "arp_spa": _Alias("nw_src", ETH_ARP),
        "arp_tpa": _Alias("nw_dst", ETH_ARP),
        "arp_op": _Alias("nw_proto", ETH_ARP),
        "tcp_src": _Alias("tp_src", ETH_IPV4, TCP),
        "tcp_dst": _Alias("tp_dst", ETH_IPV4, TCP),
        "udp_src": _Alias("tp_src", ETH_IPV4, UDP),
        "udp_dst": _Alias("tp_dst", ETH_IPV4, UDP),
        "sctp_src": _Alias("tp_src", ETH_IPV4, SCTP),
        "sctp_dst": _Alias("tp_dst", ETH_IPV4, SCTP),
        "icmpv4_type": _Alias("tp_src", ETH_IPV4, ICMP),
        "icmpv4_code": _Alias("tp_dst", ETH_IPV4, ICMP),
    }
)
"""The names of 1.3 (specification 1.3.5, table 12) for the fields that both versions have."""

_PLAIN = _Alias("")

PROTOCOLS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "ip": {"dl_type": ETH_IPV4},
        "arp": {"dl_type": ETH_ARP},
        "icmp": {"dl_type": ETH_IPV4, "nw_proto": ICMP},
        "tcp": {"dl_type": ETH_IPV4, "nw_proto": TCP},
        "udp": {"dl_type": ETH_IPV4, "nw_proto": UDP},
        "sctp": {"dl_type": ETH_IPV4, "nw_proto": SCTP},
    }
)
"""Words that stand for fields, as in ``ovs-ofctl``; their value is true."""


def parse_match(fields: Mapping[str, Any], loc: Loc = ("match",)) -> Match:
    """Return the match that ``fields`` describe; InvalidInput names the field and the reason."""
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    for name, value in fields.items():
        if name in PROTOCOLS:
            continue
        field = OXM_NAMES[name].field if name in OXM_NAMES else name
        if field not in _READERS:
            raise InvalidInput((*loc, name), "no such match field")
        if field in given:
            raise InvalidInput((*loc, name), f"the same field is given as {given[field]}")
        given[field] = name
        read = _OXM_READERS.get(name) or _READERS[field]
        values[field] = read(value, (*loc, name))
    _take_protocols(fields, values, loc)
    for field, name in given.items():
        _check_alias(name, values, loc)
        _check_needs(field, name, values, loc)
    return Match(**values)


def match_fields(match: Match) -> dict[str, Any]:
    """Return the fields of ``match`` that are given, under their 1.0 names."""
    found = {}
    for name, write in _WRITERS.items():
        value = getattr(match, name)
        if value is not None:
            found[name] = write(value)
    return found


def _take_protocols(fields: Mapping[str, Any], values: dict[str, Any], loc: Loc) -> None:
    """Put what the words among ``fields`` stand for into ``values``."""
    for word in fields:
        if word not in PROTOCOLS:
            continue
        if fields[word] is not True:
            raise InvalidInput((*loc, word), "write true")
        for field, value in PROTOCOLS[word].items():
            if values.setdefault(field, value) != value:
                raise InvalidInput((*loc, word), f"contradicts {field} {values[field]:#x}")


def parse_port(value: Any, loc: Loc) -> int:
    """Return the number of a port, where "local" is the switch's own."""
    found = plain_number(value, _PORT_WORDS)
    if found is None or not is_port(found):
        raise InvalidInput(loc, f"must be a whole number from 1 to {MAX_PHYSICAL_PORT}, or local")
    return found


_PORT_WORDS: Mapping[str, int] = MappingProxyType({"local": LOCAL_PORT})
_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "in_port": parse_port,
        "dl_src": parse_mac,
        "dl_dst": parse_mac,
        "dl_type": number(0x05FF, 0xFFFF, ETHERTYPE_WORDS),
        "dl_vlan": parse_vlan,
        "dl_vlan_pcp": number(0, 7),
        "nw_src": parse_network,
        "nw_dst": parse_network,
        "nw_proto": number(0, 255, PROTOCOL_WORDS),
        "nw_tos": parse_tos,
        "tp_src": number(0, 0xFFFF),
        "tp_dst": number(0, 0xFFFF),
    }
)
_OXM_READERS: Mapping[str, Reader] = MappingProxyType(
    {"ip_dscp": parse_dscp, "vlan_vid": parse_vlan_vid}
)
"""Of names whose values are not those of the field of 1.0."""
MATCH_FIELDS = tuple(_READERS)
"""The twelve fields, by the names in which answers are written."""


def network_text(network: tuple[int, int]) -> str:
    """Return a range in CIDR form, a single address without its length."""
    address = str(ipaddress.IPv4Address(network[0]))
    return address if network[1] == IPV4_BITS else f"{address}/{network[1]}"


def _same(value: Any) -> Any:
    return value


_WRITERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    dict.fromkeys(MATCH_FIELDS, _same)
    | {"dl_src": mac_to_text, "dl_dst": mac_to_text}
    | {"nw_src": network_text, "nw_dst": network_text}
)


def _check_alias(name: str, values: Mapping[str, Any], loc: Loc) -> None:
    """Refuse an OXM name beside a dl_type or nw_proto that contradicts it (1.3.5, 7.2.3.6)."""
    alias = OXM_NAMES.get(name, _PLAIN)
    if alias.dl_type is not None and values.get("dl_type") != alias.dl_type:
        raise InvalidInput((*loc, name), f"needs dl_type {alias.dl_type:#06x}")
    if alias.nw_proto is not None and values.get("nw_proto") != alias.nw_proto:
        raise InvalidInput((*loc, name), f"needs nw_proto {alias.nw_proto}")


def _check_needs(field: str, name: str, values: Mapping[str, Any], loc: Loc) -> None:
    """Refuse a field that the others do not make sense of.

    Open vSwitch on 1.0 takes such an entry, ignores the field, and lets it match every frame.
    """
    kind, proto = values.get("dl_type"), values.get("nw_proto")
    if field in ("nw_src", "nw_dst") and kind not in (ETH_IPV4, ETH_ARP):
        raise InvalidInput((*loc, name), "needs dl_type 0x0800 (IPv4) or 0x0806 (ARP)")
    if field == "nw_proto" and kind not in (ETH_IPV4, ETH_ARP, ETH_IPV6):
        raise InvalidInput((*loc, name), "needs dl_type 0x0800 (IPv4), 0x86dd or 0x0806 (ARP)")
    if field == "nw_tos" and kind != ETH_IPV4:
        raise InvalidInput((*loc, name), "needs dl_type 0x0800 (IPv4)")
    if field == "dl_vlan_pcp" and values.get("dl_vlan") in (None, VLAN_NONE):
        raise InvalidInput((*loc, name), "needs dl_vlan: frames without a tag have no priority")
    if field in ("tp_src", "tp_dst"):
        if kind != ETH_IPV4 or proto not in WITH_PORTS:
            raise InvalidInput((*loc, name), "needs dl_type 0x0800 and nw_proto 1, 6, 17 or 132")
        if proto == ICMP and values[field] > 255:
            raise InvalidInput((*loc, name), "an ICMP type or code is 0 to 255")
