"""Link evidence: the links and segments that probes prove, and those that are not believed yet.

Between a switch's joining and its forced drop being confirmed no new link is believed, and probes
numbered before are void for new links: a hybrid switch without the drop relays LLDP, and would
make neighbours of switches that are none. Such a doubt is bounded
(:mod:`~horizon_ryu.core.discovery.join_doubt`). Where hosts are known a new link is on trial first
(:mod:`~horizon_ryu.core.discovery.link_trials`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.group_probes import GroupProbes
from horizon_ryu.core.discovery.hosts import HostTable
from horizon_ryu.core.discovery.join_doubt import JoinDoubt
from horizon_ryu.core.discovery.link_latency import LinkLatency
from horizon_ryu.core.discovery.link_table import LinkTable
from horizon_ryu.core.discovery.link_trials import LinkTrials, TrialLimits, TrialWorld
from horizon_ryu.core.discovery.pacing import Pacing
from horizon_ryu.core.discovery.pair_trial import PairStanding
from horizon_ryu.core.discovery.probes import OutstandingProbes, ProbeVerdict
from horizon_ryu.core.discovery.return_checks import ReturnChecks
from horizon_ryu.core.discovery.tagged_lldp import TaggedProbe
from horizon_ryu.core.discovery.vlan_evidence import VlanEvidence, VlanWorld
from horizon_ryu.core.topology import HeldLink, Link, PortRef, Segment, TopologyChange
from horizon_ryu.wire.messages import Outgoing

LOST_PROBES = 3
"""Probes in a row that must go unheard before silence counts: rounds may stretch beyond a timer."""


@dataclass(frozen=True, slots=True)
class EvidenceLimits:
    """For how many seconds a probe may be heard, and what holds a link back where hosts are."""

    probe_validity: float
    trials: TrialLimits


class LinkEvidence:
    """What was sent and heard, and what follows."""

    def __init__(
        self,
        key: bytes,
        limits: EvidenceLimits,
        hosts: HostTable,
        pacing: Pacing,
        doubt: JoinDoubt,
        changes: list[TopologyChange],
    ) -> None:
        """What happens is added to ``changes``, in order; ``key`` signs the probes."""
        self._key = key
        self._hosts = hosts
        self._pacing = pacing
        self._doubt = doubt
        self._links = LinkTable()
        self._book = OutstandingProbes(limits.probe_validity)
        self._groups = GroupProbes(key, limits.probe_validity, self._links.join)
        self._latency = LinkLatency(limits.trials.latency_factor)
        world = TrialWorld(
            hosts.at,
            hosts.is_pinned,
            self._latency.is_slow,
            self._join,
            self._groups.table.part,
        )
        self._trials = LinkTrials(key, limits.trials, world)
        look = self._groups.is_new
        beside = VlanWorld(hosts.at, hosts.is_pinned, self._links.join, look, pacing.period)
        self.vlans = VlanEvidence(key, limits.probe_validity, limits.trials, beside)
        self._returns = ReturnChecks(key, limits.probe_validity)
        self.recall = self._returns.recall
        self.came_up = self._returns.came_up
        self.joined = self._returns.joined
        self._void_before = 0
        self._refused: set[PortRef] = set()
        self._changes = changes

    # ---- what is known

    @property
    def links(self) -> Mapping[PortRef, Link]:
        """The links by their sources, live and read-only."""
        return self._links.links

    @property
    def segments(self) -> Mapping[PortRef, Segment]:
        """The segments by each of their ports, as of the last :meth:`follow_segments`."""
        return self._groups.table.segments

    @property
    def suspected(self) -> tuple[Segment, ...]:
        """What may be segments, as of the last :meth:`follow_segments`."""
        return self._groups.table.suspected

    @property
    def held(self) -> tuple[HeldLink, ...]:
        """The links that are not believed since hosts are known where they would be."""
        return (*self._trials.held, *self.vlans.held)

    @property
    def trials(self) -> LinkTrials:
        """The pairs of ports on trial; to be read only."""
        return self._trials

    def touches(self, ref: PortRef) -> bool:
        """Tell whether a link leaves or arrives at ``ref``."""
        return self._links.touches(ref)

    def is_looked_for(self, ref: PortRef, now: float) -> bool:
        """Tell whether probes of ours have left by a port that would be believed where heard."""
        is_known = self.touches(ref) or self._groups.have_looked(ref, now)
        return is_known and not self._doubt.binds(now)

    def follow_segments(self) -> bool:
        """Tell of the segments that are gone and new since the last call; return whether any is."""
        over, suspected = self._groups.table.take_suspicions()
        self._changes += (TopologyChange("segment_cleared", segment) for segment in over)
        self._changes += (TopologyChange("segment_suspected", segment) for segment in suspected)
        gone, found = self._groups.table.take_changes()
        self._changes += (TopologyChange("segment_delete", segment) for segment in gone)
        self._changes += (TopologyChange("segment_add", segment) for segment in found)
        self._changes += self.vlans.take_changes()
        return bool(gone or found)

    # ---- what happens to switches and ports

    def void_probes(self) -> None:
        """Take no probe that has left until now as proof of anything new."""
        self._void_before = self._book.next_number
        self._groups.void()
        self.vlans.void()

    def look_again(self, now: float) -> None:
        """Probe the ports whose links were not believed, if no doubt is left that forbids it."""
        if self._refused and not self._doubt.binds(now):
            self._pacing.hurry(self._refused, now)
            self._refused.clear()

    def forget_port(self, ref: PortRef) -> None:
        """Forget what was heard of and at a port that is down or gone."""
        self._book.forget(ref)
        self._groups.forget(ref)
        self._links.clear_shared(ref)
        self._refused.discard(ref)
        self._deleted(self._links.remove_at(ref))
        self._changes += self._trials.forget(ref)
        self._changes += self.vlans.forget(ref)
        self._returns.went_down(ref)

    def switch_ready(self, dpid: int) -> None:
        """Take note that a switch has its forced drop, and no probe before is proof of anything."""
        self.void_probes()
        self._returns.ready(dpid)

    def forget_switch(self, dpid: int) -> None:
        """Forget a switch that leaves; its ports are forgotten one by one, afterwards."""
        self._latency.forget(dpid)
        segments = {one.ports for ref, one in self.segments.items() if ref.dpid == dpid}
        self._returns.left(dpid, segments)

    def _deleted(self, links: Iterable[Link]) -> None:
        self._groups.table.links_changed()
        self.vlans.links_changed()
        self._changes += (TopologyChange("link_delete", link) for link in links)

    # ---- what is heard

    def is_genuine(self, probe: lldp.Probe) -> bool:
        """Tell, in constant time, whether a probe was signed with our key."""
        # What is remembered need not be signed again.
        src = PortRef(probe.dpid, probe.port_no)
        known = self._book.knows(src, probe.number, probe.tag)
        return known or lldp.is_genuine(self._key, probe)

    def is_expected(self, dpid: int, port_no: int, frame: bytes, now: float) -> bool:
        """Take a frame that is the newest probe of a port, to the last byte, over a known link.

        It changes nothing, and says nothing new. False for all others, as if nothing had happened.
        """
        probe = self._book.expected(frame)
        if probe is None:
            return False
        link = self._links.certain(probe.src)
        if link is None or link.dst != (dpid, port_no):
            return False
        age = self._book.take(probe, link.dst, now)
        if age is None:
            return False
        self._links.refresh(link, now)
        self._latency.note(link, age)
        return True

    def hear(self, probe: lldp.Probe, here: PortRef, is_group: bool, now: float) -> str:
        """Judge a genuine probe; return a word for the metrics."""
        if is_group:
            return self._hear_group(probe, here, now)
        src = PortRef(probe.dpid, probe.port_no)
        verdict, other = self._book.hear(src, probe.number, here, now)
        if verdict is ProbeVerdict.SHARED and self._is_settled(probe.number, now):
            self._share((src, here, other), now)
        if verdict is not ProbeVerdict.FRESH:
            return str(verdict.value)
        return self._prove(Link(src, here), probe.number, now)

    def _hear_group(self, probe: lldp.Probe, here: PortRef, now: float) -> str:
        """Take a genuine group probe as proof that two ports share a segment or a cable."""
        outcome = self._groups.hear(probe, here, now, not self._doubt.binds(now))
        src = PortRef(probe.dpid, probe.port_no)
        if outcome == "unsettled":
            self._refused.add(src)
            self.look_again(now)
        if outcome != "beside" or src == here or self._links.join(src, here):
            return outcome
        link = Link(src, here)
        is_known = self._groups.table.are_joined(src, here) and link not in self._trials
        if not is_known and self._judge(link, None, now) is PairStanding.HELD:
            return "held"
        rivals = self._links.contradicted_by(link, now)
        if rivals:
            # Neither leads to the other alone: whatever passes both kinds of probe is between.
            self._share((src, here, *rivals), now)
        self._groups.note(src, here, now, self._pacing.period)
        return outcome

    def hear_tagged(self, probe: TaggedProbe, here: PortRef, now: float) -> str:
        """Judge a tagged probe, genuine or not; return a word for the metrics."""
        outcome, changes = self.vlans.hear(probe, here, now, not self._doubt.binds(now))
        self._changes += changes
        return outcome

    def _prove(self, link: Link, number: int, now: float) -> str:
        """Take a genuine probe, heard for the first time, as proof of ``link``."""
        if link in self._links:
            self._links.refresh(link, now)
            self._latency.note(link, self._book.age(link.src, number, now))
            self._trust(link, number)
            return "refreshed"
        if not self._is_settled(number, now):
            self._refused.add(link.src)
            self.look_again(now)
            return "unsettled"
        if self._links.is_shared(link.src, now) or self._links.is_shared(link.dst, now):
            return "shared"
        rivals = self._links.contradicted_by(link, now)
        if rivals:
            self._share((link.src, link.dst, *rivals), now)
            return "shared"
        if link.src != link.dst and link.reversed() not in self._links:
            standing = self._judge(link, self._book.age(link.src, number, now), now)
            if standing is PairStanding.SEGMENT:
                self._join(*link, True, now)
            if standing is not PairStanding.BELIEVED:
                return str(standing.value)
        self._believe(link, now)
        return "new"

    def _judge(self, link: Link, latency: float | None, now: float) -> PairStanding:
        judged = self._trials.judge(link, latency, now)
        self._changes += judged.changes
        return judged.standing

    def _believe(self, link: Link, now: float) -> None:
        for end in link:
            # What others heard while the other end was not ours yet says nothing any more.
            self._groups.table.remove_at(end)
            self.vlans.linked(end)
            self._changes += self._trials.forget(end)
        self._deleted(self._links.add(link, now))
        if self._doubt:
            self._links.doubt(link, now)
        self._changes.append(TopologyChange("link_add", link))
        self._returns.cable(*link)
        self._become_link_port(link.dst)
        self._become_link_port(link.src)
        # The other direction is probably there too: learn it now rather than next round.
        self._pacing.hurry((link.dst,), now)

    def _trust(self, link: Link, number: int) -> None:
        """Doubt a link no more if who was joining when it was found cannot have relayed this."""
        born = self._links.doubted_since(link)
        if born is not None and number >= self._void_before and not self._doubt.covers(born):
            self._links.trust(link)

    def _is_settled(self, number: int, now: float) -> bool:
        """Tell whether a probe left when every switch had its forced drop; before, any relays."""
        return number >= self._void_before and not self._doubt.binds(now)

    def _become_link_port(self, ref: PortRef) -> None:
        gone = self._hosts.remove_at(ref)
        if gone:
            self._changes += (*gone, TopologyChange("alarm_port_role", ref))

    def _share(self, refs: tuple[PortRef, ...], now: float) -> None:
        fresh = [ref for ref in refs if not self._links.is_shared(ref, now)]
        quarantine = LOST_PROBES * max(self._pacing.period(ref.dpid) for ref in refs)
        self._deleted(self._links.share(refs, now, quarantine))
        for ref in refs[1:]:
            self._groups.note(refs[0], ref, now, self._pacing.period)
        self._changes += (TopologyChange("alarm_shared_segment", ref) for ref in fresh)

    def _join(self, one: PortRef, other: PortRef, at_once: bool, now: float) -> None:
        """Take note that broadcasts pass between two ports."""
        if at_once:
            self._groups.table.note(one, other, now, 0.0, at_once)
        else:
            self._groups.note(one, other, now, self._pacing.period)

    def host_heard(
        self, key: bytes, vlan: int | None, here: PortRef, dst: bytes, now: float
    ) -> None:
        """Take note of a host's frame, which may be an answer that speaks against a link."""
        if self._trials:
            self._trials.host_heard(key, here, dst)
        if vlan and self.vlans.station_heard(key, vlan, here, dst, now):
            self._pacing.hurry((here,), now)

    def look_between(self, one: PortRef, other: PortRef, vlan: int | None, now: float) -> None:
        """Probe two ports soon, since one station was heard at both: bridges may join them."""
        both = one, other
        if not self._groups.table.are_joined(one, other):
            self._pacing.hurry([ref for ref in both if self._groups.hasten(ref, now)], now)
        if vlan and not self.vlans.are_joined(vlan, one, other):
            self._pacing.hurry([ref for ref in both if self.vlans.rota.hasten(ref, vlan, now)], now)

    def is_check(self, src: bytes) -> bool:
        """Tell whether a frame from ``src`` is one of those that look like a station's."""
        is_known = self._returns.is_ours(src) or (bool(self._trials) and self._trials.is_ours(src))
        return is_known or self.vlans.is_check(src)

    def check_heard(self, src: bytes, data: bytes, here: PortRef, now: float) -> None:
        """Take note that such a frame came in."""
        if not self._returns.is_ours(src):
            self._changes += self._trials.check_heard(src, here, now)
            self._changes += self.vlans.check_heard(src, here, now)
            return
        crossed = self._returns.heard(data, here, now)
        if crossed is not None:
            self._join(*crossed, True, now)

    # ---- what time does

    def idle(self, now: float, max_idle: float) -> None:
        """Forget the links and segments of which nothing was heard for ``max_idle`` seconds."""
        lost = self._links.idle(now, max_idle, lambda ref: self._book.unheard(ref) >= LOST_PROBES)
        self._deleted(lost)
        self._groups.idle(now, max_idle, self._pacing.period)
        self.vlans.idle(now, max_idle)

    def expire(self, now: float) -> list[Outgoing]:
        """Go on with the trials; return the questions and checks to be sent."""
        self._groups.table.lapse(now)
        news = self._trials.expire(now)
        self._changes += news.changes
        self._pacing.hurry(news.again, now)
        changes, messages = self.vlans.expire(now)
        self._changes += changes
        return [*self._trials.take_messages(), *self._returns.due(now), *messages]

    def next_due(self) -> float | None:
        """Return when :meth:`expire` has work; None while nothing is on trial or suspected."""
        due = self._returns.next_due()
        times = (
            self._trials.next_due(),
            self._groups.table.next_due(),
            due,
            self.vlans.next_due(),
        )
        return min((at for at in times if at is not None), default=None)

    def probe(self, ref: PortRef, hw_addr: bytes, now: float) -> bytes:
        """Return the next probe of a port as an Ethernet frame."""
        if not self._links.touches(ref):
            if self._groups.takes_turn(ref, now):
                return self._groups.build(ref, hw_addr, now)
            vlan = self._vlan_turn(ref, now)
            if vlan is not None:
                return self.vlans.build(ref, hw_addr, vlan, now)
        number = self._book.issue(ref, now)
        tag = lldp.sign(self._key, ref.dpid, ref.port_no, number)
        nearest = lldp.NEAREST_BRIDGE
        frame = lldp.build_signed(tag, ref.dpid, ref.port_no, hw_addr, number, nearest)
        self._book.left(ref, tag, frame)
        return frame

    def _vlan_turn(self, ref: PortRef, now: float) -> int | None:
        """Return in which VLAN a port is to be probed now; None before it is known for a cable's.

        What has no tag is looked for first: a cable or a segment that it finds is there for all.
        """
        if not self.vlans.rota or not self._groups.have_looked(ref, now):
            return None
        return self.vlans.rota.takes_turn(ref, now)
