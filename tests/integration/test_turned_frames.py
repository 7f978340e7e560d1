"""What comes for a router at the very moment at which its packets are led elsewhere, or back."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migration_lab import until
from network_namespace import NetworkNamespace
from xen_bridge.migration.plane_chains import PlaneChains, counted, list_with_nft, load_with_nft
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.separation import bridge_ports

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]

MAC = "02:a0:00:00:00:01"
PLAN = DataPlanePlan(1, (RouterPort("vif1", "to1", bytes.fromhex("02a000000001"), ()),))
FRAME = bytes.fromhex("02a00000000102b00000000188b5") + bytes(46)
TUNNELS = {"to1": ("hzt1",)}
TURNS = 12


class TurningBridge:
    """A bridge that a router stands on, and a tunnel to where it may be instead.

    ::

        sender ── phys1 ─ to1 ─ hzt1 ── away
                           └─ r1p0
    """

    def __init__(self) -> None:
        self.here, self._sender, self._away = (NetworkNamespace() for _ in range(3))

    @contextmanager
    def standing(self) -> Iterator[TurningBridge]:
        """Have all of it meanwhile."""
        with self.here, self._sender, self._away:
            self.here.ip("link", "add", "to1", "type", "bridge")
            self.here.ip("link", "set", "to1", "up")
            for name, space in (("phys1", self._sender), ("hzt1", self._away)):
                peer = ("peer", "name", "eth0", "netns", space.name)
                self.here.ip("link", "add", name, "type", "veth", *peer)
                self.here.ip("link", "set", name, "master", "to1", "up")
                space.ip("link", "set", "eth0", "up")
            macvlan = ("address", MAC, "type", "macvlan", "mode", "bridge")
            self.here.ip("link", "add", "r1p0", "link", "to1", *macvlan)
            self.here.ip("link", "set", "r1p0", "up")
            self._count(self.here, "phys1", -100)
            self._count(self.here, "r1p0", 100)
            self._count(self._away, "eth0", -100)
            self.here.run(bridge_ports.claim, PLAN)
            yield self

    def _count(self, space: NetworkNamespace, device: str, priority: int) -> None:
        text = (
            f"table netdev seen_{device} {{\n  counter {device} {{ }}\n  chain one {{\n"
            f"    type filter hook ingress device {device} priority {priority}; policy accept;\n"
            f"    ether daddr {MAC} counter name {device}\n  }}\n}}\n"
        )
        space.run(load_with_nft, text)

    def counts(self) -> tuple[int, int, int]:
        """Return how many frames came, were passed on here, and were led away."""
        spaces = (self.here, self._away)
        here, away = (counted(one.run(list_with_nft, "counters")) for one in spaces)
        found = here | away
        return found["phys1"], found["r1p0"], found["eth0"]

    @contextmanager
    def frames(self) -> Iterator[None]:
        """Send frames for the router meanwhile, as fast as they go."""
        is_over = threading.Event()

        def send() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
                out.bind(("eth0", 0))
                while not is_over.wait(0.0002):
                    for _ in range(8):
                        out.send(FRAME)

        sending = threading.Thread(target=self._sender.run, args=(send,))
        sending.start()
        try:
            yield
        finally:
            is_over.set()
            sending.join()


@pytest.fixture(scope="module")
def bridge() -> Iterator[TurningBridge]:
    with TurningBridge().standing() as made:
        yield made


def lead_away(number: int) -> None:
    """Do what the source of a migration does, where the router was."""
    chains = PlaneChains(f"a{number}")
    chains.hush(PLAN, TUNNELS)
    bridge_ports.lead_away(PLAN, TUNNELS)
    chains.lead(PLAN.ports, bridge_ports.ports_of(PLAN.ports))


def take_back(number: int) -> None:
    """Do what the destination of the next one does, where the router is to be again."""
    chains = PlaneChains(f"b{number}")
    chains.quarantine(PLAN.ports, bridge_ports.ports_of(PLAN.ports))
    PlaneChains(f"a{number}").end_hush()
    chains.take(PLAN.ports, TUNNELS)
    bridge_ports.claim(PLAN)
    chains.end_take()


def test_each_frame_goes_one_way_whenever_the_way_is_turned(bridge: TurningBridge) -> None:
    with bridge.frames():
        for number in range(TURNS):
            before = bridge.counts()
            bridge.here.run(lead_away, number)
            until(lambda: bridge.counts()[2] > before[2], "frames are led away")  # noqa: B023
            led = bridge.counts()
            bridge.here.run(take_back, number)
            until(lambda: bridge.counts()[1] > led[1], "frames are passed on here")  # noqa: B023

    def is_whole() -> bool:
        came, here, away = bridge.counts()
        return came == here + away

    until(is_whole, "each frame that came was passed on here or led away, once")


def test_what_domain_zero_sends_itself_is_led_away_too(bridge: TurningBridge) -> None:
    bridge.here.run(lead_away, TURNS)
    bridge.here.ip("link", "set", "r1p0", "down")

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
            out.bind(("to1", 0))
            out.send(FRAME)

    before = bridge.counts()
    bridge.here.run(send)
    until(lambda: bridge.counts()[2] == before[2] + 1, "it is led away")
    bridge.here.ip("link", "set", "r1p0", "up")
    bridge.here.run(take_back, TURNS)
