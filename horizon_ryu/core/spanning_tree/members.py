"""Members: the switches under control, what they do, what they should do, and who has work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from horizon_ryu.core.spanning_tree.flood_state import FloodState, up_ports, with_new_ports
from horizon_ryu.core.spanning_tree.vlan_floods import Closed, are_closed
from horizon_ryu.core.topology import PortRef, Switch


@dataclass(slots=True, eq=False)
class Member:
    """A switch under control; ``state`` is None until it was read.

    ``pending`` is what an unconfirmed plan leads to, ``closes`` tells whether that plan closes
    ports. ``up`` and ``wanted`` are the ports that are up, and those to have open. ``unlike`` are
    the ports that may do something else than they should; None: any of them. In single VLANs
    ``closed_in_vlans`` are to be closed beside. The serial number tells the connections of one
    switch apart.
    """

    switch: Switch
    serial: int
    up: set[int]
    state: FloodState | None = None
    pending: FloodState | None = None
    closes: bool = False
    wanted: set[int] = field(default_factory=set)
    unlike: set[int] | None = None
    closed_in_vlans: Closed = field(default_factory=dict)

    @property
    def known_state(self) -> FloodState:
        """The state of a switch that was read."""
        return FloodState() if self.state is None else self.state

    def may_pass(self) -> frozenset[int]:
        """Return the ports that are open for all one knows."""
        states = (self.state, self.pending)
        return frozenset().union(*(s.passing for s in states if s is not None)) & self.up

    def may_pass_at(self, number: int) -> bool:
        """Tell whether one port is open for all one knows."""
        states = (self.state, self.pending)
        return number in self.up and any(s is not None and s.passes(number) for s in states)

    def is_closing(self) -> bool:
        """Tell whether ports may be open that should not be."""
        if self.state is None or self.closes:
            return True
        if self.pending is None:
            return False
        is_closed = are_closed(self.pending.vlans, self.closed_in_vlans)
        return not (is_closed and self.pending.ports <= self.wanted)


class Members:
    """The switches under control by dpid.

    Those in ``work`` may do something else than they should. Those that are ``busy`` were not read
    yet, or have not confirmed what they were told.
    """

    def __init__(self) -> None:
        self._members: dict[int, Member] = {}
        self._serial = 0
        self.work: set[int] = set()
        self.busy: set[int] = set()

    def __iter__(self) -> Iterator[int]:
        return iter(self._members)

    def __getitem__(self, dpid: int) -> Member:
        return self._members[dpid]

    def get(self, dpid: int) -> Member | None:
        """Return a switch; None if it is not under control."""
        return self._members.get(dpid)

    def all(self) -> Iterable[Member]:
        """Return them all."""
        return self._members.values()

    def unread(self) -> frozenset[int]:
        """Return those that were not read yet."""
        return frozenset(dpid for dpid in self.busy if self._members[dpid].state is None)

    # ---- switches and ports coming and going

    def add(self, switch: Switch) -> Member:
        """Take a switch under control, which is to be read first."""
        self._serial += 1
        member = Member(switch, self._serial, set(up_ports(switch)))
        self._members[switch.dpid] = member
        self.busy.add(switch.dpid)
        return member

    def pop(self, dpid: int) -> Member | None:
        """Let a switch go; None if it was not under control."""
        self.work.discard(dpid)
        self.busy.discard(dpid)
        return self._members.pop(dpid, None)

    def update(self, member: Member, switch: Switch, numbers: Iterable[int]) -> None:
        """Follow the ports ``numbers`` of a switch that is described anew."""
        before, member.switch = member.switch, switch
        come = []
        for number in numbers:
            port = switch.ports.get(number)
            (member.up.add if port is not None and port.up else member.up.discard)(number)
            if before.port(number) is None and switch.port(number) is not None:
                come.append(number)
            self.look(member, number)
        if member.state is not None:
            member.state = with_new_ports(member.state, switch, come)
        if member.pending is not None:
            member.pending = with_new_ports(member.pending, switch, come)
        self.work.add(switch.dpid)

    def is_up(self, end: PortRef) -> bool:
        """Tell whether a port is up; False where its switch is not under control."""
        return bool(self.carrier(end))

    def carrier(self, end: PortRef) -> bool | None:
        """Tell whether a port is up; None when its switch is not under control."""
        member = self._members.get(end.dpid)
        return None if member is None else end.port_no in member.up

    # ---- what they should do

    def want(self, ref: PortRef, is_open: bool) -> None:
        """Have a port open, or closed."""
        member = self._members.get(ref.dpid)
        if member is not None and (ref.port_no in member.wanted) != is_open:
            (member.wanted.add if is_open else member.wanted.discard)(ref.port_no)
            self.look(member, ref.port_no)

    def want_all(self, member: Member, wanted: set[int]) -> None:
        """Have these ports of a switch open, and have all of them compared."""
        member.wanted = wanted
        self.look_at_all(member)

    def close_in_vlans(self, member: Member, closed: Closed) -> None:
        """Have these ports of a switch closed in single VLANs, and no others."""
        if closed != member.closed_in_vlans:
            member.closed_in_vlans = closed
            self.work.add(member.switch.dpid)

    def look(self, member: Member, number: int) -> None:
        """Have one port compared with what it should do."""
        if member.unlike is not None:
            member.unlike.add(number)
        self.work.add(member.switch.dpid)

    def look_at_all(self, member: Member) -> None:
        """Have every port of a switch compared with what it should do."""
        member.unlike = None
        self.work.add(member.switch.dpid)

    # ---- what they do

    def read(self, member: Member, state: FloodState) -> None:
        """Take what a switch does, now that it was read."""
        member.state = state
        self.busy.discard(member.switch.dpid)
        self.look_at_all(member)

    def pend(self, member: Member, state: FloodState) -> None:
        """Take note that a switch was told to do something else."""
        member.pending = state
        self.busy.add(member.switch.dpid)

    def confirm(self, dpid: int, serial: int) -> None:
        """Take note that a switch does what it was told, unless that was another connection."""
        member = self._members.get(dpid)
        if member is None or member.serial != serial or member.pending is None:
            return
        member.state, member.pending, member.closes = member.pending, None, False
        self.busy.discard(dpid)
        self.work.add(dpid)

    def narrow(self, member: Member, left: AbstractSet[int]) -> None:
        """Take note that a switch does as it should, or was told to, but for the ports ``left``."""
        member.unlike = set(left)
        if not left:
            self.work.discard(member.switch.dpid)
