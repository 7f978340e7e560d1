"""Features of a table of OpenFlow 1.3 as a tenant sees them: without the slicer's own share.

The first table and the upper bits of the metadata are the slicer's (1.3.5 section 7.3.5.5).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from horizon_ryu.core.slicing.marked_switch import TENANT_METADATA
from horizon_ryu.slicer.instructions13 import RESERVED
from horizon_ryu.wire.layout import Tlv
from horizon_ryu.wire.of13.statistics import TableFeaturesEntry
from horizon_ryu.wire.ofp13 import OFPTFPT

_NEXT_TABLES = frozenset({int(OFPTFPT.NEXT_TABLES), int(OFPTFPT.NEXT_TABLES_MISS)})
_EXPERIMENTERS = frozenset({int(OFPTFPT.EXPERIMENTER), int(OFPTFPT.EXPERIMENTER_MISS)})
_TLV_LISTS = frozenset(
    {
        *(int(OFPTFPT.INSTRUCTIONS), int(OFPTFPT.INSTRUCTIONS_MISS)),
        *(int(OFPTFPT.WRITE_ACTIONS), int(OFPTFPT.WRITE_ACTIONS_MISS)),
        *(int(OFPTFPT.APPLY_ACTIONS), int(OFPTFPT.APPLY_ACTIONS_MISS)),
    }
)
_EXPERIMENTER = 0xFFFF


def tenant_table(
    table: TableFeaturesEntry, quota: int | None, vendors: Collection[int]
) -> TableFeaturesEntry:
    """Return what a table of the switch is to a tenant: its number, its share, what may be done.

    ``quota``: entries that the slice may have; ``vendors``: experimenters that it may use.
    """
    most = table.max_entries if quota is None else min(quota, table.max_entries)
    return replace(
        table,
        table_id=table.table_id - RESERVED,
        metadata_match=table.metadata_match & TENANT_METADATA,
        metadata_write=table.metadata_write & TENANT_METADATA,
        max_entries=most,
        properties=tuple(
            _property(one, vendors)
            for one in table.properties
            if one.type not in _EXPERIMENTERS or int.from_bytes(one.body[:4], "big") in vendors
        ),
    )


def _property(one: Tlv, vendors: Collection[int]) -> Tlv:
    if one.type in _NEXT_TABLES:
        later = (table - RESERVED for table in one.body)
        return Tlv(one.type, bytes(table for table in later if table >= 0))
    if one.type in _TLV_LISTS:
        return Tlv(one.type, _without_experimenters(one.body, vendors))
    return one


def _without_experimenters(body: bytes, vendors: Collection[int]) -> bytes:
    """Return a list of instructions or actions, without those that a tenant may not use."""
    kept, at = [], 0
    while at + 4 <= len(body):
        kind, size = (int.from_bytes(body[start : start + 2], "big") for start in (at, at + 2))
        end = at + max(size, 4)
        number = int.from_bytes(body[at + 4 : at + 8], "big")
        if kind != _EXPERIMENTER or number in vendors:
            kept.append(body[at:end])
        at = end
    return b"".join(kept)
