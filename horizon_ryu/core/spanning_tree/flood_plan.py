"""Flood planner: from desired and confirmed flood states to plans, in an order that is safe.

A port opens only when nothing in its part of the network is still to be closed: as long as a
closing is not confirmed, the port may be open, and with the new one it may make a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from horizon_ryu.core.spanning_tree.flood_state import FloodState, FloodStep, closing, opening
from horizon_ryu.core.topology import Switch
from horizon_ryu.wire.messages import Outgoing


@dataclass(slots=True)
class Member:
    """A switch under control; ``state`` is None until it was read.

    ``pending`` is what an unconfirmed plan leads to, ``closes`` tells whether that plan closes
    ports. ``wanted`` are the ports to have open. The serial number tells the connections of one
    switch apart.
    """

    switch: Switch
    serial: int
    up: frozenset[int]
    state: FloodState | None = None
    pending: FloodState | None = None
    closes: bool = False
    wanted: frozenset[int] = frozenset()

    def may_pass(self) -> frozenset[int]:
        """Return the ports that are open for all one knows."""
        states = (self.state, self.pending)
        return self.up & frozenset().union(*(s.passing for s in states if s is not None))

    def confirm(self) -> None:
        """Take the pending state for the real one."""
        self.state, self.pending, self.closes = self.pending, None, False

    def is_closing(self) -> bool:
        """Tell whether ports may be open that should not be."""
        if self.state is None or self.closes:
            return True
        return self.pending is not None and not self.pending.ports <= self.wanted


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

    Switches in ``work`` are compared with what they should do, and leave it when they do that.
    """

    def __init__(
        self,
        members: Mapping[int, Member],
        work: set[int],
        part_of: Callable[[int], int],
        generation: int,
    ) -> None:
        self._members = members
        self._work = work
        self._part_of = part_of
        self._generation = generation
        self._messages: list[Outgoing] = []
        self._serials: dict[int, int] = {}

    def plan(self) -> FloodPlan:
        """Return what can be done now by switches without an unconfirmed plan."""
        unsafe = self._close()
        self._open(unsafe)
        return FloodPlan(tuple(self._messages), self._serials)

    def _close(self) -> set[int]:
        """Plan what closes ports; return the parts in which nothing may open yet."""
        for dpid in sorted(self._work):
            member = self._members[dpid]
            if member.state is not None and member.pending is None:
                step = closing(member.switch, member.state, member.wanted, self._generation)
                member.closes = self._take(member, step)
        return {
            self._part_of(dpid) for dpid, member in self._members.items() if member.is_closing()
        }

    def _open(self, unsafe: set[int]) -> None:
        for dpid in sorted(self._work):
            member = self._members[dpid]
            if member.state is None or member.pending is not None:
                continue
            if self._part_of(dpid) not in unsafe:
                self._work.discard(dpid)
                self._take(
                    member,
                    opening(member.switch, member.state, member.wanted, self._generation),
                )

    def _take(self, member: Member, step: FloodStep) -> bool:
        """Make ``step`` part of the plan unless it is empty; tell whether it is not."""
        if not step.messages:
            return False
        dpid = member.switch.dpid
        member.pending = step.after
        self._messages += (Outgoing(dpid, message) for message in step.messages)
        self._serials[dpid] = member.serial
        return True
