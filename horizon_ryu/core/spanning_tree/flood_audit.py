"""Audit of what a switch does with broadcasts: what it has against what it is believed to have.

A difference becomes the believed state. The planner then closes before it opens, as always, so
that restoring a switch makes no loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from horizon_ryu.core.spanning_tree.flood_state import FloodState, read_state
from horizon_ryu.core.spanning_tree.members import Member
from horizon_ryu.core.topology import Switch
from horizon_ryu.wire.messages import FlowEntry

PORTS_DESCRIBED = (0xFFFF - 32) // 48
"""Ports that the features of a switch of 1.0 have room for (1.0.0 section 5.3.1)."""


class FloodSnapshot(NamedTuple):
    """What was believed of one connection of a switch when it was asked."""

    dpid: int
    serial: int
    state: FloodState
    switch: Switch

    @property
    def basis(self) -> tuple[object, ...]:
        """All that a comparison depends on besides what the switch answers."""
        return self.state, self.switch


def snapshot(member: Member) -> FloodSnapshot | None:
    """Return what is believed of a switch; None while that is not all confirmed.

    Nor while something of an earlier run is there: only entries of this run are compared.
    """
    state = member.state
    if state is None or member.pending is not None:
        return None
    is_old = state.stale or state.leftovers or not all(one.is_current for one in state.vlans)
    if is_old or not (state.broadcast and state.table_miss):
        return None
    return FloodSnapshot(member.switch.dpid, member.serial, state, member.switch)


def compare(
    member: Member,
    asked: FloodSnapshot,
    entries: Iterable[FlowEntry],
    flooding: frozenset[int] | None,
    generation: int,
) -> bool:
    """Take what a switch has, and tell whether it is something else than was believed.

    ``entries`` are this run's, ``flooding`` the ports by which the switch floods (None: it has no
    group). An answer from before the newest plan says nothing.
    """
    if member.serial != asked.serial or member.state is not asked.state:
        return False
    if member.pending is not None:
        return False
    found = read_state(member.switch, entries, flooding, generation)
    if not member.switch.capabilities.flood_group:
        found = replace(found, grouped=asked.state.grouped)
        if len(member.switch.ports) + len(member.switch.surplus) > PORTS_DESCRIBED:
            # No description has room for all, so that it says nothing of those that it lacks.
            found = replace(found, ports=asked.state.ports)
    if found == asked.state:
        return False
    member.state = found
    return True
