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
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core.ownership import Owner, Priority, cookie, generation_of, owner_of
from horizon_ryu.core.spanning_tree import vlan_floods
from horizon_ryu.core.spanning_tree.drop_entries import is_apart
from horizon_ryu.core.spanning_tree.vlan_floods import Closed, VlanFloodReader, VlanFloods
from horizon_ryu.core.topology import Switch, is_port
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    MAX_PHYSICAL_PORT,
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
_NO_VLANS: Closed = MappingProxyType({})
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
    be there or not; whatever closes ports writes them anew. ``vlans``: what it does otherwise in
    single VLANs.
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
    vlans: VlanFloods = ()

    @property
    def passing(self) -> frozenset[int]:
        """The ports by which the switch itself floods frames in and out."""
        if self.assumed:
            return self.ports
        return self.ports - self.blocked if self.floods else frozenset()

    def passes(self, number: int) -> bool:
        """Tell whether a port is one of ``passing``, without reading the others."""
        if number not in self.ports:
            return False
        return self.assumed or (self.floods and number not in self.blocked)


class FloodStep(NamedTuple):
    """Messages for one switch and the state they lead to; ``left`` are ports for further steps."""

    messages: tuple[Message, ...]
    after: FloodState
    left: AbstractSet[int] = frozenset()


def physical_ports(switch: Switch) -> frozenset[int]:
    """Return the numbers of the ports, those beyond the cap too, without what is reserved."""
    return frozenset(_ports_among(switch.ports.keys() | switch.surplus.keys()))


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
    state = _entries_state(switch, entries, generation)
    if group is not None:
        flooding = group & ports
    elif not switch.capabilities.flood_group:
        flooding = frozenset(number for number in ports if _floods(switch, number))
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
        flooding = frozenset(number for number in ports if _floods(switch, number))
    return FloodState(ports=flooding, blocked=ports, stale=ports, assumed=True)


def _floods(switch: Switch, number: int) -> bool:
    """Tell whether a port floods by itself, as it was described (1.0)."""
    port = switch.port(number)
    return port is not None and not port.no_flood


def _entries_state(switch: Switch, entries: Iterable[FlowEntry], generation: int) -> FloodState:
    """Return what the entries of ours among ``entries`` do.

    One that others changed counts as one of an earlier run: it is there, and to be replaced.
    """
    broadcast = _broadcast_match(switch)
    blocked: set[int] = set()
    stale: set[int] = set()
    found: dict[int, bool] = {}
    leftovers: list[FlowMod] = []
    in_vlans = VlanFloodReader(broadcast)
    for entry in entries:
        if owner_of(entry.cookie) is not Owner.SPANNING_TREE or is_apart(entry):
            continue
        match, priority = entry.match, entry.priority
        current = generation_of(entry.cookie) == generation & 0xFFFF_FFFF
        if in_vlans.take(entry, current):
            continue
        current &= _is_unchanged(entry)
        port = match.in_port
        if (
            port is not None
            and priority == Priority.BLOCKED
            and match._replace(in_port=None) == broadcast
        ):
            blocked.add(port)
            if not current:
                stale.add(port)
        elif (match, priority) in (
            (broadcast, Priority.BROADCAST),
            (_TABLE_MISS, Priority.TABLE_MISS),
        ):
            found[priority] = current
        else:
            leftovers.append(FlowMod(FlowCommand.DELETE_STRICT, match, priority, entry.cookie))
    return FloodState(
        blocked=frozenset(blocked),
        stale=frozenset(stale),
        floods=Priority.BROADCAST in found,
        broadcast=found.get(Priority.BROADCAST, False),
        table_miss=found.get(Priority.TABLE_MISS, False),
        leftovers=tuple(leftovers),
        vlans=in_vlans.result(),
    )


def _is_unchanged(entry: FlowEntry) -> bool:
    """Tell whether an entry of ours does what those of its priority do, for ever."""
    lasts = not (entry.idle_timeout or entry.hard_timeout)
    drops = not entry.actions and not entry.forwards
    actions = _ACTIONS.get(entry.priority, ())
    return lasts and entry.exact and entry.actions == actions and (bool(actions) or drops)


def closing(
    switch: Switch,
    state: FloodState,
    wanted: AbstractSet[int],
    generation: int,
    among: AbstractSet[int] | None = None,
    most: int | None = None,
    in_vlans: Closed = _NO_VLANS,
) -> FloodStep:
    """Return what closes every port of ``switch`` that is not in ``wanted``; it opens nothing.

    Of ``among`` only these are looked at, and of ``most`` no more are closed in this step; but a
    group loses all at once, which is one message whatever their number. What is open beside is
    closed ``in_vlans``.
    """
    ports = _looked_at(switch, among)
    closed = ports - wanted
    gone = state.ports - ports if among is None else (among - ports) & state.ports
    new = (closed - state.blocked) | (closed & state.stale)
    in_group = switch.capabilities.flood_group
    now, left = _first(new if in_group else new | (closed & state.ports), most)
    flooding = _without(state.ports, (closed if in_group else now) | gone)
    messages = _told_not_to_flood(switch, state, now, flooding)
    messages += (_blocked_entry(switch, number, generation) for number in sorted(now & new))
    if not state.table_miss:
        messages.append(_entry(_TABLE_MISS, Priority.TABLE_MISS, generation, (ToController(),)))
    vlans = state.vlans
    if vlans or in_vlans:
        is_open, match = flooding & wanted, _broadcast_match(switch)
        mods, vlans = vlan_floods.closing(vlans, in_vlans, is_open, match, generation)
        messages += mods
    after = replace(
        state,
        ports=flooding,
        blocked=_with(state.blocked, now),
        stale=_without(state.stale, now),
        grouped=True,
        table_miss=True,
        assumed=state.assumed and bool(left),
        vlans=vlans,
    )
    return FloodStep(tuple(messages), after, left)


