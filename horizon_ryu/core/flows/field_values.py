"""Readers of field values as people write them: numbers, words, MAC and IP addresses.

Every reader takes a value from outside and where it stands, and raises InvalidInput.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.wire.messages import LOCAL_PORT, MAX_PHYSICAL_PORT, VLAN_NONE, VLAN_TAGGED
from horizon_ryu.wire.protocols import (
    DSCP_SHIFT,
    ETHERTYPE,
    IPPROTO,
    IPV4_BITS,
    IPV6_BITS,
    MAX_VLAN,
)

Loc: TypeAlias = tuple[str | int, ...]
Reader: TypeAlias = Callable[[Any, Loc], Any]

_MAC = re.compile(
    r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(\1[0-9A-Fa-f]{2}){4}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
    r"|[0-9A-Fa-f]{12}"
)
ANY_TAG = "0x1000/0x1000"
"""How any VLAN tag there may be is written: the bit OFPVID_PRESENT, masked (1.3.5, 7.2.3.7)."""
NUMBER = "0[xX][0-9A-Fa-f]{1,16}|0|[1-9][0-9]{0,18}"
"""Pattern of numbers as text; what begins with a zero may be octal, decimal or neither."""
_NUMBER = re.compile(NUMBER, re.ASCII)
_RANGE = re.compile(r"[0-9]\s*[-,/:]|\*")
_SEVERAL = "; for a range or a list make several flows, together by POST /v1/flows/batch"
_PRESENT = MAX_VLAN + 1
"""The bit OFPVID_PRESENT, which ``vlan_vid`` has with a tag (1.3.5 section 7.2.3.7)."""

ETHERTYPE_WORDS: Mapping[str, int] = MappingProxyType(
    {
        "ip": int(ETHERTYPE.IPV4),
        "ipv4": int(ETHERTYPE.IPV4),
        "arp": int(ETHERTYPE.ARP),
        "ipv6": int(ETHERTYPE.IPV6),
        "lldp": int(ETHERTYPE.LLDP),
    }
)
PROTOCOL_WORDS: Mapping[str, int] = MappingProxyType(
    {
        "icmp": int(IPPROTO.ICMP),
        "tcp": int(IPPROTO.TCP),
        "udp": int(IPPROTO.UDP),
        "sctp": int(IPPROTO.SCTP),
        "icmpv6": int(IPPROTO.ICMPV6),
        "icmp6": int(IPPROTO.ICMPV6),
        "igmp": 2,
        "gre": 47,
        "esp": 50,
        "ah": 51,
        "ospf": 89,
        "vrrp": 112,
    }
)
"""Protocols above IP by name (IANA, Protocol Numbers)."""
ARP_WORDS: Mapping[str, int] = MappingProxyType({"request": 1, "reply": 2})
"""What ARP does (RFC 826)."""
_NO_WORDS: Mapping[str, int] = MappingProxyType({})


_PORT_WORDS: Mapping[str, int] = MappingProxyType({"local": LOCAL_PORT})


def plain_number(value: Any, words: Mapping[str, int] = _NO_WORDS) -> int | None:
    """Return the whole number that ``value`` is, or is the text or one of ``words`` for.

    None if it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    if _NUMBER.fullmatch(value):
        return int(value, 16 if value[:2].lower() == "0x" else 10)
    return words.get(value.lower())


def number(low: int, high: int, words: Mapping[str, int] = _NO_WORDS) -> Callable[[Any, Loc], int]:
    """Return a reader of whole numbers from ``low`` to ``high``, or of ``words`` for such."""
    names = f", or one of {', '.join(words)}" if words else ""

    def read(value: Any, loc: Loc) -> int:
        found = plain_number(value, words)
        if found is None or not low <= found <= high:
            several = _SEVERAL if isinstance(value, str) and _RANGE.search(value) else ""
            raise InvalidInput(loc, f"must be a whole number from {low} to {high}{names}{several}")
        return found

    return read


def parse_port(value: Any, loc: Loc) -> int:
    """Return the number of a port, where "local" is the switch's own."""
    found = plain_number(value, _PORT_WORDS)
    if found is None or not (0 < found <= MAX_PHYSICAL_PORT or found == LOCAL_PORT):
        raise InvalidInput(loc, f"must be a whole number from 1 to {MAX_PHYSICAL_PORT}, or local")
    return found


def parse_mac(value: Any, loc: Loc) -> bytes:
    """Return the 6 bytes of a MAC address: with colons, hyphens, dots (in fours) or nothing."""
    if not isinstance(value, str) or not _MAC.fullmatch(value):
        raise InvalidInput(loc, "not a MAC address such as 00:00:00:00:00:01")
    return bytes.fromhex(re.sub("[:.-]", "", value))


def parse_mac_range(value: Any, loc: Loc) -> tuple[bytes, bytes | None]:
    """Return a MAC address and its mask, None without one; no bit beside the mask is set."""
    text, slash, mask_text = value.partition("/") if isinstance(value, str) else (value, "", "")
    mac = parse_mac(text, loc)
    if not slash:
        return mac, None
    if not _MAC.fullmatch(mask_text):
        raise InvalidInput(loc, "a mask is written as an address: ff:ff:ff:00:00:00")
    mask = parse_mac(mask_text, loc)
    if not any(mask):
        raise InvalidInput(loc, "a mask of nothing says nothing; leave the field out")
    if any(bits & ~kept for bits, kept in zip(mac, mask, strict=True)):
        raise InvalidInput(loc, "bits of the address are not in its mask")
    return mac, None if mask == b"\xff" * len(mask) else mask


