"""A router's FIB mirrored into a table of another namespace: what ``ip`` tells of both is equal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from backstop import BACKSTOP
from network_namespace import NetworkNamespace
from xen_bridge.netlink import batch
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.planes.fib import key_of, read_nexthop
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.follower import FibFollower, read_fib
from xen_bridge.planes.mirror import Mirror

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
TABLE = 4_000_001
IDS = range(1 << 30, (1 << 30) + 4096)


class Pair:
    """A router, its Domain 0, and what carries the one's FIB into the other's table."""

    def __init__(self, router: NetworkNamespace, domain_0: NetworkNamespace) -> None:
        self.router = router
        self.domain_0 = domain_0
        for space in (router, domain_0):
            for number in (0, 1):
                ends = f"a{number}", f"b{number}"
                space.ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
                for name in ends:
                    space.ip("link", "set", name, "up")
        router.ip("address", "add", "192.0.2.1/24", "dev", "a0")
        router.ip("address", "add", "198.51.100.1/24", "dev", "a1")
        router.ip("address", "add", "2001:db8::1/64", "dev", "a0", "nodad")
        self.ports = {
            self.index(router, f"a{number}"): self.index(domain_0, f"a{number}")
            for number in (0, 1)
        }
        self.model = FibModel()
        self.follower = FibFollower(self.model)
        self.mirror = Mirror(TABLE, IDS, self.ports)
        self.changes = 0
        self.requests = 0

    @staticmethod
    def index(space: NetworkNamespace, name: str) -> int:
        (found,) = space.ip_json("link", "show", "dev", name)
        return int(found["ifindex"])

    def carry(self) -> None:
        """Let the follower read what there is, and the mirror write it."""
        self.router.run(self.follower.read, 0.05)
        while (change := self.model.take()) is not None:
            requests = self.mirror.apply(change, 0.0)
            assert self.domain_0.run(batch.write, requests) == ()
            self.changes += 1
            self.requests += len(requests)

    def carry_until(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + BACKSTOP
        self.carry()
        while not is_so():
            assert time.monotonic() < until
            self.carry()

    def begin(self) -> None:
        self.model.tell_all()
        self.carry()

    def table(self) -> dict[str, object]:
        """Return what Domain 0's kernel has, as ``ip`` tells it, by destination."""
        rows = self.domain_0.ip_json("route", "show", "table", str(TABLE))
        rows += self.domain_0.ip_json("-6", "route", "show", "table", str(TABLE))
        return {row["dst"]: row for row in rows}


@pytest.fixture
def pair() -> Iterator[Pair]:
    with NetworkNamespace() as router, NetworkNamespace() as domain_0:
        made = Pair(router, domain_0)
        yield made
        made.follower.close()


ROUTES = """
route add 10.1.0.0/16 via 192.0.2.7 proto ospf metric 20
route add 10.2.0.0/16 proto bgp nexthop via 192.0.2.7 weight 3 nexthop via 198.51.100.7
route add blackhole 10.3.0.0/16
route add unreachable 2001:db8:3::/48
route add 2001:db8:4::/48 via 2001:db8::7 metric 77
route add 2001:db8:5::/48 nexthop via 2001:db8::7 nexthop via 2001:db8::8
route add default via 192.0.2.9 mtu 1400
"""


