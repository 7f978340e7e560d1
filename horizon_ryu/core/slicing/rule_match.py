"""Matches of flowspace rules as people write them: numbers, ranges, networks, and lists of such.

``{"dl_vlan": ["10-20", 30], "nw_src": "10.0.0.0/8", "tp_dst": [80, "8000-8080"]}``. The names are
those of flows (both name sets), and those of the other OXM fields of 1.3.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import (
    ETHERTYPE_WORDS,
    PROTOCOL_WORDS,
    Loc,
    number,
    parse_mac_range,
    parse_network,
    parse_network6,
    plain_number,
)
from horizon_ryu.core.flows.match_fields import OXM_NAMES
from horizon_ryu.core.slicing.rule_regions import (
    INNER,
    NEIGHBOURS,
    PORTS,
    PRESENT,
    has_region,
    kinds_of,
)
from horizon_ryu.core.slicing.value_set import ValueRange, ValueSet, prefixes
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.messages import LOCAL_PORT, MAX_PHYSICAL_PORT
from horizon_ryu.wire.protocols import IPV4_BITS, IPV6_BITS, MAX_VLAN
from horizon_ryu.wire.ternary import LAYOUTS, new_tuple

_MAC_BITS, _VLAN_BITS, _PORT_BITS = 48, 13, 32
MOST_VALUES = 4096
"""Of one list: more than there are VLANs are written as ranges."""

_Element = Callable[[Any, Loc], tuple[list[tuple[int, int]], list[tuple[int, int]]]]
"""Reads one element of a list: the ranges, and the values under masks, that it stands for."""


def parse_rule_match(fields: Mapping[str, Any], loc: Loc = ("match",)) -> dict[str, ValueSet]:
    """Return the values of each field that ``fields`` name; InvalidInput says what is wrong."""
    found: dict[str, ValueSet] = {}
    for written, value in fields.items():
        name = written.lower()
        alias = OXM_NAMES.get(name)
        field = name if alias is None else alias.field
        reader = name if name in _READERS else field
        place = (*loc, written)
        if reader not in _READERS:
            raise InvalidInput(place, "no field that a flowspace can be told by")
        if field in found:
            raise InvalidInput(place, "the same field is given twice")
        found[field] = _values(reader, value, place)
        if alias is not None:
            _take_implied(name, found, place)
    _check(found, loc)
    return found


def parse_ports(value: Any, loc: Loc = ("ports",)) -> ValueSet:
    """Return the ports that numbers, ranges and "local" stand for."""
    return _values("in_port", value, loc)


def _values(name: str, value: Any, loc: Loc) -> ValueSet:
    """Return the values of a field; what is written shortly is read once, however often it comes.

    Rules are thousands, and name the same ports and tags again and again.
    """
    if _is_short(value):
        given = value
    elif type(value) is list and len(value) <= MOST_KNOWN and all(map(_is_short, value)):
        given = tuple(value)
    else:
        return _read(name, value, loc)
    try:
        return _known_values(name, given)
    except InvalidInput as error:
        raise InvalidInput((*loc, *error.loc), error.msg) from error


MOST_KNOWN = 16
"""Elements of a list that is remembered with what it says: longer ones take memory."""
_SHORT = 64


def _is_short(value: Any) -> bool:
    """Tell whether a value is a number or a short text: equal to another only if it is the same."""
    kind = type(value)
    return kind is int or (kind is str and len(value) <= _SHORT)


@lru_cache(maxsize=4096)
def _known_values(name: str, given: Any) -> ValueSet:
    return _read(name, list(given) if type(given) is tuple else given, ())


def _read(name: str, value: Any, loc: Loc) -> ValueSet:
    bits, element = _READERS[name]
    if not isinstance(value, list):
        ranges, masked = element(value, loc)
        if len(ranges) == 1 and not masked:
            return new_tuple(ValueSet, (bits, (new_tuple(ValueRange, ranges[0]),), ()))
        return ValueSet.of(bits, ranges, masked)
    if not value:
        raise InvalidInput(loc, "an empty list takes no frames; leave the field out for all")
    if len(value) > MOST_VALUES:
        raise InvalidInput(loc, f"{len(value)} elements, at most {MOST_VALUES}; write ranges")
    ranges, masked = [], []
    for at, one in enumerate(value):
        more, others = element(one, (*loc, at))
        ranges += more
        masked += others
    return ValueSet.of(bits, ranges, masked)


def _take_implied(name: str, found: dict[str, ValueSet], loc: Loc) -> None:
    """Put in the protocol that an OXM name says, and the types of frames: ``tcp_dst`` is of TCP."""
    alias = OXM_NAMES[name]
    if alias.dl_types:
        kinds = ValueSet.of(16, [(kind, kind) for kind in alias.dl_types])
        given = found.setdefault("dl_type", kinds)
        if not given.meets(kinds):
            raise InvalidInput(loc, "contradicts dl_type")
    if alias.nw_proto is not None:
        protocol = ValueSet.of(8, [(alias.nw_proto, alias.nw_proto)])
        if found.setdefault("nw_proto", protocol) != protocol:
            raise InvalidInput(loc, f"needs nw_proto {alias.nw_proto}, and no other")


def _check(found: dict[str, ValueSet], loc: Loc) -> None:
    """Refuse fields that no frame has together."""
    if found.keys() <= _IN_ANY_FRAME:
        return
    inner = INNER & found.keys()
    if PORTS & found.keys() and not {"nw_proto", *NEIGHBOURS} & found.keys():
        field = min(PORTS & found.keys())
        raise InvalidInput((*loc, field), "needs nw_proto: ports are those of a protocol")
    tags = found.get("dl_vlan")
    if "dl_vlan_pcp" in found and tags is not None and 0 in tags:
        raise InvalidInput((*loc, "dl_vlan_pcp"), "frames without a tag have no priority")
    if _MPLS & found.keys() and "dl_type" not in found:
        raise InvalidInput((*loc, min(_MPLS & found.keys())), "needs dl_type 0x8847 or 0x8848")
    if "pbb_isid" in found and "dl_type" not in found:
        raise InvalidInput((*loc, "pbb_isid"), "needs dl_type 0x88e7")
    if inner and not kinds_of(found):
        raise InvalidInput((*loc, min(inner)), "no type of frame has these fields")
    # Only fields whose meaning depends on the protocol may have values that no frame has.
    varying = (PORTS | NEIGHBOURS) & found.keys()
    if varying and not any(has_region(found, layout) for layout in _NEWEST_FIRST):
        raise InvalidInput(loc, "no frame of OpenFlow 1.0 or 1.3 has these values")


_NEWEST_FIRST = tuple(LAYOUTS[version] for version in sorted(LAYOUTS, reverse=True))
_IN_ANY_FRAME = frozenset({"in_port", "dl_src", "dl_dst", "dl_vlan", "nw_src", "nw_dst"})
"""Fields that there are frames with, whichever of them a rule names: nothing is to be checked."""
_MPLS = frozenset({"mpls_label", "mpls_tc", "mpls_bos"})


# ---- Elements


def _span(value: Any, read: Callable[[Any, Loc], int], loc: Loc) -> tuple[int, int]:
    """Read one value, or two with a hyphen between them."""
    if isinstance(value, str) and "-" in value.strip("-"):
        first, _, last = value.partition("-")
        low, high = read(first.strip(), loc), read(last.strip(), loc)
        if low > high:
            raise InvalidInput(loc, f"a range from {low} to {high} is empty")
        return low, high
    found = read(value, loc)
    return found, found


def _numbers(low: int, high: int, words: Mapping[str, int] | None = None) -> _Element:
    read = number(low, high, words or {})

    def element(value: Any, loc: Loc) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        if type(value) is int and low <= value <= high:
            return [(value, value)], []
        return [_span(value, read, loc)], []

    return element


def _port(value: Any, loc: Loc) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Read port numbers; 0 is one, since switches of OpenFlow 1.0 count from it."""
    if type(value) is int and 0 <= value <= MAX_PHYSICAL_PORT:
        return [(value, value)], []
    if plain_number(value, _LOCAL) == LOCAL_PORT:
        return [(LOCAL_PORT, LOCAL_PORT)], []
    return [_span(value, _read_port, loc)], []


