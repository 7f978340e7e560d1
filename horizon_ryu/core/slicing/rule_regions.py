"""Regions of a rule: the headers that it takes, in the fields of one version.

The same name stands for different fields: ``nw_src`` for the source of IPv4 or the sender of ARP,
``tp_dst`` for the port of TCP, UDP or SCTP. Where a version has one field for each of them, a rule
becomes a region for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from horizon_ryu.core.slicing.region import Region
from horizon_ryu.core.slicing.value_set import Bits, ValueRange, ValueSet
from horizon_ryu.wire.protocols import (
    ETHERTYPE,
    ICMPV6,
    IPPROTO,
    MAX_SHORT,
    MAX_VLAN,
    WITH_PORTS,
    WITH_PORTS_IPV6,
)
from horizon_ryu.wire.ternary import HEADER_10, HEADER_13, HeaderLayout

IPV4, ARP, IPV6 = int(ETHERTYPE.IPV4), int(ETHERTYPE.ARP), int(ETHERTYPE.IPV6)
ICMP, ICMP6 = int(IPPROTO.ICMP), int(IPPROTO.ICMPV6)
SOLICITATION, ADVERTISEMENT = map(int, ICMPV6)
NETWORKS = frozenset({"nw_src", "nw_dst"})
PORTS = frozenset({"tp_src", "tp_dst"})
IPV6_ONLY = frozenset({"ipv6_src", "ipv6_dst", "ipv6_flabel", "ipv6_exthdr"})
NEIGHBOURS = frozenset({"ipv6_nd_target", "ipv6_nd_sll", "ipv6_nd_tll"})
IP_ONLY = frozenset({"nw_tos", "ip_ecn"})
ARP_ONLY = frozenset({"arp_sha", "arp_tha"})
INNER = NETWORKS | PORTS | IPV6_ONLY | NEIGHBOURS | IP_ONLY | ARP_ONLY | {"nw_proto"}
"""Fields that depend on the type of the frame."""

_PROTOCOLS: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {IPV4: WITH_PORTS, IPV6: WITH_PORTS_IPV6}
)
Spans: TypeAlias = tuple[ValueRange, ...]
Masks: TypeAlias = tuple[Bits, ...]
"""What a set of values is of: of thousands of rules it is told apart more quickly than the set."""
_KINDS = (IPV4, ARP, IPV6)
PRESENT = MAX_VLAN + 1
"""The bit that a VLAN identifier has where there is a tag (1.3.5 section 7.2.3.7)."""
_NONE_10 = 0xFFFF
_MAX_PORT_10 = 0xFF00
_LOCAL_13, _LOCAL_10 = 0xFFFF_FFFE, 0xFFFE


def has_field(kind: int, field: str) -> bool:
    """Tell whether frames of a type can have a field that depends on it."""
    if field in NETWORKS or field == "nw_proto":
        return kind in (IPV4, ARP) or (field == "nw_proto" and kind == IPV6)
    if field in IPV6_ONLY or field in NEIGHBOURS:
        return kind == IPV6
    if field in ARP_ONLY:
        return kind == ARP
    return kind in (IPV4, IPV6)


def kinds_of(match: Mapping[str, ValueSet]) -> list[int]:
    """Return the types of frames that a rule with inner fields takes: those that have them all.

    A rule for ``nw_src`` alone is of IPv4 and of ARP; with ``tp_dst`` it is of IPv4 alone.
    """
    given = match.get("dl_type")
    kinds = _kinds_with(frozenset(INNER & match.keys()))
    return [kind for kind in kinds if given is None or kind in given]


@lru_cache(maxsize=1024)
def _kinds_with(inner: frozenset[str]) -> tuple[int, ...]:
    """Return the types of frames that can have all of these fields."""
    return tuple(kind for kind in _KINDS if all(has_field(kind, field) for field in inner))


def regions_of(match: Mapping[str, ValueSet], layout: HeaderLayout) -> list[Region]:
    """Return the regions that a rule's fields are in one version; none if it has no such frames."""
    return list(_regions(match, layout))


def has_region(match: Mapping[str, ValueSet], layout: HeaderLayout) -> bool:
    """Tell whether frames of a version can be what a rule's fields say."""
    return next(_regions(match, layout), None) is not None


