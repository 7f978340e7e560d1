"""Plans of flow changes: every message of one, in waves, and how each is undone.

A wave's messages go out together; the next wave waits until every switch has confirmed it. Until
the commit everything can be undone and the old path carries the traffic; after it the plan goes
forward only (research on updates, 8.3). The engine of changes (:mod:`horizon_ryu.changes`)
carries plans out; ``subject`` is the number of the flow, ``resources`` are its entries' keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from horizon_ryu.core.flows.entries import (
    DesiredEntry,
    EntryKey,
    HopKey,
    entries_by_hop,
    entries_of,
    in_transit,
    keys_of,
)
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec
from horizon_ryu.core.flows.update_check import common_waypoints
from horizon_ryu.core.flows.update_order import Order, order_of
from horizon_ryu.wire.messages import (
    FlowCommand,
    FlowMod,
    MeterCommand,
    MeterMod,
    Outgoing,
)


class WaveKind(StrEnum):
    """What a wave is for; DRAIN sends nothing and waits until old packets are out."""

    METER = "meter"
    ADD = "add"
    REPLACE = "replace"
    COMMIT = "commit"
    REFRESH = "refresh"
    DRAIN = "drain"
    DELETE = "delete"
    REPAIR = "repair"


class FlowStep(NamedTuple):
    """One message; ``before`` is what it replaces, ``irreversible`` that it is never undone."""

    send: Outgoing
    before: Outgoing | None = None
    irreversible: bool = False

    @property
    def target(self) -> int:
        """Return the dpid of the switch that confirms it."""
        return self.send.dpid

    @property
    def replaces(self) -> bool:
        """Tell whether another entry was in its place."""
        return self.before is not None

    @property
    def undo(self) -> FlowStep | None:
        """Return the step that takes this one back; None if nothing shall."""
        if self.before is not None:
            return FlowStep(self.before, irreversible=True)
        return None if self.irreversible else FlowStep(_opposite(self.send), irreversible=True)


class FlowWave(NamedTuple):
    """Messages that go out together."""

    kind: WaveKind
    steps: tuple[FlowStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """How a flow comes to be where there is none; ``old`` is the same flow as it was pending."""

    subject: int
    new: Flow
    resources: Collection[EntryKey]
    pre_commit: tuple[FlowWave, ...]
    post_commit: tuple[FlowWave, ...] = ()
    old: Flow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How ``old`` becomes ``new``, the same flow."""

    subject: int
    old: Flow
    new: Flow
    resources: Collection[EntryKey]
    pre_commit: tuple[FlowWave, ...]
    post_commit: tuple[FlowWave, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How a flow goes; ``timed_out``: its own time has come, nobody deletes it."""

    subject: int
    old: Flow
    resources: Collection[EntryKey]
    post_commit: tuple[FlowWave, ...]
    timed_out: bool = False
    pre_commit: tuple[FlowWave, ...] = ()
    new: None = None


Move: TypeAlias = Install | Change
"""What a migration can be: of traffic that is no flow yet, or of a flow."""
FlowPlan: TypeAlias = Install | Change | Removal

_ByHop: TypeAlias = Mapping[HopKey, DesiredEntry]
_DRAINED = FlowWave(WaveKind.DRAIN)


def plan_install(new: Flow, old: Flow | None = None) -> Install:
    """Return the plan that installs a flow where there is none: all but the ingress, then that.

    ``old`` is the flow as it was pending. If ``new`` is pending there is nothing to send.
    """
    if new.state is FlowState.PENDING:
        return Install(subject=new.number, new=new, resources=(), pre_commit=(), old=old)
    waves = _meter_waves(new)
    entries, keys = entries_of(new), keys_of(new)
    if len(entries) > 1:
        waves.append(FlowWave(WaveKind.ADD, tuple(FlowStep(entry.add) for entry in entries[1:])))
    waves.append(FlowWave(WaveKind.COMMIT, (FlowStep(entries[0].add),)))
    return Install(subject=new.number, new=new, resources=keys, pre_commit=tuple(waves), old=old)


def plan_removal(old: Flow, timed_out: bool = False) -> Removal:
    """Return the plan that takes a flow away: the ingress first, then towards the destination."""
    waves = [*_deletions(entries_of(old)), *_meter_deletions(old, None)]
    if old.state is FlowState.PENDING:
        waves = []
    return Removal(
        subject=old.number,
        old=old,
        resources=keys_of(old),
        post_commit=tuple(waves),
        timed_out=timed_out,
    )


def plan_change(old: Flow, new: Flow) -> Change | None:
    """Return the plan from ``old`` to ``new``, the same flow changed.

    None if packets could be lost, circle or miss a waypoint in every order that was tried: then
    the new path needs a tag of its own (two phases).
    """
    if isinstance(old.spec, EntrySpec) or isinstance(new.spec, EntrySpec):
        return _plan_entry(old, new)
    order = order_of(old.hops, new.hops, _policies(old, new, old.spec, new.spec))
    if order is None:
        return None
    transit = in_transit(new, old)
    before, between, final = entries_by_hop(old), entries_by_hop(transit), entries_of(new)
    turning = tuple(_turning(before, between, order))
    present = _present(before.values(), between.values(), turning)
    return _changed(old, new, turning, tuple(_after(old, new, present, final)))


def _changed(
    old: Flow, new: Flow, turning: Sequence[FlowWave], after: tuple[FlowWave, ...]
) -> Change:
    meters = _meter_waves(new) if new.meter != old.meter else []
    waves = (*meters, *turning, *after)
    return Change(
        subject=new.number,
        old=old,
        new=new,
        resources=_keys_in(waves),
        pre_commit=(*meters, *turning),
        post_commit=after,
    )


def _keys_in(waves: Iterable[FlowWave]) -> frozenset[EntryKey]:
    """Return the keys of every entry that ``waves`` write or delete."""
    return frozenset(
        EntryKey(step.send.dpid, mod.match, mod.priority, mod.table_id)
        for wave in waves
        for step in wave.steps
        if isinstance(mod := step.send.message, FlowMod)
    )


def _policies(
    old: Flow, new: Flow, was: PathSpec, will_be: PathSpec
) -> tuple[tuple[int, ...], ...]:
    """Return the waypoints that packets must pass in whatever mixture of the two paths."""
    lists = (was.waypoints or was.path, will_be.waypoints or will_be.path)
    found = {common_waypoints(points, old.hops, new.hops) for points in lists}
    return tuple(sorted(points for points in found if points))


def _turning(before: _ByHop, after: _ByHop, order: Order) -> Iterator[FlowWave]:
    """Yield the waves that turn the traffic from the old path to the new one."""
    ordered = {*order.added, *(key for group in order.replaced for key in group), order.commit}
    # Same way, other queue or meter: the entry changes, in whatever order.
    same_way = [
        key for key, entry in after.items() if key not in ordered and _differs(before[key], entry)
    ]
    if order.added:
        yield FlowWave(WaveKind.ADD, tuple(FlowStep(after[key].add) for key in order.added))
    groups = [group for group in (*order.replaced, tuple(same_way)) if group]
    for group in groups:
        steps = tuple(FlowStep(after[key].send, before[key].send) for key in group)
        yield FlowWave(WaveKind.REPLACE, steps)
    if order.commit is not None:
        step = _in_place_of(before.get(order.commit), after[order.commit])
        yield FlowWave(WaveKind.COMMIT, (step,))


def _in_place_of(was: DesiredEntry | None, entry: DesiredEntry) -> FlowStep:
    return FlowStep(entry.add) if was is None else FlowStep(entry.send, was.send)


def _differs(one: DesiredEntry, other: DesiredEntry) -> bool:
    """Tell whether two entries of one key do different things to frames; timeouts do not count."""
    return (one.mod.actions, one.mod.meter) != (other.mod.actions, other.mod.meter)


def _present(
    before: Iterable[DesiredEntry], between: Iterable[DesiredEntry], turning: Iterable[FlowWave]
) -> dict[EntryKey, DesiredEntry]:
    """Return the entries that are there when the traffic has turned."""
    sent = _keys_in(turning)
    present = {entry.key: entry for entry in before}
    return present | {entry.key: entry for entry in between if entry.key in sent}


def _after(
    old: Flow,
    new: Flow,
    present: Mapping[EntryKey, DesiredEntry],
    final: Sequence[DesiredEntry],
) -> Iterator[FlowWave]:
    """Yield what follows the commit: final forms, drain, deletion from the ingress on."""
    # A hard timeout begins anew for the whole path, or its oldest entry would end it early.
    restarts = new.spec.hard_timeout > 0
    refreshed = tuple(
        FlowStep(entry.send, irreversible=True)
        for entry in final
        if restarts or present.get(entry.key) != entry
    )
    if refreshed:
        yield FlowWave(WaveKind.REFRESH, refreshed)
    kept = {entry.key for entry in final}
    gone = [entry for key, entry in present.items() if key not in kept]
    if gone or (old.meter and old.meter != new.meter):
        yield _DRAINED
    yield from _deletions(gone)
    yield from _meter_deletions(old, new)


def _plan_entry(old: Flow, new: Flow) -> Change:
    """Return the plan for a single entry: replaced in place, or added before the old one goes."""
    was, will_be = entries_of(old)[0], entries_of(new)[0]
    same_key = was.key == will_be.key
    step = _in_place_of(was if same_key else None, will_be)
    commit = FlowWave(WaveKind.COMMIT, (step,))
    after = [] if same_key else _deletions([was])
    return _changed(old, new, (commit,), (*after, *_meter_deletions(old, new)))


def meter_of(flow: Flow) -> Outgoing | None:
    """Return the message that makes the flow's meter; None if it has none."""
    if not flow.meter:
        return None
    rate = flow.spec.rate_kbps or 0
    return Outgoing(flow.first_dpid, MeterMod(MeterCommand.ADD, flow.meter, rate))


def _meter_waves(flow: Flow) -> list[FlowWave]:
    meter = meter_of(flow)
    return [] if meter is None else [FlowWave(WaveKind.METER, (FlowStep(meter),))]


def _meter_deletions(old: Flow, new: Flow | None) -> list[FlowWave]:
    """Return the wave that deletes the meter of ``old``, if it has one that ``new`` has not."""
    if not old.meter or (new is not None and new.meter == old.meter):
        return []
    gone = Outgoing(old.first_dpid, MeterMod(MeterCommand.DELETE, old.meter))
    return [FlowWave(WaveKind.DELETE, (FlowStep(gone, irreversible=True),))]


def _deletions(entries: Iterable[DesiredEntry]) -> list[FlowWave]:
    return [
        FlowWave(WaveKind.DELETE, (FlowStep(_opposite(entry.send), irreversible=True),))
        for entry in entries
    ]


def deletion(mod: FlowMod) -> FlowMod:
    """Return what deletes the entry that ``mod`` adds."""
    return FlowMod(
        FlowCommand.DELETE_STRICT, mod.match, mod.priority, mod.cookie, table_id=mod.table_id
    )


def _opposite(sent: Outgoing) -> Outgoing:
    """Return the message that deletes what ``sent`` adds; TypeError if it adds nothing."""
    mod = sent.message
    if isinstance(mod, MeterMod):
        return Outgoing(sent.dpid, MeterMod(MeterCommand.DELETE, mod.meter_id))
    if not isinstance(mod, FlowMod):
        raise TypeError(f"adds nothing: {mod!r}")
    return Outgoing(sent.dpid, deletion(mod))