def test_routes_of_every_kind_arrive_and_leave(pair: Pair) -> None:
    pair.router.ip("-batch", "-", stdin=ROUTES)
    pair.begin()
    found = pair.table()
    assert set(found) == {
        *("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "2001:db8:3::/48", "2001:db8:4::/48"),
        *("2001:db8:5::/48", "default", "192.0.2.0/24", "198.51.100.0/24", "2001:db8::/64"),
    }
    one = found["10.1.0.0/16"]
    assert (one["gateway"], one["dev"], one["protocol"], one["metric"]) == (  # type: ignore[index]
        *("192.0.2.7", "a0", "ospf"),
        20,
    )
    ways = found["10.2.0.0/16"]["nexthops"]  # type: ignore[index]
    assert [(hop["gateway"], hop["dev"], hop["weight"]) for hop in ways] == [
        ("192.0.2.7", "a0", 3),
        ("198.51.100.7", "a1", 1),
    ]
    pair.router.ip("route", "replace", "10.1.0.0/16", "via", "198.51.100.9", "metric", "20")
    pair.router.ip("-6", "route", "del", "2001:db8:4::/48")
    pair.router.ip("route", "del", "blackhole", "10.3.0.0/16")
    pair.carry_until(lambda: "10.3.0.0/16" not in pair.table())
    found = pair.table()
    assert found["10.1.0.0/16"]["dev"] == "a1"  # type: ignore[index]
    assert "2001:db8:4::/48" not in found


def test_a_group_that_changes_under_a_thousand_routes_is_one_message(pair: Pair) -> None:
    pair.router.run(_write_sysctl, "net/ipv4/nexthop_compat_mode", "0")
    objects = "nexthop add id 1 via 192.0.2.7 dev a0\nnexthop add id 2 via 198.51.100.7 dev a1\n"
    objects += "nexthop add id 9 group 1/2\n"
    lines = (f"route add 10.{n >> 8}.{n & 255}.0/24 nhid 9 proto bgp\n" for n in range(1000))
    pair.router.ip("-batch", "-", stdin=objects + "".join(lines))
    pair.begin()
    assert len(pair.table()) == 1003
    pair.changes = pair.requests = 0
    pair.router.ip("nexthop", "replace", "id", "9", "group", "2")
    pair.carry_until(lambda: pair.changes > 0)
    assert (pair.changes, pair.requests) == (1, 1)
    row = pair.domain_0.ip_json("route", "show", "10.1.0.0/24", "table", str(TABLE))[0]
    assert row["dev"] == "a1"


def test_an_interface_that_goes_down_takes_its_routes_out_of_the_mirror(pair: Pair) -> None:
    pair.router.ip("-batch", "-", stdin="route add 10.1.0.0/16 via 198.51.100.7\n")
    pair.begin()
    assert "10.1.0.0/16" in pair.table()
    pair.router.ip("link", "set", "a1", "down")
    pair.carry_until(lambda: "10.1.0.0/16" not in pair.table())
    assert "198.51.100.0/24" not in pair.table()
    assert "192.0.2.0/24" in pair.table()


def test_a_storm_that_overflows_the_socket_is_made_up_for(pair: Pair) -> None:
    pair.follower = FibFollower(pair.model, receive_buffer=4096)
    pair.begin()
    lines = (f"route add 10.{n >> 8}.{n & 255}.0/24 via 192.0.2.7\n" for n in range(3000))
    pair.router.ip("-batch", "-", stdin="".join(lines))
    pair.carry_until(lambda: len(pair.model.routes) == 3003)
    assert pair.follower.overflows > 0
    assert len(pair.table()) == 3003


def test_a_restarted_mirror_writes_nothing_that_is_there(pair: Pair) -> None:
    pair.router.ip("-batch", "-", stdin=ROUTES)
    objects = "nexthop add id 1 via 192.0.2.7 dev a0\nnexthop add id 9 group 1\n"
    pair.router.ip("-batch", "-", stdin=objects + "route add 10.9.0.0/16 nhid 9\n")
    pair.begin()
    before = pair.table()
    routes, found = pair.domain_0.run(read_fib, NetlinkSocket(), TABLE)
    pair.mirror = Mirror(TABLE, IDS, pair.ports)
    pair.mirror.load(routes, found)
    pair.requests = 0
    pair.begin()
    assert pair.requests == 0
    assert pair.table() == before
    assert key_of("10.9.0.0/16") in pair.mirror.installed
    assert read_nexthop(b"") is None


def _write_sysctl(name: str, value: str) -> None:
    # What is in /proc/sys/net is of the namespace of the thread that opens it.
    with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
        file.write(value)
