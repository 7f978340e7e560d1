"""VLAN floods: what a switch does with the broadcasts of single VLANs, beside all others.

Where a port is closed in one VLAN alone, an entry drops what comes in there in that VLAN, unicast
too (another port of the segment is open), and broadcasts of the VLAN leave by a list of ports
instead of along the common tree: neither version can match by which port a frame would leave.
Without such a port there are no such entries.

As of the common tree, a change has two halves: :func:`closing` takes ports out of lists and adds
drop entries, and :func:`opening` does the reverse, when all closings are confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    Action,
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    Output,
    OutputReserved,
    ReservedPort,
    output,
)

MAX_LISTED = 4000
"""Ports in a list: a flow-mod of 64 KiB has room for so many outputs of 16 bytes (1.3, 7.2.5)."""

Closed = Mapping[int, AbstractSet[int]]
"""By VLAN the ports of one switch that are to be closed in it alone."""
_NOBODY: frozenset[int] = frozenset()


class VlanFlood(NamedTuple):
    """What a switch does in one VLAN.

    ``ports`` are those that a broadcast leaves by, None where it takes the common tree; ``blocked``
    are those with a drop entry. ``is_current``: all of these entries are this run's.
    """

    vlan: int
    ports: frozenset[int] | None
    blocked: frozenset[int]
    is_current: bool = True


VlanFloods = tuple[VlanFlood, ...]
"""In order of the VLANs."""


class VlanStep(NamedTuple):
    """Messages for one switch, and what it does once it has them."""

    messages: tuple[FlowMod, ...]
    after: VlanFloods


class VlanFloodReader:
    """Gathers the entries that are about single VLANs, one by one."""

    def __init__(self, broadcast: Match) -> None:
        """``broadcast`` is what the switch matches as one."""
        self._broadcast = broadcast
        self._found: dict[int, VlanFlood] = {}

    def take(self, entry: FlowEntry, is_current: bool) -> bool:
        """Take an entry of ours; False if it is about something else."""
        vlan, in_port = entry.match.dl_vlan, entry.match.in_port
        if vlan is None:
            return False
        lasts = entry.exact and not (entry.idle_timeout or entry.hard_timeout)
        known = self._found.get(vlan, VlanFlood(vlan, None, _NOBODY))
        if in_port is not None and (entry.match, entry.priority) == _drop(in_port, vlan):
            blocked, ports = known.blocked | {in_port}, known.ports
            is_right = not entry.actions and not entry.forwards
        elif (entry.match, entry.priority) == _flood(self._broadcast, vlan):
            blocked, listed = known.blocked, [_port_of(action) for action in entry.actions]
            ports = frozenset(number for number in listed if number is not None)
            is_right = None not in listed
        else:
            return False
        is_current = known.is_current and is_current and lasts and is_right
        self._found[vlan] = VlanFlood(vlan, ports, blocked, is_current)
        return True

    def result(self) -> VlanFloods:
        """Return what was found."""
        return tuple(self._found[vlan] for vlan in sorted(self._found))


def closing(
    floods: VlanFloods,
    closed: Closed,
    flooding: AbstractSet[int],
    broadcast: Match,
    generation: int,
) -> VlanStep:
    """Return what closes ports; ``flooding`` are those that the common tree has open afterwards."""
    known = {one.vlan: one for one in floods}
    after: list[VlanFlood] = []
    messages: list[FlowMod] = []
    for vlan in sorted(known.keys() | closed.keys()):
        before = known.get(vlan) or VlanFlood(vlan, None, _NOBODY)
        wanted = closed.get(vlan, _NOBODY)
        if not (wanted or before.is_current):
            # It goes when ports are opened, and what is there until then is written anew.
            wanted = before.blocked
        had = before.blocked if before.is_current else _NOBODY
        messages += (_entry(_drop(no, vlan), generation, ()) for no in sorted(wanted - had))
        blocked = before.blocked | wanted
        left = flooding - blocked
        ports = _bounded(left if before.ports is None else before.ports & left)
        if ports != before.ports or not before.is_current:
            messages.append(_list(broadcast, vlan, ports, generation))
        after.append(VlanFlood(vlan, ports, frozenset(blocked), True))
    return VlanStep(tuple(messages), tuple(after))


def opening(
    floods: VlanFloods,
    closed: Closed,
    flooding: AbstractSet[int],
    broadcast: Match,
    generation: int,
) -> VlanStep:
    """Return what opens ports; all that is to be closed was closed before."""
    after: list[VlanFlood] = []
    messages: list[FlowMod] = []
    for before in floods:
        wanted = closed.get(before.vlan, _NOBODY)
        if wanted:
            ports = _bounded(flooding - wanted)
            if ports != before.ports:
                messages.append(_list(broadcast, before.vlan, ports, generation))
            after.append(VlanFlood(before.vlan, ports, frozenset(wanted), before.is_current))
        elif before.ports is not None:
            messages.append(_removed(_flood(broadcast, before.vlan), generation))
        gone = sorted(before.blocked - wanted)
        messages += (_removed(_drop(number, before.vlan), generation) for number in gone)
    return VlanStep(tuple(messages), tuple(after))


def are_closed(floods: VlanFloods, closed: Closed) -> bool:
    """Tell whether all ports are closed that should be."""
    known = {one.vlan: one for one in floods}
    for vlan, numbers in closed.items():
        one = known.get(vlan)
        if one is None or one.ports is None or not one.blocked >= numbers:
            return False
    return True


def outputs(ports: Iterable[int]) -> tuple[Action, ...]:
    """Return the actions that send a frame out of several ports, as a switch reports them."""
    return tuple(map(output, sorted(ports)))


def _bounded(ports: AbstractSet[int]) -> frozenset[int]:
    return frozenset(ports if len(ports) <= MAX_LISTED else sorted(ports)[:MAX_LISTED])


def _port_of(action: Action) -> int | None:
    if action == OutputReserved(ReservedPort.LOCAL):
        return LOCAL_PORT
    return action.port_no if isinstance(action, Output) else None


_Place = tuple[Match, int]


def _drop(number: int, vlan: int) -> _Place:
    return Match(number, dl_vlan=vlan), Priority.BLOCKED


def _flood(broadcast: Match, vlan: int) -> _Place:
    return broadcast._replace(dl_vlan=vlan), Priority.VLAN_BROADCAST


def _list(broadcast: Match, vlan: int, ports: frozenset[int], generation: int) -> FlowMod:
    return _entry(_flood(broadcast, vlan), generation, outputs(ports))


def _entry(place: _Place, generation: int, actions: tuple[Action, ...]) -> FlowMod:
    return FlowMod(FlowCommand.ADD, *place, cookie(Owner.SPANNING_TREE, generation), actions)


def _removed(place: _Place, generation: int) -> FlowMod:
    return FlowMod(FlowCommand.DELETE_STRICT, *place, cookie(Owner.SPANNING_TREE, generation))
