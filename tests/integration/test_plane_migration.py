"""Migrations of a router whose planes are separated: no data packet is lost, nor one of control."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from backstop import BACKSTOP
from migration_lab import RATE, MigrationLab, Traffic, pause, until
from network_namespace import NetworkNamespace
from xen_bridge.netlink.constants import RTN_UNICAST
from xen_bridge.netlink.routes import NextHop
from xen_bridge.planes.fib import FibChange, Nexthop, RouteWay, key_of
from xen_bridge.protocol.documents.migration import AbortMigration

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigrationLab]:
    with MigrationLab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture
def lab(built: MigrationLab) -> Iterator[MigrationLab]:
    """The lab, with a router at the first host."""
    with built.router():
        yield built


@pytest.mark.parametrize(
    ("routes", "rate"),
    [(0, RATE), (1000, 2_000), (100_000, 2_000)],
    ids=["0", "1000", "100000"],
)
def test_no_data_packet_is_lost_or_doubled_there_and_back(
    lab: MigrationLab, routes: int, rate: int
) -> None:
    lab.separate(routes=routes)
    with Traffic(lab, rate) as traffic:
        for source in (0, 1):
            ended = lab.migrate(source, "plane-separation")
            assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
            there = 1 - source
            plane = until(lambda: lab.plane(there), "it is whole there")  # noqa: B023
            assert (plane.routes, plane.pinned) == (2 + routes, False)
            assert lab.plane_leftovers(source) == []
            assert lab.leftovers(source) == []
            pause(0.2)
    assert (traffic.lost, traffic.duplicated) == (0, 0), traffic.tallies
    assert all(one["sent"] > 1000 for one in traffic.tallies)


def test_no_packet_of_either_version_is_lost_there_and_back(lab: MigrationLab) -> None:
    lab.separate(ipv6=True)
    until(lambda: lab.reaches("2001:db8:2::2"), "the router passes IPv6")
    with Traffic(lab, 1000) as traffic, Traffic(lab, 1000, ipv6=True) as traffic6:
        for source in (0, 1):
            ended = lab.migrate(source, "plane-separation", pause_s=0.5)
            assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
            assert lab.plane_leftovers(source) == []
            pause(0.2)
    for one in (traffic, traffic6):
        assert (one.lost, one.duplicated) == (0, 0), one.tallies
        assert all(tally["sent"] > 1000 for tally in one.tallies)


def test_what_the_router_told_after_its_routes_were_offered_is_known_there(
    lab: MigrationLab,
) -> None:
    """An emulated host moves a machine's memory for half a minute; no Hello is said there here."""
    lab.separate(routes=8)
    ways = tuple((number, Nexthop(socket.AF_INET, 3, f"10.0.2.{number}")) for number in (2, 3))
    group = Nexthop(socket.AF_UNSPEC, group=((2, 1), (3, 1)))
    by_group = (RouteWay(RTN_UNICAST, 186, 0, 9), (key_of("30.0.0.0/16"),))
    lab.tell(0, FibChange(nexthops=(*ways, (9, group)), routes=(by_group,)))
    order = lab.order(0, "plane-separation", pause_s=lab.standstill())
    lab.ask(0, order)
    until(lambda: lab.states(0) == {"T"}, "it stands still")
    altered = RouteWay(RTN_UNICAST, 186, 0, None, (NextHop(2, "10.0.1.2"),))
    lab.tell(
        0,
        FibChange(
            nexthops=((9, Nexthop(socket.AF_UNSPEC, group=((3, 1),))),),
            routes=((altered, (key_of("20.0.0.0/24"), key_of("30.1.0.0/16"))),),
            removed=(key_of("20.0.7.0/24"),),
        ),
    )
    assert lab.ended(0, order.id).state == "done"
    until(lambda: lab.plane(1), "it is whole there")
    until(lambda: "20.0.7.0/24" not in lab.table(1), "what went is gone")
    found = lab.table(1)
    assert {found[one]["gateway"] for one in ("20.0.0.0/24", "30.1.0.0/16")} == {"10.0.1.2"}
    assert (found["30.0.0.0/16"]["gateway"], found["20.0.1.0/24"]["gateway"]) == (
        "10.0.2.3",
        "10.0.2.2",
    )


