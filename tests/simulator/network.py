"""The simulated network: switches, cables, hosts, and the truth about them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from horizon_ryu.core import frames
from horizon_ryu.core.discovery.lldp import is_lldp
from horizon_ryu.core.topology import Link, PortRef
from simulator.channel import Channel, Peer
from simulator.clock import Clock
from simulator.traced_frames import BROADCAST, trace_number, traced_frame
from virtual_switch.direct import DirectSwitch
from virtual_switch.network import LINK_LOCAL, vlan_of

HOP_LIMIT = 12
RELAY_LIMIT = 3
RELAYS_KEPT = 10_000


class StormError(Exception):
    """A frame went round and round."""


@dataclass(slots=True)
class Way:
    """One direction of a cable; ``deaf`` loses everything, ``lldp_loss`` that share of LLDP."""

    src: PortRef
    dst: PortRef
    delay: float = 0.0005
    lldp_loss: float = 0.0
    lldp_delay: float = 0.0
    deaf: bool = False


@dataclass(slots=True)
class Cable:
    """Two switch ports joined; ``plugged`` false means that both ports have lost their carrier."""

    one: PortRef
    other: PortRef
    ways: tuple[Way, Way]
    plugged: bool = True
    plugged_at: float = 0.0

    @property
    def ends(self) -> tuple[PortRef, PortRef]:
        """Both ends."""
        return self.one, self.other


@dataclass(slots=True)
class Station:
    """A host on one port; ``heard`` counts the traced frames that reached it."""

    mac: bytes
    location: PortRef
    heard: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class HostRelay:
    """Two hosts that send one another's frames on as far as ``passes``, and answer if asked."""

    hosts: tuple[Station, Station]
    passes: Callable[[bytes], bool]
    answers: bool = True

    def address(self, host: Station) -> bytes:
        """Return the IP address of one of them."""
        return b"\x0a\x01" + host.mac[4:]


