"""Removals of flow entries that switches report: which of them end a flow.

A switch is believed only in what it can know: that an entry which this flow wants on that very
switch has timed out, by a timeout which the entry has, and not before it can have passed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from horizon_ryu.core.flows.entries import DesiredEntry, EntryKey, entries_of
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.reconcile import AsReported
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.ownership import flow_number
from horizon_ryu.wire.messages import FlowRemoved, RemovalReason


class Verdict(StrEnum):
    """What a reported removal is taken for.

    ``expired``: the flow's time is over. ``unknown_flow``, ``not_its_entry``: nothing that we
    want is gone, as far as the switch can know; our own deletions are reported so. ``changing``:
    whoever changes the flow sees to its entries. ``deleted``: somebody removed what we want.
    ``no_such_timeout``, ``too_early``: a timeout that the entry has not, or that cannot have
    passed.
    """

    EXPIRED = "expired"
    UNKNOWN_FLOW = "unknown_flow"
    NOT_ITS_ENTRY = "not_its_entry"
    CHANGING = "changing"
    DELETED = "deleted"
    NO_SUCH_TIMEOUT = "no_such_timeout"
    TOO_EARLY = "too_early"

    @property
    def needs_a_look(self) -> bool:
        """Whether the switch may lack an entry that it should have."""
        return self in (Verdict.DELETED, Verdict.NO_SUCH_TIMEOUT, Verdict.TOO_EARLY)


def judge(
    registry: FlowRegistry,
    dpid: int,
    removed: FlowRemoved,
    as_reported: AsReported,
    age: Callable[[EntryKey], float],
) -> Verdict:
    """Return what to take the report of ``dpid`` for; ``removed`` has a Flow Manager's cookie.

    ``as_reported`` is the form in which the switch reports matches, ``age`` tells the seconds since
    an entry was last sent.
    """
    number = flow_number(removed.cookie)
    if number not in registry:
        return Verdict.UNKNOWN_FLOW
    entry = _entry_of(registry.get(number), dpid, removed, as_reported)
    if entry is None:
        return Verdict.NOT_ITS_ENTRY
    if registry.is_changing(number):
        return Verdict.CHANGING
    if not removed.timed_out:
        return Verdict.DELETED
    mod = entry.mod
    idle = removed.reason is RemovalReason.IDLE_TIMEOUT
    timeout = mod.idle_timeout if idle else mod.hard_timeout
    if not timeout:
        return Verdict.NO_SUCH_TIMEOUT
    if not removed.can_be_after(timeout, age(entry.key)):
        return Verdict.TOO_EARLY
    return Verdict.EXPIRED


def _entry_of(
    flow: Flow, dpid: int, removed: FlowRemoved, as_reported: AsReported
) -> DesiredEntry | None:
    """Return the entry of ``flow`` on ``dpid`` that was reported; None if it is none."""
    if not removed.whole:
        return None
    place = removed.priority, removed.table_id
    for entry in entries_of(flow):
        mod = entry.mod
        if entry.key.dpid != dpid or (mod.priority, mod.table_id) != place:
            continue
        if as_reported(mod.match, ())[0] == removed.match:
            return entry
    return None
