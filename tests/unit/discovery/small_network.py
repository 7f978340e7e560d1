"""Cables between switches that only carry probes: enough to judge Discovery by itself."""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core import frames
from horizon_ryu.core.discovery import Discovery, DiscoveryLimits
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyChange
from horizon_ryu.wire.messages import Outgoing, Output, PacketIn, PacketOut

KEY = b"a key that only this controller has"


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
        self.core = Discovery(KEY, timers, limits)
        self.changes: list[TopologyChange] = []
        self.sent: list[tuple[float, PortRef]] = []
        self.outcomes: list[str] = []
        self.deaf: set[PortRef] = set()
        self.hybrids: dict[int, tuple[int, ...]] = {}
        self._far: dict[PortRef, list[PortRef]] = {}

    def join(self, dpid: int, ports: Iterable[int] = range(1, 5)) -> None:
        self.core.switch_joining(dpid, self.now)
        self.core.switch_ready(switch(dpid, ports), self.now)

    def segment(self, *ends: tuple[int, int]) -> None:
        """Plug ports into one segment: two make a cable, more a hub."""
        refs = [PortRef(*end) for end in ends]
        for ref in refs:
            self._far[ref] = [other for other in refs if other != ref]

    def unplug(self, *ends: tuple[int, int]) -> None:
        for end in ends:
            self._far.pop(PortRef(*end), None)

    def run(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        end = self.now + seconds
        while self.now < end:
            self.send(self.core.tick(self.now))
            self.collect()
            self.now = min(end, max(self.now + 0.001, self.core.next_due(self.now)))

    def send(self, messages: Iterable[Outgoing]) -> None:
        for src, data in map(outgoing, messages):
            if frames.is_multicast(data):
                self.sent.append((self.now, src))
                self.carry(src, data)

    def carry(self, src: PortRef, data: bytes) -> None:
        """Bring a frame from ``src`` to the other ports of its segment, and through hybrids."""
        for here in self._far.get(src, ()):
            if here in self.deaf:
                continue
            self.hear(here, data)
            for number in self.hybrids.get(here.dpid, ()):
                if number != here.port_no:
                    self.carry(PortRef(here.dpid, number), data)

    def hear(self, here: PortRef, data: bytes) -> str:
        outcome = self.core.frame_in(PacketIn(here.dpid, here.port_no, data), self.now).outcome
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

    def probe(self, dpid: int, port_no: int) -> bytes:
        """Have a probe of a port made and return it; nobody hears it."""
        self.core.port_changed(dpid, port_no, port(port_no, up=False), self.now)
        self.core.port_changed(dpid, port_no, port(port_no), self.now)
        for src, data in map(outgoing, self.core.tick(self.now)):
            if src == PortRef(dpid, port_no):
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