def _told_not_to_flood(
    switch: Switch, state: FloodState, closed: AbstractSet[int], flooding: frozenset[int]
) -> list[Message]:
    """Return what has the ports in ``closed`` flood no more; ``flooding`` are those left."""
    if not switch.capabilities.flood_group:
        return list(_no_flood(switch, closed & state.ports, True))
    if not state.grouped or flooding is not state.ports:
        return [FloodPorts(flooding)]
    return []


def opening(
    switch: Switch,
    state: FloodState,
    wanted: AbstractSet[int],
    generation: int,
    among: AbstractSet[int] | None = None,
    most: int | None = None,
    in_vlans: Closed = _NO_VLANS,
) -> FloodStep:
    """Return what opens the ports in ``wanted``, the rest having been closed before.

    ``among``, ``most`` and ``in_vlans`` are as for :func:`closing`.
    """
    ports = _looked_at(switch, among)
    opened = ports & wanted
    freed = (state.blocked if among is None else state.blocked & among) - (ports - wanted)
    now, left = _first((opened - state.ports) | freed, most)
    flooding = _with(state.ports, now & opened)
    messages = _told_to_flood(switch, state.ports, flooding)
    if not state.broadcast:
        messages.append(
            _entry(_broadcast_match(switch), Priority.BROADCAST, generation, (Flood(),))
        )
    messages += (
        _removed(_blocked_match(switch, number), Priority.BLOCKED, generation)
        for number in sorted(now & freed)
    )
    messages += state.leftovers
    vlans = state.vlans
    if vlans:
        is_open, match = flooding & wanted, _broadcast_match(switch)
        mods, vlans = vlan_floods.opening(vlans, in_vlans, is_open, match, generation)
        messages += mods
    after = replace(
        state,
        ports=flooding,
        blocked=_without(state.blocked, now & freed),
        stale=_without(state.stale, now & freed),
        floods=True,
        broadcast=True,
        leftovers=(),
        vlans=vlans,
    )
    return FloodStep(tuple(messages), after, left)


def _told_to_flood(
    switch: Switch, before: frozenset[int], flooding: frozenset[int]
) -> list[Message]:
    """Return what has a switch flood by more ports than ``before``."""
    if flooding is before:
        return []
    if switch.capabilities.flood_group:
        return [FloodPorts(flooding)]
    return list(_no_flood(switch, flooding - before, False))


def _looked_at(switch: Switch, among: AbstractSet[int] | None) -> AbstractSet[int]:
    """Return the ports that the switch has, of those in ``among`` if given."""
    if among is None:
        return physical_ports(switch)
    return _ports_among((switch.ports.keys() & among) | (switch.surplus.keys() & among))


def _ports_among(numbers: AbstractSet[int]) -> AbstractSet[int]:
    """Return those that are ports, without asking of each where all of them are.

    A chassis of 50,000 is looked at hundreds of times until all of it is told what to do.
    """
    ordinary = numbers - {LOCAL_PORT}
    if not ordinary or (min(ordinary) > 0 and max(ordinary) <= MAX_PHYSICAL_PORT):
        return numbers
    return {number for number in numbers if is_port(number)}


def _first(
    numbers: AbstractSet[int], most: int | None
) -> tuple[AbstractSet[int], AbstractSet[int]]:
    """Return the lowest of ``numbers``, ``most`` at most, and the others."""
    if most is None or len(numbers) <= most:
        return numbers, frozenset()
    first = frozenset(sorted(numbers)[:most])
    return first, numbers - first


def _with(numbers: frozenset[int], more: AbstractSet[int]) -> frozenset[int]:
    """Return ``numbers`` and ``more``; the same object where that changes nothing."""
    return numbers if more <= numbers else numbers | more


def _without(numbers: frozenset[int], fewer: AbstractSet[int]) -> frozenset[int]:
    """Return ``numbers`` without ``fewer``; the same object where that changes nothing."""
    return numbers if numbers.isdisjoint(fewer) else numbers - fewer


def _no_flood(switch: Switch, numbers: Iterable[int], no_flood: bool) -> Iterable[Message]:
    for number in sorted(numbers):
        port = switch.port(number)
        if port is not None:
            yield SetNoFlood(number, port.hw_addr, no_flood)


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
    """Return ``state`` of a switch that has just got port ``number``."""
    return with_new_ports(state, switch, (number,))


def with_new_ports(state: FloodState, switch: Switch, numbers: Iterable[int]) -> FloodState:
    """Return ``state`` of a switch that has just got ports ``numbers``.

    On 1.0 a new port floods unless its description says otherwise; a group has no new members.
    """
    if switch.capabilities.flood_group:
        return state
    flooding = {number for number in numbers if _floods(switch, number)}
    return replace(state, ports=state.ports | flooding) if flooding else state
