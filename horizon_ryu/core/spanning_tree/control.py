"""Tree control: which ports are open to broadcasts, and in which order they change.

The desired state (:mod:`desired_state`) follows from the topology; the confirmed state is what
switches acknowledged (:mod:`members`). Plans are their difference: closings first, and nothing
opens while a closing it relies on is unconfirmed, so the network has no loop at any moment between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.ownership import Owner, cookie
from horizon_ryu.core.spanning_tree.desired_state import SHARED_HOLD, DesiredState
from horizon_ryu.core.spanning_tree.drop_entries import sealed_ports
from horizon_ryu.core.spanning_tree.flood_audit import FloodSnapshot, compare, snapshot
from horizon_ryu.core.spanning_tree.flood_plan import FloodPlan, Planner
from horizon_ryu.core.spanning_tree.flood_state import assumed_state, read_state
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.spanning_tree.lost_switches import TreeMemory
from horizon_ryu.core.spanning_tree.members import Members
from horizon_ryu.core.spanning_tree.vlan_blocking import VlanBlocking
from horizon_ryu.core.spanning_tree.vlan_floods import outputs
from horizon_ryu.core.topology import PortRef, TopologyChange, TopologyView
from horizon_ryu.wire.messages import Action, Flood, FlowEntry

__all__ = ["SHARED_HOLD", "TreeControl"]


class TreeControl:
    """The state of the spanning tree: one per controller, fed with events, asked for plans.

    ``generation`` marks this run's entries; ``hold_time`` is in seconds (report 3.5, second
    timer) and may be changed at any time; it counts for ports held from then on.
    ``is_looked_for`` tells whether probes have left by a port, at a time: none is opened before.
    """

    def __init__(
        self,
        generation: int,
        hold_time: float,
        is_looked_for: Callable[[PortRef, float], bool] = lambda _ref, _now: True,
    ) -> None:
        self._generation = generation
        self._members = Members()
        self._desired = DesiredState(self._members, hold_time, is_looked_for)
        self._vlans = VlanBlocking(self._members, self._desired)
        self._forest = self._desired.choice.forest
        self._has_changed = True
        """Whether something has happened since all was searched and compared."""
        self._is_rebuilding = False

    @property
    def hold_time(self) -> float:
        """Seconds for which new ports are closed."""
        return self._desired.hold_time

    @hold_time.setter
    def hold_time(self, seconds: float) -> None:
        self._desired.hold_time = seconds

    # ---- what happens

    def topology_changed(
        self, view: TopologyView, changes: Iterable[TopologyChange], now: float
    ) -> None:
        """Take note of a new ``view``; cheap, so that bursts of changes cost one search."""
        changes, before = tuple(changes), self._desired.view
        self._vlans.topology_changed(before, changes, now)
        self._desired.topology_changed(view, changes, now)

    def unread(self) -> frozenset[int]:
        """Return the switches about which :meth:`switch_state_read` must be told first."""
        return self._members.unread()

    def switch_state_read(
        self,
        dpid: int,
        entries: Iterable[FlowEntry],
        group: frozenset[int] | None,
        now: float,
    ) -> None:
        """Take what a switch still carries: its ``entries`` and, where known, its flood group.

        What it has open stays open until its links are found again, so that neither a restart
        of the controller nor a lost connection cuts anybody off.
        """
        member = self._members.get(dpid)
        if member is None or member.state is not None:
            return
        state = read_state(member.switch, entries, group, self._generation)
        self._vlans.taken_over(member, state.vlans, now)
        self._desired.taken_over(member, state, now)

    def switch_state_unknown(self, dpid: int, now: float) -> None:
        """Take note that nobody can tell what a switch carries: it may pass at every port.

        Nothing is adopted: what it has open is closed first, as if it had never been decided.
        """
        member = self._members.get(dpid)
        if member is None or member.state is not None:
            return
        self._desired.assumed(member, assumed_state(member.switch), now)

    @property
    def cookie(self) -> int:
        """The cookie of this run's entries."""
        return cookie(Owner.SPANNING_TREE, self._generation)

    def snapshot(self, dpid: int) -> FloodSnapshot | None:
        """Return what a switch is to be compared with; None while it is not to be compared."""
        member = self._members.get(dpid)
        return None if member is None else snapshot(member)

    def compare(
        self, asked: FloodSnapshot, entries: Iterable[FlowEntry], flooding: frozenset[int] | None
    ) -> bool:
        """Compare what a switch has with ``asked``; a difference is repaired by the next plans."""
        member = self._members.get(asked.dpid)
        if member is None or not compare(member, asked, entries, flooding, self._generation):
            return False
        self._has_changed = True
        self._members.look_at_all(member)
        return True

    def confirmed(self, plan: FloodPlan, errors: Collection[SwitchError], now: float) -> None:
        """Take note that the switches of ``plan`` confirmed it, but for those in ``errors``.

        The caller disconnects these: what they do is not known until they come back.
        """
        self._has_changed = True
        failed = {error.dpid for error in errors}
        for dpid, serial in plan.serials.items():
            if dpid not in failed:
                self._members.confirm(dpid, serial)

    def recall(self, memory: TreeMemory, until: float) -> None:
        """Start from what an earlier run knew; call it once, before anything else.

        Its switches count as lost until they connect, those that have not by ``until`` are
        forgotten.
        """
        self._desired.recall(memory, until)

    def memory(self) -> TreeMemory:
        """Return what a later run should know to take over without cutting anybody off."""
        return self._desired.memory()

    def rebuild(self) -> bool:
        """Have the forest searched anew and every switch compared at the next plan.

        Tells whether it has: after a rebuild since which nothing has happened, it comes to nothing.
        """
        if not self._has_changed and self.settled():
            return False
        self._is_rebuilding = True
        self._desired.rebuild()
        return True

    # ---- what follows

    def next_due(self) -> float | None:
        """Return when :meth:`plan` has something to decide; None when only events matter."""
        times = (self._desired.next_due(), self._vlans.next_due())
        return min((at for at in times if at is not None), default=None)

    def forest(self) -> Forest:
        """Return the forest as of the last plan."""
        return self._forest

    def settled(self) -> bool:
        """Tell whether every port is decided and every switch has confirmed what it was told."""
        is_idle = not (self._members.work or self._members.busy)
        return is_idle and self._desired.is_settled()

    def gate(self, dpid: int, in_port: int) -> bool:
        """Tell whether a flooded frame may enter the tree at this port."""
        member = self._members.get(dpid)
        if member is None or member.state is None or in_port not in member.wanted:
            return False
        state = member.state
        return state.floods and in_port in state.ports and in_port not in state.blocked

    def is_sealed(self, dpid: int, in_port: int) -> bool:
        """Tell whether a port of a segment is closed: what comes in there comes in elsewhere."""
        if PortRef(dpid, in_port) not in self._desired.view.segments:
            return False
        member = self._members.get(dpid)
        return member is None or in_port not in member.wanted

    @property
    def closes_in_vlans(self) -> bool:
        """Whether any port is closed in a VLAN alone."""
        return bool(self._vlans.closed)

    def is_closed_in(self, vlan: int | None, dpid: int, in_port: int) -> bool:
        """Tell whether a port is closed in a VLAN alone: what comes in there comes in elsewhere."""
        return vlan is not None and PortRef(dpid, in_port) in self._vlans.closed.get(vlan, ())

    def flood(self, vlan: int | None, dpid: int, in_port: int) -> tuple[Action, ...]:
        """Return what floods a frame that came in by a port, along the tree of its VLAN."""
        member = self._members.get(dpid)
        closed = None if member is None or vlan is None else member.closed_in_vlans.get(vlan)
        if member is None or not closed:
            return (Flood(),)
        return outputs((member.known_state.ports & member.wanted) - closed - {in_port})

    def sealed(self) -> dict[int, frozenset[int]]:
        """Return the closed ports of segments, by switch."""
        return sealed_ports(self._desired.view.segments, lambda ref: not self.is_sealed(*ref))

    def open_ports(self, dpid: int) -> frozenset[int]:
        """Return the ports of a switch that should be open to broadcasts."""
        member = self._members.get(dpid)
        return frozenset(member.wanted) if member is not None else frozenset()

    def plan(self, now: float) -> FloodPlan:
        """Return the next messages; switches with an unconfirmed plan are left alone.

        Call it again after each event and each confirmation, until it is empty.
        """
        is_news = self._desired.follow(now)
        if is_news or self._vlans.is_due(now):
            is_news |= self._vlans.follow(now)
            self._forest = self._desired.choice.forest
            if self._vlans.closed:
                self._forest = replace(self._forest, vlan_blocked=self._vlans.closed)
        self._has_changed = not self._is_rebuilding and (self._has_changed or is_news)
        self._is_rebuilding = False
        return Planner(self._members, self._desired.choice.groups.find, self._generation).plan()