_LOCAL = MappingProxyType({"local": LOCAL_PORT})
_read_port = number(0, MAX_PHYSICAL_PORT, _LOCAL)


def _mac(value: Any, loc: Loc) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    mac, mask = parse_mac_range(value, loc)
    address = int.from_bytes(mac, "big")
    if mask is None:
        return [(address, address)], []
    return [], [(address, int.from_bytes(mask, "big"))]


def _network(read: Callable[[Any, Loc], tuple[int, int]], bits: int, kind: type[Any]) -> _Element:
    def element(value: Any, loc: Loc) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        if isinstance(value, str) and "-" in value:
            first, _, last = value.partition("-")
            try:
                low, high = int(kind(first.strip())), int(kind(last.strip()))
            except ValueError as error:
                raise InvalidInput(loc, f"not a range of addresses: {error}") from error
            if low > high:
                raise InvalidInput(loc, "a range whose last address comes before its first")
            return [(low, high)], []
        address, prefix = read(value, loc)
        return [(address, address | (1 << bits - prefix) - 1)], []

    return element


_UNTAGGED, _TAGGED = ("untagged", "none"), ("tagged", "any", "0x1000/0x1000")


_read_vlan = number(0, MAX_VLAN, dict.fromkeys(_UNTAGGED, 0))


