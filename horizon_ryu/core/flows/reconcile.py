"""Repair of a switch: what brings it back to what was asked, and touches nothing of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from horizon_ryu.core.flows.entries import EntryKey
from horizon_ryu.core.flows.plan import FlowStep, FlowWave, WaveKind
from horizon_ryu.core.ownership import Owner, owner_of
from horizon_ryu.wire.messages import (
    Action,
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    Message,
    Outgoing,
)

AsReported: TypeAlias = Callable[[Match, tuple[Action, ...]], tuple[Match, tuple[Action, ...]]]
"""The form in which the switch reports a match and actions that it was sent."""


class Repair(NamedTuple):
    """Messages that repair a switch, and how many entries were missing, wrong and orphaned.

    ``unknown`` counts entries with a cookie of ours that hold what we never write; they are left.
    """

    messages: tuple[Message, ...]
    missing: int = 0
    wrong: int = 0
    orphans: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPlan:
    """How a switch is brought back: one wave, which nothing takes back; ``subject`` is its dpid."""

    subject: int
    repair: Repair
    post_commit: tuple[FlowWave, ...]
    pre_commit: tuple[FlowWave, ...] = ()
    resources: tuple[EntryKey, ...] = ()
    old: None = None
    new: None = None


def plan_repair(dpid: int, found: Repair) -> RepairPlan:
    """Return the plan that sends what ``found`` says to the switch ``dpid``."""
    steps = tuple(
        FlowStep(Outgoing(dpid, message), irreversible=True) for message in found.messages
    )
    return RepairPlan(subject=dpid, repair=found, post_commit=(FlowWave(WaveKind.REPAIR, steps),))


def repair(
    wanted: Mapping[EntryKey, FlowMod],
    is_claimed: Callable[[EntryKey], bool],
    dpid: int,
    entries: Iterable[FlowEntry],
    as_reported: AsReported,
) -> Repair:
    """Return what is to be sent to ``dpid``, which reports ``entries``.

    ``wanted`` are the entries it should have. An entry with a cookie of ours that no flow claims
    (by ``is_claimed``; flows that are just being changed claim all of theirs) is an orphan. Orphans
    are removed before missing entries are added: a full table must have room first.
    """
    by_place = {(key.table_id, as_reported(key.match, ())[0], key.priority): key for key in wanted}
    missing = dict(wanted)
    deletions: list[Message] = []
    wrong = unknown = 0
    for entry in entries:
        key = by_place.get((entry.table_id, entry.match, entry.priority))
        ours = owner_of(entry.cookie) is Owner.FLOW_MANAGER
        if key is not None and entry.exact and agrees(wanted[key], entry, as_reported):
            missing.pop(key, None)
        elif key is not None:
            wrong += 1
        elif ours and entry.exact:
            if not is_claimed(EntryKey(dpid, entry.match, entry.priority, entry.table_id)):
                deletions.append(_deletion(entry))
        elif ours:
            unknown += 1
    additions = tuple(missing.values())
    absent = len(additions) - wrong
    return Repair((*deletions, *additions), absent, wrong, len(deletions), unknown)


def agrees(mod: FlowMod, entry: FlowEntry, as_reported: AsReported) -> bool:
    """Tell whether ``entry``, in the place of ``mod``, does what that asks for."""
    _, actions = as_reported(mod.match, mod.actions)
    wanted = (mod.cookie, actions, mod.idle_timeout, mod.hard_timeout, mod.meter)
    found = (entry.cookie, entry.actions, entry.idle_timeout, entry.hard_timeout, entry.meter)
    return wanted == found


def _deletion(entry: FlowEntry) -> FlowMod:
    return FlowMod(
        FlowCommand.DELETE_STRICT,
        entry.match,
        entry.priority,
        entry.cookie,
        table_id=entry.table_id,
    )
