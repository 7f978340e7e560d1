"""How the value of a field is cut out of bytes and written, by its kind."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.stats.mapping import UNTAGGED, VLAN_PRESENT

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_MAC = "%02x:%02x:%02x:%02x:%02x:%02x"
_IPV4 = "%d.%d.%d.%d"


class Cut(NamedTuple):
    """``code`` for struct, the %-pattern of what it yields, and what to do to it before, if any."""

    code: str
    pattern: str
    quoted: bool = False
    fix: Callable[[Any], Any] | None = None

    @property
    def values(self) -> int:
        """How many values ``code`` yields."""
        return int(self.code[:-1]) if self.code.endswith("B") and len(self.code) > 1 else 1


def exact(kind: str, size: int) -> Cut:
    """Return how a value without a mask is written."""
    if kind == "mac":
        return Cut("6B", _MAC, True)
    if kind == "ipv4":
        return Cut("4B", _IPV4, True)
    if kind == "ipv6":
        return Cut("16s", "%s", True, lambda data: str(IPv6Address(data)))
    if kind == "vlan":
        return Cut("H", "%d", False, vlan)
    if kind == "dscp":
        return Cut("B", "%d", False, lambda value: value << 2)
    if size in _CODES:
        return Cut(_CODES[size], "%d")
    return Cut(f"{size}s", "%d", False, lambda data: int.from_bytes(data, "big"))


def masked(kind: str, size: int) -> Cut:
    """Return how a value with its mask is written: ``value/mask``, a prefix length if it is one."""
    return Cut(f"{2 * size}s", "%s", True, lambda data: _masked(kind, data[:size], data[size:]))


def hexadecimal(size: int) -> Cut:
    """Return how bytes that nobody knows the meaning of are written."""
    return Cut(f"{size}s", "%s", True, bytes.hex)


def vlan(value: int) -> int:
    """Return the VLAN identifier of 1.3 as 1.0 has it."""
    return value & 0xFFF if value & VLAN_PRESENT else UNTAGGED


def one(kind: str, data: bytes) -> TextOf:
    """Return a single value as text."""
    if kind == "mac" and len(data) == 6:
        return TextOf(mac_to_text(data), True)
    if kind == "ipv4" and len(data) == 4:
        return TextOf(str(IPv4Address(data)), True)
    if kind == "ipv6" and len(data) == 16:
        return TextOf(str(IPv6Address(data)), True)
    number = int.from_bytes(data, "big")
    if kind == "vlan":
        number = vlan(number)
    return TextOf(str(number << 2 if kind == "dscp" else number), False)


class TextOf(NamedTuple):
    """A value as text, and whether it is one in JSON too."""

    text: str
    quoted: bool


def _masked(kind: str, value: bytes, mask: bytes) -> str:
    if kind in ("ipv4", "ipv6"):
        address = IPv4Address if kind == "ipv4" else IPv6Address
        bits = int.from_bytes(mask, "big")
        free = ~bits & ((1 << 8 * len(mask)) - 1)
        if free & (free + 1) == 0:
            return f"{address(value)}/{8 * len(mask) - free.bit_length()}"
        return f"{address(value)}/{address(mask)}"
    if kind == "mac":
        return f"{mac_to_text(value)}/{mac_to_text(mask)}"
    return f"0x{value.hex()}/0x{mask.hex()}"
