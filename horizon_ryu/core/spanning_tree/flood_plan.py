"""Flood planner: from desired and confirmed flood states to plans, in an order that is safe.

A port opens only when nothing in its part of the network is still to be closed: as long as a
closing is not confirmed, the port may be open, and with the new one it may make a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from horizon_ryu.core.spanning_tree.flood_state import FloodStep, closing, opening
from horizon_ryu.core.spanning_tree.members import Member, Members
from horizon_ryu.wire.messages import Outgoing

AT_ONCE = 256
"""Ports of one switch that one plan closes, or opens: a slow switch must confirm it in time."""


@dataclass(frozen=True, slots=True)
class FloodPlan:
    """Messages to send and have confirmed together; false when there is nothing to do.

    ``serials`` has the connection of each switch concerned.
    """

    messages: tuple[Outgoing, ...] = ()
    serials: Mapping[int, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.messages)

    def by_switch(self) -> list[FloodPlan]:
        """Return a plan per switch: whoever is slow to confirm then delays nobody else."""
        messages: dict[int, list[Outgoing]] = {dpid: [] for dpid in self.serials}
        for sent in self.messages:
            messages[sent.dpid].append(sent)
        return [FloodPlan(tuple(own), {dpid: self.serials[dpid]}) for dpid, own in messages.items()]


class Planner:
    """Plans for ``members``; ``part_of`` names the part of the network a switch belongs to.

    Switches that have work are compared with what they should do, and leave it when they do that.
    """

    def __init__(self, members: Members, part_of: Callable[[int], int], generation: int) -> None:
        self._members = members
        self._part_of = part_of
        self._generation = generation
        self._messages: list[Outgoing] = []
        self._serials: dict[int, int] = {}

    def plan(self) -> FloodPlan:
        """Return what can be done now by switches without an unconfirmed plan."""
        if self._members.work:
            unsafe = self._close()
            self._open(unsafe)
        return FloodPlan(tuple(self._messages), self._serials)

    def _close(self) -> set[int]:
        """Plan what closes ports; return the parts in which nothing may open yet."""
        for member in self._idle():
            step = closing(
                member.switch,
                member.known_state,
                member.wanted,
                self._generation,
                member.unlike,
                AT_ONCE,
                member.closed_in_vlans,
            )
            member.closes = self._take(member, step)
        busy = self._members.busy
        return {self._part_of(dpid) for dpid in busy if self._members[dpid].is_closing()}

    def _open(self, unsafe: set[int]) -> None:
        for member in self._idle():
            if self._part_of(member.switch.dpid) in unsafe:
                continue
            step = opening(
                member.switch,
                member.known_state,
                member.wanted,
                self._generation,
                member.unlike,
                AT_ONCE,
                member.closed_in_vlans,
            )
            # None has anything to close any more: otherwise it would be busy by now.
            self._members.narrow(member, step.left)
            self._take(member, step)

    def _idle(self) -> list[Member]:
        """Return the switches that have work and no unconfirmed plan, in order."""
        return [self._members[dpid] for dpid in sorted(self._members.work - self._members.busy)]

    def _take(self, member: Member, step: FloodStep) -> bool:
        """Make ``step`` part of the plan unless it is empty; tell whether it is not."""
        if not step.messages:
            return False
        dpid = member.switch.dpid
        self._members.pend(member, step.after)
        self._messages += (Outgoing(dpid, message) for message in step.messages)
        self._serials[dpid] = member.serial
        return True
