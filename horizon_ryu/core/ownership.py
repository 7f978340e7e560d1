"""Ownership of flow entries: cookies and priorities, in one place.

A cookie is ``magic (16 bits) | application (8) | zero (8) | generation (32)``. The generation is
drawn at each start of the controller, so that what an earlier run left behind can be told from
what this run asked for, and neither is ever mistaken for an entry of somebody else. The Flow
Manager's entries outlive it: theirs have the number of the flow in place of the generation.
"""

from __future__ import annotations

from enum import IntEnum

_MAGIC = 0x485A  # "HZ"


class Owner(IntEnum):
    """The applications that install flow entries."""

    DISCOVERY = 1
    SPANNING_TREE = 2
    FORWARDING = 3
    FLOW_MANAGER = 4
    SLICING = 5


class Priority(IntEnum):
    """Priorities of our entries, highest first.

    Flows that users ask for live between BLOCKED and LLDP, so a defined rule for a broadcast
    wins over the tree, as report 3.5 demands, and nothing can blind Discovery.
    """

    LLDP = 65535
    BLOCKED = 300
    ARP = 200
    UNICAST = 150
    VLAN_BROADCAST = 110
    BROADCAST = 100
    TABLE_MISS = 0


def cookie(owner: Owner, generation: int) -> int:
    """Return the 64-bit cookie of ``owner`` for ``generation`` (taken modulo 2**32)."""
    return _MAGIC << 48 | int(owner) << 40 | generation & 0xFFFF_FFFF


def flow_cookie(number: int) -> int:
    """Return the cookie of the entries of the flow with this number (32 bits)."""
    return FLOW_COOKIES | number


FLOW_COOKIES = _MAGIC << 48 | Owner.FLOW_MANAGER << 40
"""What all cookies of the Flow Manager have in common, under FLOW_COOKIE_MASK."""
FLOW_COOKIE_MASK = 0xFFFF_FF00_0000_0000

EXACT_COOKIE = 0xFFFF_FFFF_FFFF_FFFF
"""As the mask of a cookie: exactly this one. Open vSwitch has an index for that."""


def owner_of(value: int) -> Owner | None:
    """Return which application installed an entry with this cookie; None if none of ours."""
    if value >> 48 != _MAGIC:
        return None
    code = value >> 40 & 0xFF
    return Owner(code) if code in Owner._value2member_map_ else None


def flow_number(value: int) -> int:
    """Return the number of the flow in a cookie of the Flow Manager."""
    return value & 0xFFFF_FFFF


def generation_of(value: int) -> int:
    """Return the generation bits of a cookie."""
    return value & 0xFFFF_FFFF
