"""The plan of one change: every message of it, in waves, and how each is undone.

A wave's messages go out together; the next wave waits until every switch has confirmed it. Until
the commit everything can be undone and the old path carries the traffic; after it the plan goes
forward only (research on updates, 8.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from horizon_ryu.core.flows.entries import (
    EntryKey,
    HopKey,
    entries_of,
    flow_mod,
    hop_key,
    in_transit,
    key_of,
    removal,
)
from horizon_ryu.core.flows.flow import EntrySpec, Flow, PathSpec
from horizon_ryu.core.flows.update_check import common_waypoints
from horizon_ryu.core.flows.update_order import Order, order_of
from horizon_ryu.wire.messages import FlowMod, MeterCommand, MeterMod, Outgoing


class WaveKind(StrEnum):
    """What a wave is for; DRAIN sends nothing and waits until old packets are out."""

    METER = "meter"
    ADD = "add"
    REPLACE = "replace"
    COMMIT = "commit"
    REFRESH = "refresh"
    DRAIN = "drain"
    DELETE = "delete"


class Step(NamedTuple):
    """One message; ``before`` is the entry that it replaces, ``lasts`` that it is never undone."""

    send: Outgoing
    before: Outgoing | None = None
    lasts: bool = False

    @property
    def undo(self) -> Outgoing | None:
        """Return the message that undoes this one; None if nothing shall."""
        if self.lasts or self.before is not None:
            return self.before
        return _meter_gone(self.send) or removal(self.send)


class Wave(NamedTuple):
    """Messages that go out together."""

    kind: WaveKind
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How ``old`` (None: nothing yet) becomes ``new`` (None: nothing is left)."""

    old: Flow | None
    new: Flow | None
    waves: tuple[Wave, ...]

    @property
    def before_commit(self) -> tuple[Wave, ...]:
        """Return the waves that can be undone, up to the commit and with it."""
        end = max(
            (place for place, wave in enumerate(self.waves) if wave.kind in _EARLY), default=-1
        )
        return self.waves[: end + 1]

    @property
    def after_commit(self) -> tuple[Wave, ...]:
        """Return the waves that follow when traffic has turned."""
        return self.waves[len(self.before_commit) :]

    @property
    def switches(self) -> frozenset[int]:
        """Return every switch that the plan speaks to."""
        return frozenset(step.send.dpid for wave in self.waves for step in wave.steps)


_EARLY = (WaveKind.METER, WaveKind.ADD, WaveKind.REPLACE, WaveKind.COMMIT)
_DRAINED = Wave(WaveKind.DRAIN)


class Undo(NamedTuple):
    """What takes a change back, in three parts; packets drain after the first two, if not empty.

    ``turned`` gives the traffic back to the old path. Only when no packet is on the new one any
    more is ``restored`` what was replaced, the ingress side first, one by one. ``deleted`` is what
    was added, when the packets that were on their way through it are out.
    """

    turned: tuple[Wave, ...]
    restored: tuple[Wave, ...]
    deleted: tuple[Wave, ...]


def undo_of(waves: Iterable[Wave]) -> Undo:
    """Return what takes ``waves``, those of a plan up to some moment, back."""
    done = tuple(waves)
    back = [wave for wave in reversed(done) if not _only_adds(wave)]
    return Undo(
        tuple(_undoing(wave, WaveKind.REPLACE) for wave in back if wave.kind is WaveKind.COMMIT),
        tuple(_undoing(wave, WaveKind.REPLACE) for wave in back if wave.kind is WaveKind.REPLACE),
        tuple(_undoing(wave, WaveKind.DELETE) for wave in reversed(done) if _only_adds(wave)),
    )


def _undoing(wave: Wave, kind: WaveKind) -> Wave:
    undone = (step.undo for step in wave.steps)
    return Wave(kind, tuple(Step(sent, lasts=True) for sent in undone if sent is not None))


def _only_adds(wave: Wave) -> bool:
    """Tell whether ``wave`` replaces nothing: undoing it is deleting."""
    return all(step.before is None for step in wave.steps)


def plan_install(new: Flow) -> Plan:
    """Return the plan that lays a flow where there is none: all but the ingress, then that."""
    entries = entries_of(new)
    waves = [_meter_wave(new)] if new.meter else []
    if len(entries) > 1:
        waves.append(Wave(WaveKind.ADD, tuple(map(Step, entries[1:]))))
    waves.append(Wave(WaveKind.COMMIT, (Step(entries[0]),)))
    return Plan(None, new, tuple(waves))


def plan_removal(old: Flow) -> Plan:
    """Return the plan that takes a flow away: the ingress first, then towards the destination."""
    waves = [Wave(WaveKind.DELETE, (_deletion(entry),)) for entry in entries_of(old)]
    if old.meter:
        waves.append(_meter_removal(old))
    return Plan(old, None, tuple(waves))


def plan_change(old: Flow, new: Flow) -> Plan | None:
    """Return the plan from ``old`` to ``new``, the same flow changed.

    None if packets could be lost, circle or miss a waypoint in every order that was tried: then
    the new path needs a tag of its own (two phases).
    """
    transit = in_transit(new, old)
    if isinstance(old.spec, EntrySpec) or isinstance(new.spec, EntrySpec):
        return _plan_entry(old, new)
    order = order_of(old.hops, transit.hops, _policies(old, new, old.spec, new.spec))
    if order is None:
        return None
    waves = [_meter_wave(new)] if new.meter and new.meter != old.meter else []
    turning = tuple(_turning(old, transit, order))
    waves += turning
    waves += _after(old, turning, new)
    return Plan(old, new, tuple(waves))


