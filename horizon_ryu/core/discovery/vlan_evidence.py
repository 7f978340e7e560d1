"""VLAN evidence: the segments that one VLAN alone passes, as tagged probes show them.

Trunks of others may drop what has no tag. Then neither LLDP nor group probes pass, but what
stations of a VLAN send to all does. A tagged probe that another port of ours hears says that these
two share a segment in that VLAN; what follows is as for group probes, VLAN by VLAN
(:mod:`~horizon_ryu.core.discovery.segments`), with trials of its own where stations of the VLAN are
known (:mod:`~horizon_ryu.core.discovery.link_trials`).

Only ports that are no ends of links are probed, after LLDP and a group probe have left by them
and could have been heard: what these find is closed whatever the VLAN.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from horizon_ryu.core.discovery import tagged_lldp
from horizon_ryu.core.discovery.group_probes import GAP_ROUNDS, LOST_ROUNDS
from horizon_ryu.core.discovery.link_trials import LinkTrials, TrialLimits, TrialWorld
from horizon_ryu.core.discovery.pair_trial import PairStanding
from horizon_ryu.core.discovery.probes import OutstandingProbes, ProbeVerdict
from horizon_ryu.core.discovery.segments import SegmentTable
from horizon_ryu.core.discovery.tagged_lldp import TaggedProbe
from horizon_ryu.core.discovery.vlan_rota import VlanRota
from horizon_ryu.core.topology import HeldLink, Host, Link, PortRef, Segment, TopologyChange
from horizon_ryu.wire.messages import Outgoing

_FIRST_NUMBER = 1 << 61
_KEPT = 512
"""Outstanding probes of one port: those of all its VLANs within the time for which they count."""


@dataclass(frozen=True, slots=True)
class VlanWorld:
    """What is known beside: the stations at a port and who of them is pinned, whether a link
    between two ports is known, whether a port is new, and every how many seconds one is probed."""

    hosts_at: Callable[[PortRef], list[Host]]
    is_pinned: Callable[[bytes], bool]
    is_cable: Callable[[PortRef, PortRef], bool]
    is_new: Callable[[PortRef, float], bool]
    period: Callable[[int], float]


class _Vlan:
    """What is known of one VLAN."""

    def __init__(self, table: SegmentTable, trials: LinkTrials) -> None:
        self.table = table
        self.trials = trials


class VlanEvidence:
    """Sends, hears, and keeps the segments of each VLAN; ``key`` signs the probes."""

    def __init__(self, key: bytes, validity: float, limits: TrialLimits, world: VlanWorld) -> None:
        self._key = key
        self._limits = limits
        self._world = world
        self._book = OutstandingProbes(validity, _KEPT, _FIRST_NUMBER)
        self._void_before = 0
        self._vlans: dict[int, _Vlan] = {}
        self._found: tuple[Segment, ...] = ()
        self._blocked: frozenset[int] = frozenset()
        self.rota = VlanRota()

    # ---- what is known

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of VLANs, suspected ones too, as of the last :meth:`take_changes`."""
        return self._found

    @property
    def held(self) -> Iterator[HeldLink]:
        """The pairs of ports that are not believed, since stations are known there."""
        return (held for one in self._vlans.values() for held in one.trials.held)

    def take_changes(self) -> list[TopologyChange]:
        """Return which segments are gone and which are new since the last call.

        One that was suspected and is believed now is neither.
        """
        is_news = False
        for one in self._vlans.values():
            is_news |= any((*one.table.take_suspicions(), *one.table.take_changes()))
        if not is_news:
            return []
        before, after = set(self._found), self._all_segments()
        self._found = tuple(sorted(after, key=_in_order))
        self._require()
        gone, found = sorted(before - after, key=_in_order), sorted(after - before, key=_in_order)
        return [
            *(TopologyChange("vlan_segment_delete", segment) for segment in gone),
            *(TopologyChange("vlan_segment_add", segment) for segment in found),
        ]

    def _all_segments(self) -> set[Segment]:
        return {one for known in self._vlans.values() for one in known.table.joined()}

    def follow_blocked(self, vlans: frozenset[int]) -> None:
        """Have the VLANs probed everywhere in which the tree has ports closed."""
        self._blocked = vlans
        self._require()

    def _require(self) -> None:
        self.rota.require({*self._blocked, *(one.vlan for one in self._found if one.vlan)})

    # ---- probes

    def build(self, ref: PortRef, hw_addr: bytes, vlan: int, now: float) -> bytes:
        """Return the next probe of a port within a VLAN as an Ethernet frame."""
        number = self._book.issue(ref, now)
        return tagged_lldp.build(self._key, ref.dpid, ref.port_no, hw_addr, number, vlan)

    def void(self) -> None:
        """Believe no probe that has left until now."""
        self._void_before = self._book.next_number

    def hear(
        self, probe: TaggedProbe, here: PortRef, now: float, settled: bool
    ) -> tuple[str, list[TopologyChange]]:
        """Judge a probe heard at ``here``; return a word for the metrics, and what is to be told.

        ``settled`` as for group probes.
        """
        if not tagged_lldp.is_genuine(self._key, probe):
            return "forged", []
        if probe.carried != probe.vlan:
            return "other_vlan", []
        src = PortRef(probe.dpid, probe.port_no)
        verdict, _ = self._book.hear(src, probe.number, here, now)
        if verdict not in (ProbeVerdict.FRESH, ProbeVerdict.SHARED):
            return str(verdict.value), []
        if not settled or probe.number < self._void_before:
            return "unsettled", []
        if src == here or self._world.is_cable(src, here):
            return "beside", []
        return self._join(Link(src, here), probe.vlan, now)

    def _join(self, link: Link, vlan: int, now: float) -> tuple[str, list[TopologyChange]]:
        known = self._known(vlan)
        changes: list[TopologyChange] = []
        if not known.table.are_joined(*link) or link in known.trials:
            judged = known.trials.judge(link, None, now)
            changes += judged.changes
            if judged.standing is PairStanding.HELD:
                return "held", changes
        self._note(known.table, *link, now)
        return "beside", changes

    def _note(self, table: SegmentTable, one: PortRef, other: PortRef, now: float) -> None:
        longest = max(self._round(ref) for ref in (one, other))
        is_new = self._world.is_new(one, now) or self._world.is_new(other, now)
        table.note(one, other, now, GAP_ROUNDS * longest, is_new)

    def _round(self, ref: PortRef) -> float:
        return self.rota.interval(ref, self._world.period(ref.dpid))

    def _known(self, vlan: int) -> _Vlan:
        known = self._vlans.get(vlan)
        if known is None:
            known = self._vlans[vlan] = self._begin(vlan)
        return known

    def _begin(self, vlan: int) -> _Vlan:
        table = SegmentTable(self._world.is_cable, vlan)

        def join(one: PortRef, other: PortRef, _at_once: bool, now: float) -> None:
            self._note(table, one, other, now)

        def hosts_at(ref: PortRef) -> list[Host]:
            return [host for host in self._world.hosts_at(ref) if host.vlan == vlan]

        # Stations are made up from the key: those of two VLANs must have nothing in common.
        key = hmac.digest(self._key, b"vlan %d" % vlan, "sha256")
        world = TrialWorld(hosts_at, self._world.is_pinned, lambda _l, _s: False, join, table.part)
        return _Vlan(table, LinkTrials(key, self._limits, world))

    # ---- what stations say

    def station_heard(self, key: bytes, vlan: int, here: PortRef, dst: bytes, now: float) -> bool:
        """Take note of a frame of a station; tell whether its VLAN was not in use there before."""
        known = self._vlans.get(vlan)
        if known is not None and known.trials:
            known.trials.host_heard(key, here, dst)
        return self.rota.hear(here, vlan, now)

    def are_joined(self, vlan: int, one: PortRef, other: PortRef) -> bool:
        """Tell whether two ports are in one segment of a VLAN."""
        known = self._vlans.get(vlan)
        return known is not None and known.table.are_joined(one, other)

    def is_check(self, src: bytes) -> bool:
        """Tell whether a frame from ``src`` is one that looks like a station's, and is ours."""
        return any(one.trials.is_ours(src) for one in self._vlans.values() if one.trials)

    def check_heard(self, src: bytes, here: PortRef, now: float) -> list[TopologyChange]:
        """Take note that such a frame came in."""
        found: list[TopologyChange] = []
        for one in self._vlans.values():
            if one.trials.is_ours(src):
                found += one.trials.check_heard(src, here, now)
        return found

    # ---- what ends, and what time does

    def links_changed(self) -> None:
        """Look again which pairs are cables."""
        for one in self._vlans.values():
            one.table.links_changed()

    def linked(self, ref: PortRef) -> None:
        """Forget what was heard at a port while it was not known where its cable leads."""
        for one in self._vlans.values():
            one.table.remove_at(ref)

    def forget(self, ref: PortRef) -> list[TopologyChange]:
        """Void every probe of a port that is down or gone, and what was heard there."""
        self._book.forget(ref)
        self.rota.forget(ref)
        changes: list[TopologyChange] = []
        for one in self._vlans.values():
            one.table.remove_at(ref)
            changes += one.trials.forget(ref)
        return changes

    def idle(self, now: float, max_idle: float) -> None:
        """Part the ports that have not heard each other for ``max_idle`` s and some probes."""
        self.rota.idle(now)
        for vlan, one in tuple(self._vlans.items()):
            one.table.idle(now, lambda ref: max(max_idle, LOST_ROUNDS * self._round(ref)))
            if not one.table and not one.trials:
                del self._vlans[vlan]

    def expire(self, now: float) -> tuple[list[TopologyChange], list[Outgoing]]:
        """Go on with suspicions and trials; return what is to be told, and to be sent."""
        changes: list[TopologyChange] = []
        messages: list[Outgoing] = []
        for one in self._vlans.values():
            one.table.lapse(now)
            changes += one.trials.expire(now).changes
            messages += one.trials.take_messages()
        return changes, messages

    def next_due(self) -> float | None:
        """Return when :meth:`expire` has work; None while nothing is suspected or on trial."""
        known = self._vlans.values()
        due = (at for one in known for at in (one.table.next_due(), one.trials.next_due()))
        return min((at for at in due if at is not None), default=None)


def _in_order(segment: Segment) -> tuple[int, tuple[PortRef, ...]]:
    return segment.vlan or 0, segment.ports