def _regions(match: Mapping[str, ValueSet], layout: HeaderLayout) -> Iterator[Region]:
    if layout is HEADER_10:
        return _regions10(match)
    return (region for term in _terms(match) if (region := _region13(term)) is not None)


def _terms(match: Mapping[str, ValueSet]) -> Iterator[dict[str, ValueSet]]:
    """Yield the fields with a single type of frame and, if ports count, a single protocol."""
    if not INNER & match.keys():
        yield dict(match)
        return
    for kind in kinds_of(match):
        term = {**match, "dl_type": _only(16, kind)}
        if NEIGHBOURS & match.keys():
            yield from _neighbour_terms(term)
        elif PORTS & match.keys():
            allowed = match.get("nw_proto")
            for protocol in _PROTOCOLS.get(kind, ()):
                if allowed is None or protocol in allowed:
                    yield {**term, "nw_proto": _only(8, protocol)}
        else:
            yield term


def _neighbour_terms(term: Mapping[str, ValueSet]) -> Iterator[dict[str, ValueSet]]:
    """Yield the terms of each ICMPv6 type that has all of the fields (1.3.5, table 11)."""
    protocol, types = term.get("nw_proto"), term.get("tp_src")
    if protocol is not None and ICMP6 not in protocol:
        return
    for number, lacking in ((SOLICITATION, "ipv6_nd_tll"), (ADVERTISEMENT, "ipv6_nd_sll")):
        if lacking not in term and (types is None or number in types):
            yield {**term, "nw_proto": _only(8, ICMP6), "tp_src": _only(16, number)}


@lru_cache(maxsize=256)
def _only(bits: int, value: int) -> ValueSet:
    return ValueSet(bits, (ValueRange(value, value),))


def _single(values: ValueSet | None) -> int | None:
    return None if values is None else values.ranges[0].first


_PORT_NAMES: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        int(IPPROTO.TCP): ("tcp_src", "tcp_dst"),
        int(IPPROTO.UDP): ("udp_src", "udp_dst"),
        int(IPPROTO.SCTP): ("sctp_src", "sctp_dst"),
        ICMP: ("icmpv4_type", "icmpv4_code"),
        ICMP6: ("icmpv6_type", "icmpv6_code"),
    }
)
_NAMES_13: Mapping[str, str] = MappingProxyType(
    {
        "dl_src": "eth_src",
        "dl_dst": "eth_dst",
        "dl_type": "eth_type",
        "dl_vlan": "vlan_vid",
        "dl_vlan_pcp": "vlan_pcp",
        "nw_tos": "ip_dscp",
    }
)
"""Fields that have one name in OpenFlow 1.3, whatever the frame is."""


def _name13(field: str, kind: int | None, protocol: int | None) -> str:
    if field in NETWORKS:
        side = field[3:]
        return f"ipv4_{side}" if kind == IPV4 else {"src": "arp_spa", "dst": "arp_tpa"}[side]
    if field == "nw_proto":
        return "arp_op" if kind == ARP else "ip_proto"
    if field in PORTS:
        return _PORT_NAMES[protocol or 0][field == "tp_dst"]
    return _NAMES_13.get(field, field)


def _region13(term: Mapping[str, ValueSet]) -> Region | None:
    inner = INNER & term.keys()
    kind = _single(term.get("dl_type")) if inner else None
    protocol = _single(term.get("nw_proto")) if (PORTS | NEIGHBOURS) & term.keys() else None
    sets: dict[str, ValueSet] = {}
    for field, values in term.items():
        name = _name13(field, kind, protocol)
        narrowed = _narrowed(values, HEADER_13[name].bits)
        if narrowed is None:
            return None
        sets[name] = narrowed
    if "vlan_pcp" in sets and "vlan_vid" not in sets:
        sets["vlan_vid"] = _tagged(HEADER_13["vlan_vid"].bits)
    return Region.of(HEADER_13, sets)


def _tagged(bits: int) -> ValueSet:
    return ValueSet(bits, (ValueRange(PRESENT, PRESENT | MAX_VLAN),))


def _narrowed(values: ValueSet, bits: int) -> ValueSet | None:
    """Return the values that fit into ``bits`` bits; None if none does."""
    if values.bits == bits:
        return values
    ones = (1 << bits) - 1
    ranges = [(first, min(last, ones)) for first, last in values.ranges if first <= ones]
    masked = [(value, mask & ones) for value, mask in values.masked if value <= ones]
    return ValueSet.of(bits, ranges, masked) if ranges or masked else None


