"""Discovery in a network of virtual switches that carry its probes: enough to judge it alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyChange
from horizon_ryu.wire.messages import (
    FlowCommand,
    FlowMod,
    Match,
    Outgoing,
    Output,
    PacketIn,
    PacketOut,
    ToController,
)
from horizon_ryu.wire.protocols import ETHERTYPE
from virtual_switch.network import DirectNetwork, vlan_of

KEY = b"a key that only this controller has"
SOME_PORTS = range(1, 5)
LLDP = Match(dl_type=ETHERTYPE.LLDP)


def port(number: int, up: bool = True) -> Port:
    return Port(number, f"eth{number}", bytes((2, 0, 0, 0, 0, number & 0xFF)), up)


def switch(dpid: int, ports: Iterable[int]) -> Switch:
    return Switch(dpid, "192.0.2.1:50000", 4, {number: port(number) for number in ports})


class SmallNetwork:
    """Ports joined by segments of two or more; ``hybrids`` relay probes they were not told to drop.

    A probe arrives at once. Whatever Discovery reports is kept in ``changes``.
    """

    def __init__(
        self, timers: DiscoveryTimers | None = None, limits: DiscoveryLimits | None = None
    ) -> None:
        self.now = 1000.0
        self.core = DiscoveryControl(KEY, timers, limits)
        self.changes: list[TopologyChange] = []
        self.sent: list[tuple[float, PortRef]] = []
        self.groups_sent: list[tuple[float, PortRef]] = []
        self.tagged_sent: list[tuple[float, PortRef, int]] = []
        self.passes_lldp = False
        self.outcomes: list[str] = []
        self.expected = 0
        """Probes that were told at once, as nothing new."""
        self.hybrids: dict[int, tuple[int, ...]] = {}
        self._relaying: set[int] = set()
        self._probed: set[PortRef] = set()
        self._network = DirectNetwork()
        self._network.heard = self._heard

    def join(self, dpid: int, ports: Iterable[int] = SOME_PORTS) -> None:
        self.core.switch_joining(dpid, self.now)
        self.core.switch_ready(switch(dpid, ports), self.now)
        self._plug_in(dpid, ports)

    def segment(self, *ends: tuple[int, int]) -> None:
        """Plug ports into one segment: two make a cable, more a hub."""
        for dpid, number in ends:
            self._plug_in(dpid, {*SOME_PORTS, number})
        self._network.segment(*ends)

    def bridge(self, *ends: tuple[int, int], vlans: Collection[int | None] | None = None) -> None:
        """Plug ports into a bridge that is nobody's switch; see ``passes_lldp``.

        Of ``vlans``, if given, it passes nothing else.
        """
        for dpid, number in ends:
            self._plug_in(dpid, {*SOME_PORTS, number})
        self._network.bridge(*ends, passes_lldp=self.passes_lldp, vlans=vlans)

    def unplug(self, *ends: tuple[int, int]) -> None:
        self._network.unplug(*ends)

    @property
    def deaf(self) -> set[PortRef]:
        """Ports that lose all that comes in."""
        return self._network.deaf

    @deaf.setter
    def deaf(self, ports: set[PortRef]) -> None:
        self._network.deaf = ports

    def run(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        end = self.now + seconds
        while self.now < end:
            self.send(self.core.tick(self.now))
            self.collect()
            self.now = min(end, max(self.now + 0.001, self.core.next_due(self.now)))

    def send(self, messages: Iterable[Outgoing]) -> None:
        self._tell_drops()
        for message in messages:
            src, data = outgoing(message)
            if lldp.is_lldp(data):
                self.sent.append((self.now, src))
                vlan = vlan_of(data)
                if vlan is not None:
                    self.tagged_sent.append((self.now, src, vlan))
                elif data.startswith(lldp.ANY_BRIDGE):
                    self.groups_sent.append((self.now, src))
                self._carry(src, message)

    def _carry(self, src: PortRef, message: Outgoing) -> None:
        """Have a switch send a probe; to stations, which do not hear it, each port once only."""
        if src in self._probed and self._network.leads_to_host(src):
            return
        self._probed.add(src)
        assert self._network.apply((message,)) == []

    def _tell_drops(self) -> None:
        """Have every switch but the hybrids send LLDP here and nowhere else."""
        hybrids = self.hybrids.keys() & self._network.switches.keys()
        for dpid in self._relaying ^ hybrids:
            command = FlowCommand.DELETE_STRICT if dpid in hybrids else FlowCommand.ADD
            mod = FlowMod(command, LLDP, 65535, 1, (ToController(),))
            assert self._network.switches[dpid].apply(mod) is None
        self._relaying = hybrids

    def _plug_in(self, dpid: int, ports: Iterable[int]) -> None:
        """Have a switch with these ports at least, of those that relay what they can."""
        real = self._network.switches.get(dpid)
        if real is None:
            real = self._network.add_switch(dpid, (), hybrid=True)
            self._relaying.add(dpid)
        for number in ports:
            if real.switch.datapath.ports.get(number) is None:
                real.add_port(number)

    def _heard(self, packet: PacketIn) -> None:
        self.hear(PortRef(packet.dpid, packet.in_port), packet.data)

    def hear(self, here: PortRef, data: bytes) -> str:
        if self.core.is_expected(here.dpid, here.port_no, data, self.now):
            self.expected += 1
            outcome = "refreshed"
        else:
            packet = PacketIn(here.dpid, here.port_no, data)
            outcome = self.core.frame_in(packet, self.now).outcome
        self.outcomes.append(outcome)
        return outcome

    def collect(self) -> None:
        self.changes += self.core.take_changes()

    def kinds(self) -> list[str]:
        """Return the kinds of the changes since the last call."""
        self.collect()
        kinds, self.changes = [change.kind for change in self.changes], []
        return kinds

    @property
    def links(self) -> set[Link]:
        self.collect()
        return set(self.core.view().links.values())

    def group_probe(self, dpid: int, port_no: int) -> bytes:
        """Have a group probe of a port made and return it; nobody hears it."""
        return self.probe(dpid, port_no, lldp.ANY_BRIDGE)

    def probe(self, dpid: int, port_no: int, destination: bytes = lldp.NEAREST_BRIDGE) -> bytes:
        """Have a probe of a port made and return it; nobody hears it."""
        self.core.port_changed(dpid, port_no, port(port_no, up=False), self.now)
        self.core.port_changed(dpid, port_no, port(port_no), self.now)
        for delay in (0.0, 0.05):
            for src, data in map(outgoing, self.core.tick(self.now + delay)):
                if src == PortRef(dpid, port_no) and data.startswith(destination):
                    return data
        raise LookupError(f"no probe was due at port {port_no} of switch {dpid}")


def outgoing(sent: Outgoing) -> tuple[PortRef, bytes]:
    """Return where a packet-out leaves, and the frame."""
    message = sent.message
    if not isinstance(message, PacketOut) or not isinstance(message.actions[0], Output):
        raise TypeError(f"not a packet-out to a port: {message}")
    return PortRef(sent.dpid, message.actions[0].port_no), message.data


def both(one: tuple[int, int], other: tuple[int, int]) -> set[Link]:
    link = Link(PortRef(*one), PortRef(*other))
    return {link, link.reversed()}