def test_what_is_held_for_a_daemon_that_starts_anew_is_held_at_the_destination_too(
    lab: MigrationLab,
) -> None:
    lab.separate(routes=8)
    way = (2, Nexthop(socket.AF_INET, 3, "10.0.2.2"))
    away = tuple(key_of(f"30.{number}.0.0/16") for number in range(8))
    lab.tell(0, FibChange(nexthops=(way,), routes=((RouteWay(RTN_UNICAST, 188, 0, 2), away),)))
    until(lambda: "30.7.0.0/16" in lab.table(0), "they are there")
    before = _gateways(lab, 0)
    lab.tell(0, FibChange(forgotten=(2,), removed=away))
    until(lambda: (plane := lab.plane(0)) and plane.held == 8, "they are held")
    ended = lab.migrate(0, "plane-separation")
    assert (ended.state, ended.problem) == ("done", None)
    plane = until(lambda: lab.plane(1), "it is whole there")
    assert (plane.held, plane.routes, plane.faults) == (8, 10, ())
    assert _gateways(lab, 1) == before


def _gateways(lab: MigrationLab, host: int) -> dict[str, str]:
    return {prefix: row["gateway"] for prefix, row in lab.table(host).items() if "gateway" in row}


def test_what_is_dropped_in_a_migration_is_counted_and_told(lab: MigrationLab) -> None:
    lab.separate()
    drops = "type filter hook forward priority 0; policy accept; udp dport 7777 drop"
    with Traffic(lab, 1000) as traffic:
        order = lab.order(0, "plane-separation", pause_s=lab.standstill())
        lab.ask(0, order)
        until(lambda: lab.states(0) == {"T"}, "it stands still, and its packets pass here")
        lab.nft(0, f"table inet strange {{ chain drops {{ {drops}; }}; }}")
        pause(0.2)
        lab.nft(0, "delete table inet strange")
        ended = lab.ended(0, order.id)
        pause(0.2)
    assert ended.state == "done"
    assert traffic.lost > 0
    assert ended.lost == traffic.lost


@pytest.mark.parametrize("side", [0, 1], ids=["where-it-was", "where-it-goes"])
def test_a_neighbor_behind_a_hosts_own_bridge_loses_nothing_and_draining_ends(
    lab: MigrationLab, side: int
) -> None:
    lab.separate()
    space = lab.hosts[side].namespace
    with NetworkNamespace() as beside:
        space.ip("link", "add", "own", "type", "veth", "peer", "name", "eth0", "netns", beside.name)
        space.ip("link", "set", "own", "master", "to1", "up")
        beside.ip("address", "add", "10.0.1.77/24", "dev", "eth0")
        beside.ip("link", "set", "eth0", "up")
        beside.ip("route", "add", "default", "via", "10.0.1.1")
        ways = ((beside, lab.server, "10.0.2.2"), (lab.server, beside, "10.0.1.77"))
        with Traffic(lab, 1000) as common, Traffic(lab, 1000, ways=ways, port=7778) as own:
            ended = lab.migrate(0, "plane-separation")
            assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
            pause(0.2)
    for one in (common, own):
        assert (one.lost, one.duplicated) == (0, 0), one.tallies
        assert all(tally["sent"] > 1000 for tally in one.tallies)


SILENCE = 0.2
"""Seconds after which a receiver looks whether all is over."""


