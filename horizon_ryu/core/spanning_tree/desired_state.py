"""Desired state of the tree: which ports are to be open, as of the newest topology.

It follows from the topology (:mod:`choice`), from what is undecided (:mod:`listening_ports`), and
from what lost switches go on doing (:mod:`lost_switches`).

What a change of a port costs does not depend on how many there are: the forest is searched anew
only for a change that it may depend on, and of the ports only those are looked at that something
has happened to. Every now and then :meth:`DesiredState.rebuild` looks at all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from horizon_ryu.core.spanning_tree.choice import Choice, choose_settled, choose_unsettled
from horizon_ryu.core.spanning_tree.far_ends import FarEnds
from horizon_ryu.core.spanning_tree.flood_state import FloodState, up_ports
from horizon_ryu.core.spanning_tree.listening_ports import ListeningPorts
from horizon_ryu.core.spanning_tree.lost_switches import (
    LastKnownState,
    LostSwitches,
    TreeMemory,
    cable,
)
from horizon_ryu.core.spanning_tree.members import Member, Members
from horizon_ryu.core.topology import PortRef, Switch, TopologyChange, TopologyView

SHARED_HOLD = 10.0
"""Seconds without another alarm after which a shared segment is taken for an ordinary one."""


class DesiredState:
    """What ``members`` should do: fed with views and the time, it tells them what to have open.

    ``hold_time`` is in seconds and counts for ports held from then on.
    """

    def __init__(
        self, members: Members, hold_time: float, is_looked_for: Callable[[PortRef, float], bool]
    ) -> None:
        """``is_looked_for`` tells whether probes have left by a port, and would be believed."""
        self.hold_time = hold_time
        self._is_looked_for = is_looked_for
        self.view = TopologyView()
        self._members = members
        self._hold = ListeningPorts()
        self.lost_switches = LostSwitches()
        self._far_ends = FarEnds()
        self._told: dict[int, set[int]] = {}
        """Ports that changes were about since the last search, by switch."""
        self._is_view_unread = False
        """Whether the view may have more changes than were told."""
        self._fallen: set[PortRef] = set()
        self._shared: set[PortRef] = set()
        self.choice: Choice = choose_settled(self.view, self.lost_switches, self._is_open)
        self._is_choice_due = False
        self.is_provisional = False
        """Whether the last choice was made while the network was unsettled."""
        self._stale = False

    # ---- what happens

    def topology_changed(
        self, view: TopologyView, changes: Iterable[TopologyChange], now: float
    ) -> None:
        """Take note of a new ``view``; cheap, so that bursts of changes cost one search."""
        touched: set[PortRef] = set()
        is_told = view.switches is self.view.switches
        try:
            for change in changes:
                is_told |= change.kind.startswith(("switch_", "port_"))
                self._note(change, view, touched, now)
        except Exception:
            is_told = False
            raise
        finally:
            # With the view the members become right at the next search, whatever went wrong.
            self.view = view
            self._is_view_unread |= not is_told
            self._stale = True

    def _note(
        self, change: TopologyChange, view: TopologyView, touched: set[PortRef], now: float
    ) -> None:
        """Take note of one change; ``touched`` are the ports that those before it were about."""
        subject = change.subject
        if isinstance(subject, Switch):
            if change.kind == "switch_leave" or self._members.get(subject.dpid) is not None:
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
            self._told.setdefault(subject.dpid, set()).add(subject.port_no)

    def taken_over(self, member: Member, state: FloodState, now: float) -> None:
        """Take what a switch still does, now that it was read.

        What it has open stays open until its links are found again, so that neither a restart
        of the controller nor a lost connection cuts anybody off.
        """
        self._members.read(member, state)
        dpid, passing = member.switch.dpid, member.may_pass()
        until = now + self.hold_time
        edges = self.lost_switches.returned(dpid, passing, until)
        for number in passing:
            ref = PortRef(dpid, number)
            undecided = self._hold.decide(ref)
            if undecided and number not in edges and self.lost_switches.peer(ref) is None:
                self._hold.adopt(ref, until)
        self._is_choice_due = self._stale = True

    def assumed(self, member: Member, state: FloodState, now: float) -> None:
        """Take what a switch may do, as nobody can tell; nothing of it is kept open."""
        self._members.read(member, state)
        self.lost_switches.returned(member.switch.dpid, frozenset(), now + self.hold_time)
        self._is_choice_due = self._stale = True

    def recall(self, memory: TreeMemory, until: float) -> None:
        """Start from what an earlier run knew; call it once, before anything else.

        Its switches count as lost until they connect, those that have not by ``until`` are
        forgotten.
        """
        self.lost_switches.recall(memory, until)
        self._stale = True

    def memory(self) -> TreeMemory:
        """Return what a later run should know to take over without cutting anybody off."""
        remembered = self.lost_switches.memory()
        frozen = dict(remembered.frozen)
        known = self._far_ends.by_switch()
        for ref in self.lost_switches.ends():
            known.setdefault(ref.dpid, set()).add(ref.port_no)
        for member in self._members.all():
            if member.state is not None:
                dpid = member.switch.dpid
                frozen[dpid] = self._freeze(member, known.get(dpid, frozenset()))
        cables = {cable(one, other) for one, other in self._far_ends.cables().items()}
        segments = {frozenset(one.ports) for one in self.view.segments.values()}
        return replace(
            remembered,
            frozen=frozen,
            cables=remembered.cables | cables,
            segments=remembered.segments | segments,
        )

    def tick(self, now: float) -> None:
        """Decide by time what :meth:`next_due` announced."""
        over = self._hold.expire(now, self._is_looked_for)
        forgotten = self.lost_switches.expire(now)
        if over or forgotten is not None:
            self._stale = True
        for one, other in forgotten or ():
            if self._members.is_up(one) and self._members.is_up(other):
                self._far_ends.silence(one, other)
                self._far_ends.silence(other, one)

    def rebuild(self) -> None:
        """Have the forest searched anew and every switch compared at the next plan."""
        self._stale = self._is_choice_due = self._is_view_unread = True
        for member in self._members.all():
            self._members.look_at_all(member)

    def next_due(self) -> float | None:
        """Return when :meth:`tick` has something to decide; None when only events matter."""
        times = [t for t in (self._hold.next_due(), self.lost_switches.next_due()) if t is not None]
        return min(times, default=None)

    def is_settled(self) -> bool:
        """Tell whether every port is decided, and every lost switch back or given up."""
        is_open = self._stale or self._hold or self.view.suspected
        return not (is_open or self.lost_switches.is_unsettled())

    def follow(self, now: float) -> bool:
        """Bring what members should do in line with all that has happened until ``now``.

        Tells whether anything had.
        """
        self.tick(now)
        if not self._stale:
            return False
        try:
            self._decide(now)
        except Exception:
            # What was half done is done again, wholly.
            self._is_view_unread = self._is_choice_due = True
            raise
        return True

    # ---- switches coming and going

    def _join(self, switch: Switch, now: float) -> None:
        member = self._members.add(switch)
        for number in member.up:
            self._hold.hold(PortRef(switch.dpid, number), now + self.hold_time)
        self._is_choice_due = True

    def _leave(self, dpid: int) -> None:
        """Remember what a lost switch goes on doing."""
        member = self._members.pop(dpid)
        if member is None:
            return
        refs = [PortRef(dpid, number) for number in member.up]
        links = {ref: peer for ref in refs if (peer := self._peer(ref)) is not None}
        known = {ref.port_no for ref in refs if ref in links or self._far_ends.is_known(ref)}
        frozen = self._freeze(member, known)
        self._hold.decide_all(refs)
        self._far_ends.forget_silent(refs)
        if member.state is not None:
            segments = {ref: self._far_ends.segment(ref, self.view) for ref in refs}
            self.lost_switches.lost(dpid, frozen, links, segments)
        self._is_choice_due = True

    def _freeze(self, member: Member, known: Collection[int]) -> LastKnownState:
        """Return what a switch goes on doing if it is lost now.

        ``known`` are ports of which it is, or was, known where they lead.
        """
        passing = member.may_pass()
        edges = passing.difference(known, self._hold.undecided_of(member.switch.dpid))
        return LastKnownState(passing, edges)

    def _peer(self, ref: PortRef) -> PortRef | None:
        """Return what is known to be at the other end of ``ref``, in whatever direction."""
        link = self.view.links.get(ref)
        if link is not None:
            return link.dst
        return self._far_ends.peer(ref) or self.lost_switches.peer(ref)

    # ---- the desired state

    def _decide(self, now: float) -> None:
        """Follow the view, search the forest anew if need be, and derive what is to be open."""
        is_look_at_all = self._is_view_unread
        self._follow_switches(now)
        self._follow_ports(now)
        self._follow_links(now)
        self._follow_segments(now)
        self._follow_alarms(now)
        self._follow_lost_switches()
        before = self.choice
        if self._is_choice_due or self.is_provisional or self._hold.adopting():
            self._choose()
        if is_look_at_all:
            self._derive_all()
        else:
            self._derive_wanted(before)
        self._stale = self._is_choice_due = False

    def _choose(self) -> None:
        adopting = self._hold.adopting()
        self.is_provisional = bool(adopting) or self.lost_switches.is_unsettled()
        known = self.view, self.lost_switches, self._is_open
        self.choice = (
            choose_unsettled(*known, adopting) if self.is_provisional else choose_settled(*known)
        )

    def _follow_switches(self, now: float) -> None:
        """Make the members those of the view, reading all of it if changes were not told."""
        told, self._told = self._told, {}
        switches = self.view.switches
        if not self._is_view_unread:
            for dpid, numbers in told.items():
                member, switch = self._members.get(dpid), switches.get(dpid)
                if member is not None and switch is not None:
                    self._update(member, switch, numbers, now)
            return
        for dpid in [dpid for dpid in self._members if dpid not in switches]:
            self._leave(dpid)
        for dpid, switch in switches.items():
            member = self._members.get(dpid)
            if member is None:
                self._join(switch, now)
            elif member.switch is not switch:
                numbers = member.up ^ up_ports(switch)
                numbers |= switch.ports.keys() ^ member.switch.ports.keys()
                numbers |= switch.surplus.keys() ^ member.switch.surplus.keys()
                self._update(member, switch, numbers | told.get(dpid, set()), now)
        self._is_view_unread = False

    def _update(self, member: Member, switch: Switch, numbers: Iterable[int], now: float) -> None:
        """Follow ports of one switch: what has come up is held, what went down is closed."""
        for number in numbers:
            ref = PortRef(switch.dpid, number)
            is_up = _is_up(self.view, ref)
            if is_up and number not in member.up:
                self._hold.hold(ref, now + self.hold_time)
            elif not is_up and number in member.up:
                self._hold.decide(ref)
                self._far_ends.forget_silent((ref,))
                self._members.want(ref, False)
            # Of parallel links the fastest is taken.
            self._is_choice_due |= self._far_ends.is_known(ref)
            self.lost_switches.has_changed |= ref in self.lost_switches.ends()
        self._members.update(member, switch, numbers)

    def _follow_ports(self, now: float) -> None:
        """Hold the ports that fell and rose again between two searches."""
        for ref in self._fallen:
            if self._members.is_up(ref):
                self._hold.hold(ref, now + self.hold_time)
        self._far_ends.forget_silent(self._fallen)
        self._fallen.clear()

    def _follow_links(self, now: float) -> None:
        """Decide the ports at which links are known now, hold those that have lost theirs."""
        changes = self._far_ends.follow_links(self.view)
        peers = self._far_ends.peers
        if changes is not None:
            self._is_choice_due = self.lost_switches.has_changed = True
            self._hold.decide_all(changes.found)
            for ref, peer in changes.lost.items():
                if self._members.is_up(ref) and self.lost_switches.peer(ref) is None:
                    # Only LLDP may have been lost: to leave the port open would risk a loop.
                    self._hold.hold(ref, now + self.hold_time)
                    self._far_ends.silence(ref, peer)
        self._hold.decide_all([ref for ref in self._hold.changed if ref in peers])

    def _follow_segments(self, now: float) -> None:
        """Decide the open ports of segments; hold closed ones that belong to none any more.

        Those that are held stay so: probes find a segment piece by piece, and two pieces would be
        two nodes of the tree. Nor is one opened that is in none any more: only probes may have been
        lost.
        """
        self._is_choice_due |= self._far_ends.follow_suspicions(self.view)
        found, lost = self._far_ends.follow_segments(self.view)
        if found or lost:
            self._is_choice_due = self.lost_switches.has_changed = True
        segments = self.view.segments
        news = {*found, *(ref for ref in self._hold.changed if ref in segments)}
        self._hold.decide_all([ref for ref in news if not self._hold.is_held(ref)])
        for ref in lost:
            is_linked = ref in self._far_ends.peers
            if self._members.is_up(ref) and not is_linked and not self._is_open(ref):
                self._hold.hold(ref, now + self.hold_time)

    def _follow_alarms(self, now: float) -> None:
        """Keep ports closed that lead to several others: these may be joined behind our back."""
        for ref in self._shared - self.view.segments.keys():
            if self._members.is_up(ref):
                self._hold.hold(ref, now + max(self.hold_time, SHARED_HOLD))
        self._shared.clear()

    def _follow_lost_switches(self) -> None:
        """Forget the lost links that are known again or were switched off, if any may be."""
        lost = self.lost_switches
        if lost.has_changed and lost:
            lost.superseded(self._far_ends.peers.keys(), self.view.segments)
            lost.switched_off(self._members.carrier)
        self._is_choice_due |= lost.has_changed
        lost.has_changed = False

    def _derive_wanted(self, before: Choice) -> None:
        """Derive what is to be open at the ports that something has happened to."""
        refs = self._hold.take_changed()
        if self.choice is not before:
            refs |= self.choice.forest.blocked ^ before.forest.blocked
            refs |= self.choice.refused ^ before.refused
        closed = self.choice.forest.blocked, self.choice.refused
        for ref in refs:
            is_closed = self._hold.is_held(ref) or any(ref in refs for refs in closed)
            self._members.want(ref, self._members.is_up(ref) and not is_closed)

    def _derive_all(self) -> None:
        """Derive what is to be open at every port."""
        self._hold.take_changed()
        closed: dict[int, set[int]] = {}
        for refs in (self.choice.forest.blocked, self._hold.held(), self.choice.refused):
            for ref in refs:
                closed.setdefault(ref.dpid, set()).add(ref.port_no)
        for member in self._members.all():
            wanted = member.up - closed.get(member.switch.dpid, set())
            if wanted != member.wanted:
                self._members.want_all(member, wanted)

    def _is_open(self, end: PortRef) -> bool:
        """Tell whether frames may pass ``end``; the remembered ends of lost switches are open."""
        member = self._members.get(end.dpid)
        if member is None or member.state is None:
            return self.lost_switches.is_open(end)
        return member.may_pass_at(end.port_no)


def _is_up(view: TopologyView, ref: PortRef) -> bool:
    switch = view.switches.get(ref.dpid)
    port = switch.ports.get(ref.port_no) if switch is not None else None
    return port is not None and port.up
