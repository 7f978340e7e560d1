"""A router with separated planes on real Xen, moved by REST while data passes through Domain 0.

The client and the server are beside both hosts, so that every packet passes through a Domain 0.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from backstop import BACKSTOP
from integration.test_plane_protocols import ROUTER, STATION, Speaker
from integration.xen.moves import is_only_at, until_moved
from network_namespace import NetworkNamespace
from tools.router_lab import NumberedTraffic
from tools.xen_lans import ADDRESSES, STATIONS, XenLans
from tools.xen_path import HOSTS
from tools.xen_pilot import Pilot
from topologies.lab.lab import SCHEDULERS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    # Minutes for each move of an emulated host on a busy machine, where libxl's own clocks run out.
    pytest.mark.skipif(
        "HORIZON_XEN_MOVES" not in os.environ, reason="by hand, with HORIZON_XEN_MOVES=1"
    ),
]
NAME = "r3"
RATE = 100
"""Datagrams a second each way: two machines are emulated."""
DEAD_SECONDS = 600
"""An emulated router may stand still for minutes."""


class ControlPackets:
    """Packets for the router itself, from the client: to its address, and to all routers."""

    def __init__(self, lans: XenLans) -> None:
        self._lans = lans
        self.answered: dict[str, set[int]] = {}
        """Of each address, the numbers of those that were answered."""

    def __enter__(self) -> ControlPackets:
        self._pings = {address: self._ping(address) for address in ("10.0.1.1", "224.0.0.1")}
        return self

    def _ping(self, address: str) -> subprocess.Popen[str]:
        space = ("ip", "netns", "exec", self._lans.space("client"))
        words = ("ping", "-i", "0.1", "-I", "eth0", address)
        return subprocess.Popen((*space, *words), stdout=subprocess.PIPE, text=True)

    def __exit__(self, *_args: object) -> None:
        for address, ping in self._pings.items():
            ping.send_signal(signal.SIGINT)
            text = ping.communicate(timeout=BACKSTOP)[0]
            self.answered[address] = {int(one) for one in re.findall(r"icmp_seq=(\d+)", text)}

    @property
    def lost(self) -> dict[str, list[int]]:
        """The numbers that were not answered, though later ones were: others are on their way."""
        return {
            address: sorted(set(range(1, max(found, default=0) + 1)) - found)
            for address, found in self.answered.items()
        }


@pytest.fixture(scope="module")
def lans(pilot: Pilot) -> Iterator[XenLans]:
    """The networks that the router is between."""
    with XenLans(pilot.lab) as made:
        yield made


@pytest.fixture
def router(pilot: Pilot, lans: XenLans) -> Iterator[str]:
    """A router between them, at the first host, whose planes are separated."""
    for host in HOSTS:
        pilot.wait_connected(host)
        lans.connect(host)
    listed = {one["name"] for one in pilot.get("/xen/hosts/xen1/domains")["domains"]}
    if "r2" in listed:
        # There is no room for three.
        pilot.done("DELETE", "/xen/hosts/xen1/domains/r2")
    if NAME not in listed:
        pilot.create("xen1", NAME, ADDRESSES)
    pilot.wait_agent("xen1", NAME)
    # For packets to all routers, which are answered too.
    pilot.inside("xen1", NAME, "echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts")
    pilot.wait(lambda: pilot.planes("xen1", NAME) == "separated", 180, "planes separated")
    pilot.wait(lans.passes, 120, "packets pass through Domain 0")
    yield NAME
    for host in HOSTS:
        pilot.wait_connected(host)
        pilot.ask("DELETE", f"/xen/hosts/{host}/domains/{NAME}")


@contextlib.contextmanager
def ospf(lans: XenLans, pilot: Pilot) -> Iterator[tuple[Speaker, Speaker]]:
    """OSPF of FRR in the router and, as its neighbors, in both stations."""
    slow = ("dead-interval 10", f"dead-interval {DEAD_SECONDS}")
    config = ROUTER[: ROUTER.index("router bgp")].replace("eth1", "eth2").replace("eth0", "eth1")
    daemons = "".join(
        f"/usr/lib/frr/{one} -d -u frr -g frr -P 0 -f /run/{one}.conf -i /run/frr/{one}.pid; "
        for one in ("zebra", "ospfd")
    )
    pilot.inside("xen1", NAME, "mkdir -p /run/frr; chown frr:frr /run/frr; echo > /run/zebra.conf")
    pilot.inside("xen1", NAME, f"echo '{config.replace(*slow)}' > /run/ospfd.conf; {daemons}")
    with contextlib.ExitStack() as stack:
        found = []
        for number, station in enumerate(STATIONS, 1):
            space = NetworkNamespace()
            space.name = lans.space(station)
            found.append(stack.enter_context(Speaker(space, number, STATION.replace(*slow))))
        yield found[0], found[1]


def test_ospf_stays_up_while_its_router_moves(pilot: Pilot, lans: XenLans, router: str) -> None:
    """It comes late, and nobody takes the router for gone; data goes by the routes that it told."""
    with ospf(lans, pilot) as speakers:
        for one in speakers:
            pilot.wait(
                lambda: str(one.ospf.get("nbrState", "")).startswith("Full"),  # noqa: B023
                300,
                "OSPF has found its neighbor",
            )
        before = [one.ospf["stateChangeCounter"] for one in speakers]
        with NumberedTraffic(lans, RATE) as data, ControlPackets(lans) as control:
            told = until_moved(pilot, *HOSTS, NAME, mode="plane-separation")
            assert (told["state"], told["problem"], told["lost"]) == ("done", None, 0), told
            planes = "its planes are whole there"
            pilot.wait(lambda: pilot.planes(HOSTS[1], router) == "separated", 180, planes)
        assert (data.lost, data.duplicated) == (0, 0)
        print(f"{data.sent} packets, the router stood still for {told['pause_ms']:.0f} ms")
        # Hello is heard anew within its dead interval, and no adjacency fell.
        heard = [one.ospf["routerDeadIntervalTimerDueMsec"] for one in speakers]
        pilot.wait(
            lambda: all(
                one.ospf["routerDeadIntervalTimerDueMsec"] > (DEAD_SECONDS - 10) * 1000
                for one in speakers
            ),
            300,
            f"its neighbors hear it, after {heard}",
        )
        assert [one.ospf["stateChangeCounter"] for one in speakers] == before
    assert not any(control.lost.values()), control.lost


def leftovers(pilot: Pilot, host: str) -> list[str]:
    """Return what a host has of separated routers and their migrations."""
    machine = pilot.lab.machine(host)
    links = machine.run("ls /sys/class/net").split()
    tables = machine.run("nft list tables").splitlines()
    found = [one for one in links if re.match(r"r\d+p|hz[klwx]", one)]
    return found + [one for one in tables if "hz_" in one]


def test_a_router_moves_with_its_planes_and_no_packet_is_lost(
    pilot: Pilot, lans: XenLans, router: str
) -> None:
    """Data passes on; what is for the router itself comes late, and comes."""
    pilot.set("xen1", router, weight=600, cap=70)
    with NumberedTraffic(lans, RATE) as data, ControlPackets(lans) as control:
        for source, target in (HOSTS, HOSTS[::-1]):
            told = until_moved(pilot, source, target, NAME, mode="plane-separation")
            assert (told["state"], told["problem"], told["lost"]) == ("done", None, 0), told
            assert told["pause_ms"] > 0
            assert is_only_at(pilot, target, router)
            shares = pilot.lab.machine(target).run(f"xl sched-{SCHEDULERS[target]} -d {router}")
            assert shares.split()[-2:] == ["600", "70"]
            pilot.wait(
                lambda: pilot.planes(target, NAME) == "separated",  # noqa: B023
                180,
                "its planes are whole there",
            )
            assert leftovers(pilot, source) == []
            print(f"{source} to {target}: stood still for {told['pause_ms']:.0f} ms")
            print([(one["name"], one["began_s"], one["ended_s"]) for one in told["steps"]])
    print(f"{data.sent} packets, longest silence {1000 * data.silence:.0f} ms")
    assert (data.lost, data.duplicated) == (0, 0)
    assert data.sent > RATE
    assert not any(control.lost.values()), control.lost
    assert all(len(found) > 10 for found in control.answered.values())
