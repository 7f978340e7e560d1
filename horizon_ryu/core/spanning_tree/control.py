"""Tree control: which ports are open to broadcasts, and in which order they change.

The desired state follows from the topology (:mod:`tree_choice`) and from what is undecided yet
(:mod:`port_hold`); the confirmed state is what switches acknowledged. Plans are their
difference: closings first, and nothing opens while a closing it relies on is unconfirmed, so
the network has no loop at any moment in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.ownership import Owner, cookie
from horizon_ryu.core.spanning_tree.choice import Choice, choose_settled, choose_unsettled
from horizon_ryu.core.spanning_tree.drop_entries import sealed_ports
from horizon_ryu.core.spanning_tree.flood_audit import FloodSnapshot, compare, snapshot
from horizon_ryu.core.spanning_tree.flood_plan import FloodPlan, Member, Planner
from horizon_ryu.core.spanning_tree.flood_state import (
    assumed_state,
    read_state,
    up_ports,
    with_new_port,
)
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.spanning_tree.listening_ports import ListeningPorts
from horizon_ryu.core.spanning_tree.lost_switches import (
    LastKnownState,
    LostSwitches,
    TreeMemory,
    cable,
)
from horizon_ryu.core.topology import PortRef, Switch, TopologyChange, TopologyView
from horizon_ryu.wire.messages import FlowEntry

SHARED_HOLD = 10.0
"""Seconds without another alarm after which a shared segment is taken for an ordinary one."""


class TreeControl:
    """The state of the spanning tree: one per controller, fed with events, asked for plans.

    ``generation`` marks this run's entries; ``hold_time`` is in seconds (report 3.5, second
    timer) and may be changed at any time; it counts for ports held from then on.
    """

    def __init__(self, generation: int, hold_time: float) -> None:
        self.hold_time = hold_time
        self._generation = generation
        self._view = TopologyView()
        self._members: dict[int, Member] = {}
        self._serial = 0
        self._hold = ListeningPorts()
        self._lost_switches = LostSwitches()
        self._fallen: set[PortRef] = set()
        self._shared: set[PortRef] = set()
        self._peers: dict[PortRef, PortRef] = {}
        self._segments: frozenset[PortRef] = frozenset()
        self._silent: dict[PortRef, PortRef] = {}
        self._choice: Choice = choose_settled(self._view, self._lost_switches, self._is_open)
        self._work: set[int] = set()
        self._stale = False

    # ---- what happens

    def topology_changed(
        self, view: TopologyView, changes: Iterable[TopologyChange], now: float
    ) -> None:
        """Take note of a new ``view``; cheap, so that bursts of changes cost one search."""
        touched: set[PortRef] = set()
        try:
            for change in changes:
                self._note(change, view, touched, now)
        finally:
            # With the view the members become right at the next search, whatever went wrong.
            self._view = view
            self._stale = True

    def _note(
        self, change: TopologyChange, view: TopologyView, touched: set[PortRef], now: float
    ) -> None:
        """Take note of one change; ``touched`` are the ports that those before it were about."""
        subject = change.subject
        if isinstance(subject, Switch):
            if change.kind == "switch_leave" or subject.dpid in self._members:
                self._leave(subject.dpid)
            if change.kind == "switch_join":
                self._join(subject, now)
        elif change.kind == "alarm_shared_segment" and isinstance(subject, PortRef):
            self._shared.add(subject)
        elif isinstance(subject, PortRef) and change.kind.startswith("port_"):
            # Down and up again before the next search must not pass for "nothing happened",
            # nor when both are in one batch: then the port is touched twice.
            if subject in touched or not _is_up(view, subject):
                self._fallen.add(subject)
            touched.add(subject)

    def unread(self) -> frozenset[int]:
        """Return the switches about which :meth:`switch_state_read` must be told first."""
        return frozenset(dpid for dpid, one in self._members.items() if one.state is None)

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
        member.state = read_state(member.switch, entries, group, self._generation)
        passing = member.may_pass()
        until = now + self.hold_time
        edges = self._lost_switches.returned(dpid, passing, until)
        for number in passing:
            ref = PortRef(dpid, number)
            undecided = self._hold.decide(ref)
            if undecided and number not in edges and self._lost_switches.peer(ref) is None:
                self._hold.adopt(ref, until)
        self._work.add(dpid)
        self._stale = True

    def switch_state_unknown(self, dpid: int, now: float) -> None:
        """Take note that nobody can tell what a switch carries: it may pass at every port.

        Nothing is adopted: what it has open is closed first, as if it had never been decided.
        """
        member = self._members.get(dpid)
        if member is None or member.state is not None:
            return
        member.state = assumed_state(member.switch)
        self._lost_switches.returned(dpid, frozenset(), now + self.hold_time)
        self._work.add(dpid)
        self._stale = True

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
        self._work.add(asked.dpid)
        return True

    def confirmed(self, plan: FloodPlan, errors: Collection[SwitchError], now: float) -> None:
        """Take note that the switches of ``plan`` confirmed it, but for those in ``errors``.

        The caller disconnects these: what they do is not known until they come back.
        """
        failed = {error.dpid for error in errors}
        for dpid, serial in plan.serials.items():
            member = self._members.get(dpid)
            if member is None or member.serial != serial or dpid in failed:
                continue
            member.confirm()
            self._work.add(dpid)

    def recall(self, memory: TreeMemory, until: float) -> None:
        """Start from what an earlier run knew; call it once, before anything else.

        Its switches count as lost until they connect, those that have not by ``until`` are
        forgotten.
        """
        self._lost_switches.recall(memory, until)
        self._stale = True

    def memory(self) -> TreeMemory:
        """Return what a later run should know to take over without cutting anybody off."""
        remembered = self._lost_switches.memory()
        frozen = dict(remembered.frozen)
        for dpid, member in self._members.items():
            if member.state is not None:
                frozen[dpid] = self._freeze(member)
        known = {**self._silent, **self._peers}
        cables = {cable(one, other) for one, other in known.items()}
        return TreeMemory(frozen, remembered.cables | cables)

    def tick(self, now: float) -> None:
        """Decide by time what :meth:`next_due` announced."""
        over = self._hold.expire(now)
        forgotten = self._lost_switches.expire(now)
        if over or forgotten is not None:
            self._stale = True
        for one, other in forgotten or ():
            if self._is_up(one) and self._is_up(other):
                self._silent[one], self._silent[other] = other, one

    def rebuild(self) -> None:
        """Have the forest searched anew and every switch compared at the next plan."""
        self._stale = True
        self._work.update(self._members)

    # ---- what follows

    def next_due(self) -> float | None:
        """Return when :meth:`tick` has something to decide; None when only events matter."""
        times = [
            t for t in (self._hold.next_due(), self._lost_switches.next_due()) if t is not None
        ]
        return min(times, default=None)

    def forest(self) -> Forest:
        """Return the forest as of the last plan."""
        return self._choice.forest

    def settled(self) -> bool:
        """Tell whether every port is decided and every switch has confirmed what it was told."""
        members = self._members.values()
        return (
            not self._stale
            and not self._work
            and not self._hold.undecided()
            and not self._lost_switches.is_unsettled()
            and all(one.state is not None and one.pending is None for one in members)
        )

    def gate(self, dpid: int, in_port: int) -> bool:
        """Tell whether a flooded frame may enter the tree at this port."""
        member = self._members.get(dpid)
        if member is None or member.state is None or in_port not in member.wanted:
            return False
        state = member.state
        return state.floods and in_port in state.ports and in_port not in state.blocked

    def is_sealed(self, dpid: int, in_port: int) -> bool:
        """Tell whether a port of a segment is closed: what comes in there comes in elsewhere."""
        ref = PortRef(dpid, in_port)
        return ref in self._view.segments and in_port not in self.open_ports(dpid)

    def sealed(self) -> dict[int, frozenset[int]]:
        """Return the closed ports of segments, by switch."""
        return sealed_ports(
            self._view.segments,
            lambda ref: ref.dpid in self._members and not self.is_sealed(*ref),
        )

    def open_ports(self, dpid: int) -> frozenset[int]:
        """Return the ports of a switch that should be open to broadcasts."""
        member = self._members.get(dpid)
        return member.wanted if member is not None else frozenset()

    def plan(self, now: float) -> FloodPlan:
        """Return the next messages; switches with an unconfirmed plan are left alone.

        Call it again after each event and each confirmation, until it is empty.
        """
        self.tick(now)
        if self._stale:
            self._decide(now)
        find = self._choice.groups.find
        return Planner(self._members, self._work, find, self._generation).plan()

    # ---- switches coming and going

    def _join(self, switch: Switch, now: float) -> None:
        self._serial += 1
        member = Member(switch, self._serial, up_ports(switch))
        self._members[switch.dpid] = member
        for number in member.up:
            self._hold.hold(PortRef(switch.dpid, number), now + self.hold_time)

    def _leave(self, dpid: int) -> None:
        """Remember what a lost switch goes on doing."""
        member = self._members.pop(dpid, None)
        if member is None:
            return
        self._work.discard(dpid)
        refs = [PortRef(dpid, number) for number in member.up]
        links = {ref: peer for ref in refs if (peer := self._peer(ref)) is not None}
        frozen = self._freeze(member)
        self._hold.decide_all(refs)
        self._forget_silent(refs)
        if member.state is not None:
            self._lost_switches.lost(dpid, frozen, links)

    def _freeze(self, member: Member) -> LastKnownState:
        """Return what a switch goes on doing if it is lost now."""
        passing = member.may_pass()
        edges = (
            number
            for number in passing
            if self._peer(ref := PortRef(member.switch.dpid, number)) is None
            and ref not in self._segments
            and not self._hold.is_undecided(ref)
        )
        return LastKnownState(passing, frozenset(edges))

    def _peer(self, ref: PortRef) -> PortRef | None:
        """Return what is known to be at the other end of ``ref``, in whatever direction."""
        link = self._view.links.get(ref)
        if link is not None:
            return link.dst
        return self._peers.get(ref) or self._silent.get(ref) or self._lost_switches.peer(ref)

    # ---- the desired state

    def _decide(self, now: float) -> None:
        """Search the forest anew and derive the ports that each switch should have open."""
        self._follow_switches(now)
        self._follow_ports(now)
        self._follow_links(now)
        self._follow_segments(now)
        self._follow_alarms(now)
        if self._lost_switches:
            self._lost_switches.superseded(self._peers.keys())
            self._lost_switches.switched_off(self._carrier)
        adopted = frozenset(self._hold.adopted)
        if adopted or self._lost_switches.is_unsettled():
            self._choice = choose_unsettled(self._view, self._lost_switches, self._is_open, adopted)
        else:
            self._choice = choose_settled(self._view, self._lost_switches, self._is_open)
        self._derive_wanted()
        self._stale = False

    def _follow_switches(self, now: float) -> None:
        """Make the members those of the view, whatever the changes said."""
        switches = self._view.switches
        for dpid in [dpid for dpid in self._members if dpid not in switches]:
            self._leave(dpid)
        for dpid, switch in switches.items():
            member = self._members.get(dpid)
            if member is None:
                self._join(switch, now)
            elif member.switch is not switch:
                self._update(member, switch, now)

    def _update(self, member: Member, switch: Switch, now: float) -> None:
        """Follow the ports of one switch: what has come up is held, what went down is closed."""
        before, member.switch = member.switch, switch
        up = up_ports(switch)
        for number in up - member.up:
            self._hold.hold(PortRef(switch.dpid, number), now + self.hold_time)
        down = [PortRef(switch.dpid, number) for number in member.up - up]
        self._hold.decide_all(down)
        self._forget_silent(down)
        member.up = up
        for number in switch.ports.keys() - before.ports.keys():
            if member.state is not None:
                member.state = with_new_port(member.state, switch, number)
            if member.pending is not None:
                member.pending = with_new_port(member.pending, switch, number)
        self._work.add(switch.dpid)

    def _follow_ports(self, now: float) -> None:
        """Hold the ports that fell and rose again between two searches."""
        for ref in self._fallen:
            if self._is_up(ref):
                self._hold.hold(ref, now + self.hold_time)
        self._forget_silent(self._fallen)
        self._fallen.clear()

    def _follow_links(self, now: float) -> None:
        """Decide the ports at which links are known now, hold those that have lost theirs."""
        links = self._view.links.values()
        peers = {link.dst: link.src for link in links}
        peers.update((link.src, link.dst) for link in links)
        self._hold.decide_all(self._hold.undecided() & peers.keys())
        for ref in self._peers.keys() - peers.keys():
            if self._is_up(ref) and self._lost_switches.peer(ref) is None:
                # Only LLDP may have been lost: to leave the port open would risk a loop.
                self._hold.hold(ref, now + self.hold_time)
                self._silent[ref] = self._peers[ref]
        self._forget_silent(self._silent.keys() & peers.keys())
        self._peers = peers

    def _follow_segments(self, now: float) -> None:
        """Decide the ports of segments; hold closed ones that belong to none any more.

        Only probes may have been lost: to open them at once would risk a loop.
        """
        segments = self._view.segments.keys()
        self._hold.decide_all(self._hold.undecided() & segments)
        for ref in self._segments - segments:
            if self._is_up(ref) and ref not in self._peers and not self._is_open(ref):
                self._hold.hold(ref, now + self.hold_time)
        self._segments = frozenset(segments)

    def _follow_alarms(self, now: float) -> None:
        """Keep ports closed that lead to several others: these may be joined behind our back."""
        for ref in self._shared - self._view.segments.keys():
            if self._is_up(ref):
                self._hold.hold(ref, now + max(self.hold_time, SHARED_HOLD))
        self._shared.clear()

    def _forget_silent(self, refs: Iterable[PortRef]) -> None:
        """Forget what was last heard at ports that went down or have a link again.

        Until then it counts: a switch about to be lost falls silent first.
        """
        for ref in refs:
            self._silent.pop(ref, None)

    def _derive_wanted(self) -> None:
        closed: dict[int, set[int]] = {}
        for refs in (self._choice.forest.blocked, self._hold.held, self._choice.refused):
            for ref in refs:
                closed.setdefault(ref.dpid, set()).add(ref.port_no)
        for dpid, member in self._members.items():
            wanted = member.up - closed.get(dpid, frozenset())
            if wanted != member.wanted:
                member.wanted = wanted
                self._work.add(dpid)

    def _is_up(self, end: PortRef) -> bool:
        member = self._members.get(end.dpid)
        return member is not None and end.port_no in member.up

    def _carrier(self, end: PortRef) -> bool | None:
        """Tell whether ``end`` is up; None when its switch is not under control."""
        member = self._members.get(end.dpid)
        return None if member is None else end.port_no in member.up

    def _is_open(self, end: PortRef) -> bool:
        """Tell whether frames may pass ``end``; the remembered ends of lost switches are open."""
        member = self._members.get(end.dpid)
        if member is None or member.state is None:
            return self._lost_switches.is_open(end)
        return end.port_no in member.may_pass()


def _is_up(view: TopologyView, ref: PortRef) -> bool:
    switch = view.switches.get(ref.dpid)
    port = switch.ports.get(ref.port_no) if switch is not None else None
    return port is not None and port.up