def parse_network(value: Any, loc: Loc) -> tuple[int, int]:
    """Return (address, prefix length) of an IPv4 address or range without host bits.

    The length may be written as a mask: 10.0.0.0/255.255.255.0.
    """
    if not isinstance(value, str):
        raise InvalidInput(loc, "not an IPv4 address or range such as 10.0.0.0/24")
    plain = _plain_network(value)
    if plain is not None:
        return plain
    length = value.partition("/")[2]
    try:
        network = ipaddress.IPv4Network(value, strict=True)
    except ValueError as error:
        other = "; IPv6 is matched by ipv6_src and ipv6_dst" if ":" in value else ""
        raise InvalidInput(loc, f"not an IPv4 address or range: {error}{other}") from error
    if "." in length and length != str(network.netmask):
        raise InvalidInput(loc, "a mask has its ones first, as 255.255.255.0 has")
    return _not_all(network, loc)


_LENGTH = re.compile(r"\d{1,2}", re.ASCII)


def _plain_network(value: str) -> tuple[int, int] | None:
    """Return what four plain numbers and a length are; None for all that is to be looked at longer.

    A rule has several, and of rules there are thousands.
    """
    text, slash, length = value.partition("/")
    if slash and not _LENGTH.fullmatch(length):
        return None
    try:
        address = int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except (OSError, ValueError):
        return None
    prefix = int(length) if slash else IPV4_BITS
    if not 0 < prefix <= IPV4_BITS or address & (1 << IPV4_BITS - prefix) - 1:
        return None
    return address, prefix


def parse_network6(value: Any, loc: Loc) -> tuple[int, int]:
    """Return (address, prefix length) of an IPv6 address or range without host bits.

    The length may be written as a mask: 2001:db8::/ffff:ffff::.
    """
    if not isinstance(value, str):
        raise InvalidInput(loc, "not an IPv6 address or range such as 2001:db8::/32")
    address, slash, length = value.partition("/")
    try:
        prefix = _length_of(length) if ":" in length else length
        network = ipaddress.IPv6Network(f"{address}{slash}{prefix}", strict=True)
    except ValueError as error:
        other = "" if ":" in address else "; IPv4 is matched by nw_src and nw_dst"
        raise InvalidInput(loc, f"not an IPv6 address or range: {error}{other}") from error
    if "%" in value:
        raise InvalidInput(loc, "an address in a match has no zone")
    return _not_all(network, loc)


def parse_address6(value: Any, loc: Loc) -> int:
    """Return an IPv6 address."""
    address, prefix = parse_network6(value, loc)
    if prefix != IPV6_BITS:
        raise InvalidInput(loc, "a single IPv6 address, no range")
    return address


def _length_of(mask: str) -> int:
    """Return the prefix length of an IPv6 mask; ValueError if its ones are not first."""
    bits = int(ipaddress.IPv6Address(mask))
    if bits != mask_of(bits.bit_count()):
        raise ValueError("a mask has its ones first, as ffff:: has")
    return bits.bit_count()


def mask_of(prefix: int, bits: int = IPV6_BITS) -> int:
    """Return the mask of ``bits`` bits of which the first ``prefix`` are ones."""
    return (1 << bits) - (1 << bits - prefix)


def _not_all(network: ipaddress.IPv4Network | ipaddress.IPv6Network, loc: Loc) -> tuple[int, int]:
    if network.prefixlen == 0:
        raise InvalidInput(loc, "a range of all addresses says nothing; leave the field out")
    return int(network.network_address), network.prefixlen


_VLAN_WORDS = MappingProxyType({"untagged": VLAN_NONE, "none": VLAN_NONE, "tagged": VLAN_TAGGED})
_TAGGED = (ANY_TAG, "4096/4096")


def parse_vlan(value: Any, loc: Loc) -> int:
    """Return a VLAN identifier, VLAN_NONE or VLAN_TAGGED."""
    if value in _TAGGED:
        return VLAN_TAGGED
    found = plain_number(value, _VLAN_WORDS)
    is_word = isinstance(value, str) and value.lower() in _VLAN_WORDS
    if found is None or not (is_word or found == VLAN_NONE or 0 <= found <= MAX_VLAN):
        raise InvalidInput(
            loc,
            f"must be 0 to {MAX_VLAN}, untagged ({VLAN_NONE}), or tagged ({ANY_TAG}) for any tag; "
            "leave it out for frames with and without",
        )
    return found


def parse_vlan_vid(value: Any, loc: Loc) -> int:
    """Return a VLAN identifier that may have the bit OFPVID_PRESENT, or VLAN_NONE."""
    found = plain_number(value)
    is_present = found is not None and _PRESENT <= found <= _PRESENT | MAX_VLAN
    return parse_vlan(found & MAX_VLAN if found is not None and is_present else value, loc)


def parse_tos(value: Any, loc: Loc) -> int:
    """Return a ToS byte; its two lowest bits are no part of the field (1.0, 5.2.3)."""
    found = plain_number(value)
    if found is None or not 0 <= found <= 252 or found & 3:
        raise InvalidInput(loc, "must be 0 to 252, with the two lowest bits zero")
    return found


def parse_dscp(value: Any, loc: Loc) -> int:
    """Return the ToS byte of a DSCP."""
    return number(0, 63)(value, loc) << DSCP_SHIFT