def _vlan(value: Any, loc: Loc) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    if value in _UNTAGGED:
        return [(0, 0)], []
    if value in _TAGGED:
        return [(PRESENT, PRESENT | MAX_VLAN)], []
    first, last = _span(value, _read_vlan, loc)
    return [(PRESENT | first, PRESENT | last)], []


def _tos(value: Any, loc: Loc) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    first, last = _span(value, number(0, 252), loc)
    if first & 3 or last & 3:
        raise InvalidInput(loc, "the two lowest bits of a ToS byte are no part of the field")
    return [(first >> 2, last >> 2)], []


_Reader = tuple[int, _Element]
_IPV4_NETWORK = (IPV4_BITS, _network(parse_network, IPV4_BITS, ipaddress.IPv4Address))
_IPV6_NETWORK = (IPV6_BITS, _network(parse_network6, IPV6_BITS, ipaddress.IPv6Address))
_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        "in_port": (_PORT_BITS, _port),
        **dict.fromkeys(
            ("dl_src", "dl_dst", "arp_sha", "arp_tha", "ipv6_nd_sll", "ipv6_nd_tll"),
            (_MAC_BITS, _mac),
        ),
        "dl_type": (16, _numbers(0x05FF, 0xFFFF, ETHERTYPE_WORDS)),
        "dl_vlan": (_VLAN_BITS, _vlan),
        "dl_vlan_pcp": (3, _numbers(0, 7)),
        "nw_src": _IPV4_NETWORK,
        "nw_dst": _IPV4_NETWORK,
        "nw_proto": (8, _numbers(0, 255, PROTOCOL_WORDS)),
        "nw_tos": (6, _tos),
        "ip_dscp": (6, _numbers(0, 63)),
        "ip_ecn": (2, _numbers(0, 3)),
        "tp_src": (16, _numbers(0, 0xFFFF)),
        "tp_dst": (16, _numbers(0, 0xFFFF)),
        "ipv6_src": _IPV6_NETWORK,
        "ipv6_dst": _IPV6_NETWORK,
        "ipv6_nd_target": _IPV6_NETWORK,
        "ipv6_flabel": (20, _numbers(0, 0xFFFFF)),
        "ipv6_exthdr": (9, _numbers(0, 0x1FF)),
        "mpls_label": (20, _numbers(0, 0xFFFFF)),
        "mpls_tc": (3, _numbers(0, 7)),
        "mpls_bos": (1, _numbers(0, 1)),
        "pbb_isid": (24, _numbers(0, 0xFFFFFF)),
        "tunnel_id": (64, _numbers(0, 0xFFFF_FFFF_FFFF_FFFF)),
    }
)


