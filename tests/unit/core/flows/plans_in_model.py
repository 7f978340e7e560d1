"""Plans as the model wants them: the waves, and the ways in which they may be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from horizon_ryu.changes.plan import DRAIN, undo_of
from horizon_ryu.core.flows.entries import entries_of
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.plan import FlowPlan, FlowWave, WaveKind
from unit.core.flows.network_model import Tables, Wave, after


def tables_of(*flows: Flow) -> Tables:
    """Return the tables with the entries of ``flows`` and nothing else."""
    found: Tables = {}
    for flow in flows:
        found = after(found, [entry.send for entry in entries_of(flow)])
    return found


def waves_of(waves: Iterable[FlowWave]) -> list[Wave]:
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


def waves_in(plan: FlowPlan) -> list[Wave]:
    """Return all waves of ``plan`` for the model."""
    return waves_of((*plan.pre_commit, *plan.post_commit))


def failures(plan: FlowPlan) -> Iterator[list[Wave]]:
    """Yield what happens for each message that may be refused before the commit is through.

    All waves up to that one, where it alone is missing; then what takes them back. Also for each
    wave: everything arrives, and is taken back because a switch did not say so.
    """
    early = plan.pre_commit
    for place, wave in enumerate(early):
        undone = undoing(plan, place + 1)
        before = waves_of(early[:place])
        messages = tuple(step.send for step in wave.steps)
        yield [*before, Wave(messages), *undone]
        for missing in range(len(messages)):
            yield [*before, Wave(messages[:missing] + messages[missing + 1 :]), *undone]


def undoing(plan: FlowPlan, begun: int) -> list[Wave]:
    """Return the waves that take the first ``begun`` of ``plan`` back, the drains between them."""
    waves = []
    drains = False
    for part in undo_of(plan.pre_commit, begun).parts():
        if part is DRAIN:
            drains = True
            continue
        waves.append(Wave(tuple(step.send for step in part.steps), drains))
        drains = False
    return [*waves, Wave((), True)] if drains else waves


def not_empty(tables: Tables) -> Tables:
    """Return ``tables`` without the empty ones."""
    return {dpid: table for dpid, table in tables.items() if table}
