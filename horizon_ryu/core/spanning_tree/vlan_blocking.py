"""VLAN blocking: which ports the members should have closed in single VLANs, as of the newest view.

What follows from segments is in :mod:`vlan_trees`. Here is what is remembered beside: segments that
lost switches were at, for these go on forwarding, until the switches are back and had the time to
be found there again; and what switches that are taken over have closed, for as long. While the
network is unsettled nothing opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from horizon_ryu.core.spanning_tree.desired_state import DesiredState
from horizon_ryu.core.spanning_tree.members import Member, Members
from horizon_ryu.core.spanning_tree.vlan_floods import VlanFloods
from horizon_ryu.core.spanning_tree.vlan_trees import (
    InVlan,
    VlanGround,
    by_switch,
    cables_of,
    closed_in,
)
from horizon_ryu.core.topology import Link, PortRef, Segment, Switch, TopologyChange, TopologyView

_NONE: Mapping[int, frozenset[PortRef]] = MappingProxyType({})


class VlanBlocking:
    """Follows the common tree of ``desired`` and tells ``members`` what to close beside."""

    def __init__(self, members: Members, desired: DesiredState) -> None:
        self._members = members
        self._desired = desired
        self.closed: Mapping[int, frozenset[PortRef]] = _NONE
        """By VLAN, as of the last :meth:`follow`."""
        self._lost: dict[int, frozenset[Segment]] = {}
        """By lost switch the segments that it was at."""
        self._lost_closed: set[InVlan] = set()
        self._back_until: dict[int, float] = {}
        """Until when what is remembered of a switch that is back counts."""
        self._kept: dict[InVlan, float] = {}
        """What switches had closed when they were taken over, and until when it stays so."""

    # ---- what happens

    def topology_changed(
        self, before: TopologyView, changes: Iterable[TopologyChange], now: float
    ) -> None:
        """Take note of switches that come and go; ``before`` is the view until now."""
        for change in changes:
            subject = change.subject
            if not isinstance(subject, Switch):
                continue
            if change.kind == "switch_leave":
                self._leave(subject.dpid, before.vlan_segments)
            elif subject.dpid in self._lost:
                self._back_until[subject.dpid] = now + self._desired.hold_time

    def _leave(self, dpid: int, known: Iterable[Segment]) -> None:
        remembered = self._lost.get(dpid, frozenset())
        # Those of switches that were lost before, too: they may be back before this one is.
        others = (one for segments in self._lost.values() for one in segments)
        at = {one for one in (*known, *others) if any(ref.dpid == dpid for ref in one.ports)}
        self._back_until.pop(dpid, None)
        if not (at or remembered):
            return
        self._lost[dpid] = remembered | at
        for vlan, refs in self.closed.items():
            self._lost_closed |= {(vlan, ref) for ref in refs if ref.dpid == dpid}

    def taken_over(self, member: Member, floods: VlanFloods, now: float) -> None:
        """Keep what a switch has closed in VLANs, be it from an earlier run."""
        until = now + self._desired.hold_time
        for one in floods:
            for number in one.blocked:
                self._kept[one.vlan, PortRef(member.switch.dpid, number)] = until

    # ---- what follows

    def next_due(self) -> float | None:
        """Return when something is remembered no more; None if nothing is."""
        return min((*self._back_until.values(), *self._kept.values()), default=None)

    def is_due(self, now: float) -> bool:
        """Tell whether something that was remembered is over."""
        due = self.next_due()
        return due is not None and due <= now

    def follow(self, now: float) -> bool:
        """Bring the members in line with the common tree; tell whether anything is another."""
        self._expire(now)
        segments = self._segments()
        if not (segments or self._kept or self.closed):
            return False
        ground = self._ground()
        found = {vlan: set(closed_in(vlan, of, ground)) for vlan, of in segments.items()}
        for vlan, ref in self._kept:
            found.setdefault(vlan, set()).add(ref)
        if self._desired.is_provisional:
            for vlan, refs in self.closed.items():
                found.setdefault(vlan, set()).update(refs)
        for of in segments.values():
            for ports in of:
                self._desired.choice.join(ref.dpid for ref in ports)
        return self._tell(found)

    def _tell(self, found: Mapping[int, set[PortRef]]) -> bool:
        up = {vlan: frozenset(filter(self._members.is_up, refs)) for vlan, refs in found.items()}
        closed = {vlan: refs for vlan, refs in sorted(up.items()) if refs}
        switches = by_switch(closed)
        for member in self._members.all():
            self._members.close_in_vlans(member, switches.get(member.switch.dpid, {}))
        if closed == self.closed:
            return False
        self.closed = MappingProxyType(closed) if closed else _NONE
        return True

    def _expire(self, now: float) -> None:
        lost = self._desired.lost_switches
        over = [dpid for dpid, until in self._back_until.items() if until <= now]
        gone = [
            dpid
            for dpid in self._lost
            if dpid in over or not (lost.is_away(dpid) or dpid in self._back_until)
        ]
        for dpid in gone:
            del self._lost[dpid]
            self._back_until.pop(dpid, None)
            self._lost_closed = {one for one in self._lost_closed if one[1].dpid != dpid}
        if not self._desired.is_provisional:
            self._kept = {one: until for one, until in self._kept.items() if until > now}

    def _segments(self) -> dict[int, list[tuple[PortRef, ...]]]:
        """Return the ports of segments, those that are remembered too, by VLAN."""
        found: dict[int, list[tuple[PortRef, ...]]] = {}
        remembered = (one for segments in self._lost.values() for one in sorted(segments))
        for one in (*self._desired.view.vlan_segments, *remembered):
            if one.vlan is not None:
                found.setdefault(one.vlan, []).append(one.ports)
        return found

    def _ground(self) -> VlanGround:
        choice, lost = self._desired.choice, self._desired.lost_switches
        shut = choice.forest.blocked | choice.refused
        led = [
            Link(*ends)
            for ends in lost.cables()
            if any(map(lost.is_open, ends)) and shut.isdisjoint(ends)
        ]
        return VlanGround(
            (*cables_of(choice.forest), *led),
            lambda ref: self._members.is_up(ref) and ref not in shut,
            lambda vlan, ref: lost.is_open(ref) and (vlan, ref) not in self._lost_closed,
            self._is_open,
        )

    def _is_open(self, vlan: int, ref: PortRef) -> bool:
        member = self._members.get(ref.dpid)
        is_closed = ref in self.closed.get(vlan, ()) or (vlan, ref) in self._kept
        return member is not None and not is_closed and member.may_pass_at(ref.port_no)
