"""Stations on virtual switches under Discovery, Spanning Tree and Forwarding, as one network.

Frames arrive at once; what a station answers by itself is ARP for its addresses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from horizon_ryu.core import frames
from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.lldp import is_lldp
from horizon_ryu.core.forwarding.control import ForwardingControl
from horizon_ryu.core.ownership import Priority
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.drop_entries import DropEntries
from horizon_ryu.core.topology import Host, PortRef, station_key
from horizon_ryu.wire.messages import (
    FlowCommand,
    FlowMod,
    Match,
    Outgoing,
    PacketIn,
    PacketOut,
    ToController,
)
from horizon_ryu.wire.protocols import ETHERTYPE
from virtual_switch.network import DirectNetwork

GENERATION = 7
BRIDGED = 0xB001
"""In the place of a dpid: a station there is at a bridge of somebody else."""
UDP = 17
_LLDP = FlowMod(FlowCommand.ADD, Match(dl_type=ETHERTYPE.LLDP), Priority.LLDP, 1, (ToController(),))


@dataclass
class Station:
    """A machine with one interface; ``heard`` are the frames that reached it, of others."""

    mac: bytes
    place: PortRef
    addresses: set[bytes] = field(default_factory=set)
    vlan: int | None = None
    heard: list[bytes] = field(default_factory=list)

    def answer(self, data: bytes) -> bytes | None:
        """Return the ARP reply to a request for one of its addresses."""
        frame = frames.decode(data)
        arp = None if frame is None else frames.decode_arp(data, frame)
        if arp is None or frame is None or frame.vlan != self.vlan:
            return None
        if arp.op != frames.ARP_REQUEST or arp.tpa not in self.addresses:
            return None
        return frames.build_arp_reply(self.mac, arp.tpa, arp.sha, arp.spa, self.vlan)


class StationNetwork:
    """A line of switches 1, 2, …: port 8 leads to the next, port 9 to the one before."""

    def __init__(
        self,
        size: int,
        openflow: int = 4,
        more: Iterable[int] = (),
        cut: Iterable[int] = (),
        bridges: Iterable[Iterable[tuple[int, int]]] = (),
        learns: bool = False,
        vlans: Collection[int] | None = None,
    ) -> None:
        """``more`` are ports that each switch has beside 1 to 4.

        There is no cable behind switches that are ``cut``. ``bridges`` are of somebody else, by
        their ends: ports of switches, and those at ``BRIDGED``, where stations may be. Of
        ``vlans``, if given, they pass nothing else.
        """
        self.now = 100.0
        self.asked = 0
        self.stations: list[Station] = []
        self.network = DirectNetwork()
        self.discovery = DiscoveryControl(b"key")
        self.tree = TreeControl(GENERATION, 0.1)
        self.forwarding = ForwardingControl(
            self.discovery.locate,
            GENERATION,
            is_contested=self.discovery.is_contested,
            flood=self.tree.flood,
        )
        self.drops = DropEntries(GENERATION)
        self._told = self.tree.forest()
        self.network.heard, self.network.delivered = self._heard, self._delivered
        for dpid in range(1, size + 1):
            self._join(dpid, size, openflow, more)
        for dpid in set(range(1, size)) - set(cut):
            self.network.segment((dpid, 8), (dpid + 1, 9))
        for ends in bridges:
            self.network.bridge(*ends, learns=learns, vlans=vlans)
        self.run(1.0)

    def _join(self, dpid: int, size: int, openflow: int, more: Iterable[int]) -> None:
        ports = {1, 2, 3, 4, *more}
        ports |= {8} if dpid < size else set()
        ports |= {9} if dpid > 1 else set()
        real = self.network.add_switch(dpid, ports, openflow)
        self.discovery.switch_joining(dpid, self.now)
        assert real.apply(_LLDP) is None
        self.discovery.switch_ready(real.describe(), self.now)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.apply(self.discovery.tick(self.now))
            self._follow()
            self.now += 0.05

    def apply(self, messages: Iterable[Outgoing]) -> None:
        """Carry out messages of the controller; none is refused."""
        assert self.network.apply(messages) == []

    def _follow(self) -> None:
        if self.discovery.changed:
            changes = self.discovery.take_changes()
            view = self.discovery.view()
            self.apply(self.forwarding.topology_changed(view, changes, self.now))
            self.tree.topology_changed(view, changes, self.now)
        for dpid in self.tree.unread():
            real = self.network.switches[dpid]
            self.tree.switch_state_read(dpid, real.entries(), real.flooding, self.now)
            self.drops.read(real.describe(), real.entries())
        while plan := self.tree.plan(self.now):
            self.apply(plan.messages)
            self.tree.confirmed(plan, (), self.now)
        self.apply(self.drops.follow(self.tree.sealed()))
        if self.tree.forest() != self._told:
            self._told = self.tree.forest()
            self.discovery.tree_changed(self._told)
            self.apply(self.forwarding.tree_changed(self._told, self.now))

    # ---- frames

    def station(self, number: int, dpid: int, port_no: int, vlan: int | None = None) -> Station:
        """Plug in a station with MAC and address ``number``, and let it be heard."""
        made = Station(bytes((2, 0, 0, 0, 0, number)), PortRef(dpid, port_no), vlan=vlan)
        made.addresses.add(bytes((10, 0, 0, number)))
        self.stations.append(made)
        self.send(made, frames.build_arp_request(made.mac, address(number), address(99), vlan))
        return made

    def send(self, station: Station, data: bytes) -> None:
        """Have a station send a frame; its port must be up."""
        if station.place.dpid == BRIDGED:
            self.network.relay(station.place, data)
        else:
            self.network.switches[station.place.dpid].receive(station.place.port_no, data)
        self._follow()

    def reaches(self, sender: Station, receiver: Station) -> bool:
        """Tell whether a datagram from the one arrives at the other, once."""
        data = datagram(receiver.mac, sender.mac, vlan=sender.vlan)
        before = receiver.heard.count(data)
        self.send(sender, data)
        return receiver.heard.count(data) == before + 1

    def set_up(self, place: PortRef, up: bool) -> None:
        """Change the carrier of a port."""
        port = self.network.switches[place.dpid].set_up(place.port_no, up)
        self.discovery.port_changed(place.dpid, place.port_no, port, self.now)
        self._follow()

    def hosts(self) -> dict[bytes, Host]:
        """Return what Discovery says of stations."""
        return dict(self.discovery.view().hosts)

    def _delivered(self, at: PortRef, data: bytes) -> None:
        for station in [one for one in self.stations if one.place == at]:
            station.heard.append(data)
            reply = station.answer(data)
            if reply is not None and frames.decode(data) is not None:
                self.send(station, reply)

    def _heard(self, packet: PacketIn) -> None:
        """Do what the applications do, in the order of the pipeline."""
        self.asked += 1
        if is_lldp(packet.data):
            self.apply(self.discovery.frame_in(packet, self.now).messages)
            return
        frame = frames.decode(packet.data)
        assert frame is not None
        is_sealed = self.tree.is_sealed(packet.dpid, packet.in_port)
        if is_sealed or self.tree.is_closed_in(frame.vlan, packet.dpid, packet.in_port):
            return
        self.apply(self.discovery.host_frame(packet, frame, self.now))
        is_group = frames.is_multicast(frame.dst)
        if not self.tree.gate(packet.dpid, packet.in_port) and (
            is_group or self.discovery.locate(station_key(frame.dst, frame.vlan)) is None
        ):
            return
        consumed, messages = self.forwarding.frame_in(packet, self.now)
        self.apply(messages)
        if not consumed and is_group and not frames.is_link_local(packet.data):
            actions = self.tree.flood(frame.vlan, packet.dpid, packet.in_port)
            out = PacketOut(actions, packet.data, packet.in_port)
            self.apply((Outgoing(packet.dpid, out),))


def address(number: int) -> bytes:
    """Return 10.0.0.number, packed."""
    return bytes((10, 0, 0, number))


def ethernet(dst: bytes, src: bytes, kind: int, body: bytes, vlan: int | None = None) -> bytes:
    """Return a frame of at least 60 bytes."""
    tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2, "big")
    return (dst + src + tag + kind.to_bytes(2, "big") + body).ljust(60, b"\0")


def datagram(
    dst: bytes, src: bytes, ports: tuple[int, int] = (5000, 5001), vlan: int | None = None
) -> bytes:
    """Return a UDP datagram over IPv4."""
    udp = b"".join(port.to_bytes(2, "big") for port in ports) + bytes(4)
    head = bytes((0x45, 0, 0, 28, 0, 0, 0, 0, 64, UDP, 0, 0)) + address(1) + address(2)
    return ethernet(dst, src, ETHERTYPE.IPV4, head + udp, vlan)


def datagram6(dst: bytes, src: bytes, ports: tuple[int, int]) -> bytes:
    """Return a UDP datagram over IPv6 from fe80::1 to the servers of DHCP."""
    udp = b"".join(port.to_bytes(2, "big") for port in ports) + b"\0\x08\0\0"
    ends = b"\xfe\x80" + bytes(13) + b"\1" + b"\xff\2" + bytes(11) + b"\1\0\2"
    head = bytes((0x60, 0, 0, 0, 0, len(udp), UDP, 1)) + ends
    return ethernet(dst, src, ETHERTYPE.IPV6, head + udp)


def neighbour_solicitation(src: bytes) -> bytes:
    """Return a solicitation for whatever address, to a group."""
    head = bytes((0x60, 0, 0, 0, 0, 24, 58, 255)) + bytes(15) + b"\1" + b"\xff\2" + bytes(14)
    icmp = bytes((135, 0, 0, 0)) + bytes(20)
    return ethernet(b"\x33\x33\xff\0\0\1", src, ETHERTYPE.IPV6, head + icmp)