class ControlPackets:
    """Numbered packets of OSPF's protocol to the router and to 224.0.0.5, from the client."""

    def __init__(self, lab: MigrationLab, router: NetworkNamespace) -> None:
        self._lab, self._over = lab, threading.Event()
        self.sent = 0
        self.got: dict[bytes, set[int]] = {b"u": set(), b"m": set()}
        self._heard = router.run(_receiver)
        self._threads = [
            threading.Thread(target=lab.client.run, args=(self._send,)),
            threading.Thread(target=self._receive),
        ]

    def _send(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, 89) as made:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.0.1.2"))
            while not self._over.is_set():
                number = struct.pack("!I", self.sent)
                made.sendto(b"u" + number, ("10.0.1.1", 0))
                made.sendto(b"m" + number, ("224.0.0.5", 0))
                self.sent += 1
                time.sleep(0.002)

    def _receive(self) -> None:
        left = BACKSTOP / 2
        while not (self._over.is_set() and self._is_whole()):
            try:
                data = self._heard.recv(2000)[20:]
            except TimeoutError:
                left -= SILENCE * self._over.is_set()
                if left < 0:
                    return
                continue
            self.got[data[:1]].add(struct.unpack("!I", data[1:5])[0])

    def _is_whole(self) -> bool:
        return all(len(one) == self.sent for one in self.got.values())

    def __enter__(self) -> ControlPackets:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._heard.close()

    @property
    def lost(self) -> dict[bytes, int]:
        return {kind: self.sent - len(one) for kind, one in self.got.items()}


def _receiver() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, 89)
    made.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
    group = socket.inet_aton("224.0.0.5") + socket.inet_aton("10.0.1.1")
    made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    made.settimeout(SILENCE)
    return made


def named(name: str) -> NetworkNamespace:
    found = NetworkNamespace()
    found.name = name
    return found


def test_no_control_packet_is_lost_while_the_router_stands_still(lab: MigrationLab) -> None:
    lab.separate()
    router = named(f"hz-{lab.hosts[0].name}-r1")
    with ControlPackets(lab, router) as packets:
        ended = lab.migrate(0, "plane-separation", pause_s=2.0)
        pause(0.2)
    assert (ended.state, ended.problem) == ("done", None)
    assert (ended.pause_s or 0) >= 2.0
    assert packets.sent > 100
    assert packets.lost == {b"u": 0, b"m": 0}


def test_one_that_is_aborted_while_it_stands_still_loses_no_packet_and_stays(
    lab: MigrationLab,
) -> None:
    lab.separate(routes=10)
    router = named(f"hz-{lab.hosts[0].name}-r1")
    with Traffic(lab, 1000) as traffic, ControlPackets(lab, router) as packets:
        ended = lab.migrate(0, "plane-separation", abort_if_pause_over_s=1e-6)
        pause(0.2)
    assert (ended.state, ended.lost) == ("rolled_back", 0)
    assert (traffic.lost, traffic.duplicated) == (0, 0)
    assert packets.lost == {b"u": 0, b"m": 0}
    plane = until(lambda: lab.plane(0), "it is whole here")
    assert (plane.pinned, plane.faults) == (False, ())
    until(lambda: lab.plane_leftovers(1) == [], "nothing is left there")
    assert not [one for one in lab.plane_leftovers(0) if "hzw" in one or "hz_d" in one]
    # A second one takes it along.
    assert lab.migrate(0, "plane-separation").state == "done"


@pytest.mark.parametrize("killed", [0, 1], ids=["source", "destination"])
def test_a_bridge_killed_during_the_move_costs_no_data_packet(
    lab: MigrationLab, killed: int
) -> None:
    lab.separate(routes=10)
    with Traffic(lab, 1000) as traffic:
        pause_s = 3600.0 if killed == 0 else lab.standstill()
        order = lab.order(0, "plane-separation", pause_s=pause_s)
        lab.ask(0, order)
        until(lambda: lab.status(0, order.id).steps[2].state == "running", "it is being moved")
        port = lab.services[killed].port
        lab.services[killed].kill()
        lab.services[killed].start(port)
        ended = lab.ended(0, order.id)
        pause(0.2)
    assert ended.state == ("rolled_back" if killed == 0 else "done")
    assert (traffic.lost, traffic.duplicated) == (0, 0)
    where = 0 if killed == 0 else 1
    # As the router's agent does when it hears of another start of the bridge.
    lab.separate(where, routes=10)
    assert until(lambda: lab.plane(where), "it is whole").pinned is False


