"""Discovery: switches, links and hosts from what the switches say and what probes prove.

The one owner of topology state (report 3.4). It is told what happened and when, answers with
messages, and gives out immutable views. Between a switch's joining and its forced drop being
confirmed no new link is believed, and probes numbered before are void for new links: a hybrid
switch without the drop relays LLDP, and would make neighbours of switches that are none. Such a
doubt is bounded (:mod:`~horizon_ryu.core.discovery.join_doubt`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from horizon_ryu.core import frames
from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.group_probes import GroupProbes
from horizon_ryu.core.discovery.hosts import NOTHING, PROBER, HostLimits, HostTable
from horizon_ryu.core.discovery.join_doubt import DoubtLimits, JoinDoubt, SlowJoin
from horizon_ryu.core.discovery.link_table import LinkTable
from horizon_ryu.core.discovery.pacing import Pacing
from horizon_ryu.core.discovery.probes import OutstandingProbes, ProbeVerdict
from horizon_ryu.core.discovery.segment_places import SegmentPlaces
from horizon_ryu.core.discovery.switch_table import SwitchTable
from horizon_ryu.core.neighbour_discovery import neighbour_address
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import (
    Host,
    Link,
    Port,
    PortRef,
    Switch,
    TopologyChange,
    TopologyView,
    is_port,
    station_key,
)
from horizon_ryu.wire.messages import DropBuffered, Outgoing, Output, PacketIn, PacketOut

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

LOST_PROBES = 3
"""Probes in a row that must go unheard before silence counts: rounds may stretch beyond a timer."""


@dataclass(frozen=True, slots=True)
class DiscoveryLimits:
    """Budgets of probes per second, and the seconds in which a probe is accepted.

    ``total_rate`` is for known ports, ``new_port_rate`` for new ones, ``switch_rate`` for all
    ports of one switch. Of a switch with more than ``ports_per_switch`` ports, or more than its
    version can flood by, the others are closed to broadcasts, and otherwise as if they were not
    there.
    """

    total_rate: float = 2000.0
    new_port_rate: float = 20_000.0
    switch_rate: float = 1000.0
    probe_validity: float = 5.0
    hosts: HostLimits = field(default_factory=HostLimits)
    doubt: DoubtLimits = field(default_factory=DoubtLimits)
    ports_per_switch: int = 16_384


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
        self._links = LinkTable()
        self._hosts = HostTable(limits.hosts, self._is_edge)
        self._book = OutstandingProbes(limits.probe_validity)
        self._groups = GroupProbes(key, limits.probe_validity, self._links.join)
        self._places = SegmentPlaces()
        self._pacing = Pacing(
            self._timers.lldp_interval, limits.total_rate, limits.switch_rate, limits.new_port_rate
        )
        self._doubt = JoinDoubt(limits.doubt)
        self._slow_joins: list[SlowJoin] = []
        self._void_before = 0
        self._crowds_told: set[int] = set()
        self._refused: set[PortRef] = set()
        self._next_check = 0.0
        self._changes: list[TopologyChange] = []
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
        self._void_probes()
        self._changes.append(TopologyChange("switch_join", switch))
        if left_out is not None:
            self._alarm_surplus(left_out)
        self._come_up([PortRef(switch.dpid, no) for no in switch.ports], now)
        self._joined(switch.dpid, now)

    def _come_up(self, refs: Iterable[PortRef], now: float) -> None:
        """Probe those of new ports that are up, and place who is pinned there."""
        refs = [ref for ref in refs if self._is_up(ref)]
        self._pacing.add(refs, now)
        self._changes += self._hosts.place_pinned(refs)

    def _alarm_surplus(self, ref: PortRef) -> None:
        """Tell once of each connection that its switch has more ports than the cap."""
        if ref.dpid not in self._crowds_told:
            self._crowds_told.add(ref.dpid)
            self._changes.append(TopologyChange("alarm_too_many_ports", ref))

    def drop_restored(self, dpid: int, now: float) -> None:
        """The forced drop of a switch that is ready was missing, and is in place again."""
        self._void_probes()
        self._joined(dpid, now)

    def _void_probes(self) -> None:
        self._void_before = self._book.next_number
        self._groups.void()

    def switch_left(self, dpid: int, now: float) -> None:
        """The connection of a switch is gone; so are its links, at once."""
        self._joined(dpid, now)
        self._remove_switch(dpid)

    def _joined(self, dpid: int, now: float) -> None:
        self._doubt.end(dpid, now)
        self._look_again(now)

    def _look_again(self, now: float) -> None:
        """Probe the ports whose links were not believed, if no doubt is left that forbids it."""
        if self._refused and not self._doubt.binds(now):
            self._pacing.hurry(self._refused, now)
            self._refused.clear()

    def _remove_switch(self, dpid: int) -> None:
        switch = self._switches.pop(dpid)
        if switch is None:
            return
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
            self._come_up((ref,), now)
        if port is None:
            self._fill_up(dpid, now)

    def _fill_up(self, dpid: int, now: float) -> None:
        """Have a port beyond the cap take the place of one that is gone."""
        ref = self._switches.promote(dpid)
        if ref is not None:
            self._changes.append(TopologyChange("port_add", ref))
            self._come_up((ref,), now)

    def _forget_port(self, ref: PortRef, hosts: str) -> None:
        self._pacing.remove(ref)
        self._book.forget(ref)
        self._groups.forget(ref)
        self._links.clear_shared(ref)
        self._refused.discard(ref)
        self._deleted(self._links.remove_at(ref))
        if hosts:
            self._changes += self._hosts.remove_at(ref)

    def _deleted(self, links: Iterable[Link]) -> None:
        self._groups.table.links_changed()
        self._changes += (TopologyChange("link_delete", link) for link in links)

    # ---- what frames say

    def frame_in(self, packet: PacketIn, now: float) -> Heard:
        """Judge an LLDP frame; a frame the switch still holds is dropped there (forced drop)."""
        drop: tuple[Outgoing, ...] = ()
        if packet.buffer_id is not None:
            drop = (Outgoing(packet.dpid, DropBuffered(packet.buffer_id, packet.in_port)),)
        probe = lldp.parse(packet.data)
        if probe is None:
            return Heard("foreign", drop)
        here = PortRef(packet.dpid, packet.in_port)
        if not self._is_up(here):
            return Heard("port_down", drop)
        src = PortRef(probe.dpid, probe.port_no)
        # What is remembered need not be signed again.
        known = self._book.knows(src, probe.number, probe.tag)
        if not (known or lldp.is_genuine(self._key, probe)):
            return Heard("forged", drop)
        if packet.data.startswith(lldp.ANY_BRIDGE):
            return Heard(self._hear_group(probe, here, now), drop)
        verdict, other = self._book.hear(src, probe.number, here, now)
        if verdict is ProbeVerdict.SHARED and self._is_settled(probe.number, now):
            self._share((src, here, other), now)
        if verdict is not ProbeVerdict.FRESH:
            return Heard(verdict.value, drop)
        return Heard(self._prove(Link(src, here), probe.number, now), drop)

    def _hear_group(self, probe: lldp.Probe, here: PortRef, now: float) -> str:
        """Take a genuine group probe as proof that two ports share a segment or a cable."""
        outcome = self._groups.hear(probe, here, now, not self._doubt.binds(now))
        src = PortRef(probe.dpid, probe.port_no)
        if outcome == "unsettled":
            self._refused.add(src)
            self._look_again(now)
        if outcome != "beside" or self._links.join(src, here):
            return outcome
        rivals = self._links.contradicted_by(Link(src, here), now)
        if rivals:
            # Neither leads to the other alone: whatever passes both kinds of probe is between.
            self._share((src, here, *rivals), now)
        self._groups.note(src, here, now, self._pacing.period)
        return outcome

    def _prove(self, link: Link, number: int, now: float) -> str:
        """Take a genuine probe, heard for the first time, as proof of ``link``."""
        if link in self._links:
            self._links.refresh(link, now)
            self._trust(link, number)
            return "refreshed"
        if not self._is_settled(number, now):
            self._refused.add(link.src)
            self._look_again(now)
            return "unsettled"
        if self._links.is_shared(link.src, now) or self._links.is_shared(link.dst, now):
            return "shared"
        rivals = self._links.contradicted_by(link, now)
        if rivals:
            self._share((link.src, link.dst, *rivals), now)
            return "shared"
        for end in link:
            # What others heard while the other end was not ours yet says nothing any more.
            self._groups.table.remove_at(end)
        self._deleted(self._links.add(link, now))
        if self._doubt:
            self._links.doubt(link, now)
        self._changes.append(TopologyChange("link_add", link))
        self._become_link_port(link.dst)
        self._become_link_port(link.src)
        # The other direction is probably there too: learn it now rather than next round.
        self._pacing.hurry((link.dst,), now)
        return "new"

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

    def host_frame(self, packet: PacketIn, frame: frames.Frame, now: float) -> tuple[Outgoing, ...]:
        """Learn from a host's frame; returns questions to where the host was before."""
        here = PortRef(packet.dpid, packet.in_port)
        if frames.has_impossible_source(frame) or frame.src == PROBER:
            return ()
        if not self._is_edge(here):
            return ()
        if here in self._groups.table.segments:
            home = self.locate(station_key(frame.src, frame.vlan))
            place = here if home is None else self._places.place(here, home)
            if place is None:
                return ()
            here = place
        address = self._address(packet.data, frame)
        noted = self._hosts.note(here, frame.src, address, now, frame.vlan)
        if noted is not NOTHING:
            self._changes += noted.changes
        return noted.messages

    def tree_changed(self, forest: Forest) -> None:
        """Take the newest forest: which ports of segments are open, and what crosses them."""
        self._places.follow(forest, self._groups.table.segments)
        for closed, door in self._places.moves():
            self._changes += self._hosts.move_at(closed, door)

    def _address(self, data: bytes, frame: frames.Frame) -> str | None:
        """Return the sender's address where the frame proves it: ARP and ND, not routed IP."""
        if frame.ethertype == frames.ETH_IPV6:
            return neighbour_address(data, frame)
        arp = frames.decode_arp(data, frame) if frame.ethertype == frames.ETH_ARP else None
        if arp is None or arp.sha != frame.src:
            return None
        claimed = frames.sender_address(data, frame)
        return None if claimed is None else frames.address_text(claimed)

    def _is_up(self, ref: PortRef) -> bool:
        port = self._switches.port(ref)
        return port is not None and port.up

    def _is_edge(self, ref: PortRef) -> bool:
        return self._is_up(ref) and not self._links.touches(ref)

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
            lost: Callable[[PortRef], bool] = lambda ref: self._book.unheard(ref) >= LOST_PROBES  # noqa: E731
            self._deleted(self._links.idle(now, self._timers.link_max_idle, lost))
            self._groups.idle(now, self._timers.link_max_idle, self._pacing.period)
        self._changes += self._hosts.expire(now)
        if self._doubt:
            self._slow_joins += self._doubt.late(now)
        self._look_again(now)
        due = self._pacing.due(now, self._links.links, not self._doubt.binds(now))
        return [*(self._probe(ref, now) for ref in due), *self._hosts.ask_silent(now)]

    def _probe(self, ref: PortRef, now: float) -> Outgoing:
        port = self._switches.port(ref)
        hw_addr = port.hw_addr if port is not None else bytes(6)
        if not self._links.touches(ref) and self._groups.takes_turn(ref, now):
            frame = self._groups.build(ref, hw_addr, now)
        else:
            frame = self._signed(ref, hw_addr, self._book.issue(ref, now))
        return Outgoing(ref.dpid, PacketOut((Output(ref.port_no),), frame))

    def _signed(self, ref: PortRef, hw_addr: bytes, number: int) -> bytes:
        tag = lldp.sign(self._key, ref.dpid, ref.port_no, number)
        self._book.signed(ref, number, tag)
        return lldp.build_signed(tag, ref.dpid, ref.port_no, hw_addr, number, lldp.NEAREST_BRIDGE)

    def next_due(self, now: float) -> float:
        """Return when :meth:`tick` is to be called next."""
        times = (
            self._pacing.next_due(now, not self._doubt.binds(now)),
            self._next_check,
            self._hosts.next_due(),
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
        self._changes = []
        return changes

    def _follow_segments(self) -> None:
        gone, found = self._groups.table.take_changes()
        if gone or found:
            self._places.follow(self._places.forest, self._groups.table.segments)
        self._changes += (TopologyChange("segment_delete", segment) for segment in gone)
        self._changes += (TopologyChange("segment_add", segment) for segment in found)

    def _next_view(self, changes: tuple[TopologyChange, ...]) -> TopologyView:
        """Return the next view; parts of which nothing is told are shared with the last one."""
        parts = {part for part in map(_part, changes) if part}
        last = self._view
        return TopologyView(
            last.version + 1,
            self._switches.frozen() if "switches" in parts else last.switches,
            _frozen(self._links.links) if "links" in parts else last.links,
            _frozen(self._hosts.hosts) if "hosts" in parts else last.hosts,
            self._groups.table.segments,
        )

    def view(self) -> TopologyView:
        """Return the view as of the last :meth:`take_changes`."""
        return self._view


def _part(change: TopologyChange) -> str:
    """Return which part of a view ``change`` is about; alarms are about none."""
    family = change.kind.partition("_")[0]
    return {"switch": "switches", "port": "switches", "link": "links", "host": "hosts"}.get(
        family, ""
    )


def _frozen(mapping: Mapping[_Key, _Value]) -> Mapping[_Key, _Value]:
    return MappingProxyType(dict(mapping))
