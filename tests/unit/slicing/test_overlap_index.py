"""CHECK_OVERLAP: the index finds what going through all entries would find."""

from __future__ import annotations

import random

import pytest

from horizon_ryu.core.slicing.tenant_table import (
    RULES_10,
    FlowChange,
    OverlappingEntry,
    TableCommand,
    TenantEntry,
    TenantTable,
)
from horizon_ryu.wire.ternary import TernaryMatch

BITS = 6


def some_entry(rng: random.Random, entry_id: int) -> TenantEntry:
    mask = rng.getrandbits(BITS) | rng.getrandbits(BITS)
    match = TernaryMatch(rng.getrandbits(BITS) & mask, mask)
    return TenantEntry(entry_id, "a", match, rng.randrange(2), 0, b"", table_id=rng.randrange(2))


def overlapped(table: TenantTable, entry: TenantEntry) -> bool:
    return any(
        (one.table_id, one.priority) == (entry.table_id, entry.priority)
        and one.match.overlaps(entry.match)
        for one in table
    )


def change_at_random(rng: random.Random, table: TenantTable, entry: TenantEntry) -> None:
    """Change a table in one of the ways in which tables change."""
    way = rng.randrange(5)
    if way == 0:
        table.put(entry.key, entry, table.at(entry.key))
    elif way == 1:
        for one in rng.sample(list(table), min(len(table), 2)):
            table.remove(one)
    elif way == 2:
        table.replace(entry)
    else:
        commands = (TableCommand.MODIFY, TableCommand.DELETE_STRICT, TableCommand.DELETE)
        command = rng.choice((TableCommand.ADD, *commands))
        table.apply(table.work_out(FlowChange(command, entry)))


@pytest.mark.parametrize("seed", range(20))
def test_an_entry_is_refused_if_it_overlaps_one_of_its_table_and_priority(seed: int) -> None:
    rng = random.Random(seed)
    table = TenantTable(RULES_10)
    answers = set()
    for number in range(300):
        entry = some_entry(rng, number)
        if rng.random() < 0.5:
            change_at_random(rng, table, entry)
            continue
        # What is there already is replaced, as it would be without the flag.
        wanted = table.at(entry.key) is None and overlapped(table, entry)
        answers.add(wanted)
        try:
            table.apply(table.work_out(FlowChange(TableCommand.ADD, entry, check_overlap=True)))
            refused = False
        except OverlappingEntry:
            refused = True
        assert refused == wanted
    assert answers == {False, True}
