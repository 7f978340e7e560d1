"""Netlink against the kernel of this machine: ``ip`` tells what was written, and is followed."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from network_namespace import NetworkNamespace
from xen_bridge.netlink import addresses, batch, links, neighbors, routes, rules
from xen_bridge.netlink.constants import (
    FR_ACT_UNREACHABLE,
    IFA_F_NOPREFIXROUTE,
    IFF_UP,
    NUD_PERMANENT,
    NUD_REACHABLE,
    RTN_BLACKHOLE,
    RTPROT_STATIC,
)
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.netlink.neighbors import KernelNeighbor
from xen_bridge.netlink.routes import KernelRoute, NextHop
from xen_bridge.netlink.rules import Rule
from xen_bridge.netlink.subscription import Changed, NetlinkSubscription, Removed, TableSnapshot
from xen_bridge.netlink.tables import LINKS, NEIGHBORS, NEXTHOPS, ROUTES, RULES, Netlink
from xen_bridge.netlink.wire import Request

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
TABLE = 1007


@pytest.fixture
def space() -> Iterator[NetworkNamespace]:
    with NetworkNamespace() as made:
        made.ip("link", "add", "a0", "type", "veth", "peer", "name", "b0")
        for name in ("a0", "b0"):
            # Without addresses of its own, which the kernel would tell of when it has tried them.
            made.ip("link", "set", name, "addrgenmode", "none")
            made.ip("link", "set", name, "up")
        made.ip("address", "add", "192.0.2.1/24", "dev", "a0")
        yield made


def index_of(space: NetworkNamespace, name: str) -> int:
    (found,) = space.ip_json("link", "show", "dev", name)
    return int(found["ifindex"])


def write(space: NetworkNamespace, changes: list[Request]) -> tuple[batch.Refusal, ...]:
    return space.run(batch.write, changes)


def a_thousand(oif: int) -> list[KernelRoute]:
    return [
        KernelRoute(
            destination=f"10.{number >> 8}.{number & 255}.0/24",
            nexthops=(NextHop(oif, f"192.0.2.{2 + number % 200}"),),
            table=TABLE,
            priority=number % 7,
        )
        for number in range(1000)
    ]


def test_a_thousand_routes_in_one_batch_are_what_ip_tells(space: NetworkNamespace) -> None:
    wanted = a_thousand(index_of(space, "a0"))
    assert write(space, [routes.add_route(route) for route in wanted]) == ()
    told = {
        (row["dst"], row["gateway"], row["dev"], row["protocol"], row.get("metric", 0))
        for row in space.ip_json("route", "show", "table", str(TABLE))
    }
    assert told == {
        (one.destination, one.nexthops[0].gateway, "a0", "static", one.priority) for one in wanted
    }
    assert sorted(space.run(lambda: Netlink().routes(TABLE)), key=str) == sorted(wanted, key=str)
    assert write(space, [routes.delete_route(route) for route in wanted]) == ()
    assert space.ip_json("route", "show", "table", str(TABLE)) == []


def test_a_route_is_replaced_and_one_that_is_there_not_added_again(space: NetworkNamespace) -> None:
    oif = index_of(space, "a0")
    old = KernelRoute("10.0.0.0/24", (NextHop(oif, "192.0.2.2"),), TABLE)
    new = KernelRoute("10.0.0.0/24", (NextHop(oif, "192.0.2.3"),), TABLE)
    refused = write(
        space, [routes.add_route(old), routes.add_route(new), routes.replace_route(new)]
    )
    assert [(one.index, one.reason.partition(":")[0]) for one in refused] == [(1, "File exists")]
    (row,) = space.ip_json("route", "show", "table", str(TABLE))
    assert row["gateway"] == "192.0.2.3"
    assert write(space, [routes.delete_routes_to("10.0.0.0/24", TABLE)]) == ()
    assert space.ip_json("route", "show", "table", str(TABLE)) == []


def test_of_changes_that_are_acknowledged_together_each_refusal_is_told(
    space: NetworkNamespace,
) -> None:
    wanted = [KernelRoute(f"10.9.{one}.0/24", (NextHop(1),), TABLE) for one in range(200)] * 6
    changes = [routes.add_route(one) for one in wanted]
    refused = space.run(lambda: batch.write(changes, each=False))
    assert [one.index for one in refused] == list(range(200, 1200))
    assert {one.code for one in refused} == {errno.EEXIST}
    gone = [routes.delete_route(one) for one in wanted[:201]]
    (last,) = space.run(lambda: batch.write(gone, each=False))
    assert (last.index, last.code) == (200, errno.ESRCH)


def test_the_kernel_tells_the_routes_of_one_table_and_not_those_of_others(
    space: NetworkNamespace,
) -> None:
    wanted = [KernelRoute(f"10.{one}.0.0/16", (NextHop(1),), TABLE) for one in range(50)]
    other = [replace(one, table=TABLE + 1) for one in wanted]
    assert write(space, [routes.add_route(route) for route in wanted + other]) == ()
    told = space.run(lambda: NetlinkSocket().dump(ROUTES.get, routes.routes_of(TABLE)))
    found = [routes.read_route(one) for one in told]
    assert {one.table for one in found if one} == {TABLE}
    assert len(found) == 50
    assert write(space, [routes.delete_route(route) for route in wanted + other]) == ()


def test_routes_of_every_shape_are_read_as_they_were_written(space: NetworkNamespace) -> None:
    space.ip("address", "add", "2001:db8::1/64", "dev", "a0", "nodad")
    oif = index_of(space, "a0")
    ways = (NextHop(oif, "192.0.2.2", 3), NextHop(oif, "192.0.2.3", 1))
    wanted = [
        KernelRoute("0.0.0.0/0", (NextHop(oif, "192.0.2.9"),), TABLE, source="192.0.2.1", mtu=1400),
        KernelRoute("10.1.0.0/16", ways, TABLE),
        KernelRoute("10.2.0.0/16", (), TABLE, type=RTN_BLACKHOLE),
        KernelRoute("10.3.0.0/16", (NextHop(oif, "198.51.100.7", onlink=True),), TABLE),
        KernelRoute("10.4.0.0/16", (NextHop(oif, "2001:db8::7"),), TABLE),
        KernelRoute("2001:db8:1::/48", (NextHop(oif, "2001:db8::2"),), TABLE, priority=1024),
    ]
    assert write(space, [routes.replace_route(route) for route in wanted]) == ()
    found = space.run(lambda: Netlink().routes(TABLE))
    assert sorted(found, key=str) == sorted(wanted, key=str)
    direct = KernelRoute("10.5.0.0/16", (NextHop(oif),), TABLE)
    assert write(space, [routes.add_route(direct)]) == ()
    (row,) = space.ip_json("route", "show", "10.5.0.0/16", "table", str(TABLE))
    assert (row["dev"], row["scope"]) == ("a0", "link")


def test_a_wrong_one_among_a_hundred_is_told_by_its_index(space: NetworkNamespace) -> None:
    wanted = a_thousand(index_of(space, "a0"))[:100]
    wrong = KernelRoute("10.77.0.0/16", (NextHop(4_242, "192.0.2.2"),), TABLE)
    changes = [routes.add_route(route) for route in wanted]
    changes.insert(37, routes.add_route(wrong))
    (refused,) = write(space, changes)
    assert (refused.index, refused.code) == (37, errno.ENETUNREACH)
    assert refused.reason.startswith("Network is unreachable")
    assert len(space.ip_json("route", "show", "table", str(TABLE))) == 100


def test_rules_with_an_interface_and_a_mark_are_what_ip_tells(space: NetworkNamespace) -> None:
    wanted = [
        Rule(1000, TABLE, iif="a0"),
        Rule(1001, action=FR_ACT_UNREACHABLE, iif="a0"),
        Rule(1002, TABLE, fwmark=7),
        Rule(1003, 77, source="192.0.2.0/24", oif="b0", fwmark=8, fwmask=0xFF),
        Rule(1000, TABLE, family=socket.AF_INET6, iif="a0"),
    ]
    assert write(space, [rules.add_rule(rule) for rule in wanted]) == ()
    told = {row["priority"]: row for row in space.ip_json("rule")}
    assert (told[1000]["iif"], told[1000]["table"]) == ("a0", str(TABLE))
    assert (told[1001]["iif"], told[1001]["action"]) == ("a0", "unreachable")
    assert (told[1002]["fwmark"], told[1002]["table"]) == ("0x7", str(TABLE))
    assert told[1003]["fwmask"] == "0xff"
    found = space.run(lambda: Netlink().rules())
    assert [rule for rule in found if rule.protocol == RTPROT_STATIC] == wanted
    assert write(space, [rules.delete_rule(rule) for rule in wanted]) == ()
    assert not [row for row in space.ip_json("rule") if 1000 <= row["priority"] < 2000]
    (refused,) = write(space, [rules.delete_rule(wanted[0])])
    assert refused.reason.startswith("No such file")


def test_neighbors_links_and_addresses_are_written(space: NetworkNamespace) -> None:
    space.ip("link", "add", "br0", "type", "bridge")
    a0, b0, bridge = (index_of(space, name) for name in ("a0", "b0", "br0"))
    mac = bytes.fromhex("020000000009")
    known = KernelNeighbor(a0, "192.0.2.9", NUD_PERMANENT, mac)
    refused = write(
        space,
        [
            neighbors.replace_neighbor(known),
            links.set_down(b0),
            links.set_master(b0, bridge),
            links.set_up(bridge),
            links.set_mtu(bridge, 1450),
            addresses.replace_address(bridge, "203.0.113.1/24", IFA_F_NOPREFIXROUTE),
        ],
    )
    assert refused == ()
    (row,) = space.ip_json("neigh", "show", "dev", "a0", "nud", "permanent")
    assert (row["dst"], row["lladdr"]) == ("192.0.2.9", "02:00:00:00:00:09")
    by_name = {link.name: link for link in space.run(lambda: Netlink().links())}
    assert by_name["b0"].master == bridge
    assert not by_name["b0"].flags & IFF_UP
    assert by_name["br0"].flags & IFF_UP
    assert by_name["br0"].mtu == 1450
    told = space.run(lambda: Netlink().addresses())
    assert (bridge, "203.0.113.1", 24) in [(one.index, one.address, one.prefix) for one in told]
    assert space.ip_json("route", "show", "203.0.113.0/24") == []
    undone = [
        links.set_master(b0, None),
        neighbors.delete_neighbor(a0, "192.0.2.9"),
        addresses.delete_address(bridge, "203.0.113.1/24"),
    ]
    assert write(space, undone) == ()
    assert {one.master for one in space.run(lambda: Netlink().links())} == {None}
    assert space.ip_json("neigh", "show", "dev", "a0", "nud", "permanent") == []


def test_a_subscription_tells_what_ip_does(space: NetworkNamespace) -> None:
    def follow() -> None:
        told = NetlinkSubscription(ROUTES)
        try:
            (snapshot,) = told.read(5)
            assert isinstance(snapshot, TableSnapshot)
            assert "192.0.2.0/24" in [route.destination for route in snapshot.rows]
            space.ip("route", "add", "10.9.0.0/16", "via", "192.0.2.4", "table", str(TABLE))
            (added,) = told.read(5)
            assert isinstance(added, Changed)
            assert (added.row.destination, added.row.table) == ("10.9.0.0/16", TABLE)
            assert added.row.nexthops[0].gateway == "192.0.2.4"
            space.ip("route", "del", "10.9.0.0/16", "table", str(TABLE))
            assert told.read(5) == [Removed(added.row)]
            assert told.read(0) == []
        finally:
            told.close()

    space.run(follow)


def test_a_port_that_leaves_a_bridge_has_not_gone(space: NetworkNamespace) -> None:
    def follow() -> None:
        told = NetlinkSubscription(LINKS)
        space.ip("link", "add", "br0", "type", "bridge")
        try:
            told.read(5)
            space.ip("link", "set", "b0", "master", "br0")
            space.ip("link", "set", "b0", "nomaster")
            space.ip("link", "del", "br0")
            found = []
            while not found or not isinstance(found[-1], Removed):
                found += told.read(5)
            assert [one.row.name for one in found if isinstance(one, Removed)] == ["br0"]
            masters = [one.row.master for one in found if one.row.name == "b0"]
            assert masters[-1] is None
            assert len(set(masters)) == 2
        finally:
            told.close()

    space.run(follow)


def test_neighbors_rules_and_nexthops_are_told(space: NetworkNamespace) -> None:
    def follow() -> None:
        told = [NetlinkSubscription(table) for table in (NEIGHBORS, RULES, NEXTHOPS)]
        try:
            for one in told:
                assert isinstance(one.read(5)[0], TableSnapshot)
            mac = ("lladdr", "02:00:00:00:00:07")
            space.ip("neigh", "replace", "192.0.2.7", *mac, "dev", "a0", "nud", "reachable")
            space.ip("rule", "add", "pref", "900", "iif", "a0", "lookup", "77")
            space.ip("nexthop", "add", "id", "5", "via", "192.0.2.7", "dev", "a0")
            space.ip("nexthop", "add", "id", "6", "group", "5,3")
            seen = [one for one in told[0].read(5) if one.row.address == "192.0.2.7"]
            (neighbor,), (rule,) = seen, told[1].read(5)
            assert (neighbor.row.address, neighbor.row.state) == ("192.0.2.7", NUD_REACHABLE)
            assert neighbor.row.mac == bytes.fromhex("020000000007")
            assert (rule.row.priority, rule.row.iif, rule.row.table) == (900, "a0", 77)
            way, group = told[2].read(5)
            assert (way.row.id, way.row.nexthop.gateway) == (5, "192.0.2.7")
            assert (group.row.id, group.row.group) == (6, ((5, 3),))
        finally:
            for one in told:
                one.close()

    space.run(follow)


def test_changes_that_came_too_fast_are_told_as_a_new_table(space: NetworkNamespace) -> None:
    oif = index_of(space, "a0")

    def follow() -> None:
        told = NetlinkSubscription(ROUTES, receive_buffer=4096)
        try:
            told.read(5)
            wanted = a_thousand(oif)
            assert batch.write([routes.add_route(route) for route in wanted]) == ()
            (snapshot,) = told.read(5)
            assert isinstance(snapshot, TableSnapshot)
            assert snapshot.overflowed
            assert told.overflows == 1
            assert {one for one in snapshot.rows if one.table == TABLE} == set(wanted)
            assert told.read(0) == []
        finally:
            told.close()

    space.run(follow)


def test_the_kernel_says_in_its_own_words_what_is_wrong(space: NetworkNamespace) -> None:
    astray = KernelRoute("10.0.0.0/8", (NextHop(index_of(space, "a0"), "203.0.113.9"),), TABLE)
    (refused,) = write(space, [routes.add_route(astray)])
    assert "Nexthop has invalid gateway" in refused.reason
