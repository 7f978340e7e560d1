"""Tables of a switch beyond the first: which of them flows lead to, and which have flows.

A frame enters table 0 and goes on only where an entry says so (1.3.5 section 5.1); in a table
where no entry takes it, it is dropped (section 5.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from horizon_ryu.core.flows.flow import EntrySpec, Spec
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.wire.messages import GotoTable


class TableUse(NamedTuple):
    """The tables of one switch that frames can reach by flows, and those that have any."""

    reached: frozenset[int]
    filled: frozenset[int]


def next_table(spec: Spec) -> int | None:
    """Return the table where the frames of ``spec`` go on; None if they do not."""
    if isinstance(spec, EntrySpec) and spec.actions and isinstance(spec.actions[-1], GotoTable):
        return spec.actions[-1].table_id
    return None


def is_chained(spec: Spec) -> bool:
    """Tell whether ``spec`` stands in a later table, or leads to one."""
    return isinstance(spec, EntrySpec) and (spec.table_id > 0 or next_table(spec) is not None)


def table_use(specs: Iterable[Spec]) -> TableUse:
    """Return which tables ``specs``, the chained ones of one switch, reach and fill."""
    reached, filled = {0}, {0}
    entries = sorted(
        (spec for spec in specs if isinstance(spec, EntrySpec)), key=lambda spec: spec.table_id
    )
    # A frame goes to later tables only: in their order, each is known before it is asked for.
    for spec in entries:
        filled.add(spec.table_id)
        onward = next_table(spec)
        if onward is not None and spec.table_id in reached:
            reached.add(onward)
    return TableUse(frozenset(reached), frozenset(filled))


def find_gap(spec: Spec, use: TableUse) -> str | None:
    """Return why ``spec`` forwards nothing as long as other flows are missing; None if it does."""
    if not isinstance(spec, EntrySpec):
        return None
    where = f"of switch {dpid_to_text(spec.dpid)}"
    if spec.table_id not in use.reached:
        return (
            f"no flow sends frames to table {spec.table_id} {where}: make one in an earlier "
            f"table with the action goto_table {spec.table_id}"
        )
    onward = next_table(spec)
    if onward is not None and onward not in use.filled:
        return (
            f"table {onward} {where} has no flow: frames that go there are dropped, but for "
            "those that others' entries take"
        )
    return None
