"""Flood state: what one switch does with broadcasts, and the messages that change it.

On OpenFlow 1.3 the ports open to broadcasts are the members of a group; on 1.0 they are those
without NO_FLOOD. On both, a drop entry stands at each port that is closed, one entry sends
broadcasts to the open ports, and a table-miss entry makes a hybrid switch behave as a pure one.

A change has two halves: what closes ports, and what opens them. Closing alone never makes a
loop, so :func:`closing` may be sent at any time; :func:`opening` only when all closings that it
relies on are confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core.ownership import Owner, Priority, cookie, generation_of, owner_of
from horizon_ryu.core.spanning_tree.drop_entries import is_apart
from horizon_ryu.core.topology import Switch, is_port
from horizon_ryu.wire.messages import (
    Action,
    Flood,
    FloodPorts,
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    Message,
    SetNoFlood,
    ToController,
)

BROADCAST_MAC = b"\xff" * 6
_TABLE_MISS = Match()
_ACTIONS: Mapping[int, tuple[Action, ...]] = MappingProxyType(
    {Priority.BROADCAST: (Flood(),), Priority.TABLE_MISS: (ToController(),)}
)
"""By priority; drop entries have none."""


@dataclass(frozen=True, slots=True)
class FloodState:
    """What a switch does with broadcasts.

    ``ports``: those a flooded frame leaves by. ``blocked``: those with a drop entry, of which
    the ``stale`` ones are left from an earlier run. ``grouped``: the group is known to exist
    with exactly ``ports``. ``floods``: some broadcast entry of ours, of whatever run, is there;
    ``broadcast`` and ``table_miss``: this run's is. ``leftovers``: entries of ours that no
    switch should have any more. ``assumed``: nothing of this was read, so that the drop entries may
    be there or not; whatever closes ports writes them anew.
    """

    ports: frozenset[int] = frozenset()
    blocked: frozenset[int] = frozenset()
    stale: frozenset[int] = frozenset()
    grouped: bool = False
    floods: bool = False
    broadcast: bool = False
    table_miss: bool = False
    leftovers: tuple[FlowMod, ...] = ()
    assumed: bool = False

    @property
    def passing(self) -> frozenset[int]:
        """The ports by which the switch itself floods frames in and out."""
        if self.assumed:
            return self.ports
        return self.ports - self.blocked if self.floods else frozenset()


class FloodStep(NamedTuple):
    """Messages for one switch and the state they lead to."""

    messages: tuple[Message, ...]
    after: FloodState


def physical_ports(switch: Switch) -> frozenset[int]:
    """Return the numbers of the ports, without what is reserved."""
    return frozenset(filter(is_port, switch.ports))


def up_ports(switch: Switch) -> frozenset[int]:
    """Return the numbers of the physical ports that are up."""
    return frozenset(number for number, port in switch.ports.items() if port.up and is_port(number))


def read_state(
    switch: Switch,
    entries: Iterable[FlowEntry],
    group: frozenset[int] | None,
    generation: int,
) -> FloodState:
    """Return what ``switch`` does, be it from an earlier connection or an earlier run.

    ``group`` has the members of the flood group (1.3) where they could be read; otherwise they
    are taken to be the ports without a drop entry, and the group is written anew. On 1.0 it has
    the ports without NO_FLOOD; otherwise these are what the switch described at first. Entries
    that are not Spanning Tree's are ignored.
    """
    ports = physical_ports(switch)
    state = FloodState()
    for entry in entries:
        if owner_of(entry.cookie) is Owner.SPANNING_TREE and not is_apart(entry):
            state = _with_entry(state, switch, entry, generation)
    if group is not None:
        flooding = group & ports
    elif not switch.capabilities.flood_group:
        flooding = frozenset(number for number in ports if not switch.ports[number].no_flood)
    else:
        flooding = ports - state.blocked if state.floods else frozenset()
    return replace(state, ports=flooding, grouped=group is not None and group <= ports)


def assumed_state(switch: Switch) -> FloodState:
    """Return what ``switch`` may do where its entries cannot be read: flood at every port.

    An earlier run may have left its broadcast entry, and drop entries that are in the way.
    """
    ports = physical_ports(switch)
    flooding = ports
    if not switch.capabilities.flood_group:
        flooding = frozenset(number for number in ports if not switch.ports[number].no_flood)
    return FloodState(ports=flooding, blocked=ports, stale=ports, assumed=True)


def _with_entry(state: FloodState, switch: Switch, entry: FlowEntry, generation: int) -> FloodState:
    """Return ``state`` with one more of our entries.

    One that others changed counts as one of an earlier run: it is there, and to be replaced.
    """
    port = entry.match.in_port
    kind = (entry.match, entry.priority)
    current = generation_of(entry.cookie) == generation & 0xFFFF_FFFF
    current &= _is_unchanged(entry)
    if port is not None and kind == (_blocked_match(switch, port), Priority.BLOCKED):
        stale = state.stale if current else state.stale | {port}
        return replace(state, blocked=state.blocked | {port}, stale=stale)
    if kind == (_broadcast_match(switch), Priority.BROADCAST):
        return replace(state, floods=True, broadcast=current)
    if kind == (_TABLE_MISS, Priority.TABLE_MISS):
        return replace(state, table_miss=current)
    gone = FlowMod(FlowCommand.DELETE_STRICT, entry.match, entry.priority, entry.cookie)
    return replace(state, leftovers=(*state.leftovers, gone))


def _is_unchanged(entry: FlowEntry) -> bool:
    """Tell whether an entry of ours does what those of its priority do, for ever."""
    lasts = not (entry.idle_timeout or entry.hard_timeout)
    drops = not entry.actions and not entry.forwards
    actions = _ACTIONS.get(entry.priority, ())
    return lasts and entry.exact and entry.actions == actions and (bool(actions) or drops)


def closing(
    switch: Switch, state: FloodState, wanted: frozenset[int], generation: int
) -> FloodStep:
    """Return what closes every port of ``switch`` that is not in ``wanted``; it opens nothing."""
    ports = physical_ports(switch)
    closed = ports - wanted
    flooding = state.ports & wanted & ports
    messages: list[Message] = []
    if not switch.capabilities.flood_group:
        messages += _no_flood(switch, state.ports & closed, True)
    elif not state.grouped or flooding != state.ports:
        messages.append(FloodPorts(flooding))
    new = closed - (state.blocked - state.stale)
    messages += (_blocked_entry(switch, number, generation) for number in sorted(new))
    if not state.table_miss:
        messages.append(_entry(_TABLE_MISS, Priority.TABLE_MISS, generation, (ToController(),)))
    after = replace(
        state,
        ports=flooding,
        blocked=state.blocked | closed,
        stale=state.stale - closed,
        grouped=True,
        table_miss=True,
        assumed=False,
    )
    return FloodStep(tuple(messages), after)


def opening(
    switch: Switch, state: FloodState, wanted: frozenset[int], generation: int
) -> FloodStep:
    """Return what opens the ports in ``wanted``, the rest having been closed before."""
    ports = physical_ports(switch)
    wanted &= ports
    messages: list[Message] = []
    if not switch.capabilities.flood_group:
        messages += _no_flood(switch, wanted - state.ports, False)
    elif wanted != state.ports:
        messages.append(FloodPorts(wanted))
    if not state.broadcast:
        messages.append(
            _entry(_broadcast_match(switch), Priority.BROADCAST, generation, (Flood(),))
        )
    kept = ports - wanted
    messages += (
        _removed(_blocked_match(switch, number), Priority.BLOCKED, generation)
        for number in sorted(state.blocked - kept)
    )
    messages += state.leftovers
    after = replace(
        state,
        ports=wanted,
        blocked=state.blocked & kept,
        stale=frozenset(),
        floods=True,
        broadcast=True,
        leftovers=(),
    )
    return FloodStep(tuple(messages), after)


def _no_flood(switch: Switch, numbers: frozenset[int], no_flood: bool) -> Iterable[Message]:
    return (
        SetNoFlood(number, switch.ports[number].hw_addr, no_flood) for number in sorted(numbers)
    )


def _broadcast_match(switch: Switch) -> Match:
    """Match what the tree carries by itself; 1.0 has no masks, so other multicasts miss there."""
    if not switch.capabilities.mac_masks:
        return Match(dl_dst=BROADCAST_MAC)
    return Match(dl_dst_multicast=True)


def _blocked_match(switch: Switch, number: int) -> Match:
    return _broadcast_match(switch)._replace(in_port=number)


def _blocked_entry(switch: Switch, number: int, generation: int) -> FlowMod:
    return _entry(_blocked_match(switch, number), Priority.BLOCKED, generation, ())


def _entry(
    match: Match, priority: int, generation: int, actions: tuple[Flood | ToController, ...]
) -> FlowMod:
    owner = cookie(Owner.SPANNING_TREE, generation)
    return FlowMod(FlowCommand.ADD, match, priority, owner, actions)


def _removed(match: Match, priority: int, generation: int) -> FlowMod:
    owner = cookie(Owner.SPANNING_TREE, generation)
    return FlowMod(FlowCommand.DELETE_STRICT, match, priority, owner)


def with_new_port(state: FloodState, switch: Switch, number: int) -> FloodState:
    """Return ``state`` of a switch that has just got port ``number``.

    On 1.0 a new port floods unless its description says otherwise; a group has no new members.
    """
    if switch.capabilities.flood_group or switch.ports[number].no_flood:
        return state
    return replace(state, ports=state.ports | {number})
