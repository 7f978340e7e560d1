"""Text of the value of a field, cut out of bytes by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Any, NamedTuple

from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.fields import ValueKind
from horizon_ryu.wire.match_codes13 import OFPVID
from horizon_ryu.wire.messages import VLAN_NONE
from horizon_ryu.wire.protocols import DSCP_SHIFT, MAX_VLAN
from horizon_ryu.wire.struct_layout import NUMBER_CODES

_PRESENT = int(OFPVID.PRESENT)
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


def exact(kind: ValueKind, size: int) -> Cut:
    """Return how a value without a mask is written."""
    if kind in _EXACT:
        return _EXACT[kind]
    if size in NUMBER_CODES:
        return Cut(NUMBER_CODES[size], "%d")
    return Cut(f"{size}s", "%d", False, lambda data: int.from_bytes(data, "big"))


def masked(kind: ValueKind, size: int) -> Cut:
    """Return how a value with its mask is written: ``value/mask``, a prefix length if it is one."""
    return Cut(f"{2 * size}s", "%s", True, lambda data: _masked(kind, data[:size], data[size:]))


def hexadecimal(size: int) -> Cut:
    """Return how bytes that nobody knows the meaning of are written."""
    return Cut(f"{size}s", "%s", True, bytes.hex)


def vlan(value: int) -> int:
    """Return the VLAN identifier of 1.3 as 1.0 has it."""
    return value & MAX_VLAN if value & _PRESENT else VLAN_NONE


def _dscp(value: int) -> int:
    return value << DSCP_SHIFT


_EXACT: Mapping[ValueKind, Cut] = MappingProxyType(
    {
        ValueKind.MAC: Cut("6B", _MAC, True),
        ValueKind.IPV4: Cut("4B", _IPV4, True),
        ValueKind.IPV6: Cut("16s", "%s", True, lambda data: str(IPv6Address(data))),
        ValueKind.VLAN: Cut("H", "%d", False, vlan),
        ValueKind.DSCP: Cut("B", "%d", False, _dscp),
    }
)


def one(kind: ValueKind, data: bytes) -> TextOf:
    """Return a single value, which has the size of its kind, as text."""
    if kind is ValueKind.MAC:
        return TextOf(mac_to_text(data), True)
    if kind is ValueKind.IPV4:
        return TextOf(str(IPv4Address(data)), True)
    if kind is ValueKind.IPV6:
        return TextOf(str(IPv6Address(data)), True)
    number = int.from_bytes(data, "big")
    fix = _EXACT[kind].fix if kind in _EXACT else None
    return TextOf(str(number if fix is None else fix(number)), False)


class TextOf(NamedTuple):
    """A value as text, and whether it is one in JSON too."""

    text: str
    quoted: bool


def _masked(kind: ValueKind, value: bytes, mask: bytes) -> str:
    if kind in (ValueKind.IPV4, ValueKind.IPV6):
        address = IPv4Address if kind is ValueKind.IPV4 else IPv6Address
        bits = int.from_bytes(mask, "big")
        free = ~bits & ((1 << 8 * len(mask)) - 1)
        if free & (free + 1) == 0:
            return f"{address(value)}/{8 * len(mask) - free.bit_length()}"
        return f"{address(value)}/{address(mask)}"
    if kind is ValueKind.MAC:
        return f"{mac_to_text(value)}/{mac_to_text(mask)}"
    return f"0x{value.hex()}/0x{mask.hex()}"