FIELD_BITS: Mapping[str, int] = MappingProxyType(
    {name: bits for name, (bits, _) in _READERS.items()}
)
"""How many bits the values of each field have."""

# ---- Written


def rule_match_fields(match: Mapping[str, ValueSet]) -> dict[str, Any]:
    """Return the fields of a rule as :func:`parse_rule_match` reads them."""
    found: dict[str, Any] = {}
    for field, values in match.items():
        few = len(values.ranges) + len(values.masked) <= MOST_KNOWN
        written = _known_text(field, values) if few else tuple(_written(field, values))
        found[field] = written[0] if len(written) == 1 else list(written)
    return found


@lru_cache(maxsize=4096)
def _known_text(field: str, values: ValueSet) -> tuple[Any, ...]:
    return tuple(_written(field, values))


def _written(field: str, values: ValueSet) -> Iterator[Any]:
    for first, last in values.ranges:
        yield from _range_text(field, first, last)
    for value, mask in values.masked:
        yield (
            f"{_mac_text(value)}/{_mac_text(mask)}"
            if values.bits == _MAC_BITS
            else (f"{value:#x}/{mask:#x}")
        )


def _mac_text(value: int) -> str:
    return mac_to_text(value.to_bytes(6, "big"))


def _range_text(field: str, first: int, last: int) -> Iterator[Any]:
    if field == "dl_vlan":
        yield from _vlan_text(first, last)
    elif field == "in_port" and last == LOCAL_PORT:
        yield "local"
    elif _READERS[field][0] == _MAC_BITS:
        yield from _mac_range_text(first, last)
    else:
        bits, reader = _READERS[field]
        if reader in _ADDRESS:
            yield _network_text(first, last, bits, _ADDRESS[reader])
        else:
            shift = 2 if field == "nw_tos" else 0
            yield first << shift if first == last else f"{first << shift}-{last << shift}"


def _network_text(first: int, last: int, bits: int, write: Callable[[int], str]) -> str:
    """Write addresses as a network where they are one."""
    size = last - first + 1
    if not size & size - 1 and not first & size - 1:
        prefix = bits + 1 - size.bit_length()
        return write(first) if size == 1 else f"{write(first)}/{prefix}"
    return f"{write(first)}-{write(last)}"


def _vlan_text(first: int, last: int) -> Iterator[Any]:
    if first == 0:
        yield "untagged"
        first = PRESENT
    if last < PRESENT:
        return
    low, high = max(first, PRESENT) - PRESENT, last - PRESENT
    if (low, high) == (0, MAX_VLAN):
        yield "tagged"
    else:
        yield low if low == high else f"{low}-{high}"


def _mac_range_text(first: int, last: int) -> Iterator[str]:
    """Write a range of MAC addresses, which masks made, as masks again."""
    ones = (1 << _MAC_BITS) - 1
    for value, mask in prefixes(first, last, _MAC_BITS):
        yield _mac_text(value) if mask == ones else f"{_mac_text(value)}/{_mac_text(mask)}"


_ADDRESS: Mapping[_Element, Callable[[int], str]] = MappingProxyType(
    {
        _IPV4_NETWORK[1]: lambda number: socket.inet_ntoa(number.to_bytes(4, "big")),
        _IPV6_NETWORK[1]: lambda number: str(ipaddress.IPv6Address(number)),
    }
)
