"""Who owns which flow entries: cookies, priorities and group ids, in one place.

A cookie is ``magic (16 bits) | application (8) | zero (8) | generation (32)``. The generation is
drawn at each start of the controller, so that what an earlier run left behind can be told from
what this run asked for, and neither is ever mistaken for an entry of somebody else.
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
    BROADCAST = 100
    TABLE_MISS = 0


FLOOD_GROUP = 0x485A0001
"""OpenFlow 1.3 group (type ALL) whose buckets are the ports open to broadcasts."""


def cookie(owner: Owner, generation: int) -> int:
    """Return the 64-bit cookie of ``owner`` for ``generation`` (taken modulo 2**32)."""
    return _MAGIC << 48 | int(owner) << 40 | generation & 0xFFFF_FFFF


def owner_of(value: int) -> Owner | None:
    """Return which application installed an entry with this cookie; None if none of ours."""
    if value >> 48 != _MAGIC:
        return None
    code = value >> 40 & 0xFF
    return Owner(code) if code in Owner._value2member_map_ else None


def generation_of(value: int) -> int:
    """Return the generation bits of a cookie."""
    return value & 0xFFFF_FFFF
