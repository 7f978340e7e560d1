"""Data planes in Domain 0: packets of two routers with the same addresses pass without their VMs.

For each router: client - Domain 0 - server, and the VM in a namespace of its own.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest

from network_namespace import NetworkNamespace
from plane_network import NETWORKS6, Router, mirrored, wired
from xen_bridge.errors import BridgeError
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.planes.domain_zero import DomainZero

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]

A6, B6 = NETWORKS6


def state(domain_0: NetworkNamespace) -> tuple[object, ...]:
    rules = [
        (row["priority"], row.get("table"), row.get("iif")) for row in domain_0.ip_json("rule")
    ]
    links = sorted(row["ifname"] for row in domain_0.ip_json("link"))
    routes = domain_0.ip_json("route", "show", "table", "all")
    listed = subprocess.run(
        ("ip", "netns", "exec", domain_0.name, "nft", "list", "ruleset"),
        check=True,
        capture_output=True,
        text=True,
    )
    return rules, links, [row for row in routes if row.get("type") != "multicast"], listed.stdout


@pytest.fixture
def two() -> Iterator[tuple[NetworkNamespace, Router, Router, tuple[object, ...]]]:
    with contextlib.ExitStack() as stack:
        domain_0 = stack.enter_context(NetworkNamespace())
        one, other = (wired(domain_0, slot, stack) for slot in (1, 2))
        before = state(domain_0)
        for router in (one, other):
            mirrored(domain_0, router, domain_0.run(DomainZero().make, router.plan))
        yield domain_0, one, other, before


def _hears_hello(to_vm: NetworkNamespace, station: NetworkNamespace) -> bytes:
    """Return what the VM's eth0 receives of a packet of OSPF's protocol to 224.0.0.5."""

    def receiver() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW, 89)
        joined = socket.inet_aton("224.0.0.5") + struct.pack("=I", 0) + struct.pack("=I", index)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        made.settimeout(10)
        return made

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, 89) as made:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.0.1.2"))
            made.sendto(b"hello", ("224.0.0.5", 0))

    index = int(to_vm.ip_json("link", "show", "dev", "eth0")[0]["ifindex"])
    with to_vm.run(receiver) as heard:
        station.run(send)
        return heard.recv(2000)[20:]


def _lost(router: Router) -> set[int]:
    """Return which of 500 datagrams, numbered, the server does not have of the client."""

    def receiver() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("10.0.2.2", 7777))
        made.settimeout(10)
        return made

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            for number in range(500):
                made.sendto(struct.pack("!I", number), ("10.0.2.2", 7777))
                got.append(struct.unpack("!I", heard.recv(100))[0])

    got: list[int] = []
    with router.stations[1].run(receiver) as heard:
        router.stations[0].run(send)
    assert len(got) == len(set(got))
    return set(range(500)) - set(got)


def _packets(station: NetworkNamespace) -> int:
    (row,) = station.ip_json("-s", "link", "show", "dev", "eth0")
    return int(row["stats64"]["rx"]["packets"])


def test_two_routers_with_the_same_addresses_pass_packets_while_their_machines_are_away(
    two: tuple[NetworkNamespace, Router, Router, tuple[object, ...]],
) -> None:
    domain_0, one, other, before = two
    assert domain_0.run(DomainZero().faults, one.plan) == ()
    # The VM answers for itself, and hears its neighbors.
    assert " 0% packet loss" in one.ping("10.0.1.1").stdout
    assert _hears_hello(one.vm, one.stations[0]) == b"hello"
    for router in (one, other):
        for port in router.plan.ports:
            domain_0.ip("link", "set", port.vif, "down")
    assert "100% packet loss" in one.ping("-c1", "-W1", "10.0.1.1").stdout
    for router in (one, other):
        assert " 0% packet loss" in router.ping("10.0.2.2").stdout
        assert _lost(router) == set()
    # An address that Domain 0 has too is not Domain 0's for what passes through a router.
    domain_0.ip("address", "add", "10.9.9.9/32", "dev", "lo")
    one.stations[1].ip("address", "add", "10.9.9.9/32", "dev", "lo")
    way = ("10.9.9.9/32", "via", "10.0.2.2", "dev", one.plan.device(1))
    domain_0.ip("route", "add", *way, "table", str(one.plan.table))
    received = _packets(one.stations[1])
    assert " 0% packet loss" in one.ping("10.9.9.9").stdout
    assert _packets(one.stations[1]) >= received + 2
    # TTL exceeded, and path MTU, as of a router: from its own address.
    assert (
        "From 10.0.1.1 icmp_seq=1 Time to live exceeded"
        in one.ping("-c1", "-t1", "10.0.2.2").stdout
    )
    domain_0.ip("link", "set", one.plan.device(1), "mtu", "1400")
    assert "mtu = 1400" in one.ping("-c1", "-Mdo", "-s1450", "10.0.2.2").stdout.replace(
        "mtu=", "mtu = "
    )
    # One that is removed leaves the other, and the last leaves nothing.
    domain_0.run(DomainZero().remove, one.plan)
    assert "100% packet loss" in one.ping("-c1", "-W1", "10.0.2.2").stdout
    assert " 0% packet loss" in other.ping("10.0.2.2").stdout
    domain_0.run(DomainZero().remove, other.plan)
    for router in (one, other):
        for port in router.plan.ports:
            domain_0.ip("link", "set", port.vif, "up")
    assert state(domain_0)[:2] == before[:2]
    assert state(domain_0)[3] == before[3]
    assert not any("r1p" in str(row) or "r2p" in str(row) for row in state(domain_0)[2])  # type: ignore[attr-defined]


@pytest.mark.parametrize(("client", "server"), [("10.0.1.2", "10.0.2.2"), (f"{A6}::2", f"{B6}::2")])
def test_a_conversation_of_domain_0_has_nothing_of_one_that_passes_between_the_same_ends(
    client: str, server: str
) -> None:
    family = socket.AF_INET6 if ":" in client else socket.AF_INET

    def bound(address: str, port: int) -> socket.socket:
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.bind((address, port))
        made.settimeout(10)
        return made

    with contextlib.ExitStack() as stack:
        domain_0 = stack.enter_context(NetworkNamespace())
        router = wired(domain_0, 1, stack, has_ipv6=True)
        mirrored(domain_0, router, domain_0.run(DomainZero().make, router.plan))
        for address in (client, server):
            domain_0.ip("address", "add", address, "dev", "lo")
        own = stack.enter_context(domain_0.run(bound, server, 7777))
        own.connect((client, 5555))
        heard = stack.enter_context(router.stations[1].run(bound, server, 7777))
        said = stack.enter_context(router.stations[0].run(bound, client, 5555))
        assert " 0% packet loss" in router.ping(server).stdout
        said.sendto(b"passes", (server, 7777))
        assert heard.recv(100) == b"passes"


def test_what_somebody_took_away_is_told_and_half_a_plane_is_never_left(
    two: tuple[NetworkNamespace, Router, Router, tuple[object, ...]],
) -> None:
    domain_0, one, _other, _before = two
    domain_0.ip("rule", "del", "pref", "1000", "iif", "r1p0")
    domain_0.ip("link", "set", "r1p1", "down")
    subprocess.run(
        ("ip", "netns", "exec", domain_0.name, "nft", "delete table netdev hz_r1"), check=True
    )
    told = domain_0.run(DomainZero().faults, one.plan)
    assert told == (
        "port device r1p1 is down, or has another MAC",
        "rule 1000 (r1p0) is missing",
        *(f"chain {name} is missing" for name in one.plan.chains()),
    )
    objects = "nexthop add id {0} via 10.0.1.2 dev r1p0 onlink\nnexthop add id {1} group {0}\n"
    domain_0.ip("-batch", "-", stdin=objects.format(*one.plan.nexthop_ids[:2]))
    domain_0.run(DomainZero().make, one.plan)
    assert domain_0.run(DomainZero().faults, one.plan) == ()
    assert domain_0.ip_json("nexthop") == []
    gone = DataPlanePlan(3, (RouterPort("v10", "e10", b"\2\0\0\0\1\0", ("10.0.1.1/24",)),))
    domain_0.ip("link", "add", "r3p0", "type", "veth", "peer", "name", "r3x")
    with pytest.raises(BridgeError, match="File exists"):
        domain_0.run(DomainZero().make, gone)
    assert not [row for row in domain_0.ip_json("rule") if row.get("iif") == "r3p0"]


def test_a_router_that_gets_a_firewall_has_its_planes_back_and_loses_nothing_else(
    two: tuple[NetworkNamespace, Router, Router, tuple[object, ...]],
) -> None:
    domain_0, one, other, _before = two
    one.vm.run(_forward)
    rules = "add table ip f; add chain ip f fw { type filter hook forward priority 0; };"
    rules += "add rule ip f fw icmp type echo-request counter drop"
    subprocess.run(("ip", "netns", "exec", one.vm.name, "nft", rules), check=True)
    assert " 0% packet loss" in one.ping("10.0.2.2").stdout, "passed by its firewall"
    domain_0.run(DomainZero().take_back, one.plan)
    assert domain_0.run(DomainZero().faults, one.plan, True) == ()
    assert domain_0.run(DomainZero().faults, one.plan) == (
        "chain port_0 is missing",
        "chain port_1 is missing",
    )
    assert "100% packet loss" in one.ping("-c1", "-W1", "10.0.2.2").stdout
    # What the firewall lets pass, passes, by the VM alone.
    assert _lost(one) == set()
    assert " 0% packet loss" in other.ping("10.0.2.2").stdout
    domain_0.run(DomainZero().separate, one.plan)
    assert domain_0.run(DomainZero().faults, one.plan) == ()
    assert " 0% packet loss" in one.ping("10.0.2.2").stdout


def _forward() -> None:
    with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as setting:
        setting.write("1")