class Network:
    """Everything outside the controller.

    Each traced frame is counted on each direction of each cable; a count above ``hop_limit``
    raises StormError while ``watched`` is true, and the frame is lost otherwise.
    """

    def __init__(self, seed: int = 0) -> None:
        self.clock = Clock()
        self.chance = random.Random(seed)
        self.switches: dict[int, DirectSwitch] = {}
        self.channels: dict[int, Channel] = {}
        self.cables: list[Cable] = []
        self.hosts: list[Station] = []
        self.passes: Counter[tuple[int, PortRef]] = Counter()
        self.hop_limit = HOP_LIMIT
        self.watched = True
        self._ways: dict[PortRef, Way] = {}
        self._bridged: dict[PortRef, list[PortRef]] = {}
        self._trunks: dict[PortRef, frozenset[int | None]] = {}
        self.bridged_hosts: dict[PortRef, Station] = {}
        """Who stands on a foreign bridge, by the first of its ports."""
        self._hosts_at: dict[PortRef, Station] = {}
        self._relays_at: dict[PortRef, HostRelay] = {}
        self._frames = 0
        self._relayed: Counter[tuple[bytes, PortRef]] = Counter()

    # ---- building

    def add_switch(self, dpid: int, openflow: int = 4, hybrid: bool = False) -> DirectSwitch:
        """Add a switch without ports."""
        switch = DirectSwitch(dpid, openflow, hybrid=hybrid, clock=lambda: self.clock.now)
        switch.emit = lambda port_no, data: self._emit(PortRef(dpid, port_no), data)
        self.switches[dpid] = switch
        self.channels[dpid] = Channel(self.clock, switch, self.chance)
        return switch

    def _new_port(self, dpid: int) -> PortRef:
        port_no = len(self.switches[dpid].ports) + 1
        self.switches[dpid].add_port(port_no)
        return PortRef(dpid, port_no)

    def add_cable(self, one: int, other: int) -> Cable:
        """Join two switches by new ports."""
        ends = (self._new_port(one), self._new_port(other))
        ways = (Way(*ends), Way(ends[1], ends[0]))
        cable = Cable(*ends, ways)
        self.cables.append(cable)
        self._ways.update({way.src: way for way in ways})
        return cable

    def add_trunk(self, vlans: Iterable[int | None], *dpids: int) -> list[PortRef]:
        """Add a bridge that passes ``vlans`` alone; None stands for frames without a tag."""
        ends = self.add_bridge(*dpids)
        self._trunks.update(dict.fromkeys(ends, frozenset(vlans)))
        return ends

    def add_bridge(self, *dpids: int) -> list[PortRef]:
        """Join new ports of switches by a bridge that nobody controls, with a host; return them.

        It floods everything but link-local groups, and counts as one cable in ``passes``.
        """
        ends = [self._new_port(dpid) for dpid in dpids]
        self._bridged.update(dict.fromkeys(ends, ends))
        mac = b"\x00\x00\x00\x01" + (len(self.bridged_hosts) + 1).to_bytes(2, "big")
        self.bridged_hosts[ends[0]] = Station(mac, ends[0])
        return ends

    def join_bridges(self, near: list[PortRef], far: list[PortRef]) -> None:
        """Plug a cable between two foreign bridges, which are one from now on: ``near``."""
        near += far
        self._bridged.update(dict.fromkeys(far, near))

    def part_bridges(self, near: list[PortRef], far: list[PortRef]) -> None:
        """Take the cable out again."""
        near[:] = [ref for ref in near if ref not in far]
        self._bridged.update(dict.fromkeys(far, far))

    def _relay(self, src: PortRef | None, ends: list[PortRef], data: bytes) -> None:
        """Have a foreign bridge flood what came in from ``src`` (None: from its own host)."""
        if data.startswith(LINK_LOCAL):
            return
        trunk = self._trunks.get(ends[0])
        if trunk is not None and vlan_of(data) not in trunk:
            return
        number = trace_number(data)
        if number is not None:
            if src is not None and not self._may_pass(number, src):
                return
            for ref in ends if src is not None else ends[1:]:
                if ref in self.bridged_hosts:
                    self.bridged_hosts[ref].heard[number] += 1
        for dst in ends:
            if dst != src:
                self.clock.after(0.0005, partial(self._arrive, dst, data))

    def _arrive(self, dst: PortRef, data: bytes) -> None:
        self.switches[dst.dpid].receive(dst.port_no, data)

    def send_from_bridge(self, ends: list[PortRef], data: bytes) -> None:
        """Have the host of a foreign bridge send ``data``."""
        self._relay(None, ends, data)

    def broadcast_from_bridge(self, ends: list[PortRef], vlan: int | None = None) -> int:
        """Have the host of a foreign bridge send one traced frame; return its number."""
        self._frames += 1
        host = self.bridged_hosts[ends[0]]
        self._relay(None, ends, traced_frame(host.mac, self._frames, BROADCAST, vlan))
        return self._frames

    def add_host(self, dpid: int) -> Station:
        """Put a host at a new port of ``dpid``."""
        location = self._new_port(dpid)
        mac = b"\x00\x00\x00\x00" + (len(self.hosts) + 1).to_bytes(2, "big")
        host = Station(mac, location)
        self.hosts.append(host)
        self._hosts_at[location] = host
        return host

    def add_relay(self, one: int, other: int) -> HostRelay:
        """Put a host at a new port of each of two switches; they relay nothing yet."""
        hosts = self.add_host(one), self.add_host(other)
        relay = HostRelay(hosts, lambda _data: False)
        self._relays_at.update((host.location, relay) for host in hosts)
        return relay

    def greet(self, relay: HostRelay, vlan: int | None = None) -> None:
        """Have both hosts be heard by the controller: they ask a station that nobody knows."""
        for host in relay.hosts:
            nobody = bytes.fromhex("0a000000ffff")
            ask = frames.build_arp_reply(
                host.mac, relay.address(host), nobody, bytes((10, 1, 255, 255)), vlan
            )
            self.send(host, ask)

    def _relay_hosts(self, src: PortRef, relay: HostRelay, data: bytes) -> None:
        """Have the host at ``src`` answer, and relay what it hears."""
        here, there = relay.hosts if relay.hosts[0].location == src else relay.hosts[::-1]
        frame = frames.decode(data)
        arp = frames.decode_arp(data, frame) if frame is not None else None
        if relay.answers and frame and arp is not None and arp.tpa == relay.address(here):
            reply = frames.build_arp_reply(here.mac, arp.tpa, arp.sha, arp.spa, frame.vlan)
            self.send(here, reply)
        number = trace_number(data)
        if relay.passes(data) and (number is None or self._may_pass(number, src)):
            self.clock.after(0.0005, partial(self._arrive, there.location, data))

    # ---- frames

    def broadcast(
        self, host: Station, destination: bytes = BROADCAST, vlan: int | None = None
    ) -> int:
        """Have ``host`` send one traced frame; return its number."""
        self._frames += 1
        self.send(host, traced_frame(host.mac, self._frames, destination, vlan))
        return self._frames

    def send(self, host: Station, data: bytes) -> None:
        """Have ``host`` send ``data``."""
        at = host.location
        self.clock.after(0.0001, lambda: self.switches[at.dpid].receive(at.port_no, data))

    def _emit(self, src: PortRef, data: bytes) -> None:
        number = trace_number(data)
        host = self._hosts_at.get(src)
        if host is not None:
            if number is not None:
                host.heard[number] += 1
            if src in self._relays_at:
                self._relay_hosts(src, self._relays_at[src], data)
            return
        if src in self._bridged:
            self._relay(src, self._bridged[src], data)
            return
        way = self._ways.get(src)
        if way is None or way.deaf:
            return
        delay = way.delay * self.chance.uniform(0.5, 1.5)
        if is_lldp(data):
            if self.chance.random() < way.lldp_loss or not self._may_relay(data, src):
                return
            delay += self.chance.uniform(0, way.lldp_delay)
        if number is not None and not self._may_pass(number, src):
            return
        dst = way.dst
        self.clock.after(delay, lambda: self.switches[dst.dpid].receive(dst.port_no, data))

    def _may_pass(self, number: int, src: PortRef) -> bool:
        self.passes[number, src] += 1
        if self.passes[number, src] <= self.hop_limit:
            return True
        if self.watched:
            raise StormError(f"frame {number} left by {src} {self.hop_limit + 1} times")
        return False

    def _may_relay(self, data: bytes, src: PortRef) -> bool:
        """Bound what hybrid switches make of LLDP before they are under control."""
        self._relayed[data, src] += 1
        if len(self._relayed) > RELAYS_KEPT:
            self._relayed.clear()
        return self._relayed[data, src] <= RELAY_LIMIT

    def disturb(self, lldp_loss: float, lldp_delay: float) -> None:
        """Lose that share of all LLDP frames, and delay the others by up to so many seconds."""
        for way in self._ways.values():
            way.lldp_loss, way.lldp_delay = lldp_loss, lldp_delay

    # ---- what happens to it

    def connect(self, dpid: int, controller: Peer) -> None:
        """Have a switch connect to ``controller``."""
        self.channels[dpid].open(controller)

    def unplug(self, cable: Cable) -> None:
        """Cut a cable so that both ports notice."""
        cable.plugged = False
        for end in cable.ends:
            self._set_carrier(end, False)

    def plug(self, cable: Cable) -> None:
        """Restore a cable."""
        cable.plugged = True
        cable.plugged_at = self.clock.now
        for end in cable.ends:
            self._set_carrier(end, True)

    def _set_carrier(self, end: PortRef, up: bool) -> None:
        port = self.switches[end.dpid].set_up(end.port_no, up)
        self.channels[end.dpid].port_changed(port)

    # ---- the truth

    def live_links(self) -> frozenset[Link]:
        """Return each direction that works between two connected switches."""
        return frozenset(
            Link(way.src, way.dst)
            for cable in self.cables
            for way in cable.ways
            if cable.plugged
            and not way.deaf
            and self.switches[way.src.dpid].connected
            and self.switches[way.dst.dpid].connected
        )

    def possible_links(self) -> frozenset[Link]:
        """Return each direction of each cable that exists, whatever its state."""
        return frozenset(Link(way.src, way.dst) for cable in self.cables for way in cable.ways)

    def parts(self) -> list[frozenset[int]]:
        """Return the sets of switches that are joined by cables working in both directions."""
        beside: dict[int, set[int]] = {dpid: {dpid} for dpid in self.switches}
        for cable in self.cables:
            if cable.plugged and not any(way.deaf for way in cable.ways):
                beside[cable.one.dpid].add(cable.other.dpid)
                beside[cable.other.dpid].add(cable.one.dpid)
        parts: list[frozenset[int]] = []
        for dpid in self.switches:
            if not any(dpid in part for part in parts):
                parts.append(_reached(dpid, beside))
        return parts

    def audience(self, host: Station) -> list[Station]:
        """Return the other hosts that a broadcast of ``host`` must reach."""
        part = next(part for part in self.parts() if host.location.dpid in part)
        return [one for one in self.hosts if one is not host and one.location.dpid in part]


def _reached(start: int, beside: dict[int, set[int]]) -> frozenset[int]:
    found, new = {start}, {start}
    while new:
        new = set().union(*(beside[dpid] for dpid in new)) - found
        found |= new
    return frozenset(found)


def random_graph(
    network: Network,
    chance: random.Random,
    size: int,
    extra: int,
    openflow: Iterable[int],
    hybrid_share: float = 0.0,
) -> None:
    """Build a connected random graph with ``extra`` redundant cables and a host per switch."""
    versions = tuple(openflow)
    for dpid in range(1, size + 1):
        hybrid = chance.random() < hybrid_share
        network.add_switch(dpid, chance.choice(versions), hybrid)
    for dpid in range(2, size + 1):
        network.add_cable(dpid, chance.randrange(1, dpid))
    for _ in range(extra if size > 1 else 0):
        network.add_cable(*chance.sample(range(1, size + 1), 2))
    for dpid in range(1, size + 1):
        network.add_host(dpid)