def _regions10(match: Mapping[str, ValueSet]) -> Iterator[Region]:
    """Yield the regions of a rule; what all of them have in common is worked out once."""
    sets = _sets10(match) if match.keys() <= _NAMES_10 else None
    if sets is None:
        return
    if not INNER & match.keys():
        yield Region.of(HEADER_10, sets)
        return
    told_by = (match.get(field) for field in _OF_TERMS)
    for own in _terms10(frozenset(match), *told_by):
        yield Region.of(HEADER_10, {**sets, **own})


@lru_cache(maxsize=1024)
def _terms10(
    names: frozenset[str], kinds: ValueSet | None, protocols: ValueSet | None
) -> tuple[Mapping[str, ValueSet], ...]:
    """Return what the terms of rules differ in that name these fields, of types that 1.0 has.

    There a field has one place, whatever the frame is: terms that differ in one of the two only
    are one region.
    """
    match: dict[str, ValueSet] = dict.fromkeys(names, _only(1, 0))
    given = {"dl_type": kinds, "nw_proto": protocols}
    match |= {field: values for field, values in given.items() if values is not None}
    terms = [
        {field: term[field] for field in _OF_TERMS if field in term}
        for term in _terms(match)
        if _single(term["dl_type"]) in (IPV4, ARP)
    ]
    for field in _OF_TERMS:
        terms = list(_joined(terms, field))
    return tuple(terms)


def _joined(terms: Iterable[Mapping[str, ValueSet]], field: str) -> Iterator[dict[str, ValueSet]]:
    """Yield terms, those as one that differ in a field and in nothing else."""
    found: dict[tuple[tuple[str, ValueSet], ...], list[ValueSet]] = {}
    for term in terms:
        rest = tuple((name, values) for name, values in term.items() if name != field)
        found.setdefault(rest, []).extend([term[field]] if field in term else [])
    for rest, several in found.items():
        ranges = [span for values in several for span in values.ranges]
        yield dict(rest) | ({field: ValueSet.of(several[0].bits, ranges)} if several else {})


def _sets10(match: Mapping[str, ValueSet]) -> dict[str, ValueSet] | None:
    """Return a rule's values in the fields of 1.0; None if those of one are none there."""
    sets: dict[str, ValueSet] = {}
    for field, values in match.items():
        changed = _CHANGED_10.get(field)
        found = values if changed is None else changed(values.bits, values.ranges, values.masked)
        if found is not None and found.bits != _BITS_10[field]:
            found = _narrowed(found, _BITS_10[field])
        if found is None:
            return None
        sets[field] = found
    if "dl_vlan_pcp" in sets and "dl_vlan" not in sets:
        sets["dl_vlan"] = ValueSet(16, (ValueRange(0, MAX_VLAN),))
    return sets


@lru_cache(maxsize=4096)
def _tags10(_bits: int, spans: Spans, masks: Masks) -> ValueSet | None:
    """Return identifiers as 1.0 has them: without the bit, and 0xffff for no tag (5.2.3)."""
    ranges = []
    for first, last in spans:
        if first == 0:
            ranges.append((_NONE_10, _NONE_10))
        if last >= PRESENT:
            ranges.append((max(first, PRESENT) - PRESENT, last - PRESENT))
    masked = [
        (value & MAX_VLAN, mask & MAX_VLAN | MAX_SHORT ^ MAX_VLAN)
        for value, mask in masks
        if value & PRESENT
    ]
    return ValueSet.of(16, ranges, masked) if ranges or masked else None


@lru_cache(maxsize=4096)
def _ports10(bits: int, spans: Spans, masks: Masks) -> ValueSet | None:
    ranges = [(first, min(last, _MAX_PORT_10)) for first, last in spans if first <= _MAX_PORT_10]
    if _LOCAL_13 in ValueSet(bits, spans, masks):
        ranges.append((_LOCAL_10, _LOCAL_10))
    return ValueSet.of(16, ranges) if ranges else None


_OF_TERMS: tuple[str, ...] = ("dl_type", "nw_proto")
"""Fields in which the terms of one rule differ, the same in 1.0."""
_NAMES_10 = HEADER_10.fields.keys()
_BITS_10 = {name: field.bits for name, field in HEADER_10.fields.items()}
_CHANGED_10 = {"dl_vlan": _tags10, "in_port": _ports10}