def test_a_wire_that_is_cut_during_the_move_is_waited_for_and_costs_no_packet(
    lab: MigrationLab,
) -> None:
    lab.separate(routes=10)
    with Traffic(lab, 1000) as traffic:
        order = lab.order(0, "plane-separation", pause_s=lab.standstill())
        lab.ask(0, order)
        until(lambda: lab.states(0) == {"T"}, "it stands still")
        with lab.cut(1):
            until(lambda: lab.status(0, order.id).is_committed, "it has been moved all the same")
            pause(1.0)
            assert lab.status(0, order.id).state == "running"
        ended = lab.ended(0, order.id)
        pause(0.2)
    assert (ended.state, ended.lost) == ("done", 0)
    assert (traffic.lost, traffic.duplicated) == (0, 0)
    assert (lab.domains(0), lab.domains(1)) == ([], ["r1"])
    assert lab.plane_leftovers(0) == []
    lab.separate(1, routes=10)
    assert until(lambda: lab.plane(1), "it is whole").pinned is False


def test_a_wire_that_is_cut_before_the_move_leaves_the_router_where_it_is(
    lab: MigrationLab,
) -> None:
    lab.separate(routes=10)
    with Traffic(lab, 1000) as traffic:
        with lab.cut(1):
            found = lab.ask(0, lab.order(0, "plane-separation"))
            assert (found.state, found.refusals[0].field) == ("refused", "destination")
        order = lab.order(0, "plane-separation", pause_s=3600.0)
        lab.ask(0, order)
        until(lambda: lab.states(0) == {"T"}, "it stands still")
        with lab.cut(1):
            lab.ask(0, AbortMigration(order.id))
            until(lambda: "T" not in lab.states(0), "it goes on, whoever is away")
            # It does not wait for the other side, which removes by itself what nobody asks for.
            ended = lab.ended(0, order.id)
        until(lambda: lab.leftovers(1) == [], "nothing of it is at the destination")
        until(lambda: lab.plane_leftovers(1) == [], "nor of its planes")
    assert ended.state == "rolled_back"
    assert (traffic.lost, traffic.duplicated) == (0, 0)
    assert until(lambda: lab.plane(0), "it is whole here").pinned is False


def test_a_source_that_is_killed_and_not_started_anew_leaves_a_router_that_runs_and_hears(
    lab: MigrationLab,
) -> None:
    lab.separate(routes=10)
    with Traffic(lab, 1000) as traffic:
        order = lab.order(0, "plane-separation", pause_s=3600.0)
        lab.ask(0, order)
        until(lambda: lab.states(0) == {"T"}, "it stands still")
        port = lab.services[0].port
        lab.services[0].kill()
        until(lambda: "T" not in lab.states(0), "it runs though nobody started the service")
        # Its own kernel answers for its addresses, so that goes through the machine.
        until(lambda: lab.reaches("10.0.1.1"), "it hears and answers")
        until(lambda: lab.leftovers(1) == [], "nothing of it is at the destination")
        until(lambda: lab.plane_leftovers(1) == [], "nor of its planes")
    assert (traffic.lost, traffic.duplicated) == (0, 0)
    lab.services[0].start(port)
    ended = lab.ended(0, order.id)
    assert (ended.state, lab.domains(0), lab.domains(1)) == ("rolled_back", ["r1"], [])


def test_a_router_whose_planes_are_not_separated_is_refused(lab: MigrationLab) -> None:
    found = lab.ask(0, lab.order(0, "plane-separation"))
    assert found.state == "refused"
    assert [one.field for one in found.refusals] == ["mode"]
