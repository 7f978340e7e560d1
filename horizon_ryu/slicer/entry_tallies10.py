"""Entry tallies of OpenFlow 1.0: what the pieces of an entry have counted, and its one end."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.sliced_link import framed
from horizon_ryu.wire.ofp10 import OFPT
from horizon_ryu.wire.ternary import TernaryMatch
from horizon_ryu.wire.ternary10 import write_match10
from horizon_ryu.wire.versions import OPENFLOW_10

REMOVED = struct.Struct("!QHBxIIH2xQQ")
"""What stands behind the match of a flow-removed."""
_FLOW_REMOVED = int(OFPT.FLOW_REMOVED)


@dataclass(slots=True)
class EntryTally:
    """What the pieces of an entry have counted that are gone; ``awaited``: still to be told of.

    ``reason`` None: the entry lives.
    """

    packets: int = 0
    octets: int = 0
    seconds: int = 0
    nanoseconds: int = 0
    reason: int | None = None
    awaited: set[tuple[TernaryMatch, int]] = field(default_factory=set)


def count_piece(
    tally: EntryTally, packets: int, octets: int, seconds: int, nanoseconds: int
) -> None:
    """Add what a piece has counted; an entry has lasted for as long as its longest piece."""
    tally.packets += packets
    tally.octets += octets
    if (seconds, nanoseconds) > (tally.seconds, tally.nanoseconds):
        tally.seconds, tally.nanoseconds = seconds, nanoseconds


def flow_removed10(entry: TenantEntry, tally: EntryTally) -> bytes:
    """Return what a tenant is told of an entry that has ended."""
    body = REMOVED.pack(
        entry.cookie,
        entry.priority,
        tally.reason or 0,
        tally.seconds,
        tally.nanoseconds,
        entry.idle_timeout,
        tally.packets,
        tally.octets,
    )
    return framed(OPENFLOW_10, _FLOW_REMOVED, 0, write_match10(entry.match) + body)