def _policies(
    old: Flow, new: Flow, was: PathSpec, will_be: PathSpec
) -> tuple[tuple[int, ...], ...]:
    """Return the waypoints that packets must pass in whatever mixture of the two paths."""
    lists = (was.waypoints or was.path, will_be.waypoints or will_be.path)
    found = {common_waypoints(points, old.hops, new.hops) for points in lists}
    return tuple(sorted(points for points in found if points))


def _turning(old: Flow, transit: Flow, order: Order) -> Iterator[Wave]:
    """Yield the waves that turn the traffic from the old path to the new one."""
    before = _by_hop(old)
    after = _by_hop(transit)
    ordered = {*order.added, *(key for group in order.replaced for key in group), order.commit}
    # Same way, other queue or meter: the entry changes, in whatever order.
    same_way = [
        key for key, entry in after.items() if key not in ordered and _differs(before[key], entry)
    ]
    if order.added:
        yield Wave(WaveKind.ADD, tuple(Step(after[key]) for key in order.added))
    groups = [group for group in (*order.replaced, tuple(same_way)) if group]
    for group in groups:
        yield Wave(WaveKind.REPLACE, tuple(Step(after[key], before[key]) for key in group))
    if order.commit is not None:
        yield Wave(WaveKind.COMMIT, (Step(after[order.commit], before.get(order.commit)),))


def _by_hop(flow: Flow) -> dict[HopKey, Outgoing]:
    return {hop_key(hop): entry for hop, entry in zip(flow.hops, entries_of(flow), strict=True)}


def _differs(one: Outgoing, other: Outgoing) -> bool:
    """Tell whether two entries of one key do different things to frames; timeouts do not count."""
    was, will_be = flow_mod(one), flow_mod(other)
    return (was.actions, was.meter) != (will_be.actions, will_be.meter)


def _after(old: Flow, turning: Iterable[Wave], new: Flow) -> Iterator[Wave]:
    """Yield what follows the commit: final forms, drain, deletion from the ingress on."""
    lying = {key_of(entry): entry for entry in entries_of(old)}
    lying |= {key_of(step.send): step.send for wave in turning for step in wave.steps}
    # A hard timeout begins anew for the whole path, or its oldest entry would end it early.
    restarts = new.spec.hard_timeout > 0
    final = entries_of(new)
    refreshed = tuple(
        Step(entry, lasts=True) for entry in final if restarts or lying.get(key_of(entry)) != entry
    )
    if refreshed:
        yield Wave(WaveKind.REFRESH, refreshed)
    kept = {key_of(entry) for entry in final}
    gone = [entry for key, entry in lying.items() if key not in kept]
    if gone or (old.meter and old.meter != new.meter):
        yield _DRAINED
    yield from (Wave(WaveKind.DELETE, (_deletion(entry),)) for entry in gone)
    if old.meter and old.meter != new.meter:
        yield _meter_removal(old)


def _plan_entry(old: Flow, new: Flow) -> Plan:
    """Return the plan for a single entry: replaced in place, or added before the old one goes."""
    was, will_be = entries_of(old)[0], entries_of(new)[0]
    same_key = key_of(was) == key_of(will_be)
    waves = [_meter_wave(new)] if new.meter and new.meter != old.meter else []
    waves.append(Wave(WaveKind.COMMIT, (Step(will_be, was if same_key else None),)))
    if not same_key:
        waves.append(Wave(WaveKind.DELETE, (_deletion(was),)))
    if old.meter and old.meter != new.meter:
        waves.append(_meter_removal(old))
    return Plan(old, new, tuple(waves))


def meter_of(flow: Flow) -> Outgoing | None:
    """Return the message that makes the flow's meter; None if it has none."""
    if not flow.meter:
        return None
    rate = flow.spec.rate_kbps or 0
    return Outgoing(flow.first_dpid, MeterMod(MeterCommand.ADD, flow.meter, rate))


def _meter_wave(flow: Flow) -> Wave:
    rate = flow.spec.rate_kbps or 0
    return Wave(
        WaveKind.METER,
        (Step(Outgoing(flow.first_dpid, MeterMod(MeterCommand.ADD, flow.meter, rate))),),
    )


def _meter_removal(flow: Flow) -> Wave:
    gone = Outgoing(flow.first_dpid, MeterMod(MeterCommand.DELETE, flow.meter))
    return Wave(WaveKind.DELETE, (Step(gone, lasts=True),))


def _meter_gone(sent: Outgoing) -> Outgoing | None:
    """Return what deletes the meter that ``sent`` makes; None if it makes none."""
    if not isinstance(sent.message, MeterMod):
        return None
    return Outgoing(sent.dpid, MeterMod(MeterCommand.DELETE, sent.message.meter_id))


def _deletion(entry: Outgoing) -> Step:
    return Step(removal(entry), lasts=True)


def keys_in(plan: Plan) -> frozenset[EntryKey]:
    """Return the keys of every entry that ``plan`` writes or deletes."""
    steps = (step for wave in plan.waves for step in wave.steps)
    return frozenset(key_of(step.send) for step in steps if isinstance(step.send.message, FlowMod))
