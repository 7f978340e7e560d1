"""Two switches whose ports are joined by something, and hosts there that answer or do not."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from horizon_ryu.core import frames
from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.host_questions import PROBER
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import PortRef, Segment, TopologyChange
from horizon_ryu.wire.messages import Outgoing, PacketIn
from unit.discovery.small_network import KEY, outgoing, switch

A, B = 1, 2
P, Q = PortRef(A, 2), PortRef(B, 2)
"""The two ports that something joins."""
CABLE = (PortRef(A, 1), PortRef(B, 1))
ALICE, BOB = bytes.fromhex("0a0000000001"), bytes.fromhex("0a0000000002")

Passes = Callable[[bytes], bool]


def everything(_data: bytes) -> bool:
    return True


def probes_only(data: bytes) -> bool:
    return lldp.is_lldp(data)


def swallows_lldp(data: bytes) -> bool:
    return not data.startswith(lldp.NEAREST_BRIDGE)


@dataclass
class Inhabitant:
    """A station behind a port; ``answers`` false when it is gone."""

    mac: bytes
    ip: bytes
    at: PortRef
    answers: bool = True
    vlan: int | None = None


class TrialNetwork:
    """A cable between ports 1, and between ports 2 what ``passes`` tells, ``delay`` s later.

    Whoever is asked by ARP answers where the question came in.
    """

    def __init__(self, limits: DiscoveryLimits | None = None) -> None:
        self.now = 1000.0
        self.core = DiscoveryControl(KEY, DiscoveryTimers(), limits)
        self.passes: Passes = lambda _data: False
        self.delay = 0.001
        self.people: list[Inhabitant] = []
        self.changes: list[TopologyChange] = []
        self.arrived: list[tuple[PortRef, bytes]] = []
        """What came in at a port and was not ours alone: what would be forwarded."""
        self.sent: list[tuple[PortRef, bytes]] = []
        self._far = dict((CABLE, CABLE[::-1], (P, Q), (Q, P)))
        self._under_way: list[tuple[float, int, PortRef, bytes]] = []
        self._serial = 0
        for dpid in (A, B):
            self.core.switch_joining(dpid, self.now)
            self.core.switch_ready(switch(dpid, range(1, 5)), self.now)
        self.run(2.0)

    def live(self, mac: bytes, last: int, at: PortRef, vlan: int | None = None) -> Inhabitant:
        """Have a station at a port, and heard there."""
        person = Inhabitant(mac, bytes((10, 0, 0, last)), at, vlan=vlan)
        self.people.append(person)
        request = frames.build_arp_request(mac, person.ip, bytes((10, 0, 0, 99)), vlan)
        self.hear(at, request)
        return person

    def run(self, seconds: float) -> None:
        """Let time pass, and frames arrive."""
        end = self.now + seconds
        while self.now < end:
            while self._under_way and self._under_way[0][0] <= self.now:
                _, _, here, data = heapq.heappop(self._under_way)
                self.hear(here, data)
            for message in self.core.tick(self.now):
                self._carry(message)
            self.changes += self.core.take_changes()
            due = self.core.next_due(self.now)
            if self._under_way:
                due = min(due, self._under_way[0][0])
            self.now = min(end, max(self.now + 0.0005, due))

    def _carry(self, message: Outgoing) -> None:
        src, data = outgoing(message)
        self.sent.append((src, data))
        far = self._far.get(src)
        is_cable = src in CABLE
        if far is not None and (is_cable or self.passes(data)):
            self._send(far, data, 0.001 if is_cable else self.delay)
        for person in self.people:
            reached = person.at == src or (person.at == far and self.passes(data))
            if reached and person.answers:
                self._answer(person, src, data)

    def _answer(self, person: Inhabitant, src: PortRef, data: bytes) -> None:
        frame = frames.decode(data)
        arp = frames.decode_arp(data, frame) if frame is not None else None
        if arp is not None and arp.tpa == person.ip and frame is not None:
            reply = frames.build_arp_reply(person.mac, person.ip, PROBER, bytes(4), frame.vlan)
            # A bridge has learned where the one that asks is.
            self._send(src, reply, 0.002)

    def _send(self, here: PortRef, data: bytes, delay: float) -> None:
        self._serial += 1
        heapq.heappush(self._under_way, (self.now + delay, self._serial, here, data))

    def hear(self, here: PortRef, data: bytes) -> None:
        """Have a frame come in at a port."""
        packet = PacketIn(here.dpid, here.port_no, data)
        if lldp.is_lldp(data):
            self.core.frame_in(packet, self.now)
            return
        frame = frames.decode(data)
        assert frame is not None
        if self.core.own_frame(packet, frame, self.now) is None:
            self.core.host_frame(packet, frame, self.now)
            self.arrived.append((here, data))

    def kinds(self) -> list[str]:
        """Return the kinds of the changes since the last call."""
        self.changes += self.core.take_changes()
        kinds, self.changes = [change.kind for change in self.changes], []
        return kinds

    @property
    def are_linked(self) -> bool:
        """Whether a link joins the two ports."""
        return P in self.core.view().links or Q in self.core.view().links

    @property
    def segments(self) -> set[Segment]:
        return set(self.core.view().segments.values())

    @property
    def held(self) -> list[str]:
        """Return the states of the links that are held."""
        return [one.state for one in self.core.view().held]
