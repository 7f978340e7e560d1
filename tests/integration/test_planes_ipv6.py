"""Data planes in Domain 0 for IPv6: two routers of the same addresses, without their VMs."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest

from network_namespace import NetworkNamespace
from plane_network import Router, mirrored, wired
from xen_bridge.planes import host_settings
from xen_bridge.planes.domain_zero import DomainZero
from xen_bridge.planes.port_neighbors import PortNeighbor

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
SERVER = "2001:db8:2::2"
Plane = tuple[NetworkNamespace, Router, Router]


@pytest.fixture
def planned() -> Iterator[Plane]:
    with contextlib.ExitStack() as stack:
        domain_0 = stack.enter_context(NetworkNamespace())
        one, other = (wired(domain_0, slot, stack, has_ipv6=True) for slot in (1, 2))
        yield domain_0, one, other


@pytest.fixture
def two(planned: Plane) -> Plane:
    domain_0, *routers = planned
    for router in routers:
        mirrored(domain_0, router, domain_0.run(DomainZero().make, router.plan))
    return planned


def send_away(domain_0: NetworkNamespace, *routers: Router) -> None:
    for router in routers:
        for port in router.plan.ports:
            domain_0.ip("link", "set", port.vif, "down")


def numbered(router: Router, count: int) -> set[int]:
    """Return which of so many datagrams, numbered, the server does not have of the client."""

    def receiver() -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.bind((SERVER, 7777))
        made.settimeout(10)
        return made

    def send() -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as made:
            for number in range(count):
                made.sendto(struct.pack("!I", number), (SERVER, 7777))
                got.append(struct.unpack("!I", heard.recv(100))[0])

    got: list[int] = []
    with router.stations[1].run(receiver) as heard:
        router.stations[0].run(send)
    assert len(got) == len(set(got))
    return set(range(count)) - set(got)


def test_two_routers_of_the_same_addresses_pass_ipv6_while_their_machines_are_away(
    two: Plane,
) -> None:
    domain_0, one, other = two
    assert domain_0.run(DomainZero().faults, one.plan) == ()
    # The VM answers for itself: by its addresses, and for what all nodes of a link hear.
    assert " 0% packet loss" in one.ping("2001:db8:1::1").stdout
    assert " 0% packet loss" in one.ping("fe80::1%eth0").stdout
    assert _hears_hello(one) == b"hello"
    send_away(domain_0, one, other)
    assert "100% packet loss" in one.ping("-c1", "-W1", "2001:db8:1::1").stdout
    for router in (one, other):
        for station in router.stations:
            station.ip("-6", "neigh", "flush", "all")
        assert " 0% packet loss" in router.ping(SERVER).stdout
        assert numbered(router, 500) == set()
    # Hosts would leave a router that no longer says that it is one (RFC 4861, 7.2.5).
    (seen,) = one.stations[0].ip_json("-6", "neigh", "show", "2001:db8:1::1")
    assert "router" in seen
    # Hop limit and packet too big, as of a router: from its own address.
    told = one.ping("-c1", "-t1", SERVER).stdout
    assert "From 2001:db8:1::1 icmp_seq=1 Time exceeded: Hop limit" in told
    domain_0.ip("link", "set", one.plan.device(1), "mtu", "1400")
    told = one.ping("-c1", "-Mdo", "-s1420", SERVER).stdout
    assert "From 2001:db8:1::1" in told
    assert "mtu" in told
    # One that is removed leaves the other.
    domain_0.run(DomainZero().remove, one.plan)
    assert "100% packet loss" in one.ping("-c1", "-W1", SERVER).stdout
    assert " 0% packet loss" in other.ping(SERVER).stdout
    domain_0.run(DomainZero().remove, other.plan)
    assert [row["priority"] for row in domain_0.ip_json("-6", "rule")] == [0, 32766]
    assert domain_0.ip_json("-6", "route", "show", "table", str(one.plan.table)) == []


@pytest.mark.parametrize("end", ["1", "0", "1234"])
def test_an_address_whose_last_bytes_are_those_of_the_routers_own_is_another(
    two: Plane, end: str
) -> None:
    domain_0, one, _other = two
    send_away(domain_0, one)
    target = f"2001:db8:2::1:0:{end}"
    one.stations[1].ip("address", "add", f"{target}/64", "dev", "eth0", "nodad")
    assert " 0% packet loss" in one.ping(target).stdout


def test_what_is_made_says_no_word_before_the_first_packet(planned: Plane) -> None:
    domain_0, one, _other = planned
    send_away(domain_0, one)
    with one.stations[0].run(_sniffer) as heard:
        domain_0.run(DomainZero().make, one.plan)
        mirrored(domain_0, one, domain_0.run(DomainZero().indices, one.plan))
        domain_0.run(DomainZero().prefill, one.plan, [PortNeighbor(1, SERVER, b"\2\0\0\0\0\7")])
        one.stations[0].run(_ask, "2001:db8:1::1")
        assert _told(heard, one.plan.ports[0].mac) == [(136, "2001:db8:1::1")]


def test_whatever_of_it_somebody_took_away_is_told(two: Plane) -> None:
    domain_0, one, _other = two
    for text in ("flush chain netdev hz_r1 port_0", "flush set netdev hz_r1 own6"):
        subprocess.run(("ip", "netns", "exec", domain_0.name, "nft", text), check=True)
    domain_0.ip("address", "del", "10.0.1.1/24", "dev", "r1p0")
    domain_0.ip("-6", "route", "del", "local", f"{SERVER[:-1]}1", "table", str(one.plan.table))
    domain_0.run(host_settings.write, [("ipv4/ip_forward", "1"), ("ipv4/ip_forward", "0")])
    told = domain_0.run(DomainZero().faults, one.plan)
    rules = one.plan.nft().split("chain port_0 {")[1].split("}\n  chain")[0].count("\n") - 2
    assert told == (
        f"chain port_0 has 0 rules, not {rules}",
        "set own6 has 0 addresses, not 7",
        "address 10.0.1.1/24 of r1p0 is missing",
        # It goes with its address.
        "local route 10.0.1.1/32 is missing",
        "local route 2001:db8:2::1/128 is missing",
        "setting ipv4/conf/r1p0/forwarding is 0, not 1",
        "setting ipv4/conf/r1p1/forwarding is 0, not 1",
    )
    domain_0.run(DomainZero().make, one.plan)
    assert domain_0.run(DomainZero().faults, one.plan) == ()


def test_a_router_may_have_another_routers_address_for_a_gateway(two: Plane) -> None:
    domain_0, one, other = two
    own = one.plan.ports[1].own6[1]
    way = ("2001:db8:99::/48", "via", str(own.ip), "dev", other.plan.device(0), "onlink")
    domain_0.ip("-6", "route", "add", *way, "table", str(other.plan.table))
    # And none is Domain 0's own.
    mine = domain_0.ip_json("route", "show", "table", "local")
    mine += domain_0.ip_json("-6", "route", "show", "table", "local")
    assert not [row for row in mine if "10.0." in row["dst"] or "2001:db8" in row["dst"]]


def test_neighbors_are_known_at_another_place_before_the_first_packet(two: Plane) -> None:
    domain_0, one, _other = two
    for address in (SERVER, "10.0.2.2"):
        assert " 0% packet loss" in one.ping(address).stdout
    found = domain_0.run(DomainZero().neighbors, one.plan)
    assert {(row.port, row.address) for row in found} >= {
        *((0, "2001:db8:1::2"), (1, SERVER), (0, "10.0.1.2"), (1, "10.0.2.2")),
    }
    domain_0.run(DomainZero().make, one.plan)
    assert domain_0.run(DomainZero().neighbors, one.plan) == ()
    gone = PortNeighbor(7, "10.0.9.9", b"\2\0\0\0\0\7")
    assert domain_0.run(DomainZero().prefill, one.plan, [*found, gone]) == len(found)
    assert set(domain_0.run(DomainZero().neighbors, one.plan)) == set(found)
    rows = domain_0.ip_json("neigh", "show", "dev", one.plan.device(1))
    assert rows
    assert {tuple(row["state"]) for row in rows} == {("REACHABLE",)}


def test_addresses_change_while_packets_pass(two: Plane) -> None:
    domain_0, one, _other = two
    first = one.plan.ports[0]
    addresses = ("10.0.1.1/24", "10.0.7.1/24", "2001:db8:7::1/64", "fe80::1/64")
    ports = (type(first)(first.vif, first.physical, first.mac, addresses), one.plan.ports[1])
    new = type(one.plan)(1, ports, ("10.255.0.1/32",))
    domain_0.run(DomainZero().alter, one.plan, new)
    assert domain_0.run(DomainZero().faults, new) == ()
    send_away(domain_0, one)
    station = one.stations[0]
    station.ip("address", "add", "2001:db8:7::2/64", "dev", "eth0", "nodad")
    station.ip("-6", "neigh", "flush", "all")
    with station.run(_sniffer) as heard:
        for address in ("2001:db8:1::1", "2001:db8:7::1"):
            station.run(_ask, address)
        assert _told(heard, first.mac) == [(136, "2001:db8:7::1")]
    station.ip("address", "add", "10.0.7.2/24", "dev", "eth0")
    table = ("table", str(new.table))
    domain_0.ip("route", "add", "10.0.7.0/24", "dev", new.device(0), *table)
    assert " 0% packet loss" in one.ping("-I", "10.0.7.2", "10.0.2.2").stdout


def test_before_linux_6_17_nobody_else_is_forwarded(
    planned: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain_0, one, other = planned
    monkeypatch.setattr(host_settings, "FORCE", "no_such_setting")
    mirrored(domain_0, one, domain_0.run(DomainZero().make, one.plan))
    assert domain_0.run(host_settings.forwards_ipv6)
    assert " 0% packet loss" in one.ping(SERVER).stdout
    # The other router's stations are beside Domain 0's plain interfaces.
    for number in (0, 1):
        wire = other.plan.ports[number].physical
        domain_0.ip("address", "add", f"2001:db8:{number + 1}::1/64", "dev", wire, "nodad")
    assert "100% packet loss" in other.ping("-c1", "-W1", SERVER).stdout
    domain_0.run(DomainZero().remove, one.plan)
    assert not domain_0.run(host_settings.forwards_ipv6)
    assert domain_0.run(DomainZero().tables) <= {"netdev hz_r1"}


# ---- what stations send and hear


def _hears_hello(router: Router) -> bytes:
    """Return what the VM's eth0 receives of a packet of OSPF's protocol to ff02::5."""
    index = int(router.vm.ip_json("link", "show", "dev", "eth0")[0]["ifindex"])

    def receiver() -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 89)
        group = socket.inet_pton(socket.AF_INET6, "ff02::5") + struct.pack("=I", index)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        made.settimeout(10)
        return made

    def send() -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 89) as made:
            made.sendto(b"hello", ("ff02::5", 0, 0, socket.if_nametoindex("eth0")))

    with router.vm.run(receiver) as heard:
        router.stations[0].run(send)
        return heard.recv(2000)


def _sniffer() -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    made.bind(("eth0", 0))
    return made


def _ask(address: str) -> None:
    """Send one datagram, for which the address must be resolved."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as made:
        made.sendto(b"x", (address, 9))


def _told(heard: socket.socket, mac: bytes) -> list[tuple[int, str]]:
    """Return what a router sent, up to its first answer: types of ICMPv6, and their targets."""
    found: list[tuple[int, str]] = []
    while not found or found[-1][0] != 136:
        assert select.select([heard], [], [], 10)[0], found
        frame = heard.recv(2000)
        if frame[6:12] == mac:
            found.append((frame[54], socket.inet_ntop(socket.AF_INET6, frame[62:78].ljust(16))))
    return found
