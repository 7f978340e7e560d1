"""Discovery: switches, links and hosts from what the switches say and what probes prove.

The one owner of topology state (report 3.4). It is told what happened and when, answers with
messages, and gives out immutable views. What probes prove is judged in
:mod:`~horizon_ryu.core.discovery.link_evidence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core import frames
from horizon_ryu.core.discovery import lldp, tagged_lldp
from horizon_ryu.core.discovery.hosts import NOTHING, PROBER, HostTable
from horizon_ryu.core.discovery.join_doubt import JoinDoubt, SlowJoin
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.discovery.link_evidence import EvidenceLimits, LinkEvidence
from horizon_ryu.core.discovery.link_trials import LinkTrials
from horizon_ryu.core.discovery.next_view import next_view
from horizon_ryu.core.discovery.pacing import Pacing
from horizon_ryu.core.discovery.segment_places import SegmentPlaces
from horizon_ryu.core.discovery.switch_table import SwitchTable
from horizon_ryu.core.neighbour_discovery import proven_address
from horizon_ryu.core.port_frames import sent_by
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import (
    Host,
    Port,
    PortRef,
    Switch,
    TopologyChange,
    TopologyView,
    is_port,
    station_key,
)
from horizon_ryu.wire.messages import DropBuffered, Outgoing, PacketIn


class Heard(NamedTuple):
    """What became of an LLDP frame: ``outcome`` is a short word for the metrics."""

    outcome: str
    messages: tuple[Outgoing, ...] = ()


class DiscoveryControl:
    """The state machine; ``key`` signs the probes and is nobody else's."""

    def __init__(
        self,
        key: bytes,
        timers: DiscoveryTimers | None = None,
        limits: DiscoveryLimits | None = None,
    ) -> None:
        self._key = key
        self._timers = timers or DiscoveryTimers()
        limits = limits or DiscoveryLimits()
        self._switches = SwitchTable(limits.ports_per_switch)
        self._hosts = HostTable(limits.hosts, self._is_edge)
        self._places = SegmentPlaces()
        self._pacing = Pacing(
            self._timers.lldp_interval, limits.total_rate, limits.switch_rate, limits.new_port_rate
        )
        self._doubt = JoinDoubt(limits.doubt)
        self._slow_joins: list[SlowJoin] = []
        self._crowds_told: set[int] = set()
        self._next_check = 0.0
        self._changes: list[TopologyChange] = []
        self._evidence = LinkEvidence(
            key,
            EvidenceLimits(limits.probe_validity, limits.trials),
            self._hosts,
            self._pacing,
            self._doubt,
            self._changes,
        )
        self.is_expected = self._evidence.is_expected
        """Take the newest probe of a port that has come back by a known link, and nothing else."""
        self.recall = self._evidence.recall
        """Start from what an earlier run knew to be joined."""
        self.is_looked_for = self._evidence.is_looked_for
        """Tell whether probes of ours have left by a port that would be believed where heard."""
        self._view = TopologyView()

    # ---- what happens to switches and ports

    def switch_joining(self, dpid: int, now: float) -> None:
        """A switch is connecting; until it is ready, gone or late, no new link is believed."""
        self._doubt.begin(dpid, now)

    def switch_ready(self, switch: Switch, now: float) -> None:
        """The forced drop of ``switch`` is in place: probe its ports."""
        if switch.dpid in self._switches:
            self._remove_switch(switch.dpid)
        ports = {no: port for no, port in switch.ports.items() if is_port(no)}
        surplus = {no: port for no, port in switch.surplus.items() if is_port(no)}
        switch = replace(switch, ports=MappingProxyType(ports), surplus=MappingProxyType(surplus))
        switch, left_out = self._switches.add(switch)
        self._evidence.switch_ready(switch.dpid)
        self._changes.append(TopologyChange("switch_join", switch))
        if left_out is not None:
            self._alarm_surplus(left_out)
        self._evidence.joined(self._come_up((PortRef(switch.dpid, no) for no in ports), now), now)
        self._joined(switch.dpid, now)

    def _come_up(self, refs: Iterable[PortRef], now: float) -> list[PortRef]:
        """Probe those of new ports that are up, and place who is pinned there; return them."""
        refs = [ref for ref in refs if self._is_up(ref)]
        self._pacing.add(refs, now)
        self._changes += self._hosts.place_pinned(refs)
        return refs

    def _alarm_surplus(self, ref: PortRef) -> None:
        """Tell once of each connection that its switch has more ports than the cap."""
        if ref.dpid not in self._crowds_told:
            self._crowds_told.add(ref.dpid)
            self._changes.append(TopologyChange("alarm_too_many_ports", ref))

    def drop_restored(self, dpid: int, now: float) -> None:
        """The forced drop of a switch that is ready was missing, and is in place again."""
        self._evidence.void_probes()
        self._joined(dpid, now)

    def switch_left(self, dpid: int, now: float) -> None:
        """The connection of a switch is gone; so are its links, at once."""
        self._joined(dpid, now)
        self._remove_switch(dpid)

    def _joined(self, dpid: int, now: float) -> None:
        self._doubt.end(dpid, now)
        self._evidence.look_again(now)

    def _remove_switch(self, dpid: int) -> None:
        switch = self._switches.pop(dpid)
        if switch is None:
            return
        self._evidence.forget_switch(dpid)
        for number in switch.ports:
            self._forget_port(PortRef(dpid, number), "host_too")
        self._pacing.forget_switch(dpid)
        self._crowds_told.discard(dpid)
        self._changes.append(TopologyChange("switch_leave", switch))

    def port_changed(self, dpid: int, port_no: int, port: Port | None, now: float) -> None:
        """A port was added or changed, or removed when ``port`` is None."""
        if dpid not in self._switches or not is_port(port_no):
            return
        ref = PortRef(dpid, port_no)
        old = self._switches.port(ref)
        was_surplus = self._switches.is_surplus(ref)
        if old == port and not was_surplus:
            return
        if not self._switches.set_port(ref, port):
            if was_surplus != self._switches.is_surplus(ref):
                self._changes.append(TopologyChange("port_beyond_cap", ref))
                self._alarm_surplus(ref)
            return
        kind = "port_delete" if port is None else "port_add" if old is None else "port_modify"
        self._changes.append(TopologyChange(kind, ref))
        if port is None or not port.up:
            self._forget_port(ref, "host_too" if port is None else "")
        elif old is None or not old.up:
            self._evidence.came_up(self._come_up((ref,), now), now)
        if port is None:
            self._fill_up(dpid, now)

    def _fill_up(self, dpid: int, now: float) -> None:
        """Have a port beyond the cap take the place of one that is gone."""
        ref = self._switches.promote(dpid)
        if ref is not None:
            self._changes.append(TopologyChange("port_add", ref))
            self._evidence.came_up(self._come_up((ref,), now), now)

    def _forget_port(self, ref: PortRef, hosts: str) -> None:
        self._pacing.remove(ref)
        self._evidence.forget_port(ref)
        if hosts:
            self._changes += self._hosts.remove_at(ref)

    # ---- what frames say

    def frame_in(self, packet: PacketIn, now: float) -> Heard:
        """Judge an LLDP frame; a frame the switch still holds is dropped there (forced drop)."""
        drop: tuple[Outgoing, ...] = ()
        if packet.buffer_id is not None:
            drop = (Outgoing(packet.dpid, DropBuffered(packet.buffer_id, packet.in_port)),)
        probe = lldp.parse(packet.data)
        tagged = tagged_lldp.parse(packet.data) if probe is None else None
        here = PortRef(packet.dpid, packet.in_port)
        if probe is None and tagged is None:
            return Heard("foreign", drop)
        if not self._is_up(here):
            return Heard("port_down", drop)
        if tagged is not None:
            return Heard(self._evidence.hear_tagged(tagged, here, now), drop)
        if probe is None or not self._evidence.is_genuine(probe):
            return Heard("forged", drop)
        is_group = packet.data.startswith(lldp.ANY_BRIDGE)
        return Heard(self._evidence.hear(probe, here, is_group, now), drop)

    def own_frame(self, packet: PacketIn, frame: frames.Frame, now: float) -> Heard | None:
        """Take a frame that is ours though it is no probe; nobody else is to see it.

        Returns None for all others. It has left by a port of ours, and came in at another one.
        """
        here = PortRef(packet.dpid, packet.in_port)
        if self._evidence.is_check(frame.src):
            self._evidence.check_heard(frame.src, packet.data, here, now)
        elif frame.src != PROBER:
            return None
        if packet.buffer_id is None:
            return Heard("own")
        drop = Outgoing(packet.dpid, DropBuffered(packet.buffer_id, packet.in_port))
        return Heard("own", (drop,))

    def host_frame(self, packet: PacketIn, frame: frames.Frame, now: float) -> tuple[Outgoing, ...]:
        """Learn from a host's frame; returns questions to where the host was before."""
        here = PortRef(packet.dpid, packet.in_port)
        if frames.has_impossible_source(frame) or frame.src == PROBER:
            return ()
        if not self._is_edge(here):
            return ()
        key = station_key(frame.src, frame.vlan)
        vlan = frame.vlan if frames.is_plain(packet.data, frame) else None
        self._evidence.host_heard(key, vlan, here, frame.dst, now)
        home = self.locate(key)
        if home is not None and home != here:
            self._evidence.look_between(home, here, vlan, now)
        if here in self._evidence.segments:
            place = here if home is None else self._places.place(here, home)
            if place is None:
                return ()
            here = place
        address = proven_address(packet.data, frame)
        noted = self._hosts.note(here, frame.src, address, now, frame.vlan)
        if noted is not NOTHING:
            self._changes += noted.changes
        return noted.messages

    def tree_changed(self, forest: Forest) -> None:
        """Take the newest forest: which ports of segments are open, and what crosses them."""
        self._places.follow(forest, self._evidence.segments)
        for closed, door in self._places.moves():
            self._changes += self._hosts.move_at(closed, door)
        self._evidence.vlans.follow_blocked(frozenset(forest.vlan_blocked))
        for vlan, closed, door in forest.vlan_moves(self._evidence.vlans.segments):
            self._changes += self._hosts.move_at(closed, door, vlan)

    def _is_up(self, ref: PortRef) -> bool:
        port = self._switches.port(ref)
        return port is not None and port.up

    def _is_edge(self, ref: PortRef) -> bool:
        return self._is_up(ref) and not self._evidence.touches(ref)

    def locate(self, key: bytes) -> PortRef | None:
        """Return where a host, by its key, is, newer than any view; None if its port is not up.

        Who was at a port that is down now may be anywhere by now.
        """
        place = self._hosts.locate(key)
        return place if place is not None and self._is_up(place) else None

    def is_contested(self, vlan: int | None, address: bytes) -> bool:
        """Tell whether it is undecided which station of a VLAN has an IP address (packed)."""
        text = frames.address_text(address)
        return text is not None and self._hosts.is_contested(vlan, text)

    # ---- what operators say of hosts

    @property
    def hosts(self) -> HostTable:
        """The hosts, to be read only."""
        return self._hosts

    def forget_host(self, key: bytes) -> None:
        """Forget a host until it is heard again; NotFound, Conflict if it is pinned."""
        self._changes += self._hosts.forget(key)

    def pin_host(self, pinned: Host) -> None:
        """Have a host at one port, whoever says otherwise; LimitExceeded."""
        self._changes += self._hosts.pin(pinned)

    def unpin_host(self, key: bytes, now: float) -> None:
        """Have a host move and age as others do; NotFound if it is not pinned."""
        self._hosts.unpin(key, now)

    # ---- what time does

    def tick(self, now: float) -> list[Outgoing]:
        """Return the probes due now; expire links and moves whose time is over."""
        if now >= self._next_check:
            self._next_check = now + self._timers.link_check_interval
            self._evidence.idle(now, self._timers.link_max_idle)
        self._changes += self._hosts.expire(now)
        if self._doubt:
            self._slow_joins += self._doubt.late(now)
        self._evidence.look_again(now)
        trials = self._evidence.expire(now)
        due = self._pacing.due(now, self._evidence.links, not self._doubt.binds(now))
        probes = [self._probe(ref, now) for ref in due]
        return [*probes, *self._hosts.ask_silent(now), *trials]

    def _probe(self, ref: PortRef, now: float) -> Outgoing:
        port = self._switches.port(ref)
        hw_addr = port.hw_addr if port is not None else bytes(6)
        frame = self._evidence.probe(ref, hw_addr, now)
        return sent_by(ref, frame)

    def next_due(self, now: float) -> float:
        """Return when :meth:`tick` is to be called next."""
        times = (
            self._pacing.next_due(now, not self._doubt.binds(now)),
            self._next_check,
            self._hosts.next_due(),
            self._evidence.next_due(),
            self._doubt.next_due(now),
        )
        return min(at for at in times if at is not None)

    # ---- settings and views

    def crowded(self) -> Mapping[int, int]:
        """Return how many ports are beyond the cap, of each switch that has any."""
        return self._switches.crowded()

    def is_overfull(self, dpid: int) -> bool:
        """Tell whether a switch has more ports beyond the cap than can be kept closed."""
        return self._switches.is_overfull(dpid)

    @property
    def trials(self) -> LinkTrials:
        """The links that are held; to be read only."""
        return self._evidence.trials

    @property
    def doubt(self) -> JoinDoubt:
        """Who is joining, and for how long; to be read only."""
        return self._doubt

    def take_slow_joins(self) -> list[SlowJoin]:
        """Return the switches that turned out to be slow to join since the last call."""
        taken, self._slow_joins = self._slow_joins, []
        return taken

    @property
    def timers(self) -> DiscoveryTimers:
        """The timers in force."""
        return self._timers

    def set_timers(self, timers: DiscoveryTimers, now: float) -> None:
        """Use ``timers`` from now on."""
        self._timers = timers
        self._pacing.set_interval(timers.lldp_interval, now)
        self._next_check = min(self._next_check, now + timers.link_check_interval)

    @property
    def changed(self) -> bool:
        """Whether :meth:`take_changes` would return any."""
        self._follow_segments()
        return bool(self._changes)

    def take_changes(self) -> tuple[TopologyChange, ...]:
        """Return what happened since the last call; the view then includes it."""
        self._follow_segments()
        changes = tuple(self._changes)
        if changes:
            self._view = self._next_view(changes)
        # What probes prove is added to the same list.
        self._changes.clear()
        return changes

    def _follow_segments(self) -> None:
        if self._evidence.follow_segments():
            self._places.follow(self._places.forest, self._evidence.segments)

    def _next_view(self, changes: tuple[TopologyChange, ...]) -> TopologyView:
        return next_view(self._view, changes, self._switches, self._evidence, self._hosts.hosts)

    def view(self) -> TopologyView:
        """Return the view as of the last :meth:`take_changes`."""
        return self._view
