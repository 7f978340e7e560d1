"""Plans as the model wants them: the waves, and the ways in which they may be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from horizon_ryu.core.flows.entries import entries_of
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.plan import Plan, WaveKind, undo_of
from horizon_ryu.core.flows.plan import Wave as PlanWave
from unit.core.flows.network_model import Tables, Wave, after


def tables_of(*flows: Flow) -> Tables:
    """Return the tables with the entries of ``flows`` and nothing else."""
    found: Tables = {}
    for flow in flows:
        found = after(found, entries_of(flow))
    return found


def waves_of(waves: Iterable[PlanWave]) -> list[Wave]:
    """Return waves for the model: a drain is a property of the wave after it."""
    found = []
    drains = False
    for wave in waves:
        if wave.kind is WaveKind.DRAIN:
            drains = True
            continue
        found.append(Wave(tuple(step.send for step in wave.steps), drains))
        drains = False
    if drains:
        found.append(Wave((), True))
    return found


def failures(plan: Plan) -> Iterator[list[Wave]]:
    """Yield what happens for each message that may be refused before the commit is through.

    All waves up to that one, where it alone is missing; then what takes them back. Also for each
    wave: everything arrives, and is taken back because a switch did not say so.
    """
    early = plan.before_commit
    for place, wave in enumerate(early):
        undone = undoing(early[: place + 1])
        before = waves_of(early[:place])
        messages = tuple(step.send for step in wave.steps)
        yield [*before, Wave(messages), *undone]
        for missing in range(len(messages)):
            yield [*before, Wave(messages[:missing] + messages[missing + 1 :]), *undone]


def undoing(waves: Iterable[PlanWave]) -> list[Wave]:
    """Return the waves that take ``waves`` back, with the drains between them."""
    undo = undo_of(waves)
    turned, restored, deleted = map(waves_of, undo)
    first = [Wave((), True)] if turned else []
    second = [Wave((), True)] if restored else []
    return [*turned, *first, *restored, *second, *deleted]


def not_empty(tables: Tables) -> Tables:
    """Return ``tables`` without the empty ones."""
    return {dpid: table for dpid, table in tables.items() if table}
