"""Repair of a switch: what brings it back to what was asked, and touches nothing of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from horizon_ryu.core.flows.entries import EntryKey
from horizon_ryu.core.ownership import Owner, owner_of
from horizon_ryu.wire.messages import Action, FlowCommand, FlowEntry, FlowMod, Match, Message

Canonical: TypeAlias = Callable[[Match, tuple[Action, ...]], tuple[Match, tuple[Action, ...]]]
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


def repair(
    wanted: Mapping[EntryKey, FlowMod],
    is_held: Callable[[EntryKey], bool],
    dpid: int,
    entries: Iterable[FlowEntry],
    canonical: Canonical,
) -> Repair:
    """Return what is to be sent to ``dpid``, which reports ``entries``.

    ``wanted`` are the entries it should have. An entry with a cookie of ours that no flow holds
    (by ``is_held``; flows that are just being changed hold all of theirs) is an orphan. Orphans
    are removed before missing entries are added: a full table must have room first.
    """
    by_place = {(canonical(key.match, ())[0], key.priority): key for key in wanted}
    missing = dict(wanted)
    deletions: list[Message] = []
    wrong = unknown = 0
    for entry in entries:
        key = by_place.get((entry.match, entry.priority)) if entry.table_id == 0 else None
        ours = owner_of(entry.cookie) is Owner.FLOW_MANAGER
        if key is not None and entry.exact and agrees(wanted[key], entry, canonical):
            missing.pop(key, None)
        elif key is not None:
            wrong += 1
        elif ours and entry.table_id == 0 and entry.exact:
            if not is_held(EntryKey(dpid, entry.match, entry.priority)):
                deletions.append(_deletion(entry))
        elif ours:
            unknown += 1
    additions = tuple(missing.values())
    absent = len(additions) - wrong
    return Repair((*deletions, *additions), absent, wrong, len(deletions), unknown)


def agrees(mod: FlowMod, entry: FlowEntry, canonical: Canonical) -> bool:
    """Tell whether ``entry``, in the place of ``mod``, does what that asks for."""
    _, actions = canonical(mod.match, mod.actions)
    wanted = (mod.cookie, actions, mod.idle_timeout, mod.hard_timeout, mod.meter)
    found = (entry.cookie, entry.actions, entry.idle_timeout, entry.hard_timeout, entry.meter)
    return wanted == found


def _deletion(entry: FlowEntry) -> FlowMod:
    return FlowMod(FlowCommand.DELETE_STRICT, entry.match, entry.priority, entry.cookie)
