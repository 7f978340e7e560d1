"""Topology Consolidate: the graph of each network from what hosts tell, hostile ones too."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.xen.consolidate import consolidate
from horizon_ryu.core.xen.elements import (
    PHYSICAL,
    ElementPort,
    HostReport,
    NetworkElement,
    Sighting,
    identifying,
)
from horizon_ryu.core.xen.topology import MOST_IN_MATRIX, TopologyGraph, XenTopology


def mac_of(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def uuid_of(name: str) -> str:
    return f"00000000-0000-0000-0000-{name.encode().hex():0>12}"


def host(name: str, number: int, *sees: int, **more: Any) -> NetworkElement:
    """A host with the address 192.0.2.``number``, that sees these numbers."""
    return element(name, None, name, PHYSICAL, number, sees, "192.0.2", **more)


def router(
    where: str, name: str, network: str | None, number: int, *sees: int, **more: Any
) -> NetworkElement:
    return element(where, uuid_of(name), name, network, number, sees, "10.0.0", **more)


def element(
    where: str,
    uuid: str | None,
    name: str,
    network: str | None,
    number: int,
    sees: tuple[int, ...],
    prefix: str,
    **more: Any,
) -> NetworkElement:
    return NetworkElement(
        host=where,
        uuid=uuid,
        name=name,
        network=network,
        ports=(ElementPort("eth0", mac_of(number), (f"{prefix}.{number}",)),),
        sightings=tuple(Sighting("eth0", f"{prefix}.{one}", mac_of(one), one / 10) for one in sees),
        **more,
    )


def reports(*elements: NetworkElement) -> list[HostReport]:
    names = dict.fromkeys(one.host for one in elements)
    return [HostReport(name, "", tuple(e for e in elements if e.host == name)) for name in names]


def graph(topology: XenTopology, name: str) -> TopologyGraph:
    return next(one for one in topology.virtual if one.name == name)


def names(one: TopologyGraph) -> list[str]:
    return [node.name for node in one.nodes]


# ---- matrices


def test_a_line_of_three_hosts_is_a_matrix_with_two_links() -> None:
    told = consolidate(reports(host("b", 2, 1, 3), host("c", 3, 2), host("a", 1, 2)))
    assert names(told.physical) == ["a", "b", "c"]
    assert told.physical.matrix == ((0, 1, 0), (1, 0, 1), (0, 1, 0))
    assert [(one.src.node, one.dst.node) for one in told.physical.links] == [("a", "b"), ("b", "c")]
    assert (told.virtual, told.strangers, told.contested, told.problems) == ((), (), (), ())


def test_networks_are_apart_even_where_they_share_addresses_and_hosts() -> None:
    told = consolidate(
        reports(
            router("a", "r1", "blue", 1, 2),
            router("b", "r2", "blue", 2, 1),
            router("a", "r3", "red", 3, 4),
            router("b", "r4", "red", 4),
            router("b", "r5", "red", 5),
        )
    )
    assert graph(told, "blue").matrix == ((0, 1), (1, 0))
    assert names(graph(told, "red")) == ["r3", "r4", "r5"]
    assert graph(told, "red").matrix == ((0, 1, 0), (1, 0, 0), (0, 0, 0))
    assert told.physical.nodes == ()


def test_two_views_of_a_link_are_one_link_with_both_latencies() -> None:
    told = consolidate(reports(host("a", 1, 2), host("b", 2, 1)))
    (link,) = told.physical.links
    assert (link.src.node, link.src.interface, link.src.mac) == ("a", "eth0", mac_of(1))
    assert (link.src.address, link.src.sees, link.src.latency_ms) == ("192.0.2.1", True, 0.2)
    assert (link.dst.node, link.dst.address, link.dst.latency_ms) == ("b", "192.0.2.2", 0.1)


def test_a_link_that_one_end_saw_is_told_with_who_did() -> None:
    told = consolidate(reports(host("a", 1, 2), host("b", 2)))
    (link,) = told.physical.links
    assert (link.src.sees, link.dst.sees) == (True, False)
    assert (link.src.address, link.dst.address) == (None, "192.0.2.2")
    assert link.dst.latency_ms is None
    assert told.physical.matrix == ((0, 1), (1, 0))


def test_two_interfaces_between_the_same_nodes_are_two_links_and_one_in_the_matrix() -> None:
    def twice(name: str, first: int, sees: int) -> NetworkElement:
        return replace(
            host(name, first),
            ports=tuple(ElementPort(f"eth{n}", mac_of(first + n)) for n in (0, 1)),
            sightings=tuple(
                Sighting(f"eth{n}", f"192.0.2.{sees + n}", mac_of(sees + n)) for n in (0, 1)
            ),
        )

    told = consolidate(reports(twice("a", 10, 20), twice("b", 20, 10)))
    assert [(one.src.interface, one.dst.interface) for one in told.physical.links] == [
        ("eth0", "eth0"),
        ("eth1", "eth1"),
    ]
    assert told.physical.matrix == ((0, 1), (1, 0))


def test_interfaces_of_one_mac_are_told_apart_by_the_address_that_is_seen() -> None:
    def with_vlan(name: str, number: int, other: int) -> NetworkElement:
        mac = mac_of(number)
        return replace(
            host(name, number),
            ports=(
                ElementPort("eth0", mac, (f"192.0.2.{number}",)),
                ElementPort("eth0.10", mac, (f"198.51.100.{number}",)),
            ),
            sightings=(
                Sighting("eth0", f"192.0.2.{other}", mac_of(other), 1.0),
                Sighting("eth0.10", f"198.51.100.{other}", mac_of(other), 1.0),
            ),
        )

    told = consolidate(reports(with_vlan("a", 1, 2), with_vlan("b", 2, 1)))
    ends = [(one.src.interface, one.dst.interface, one.dst.address) for one in told.physical.links]
    assert ends == [("eth0", "eth0", "192.0.2.2"), ("eth0.10", "eth0.10", "198.51.100.2")]
    assert told.contested == ()


def test_several_addresses_of_an_interface_are_one_link_with_the_soonest_answer() -> None:
    seen = (
        Sighting("eth0", "192.0.2.9", mac_of(2), 3.0),
        Sighting("eth0", "192.0.2.2", mac_of(2), 0.5),
        Sighting("eth0", "192.0.2.8", mac_of(2), None),
    )
    told = consolidate(reports(replace(host("a", 1), sightings=seen), host("b", 2)))
    (link,) = told.physical.links
    assert (link.dst.address, link.src.latency_ms) == ("192.0.2.2", 0.5)


def test_a_router_that_nobody_looked_into_is_a_neighbor_by_the_mac_that_its_host_gave_it() -> None:
    unseen = replace(router("b", "r2", "blue", 2), ports=(ElementPort(None, mac_of(2)),))
    told = consolidate(reports(router("a", "r1", "blue", 1, 2), unseen))
    (link,) = graph(told, "blue").links
    assert (link.dst.interface, link.dst.mac, link.dst.address) == (None, mac_of(2), "10.0.0.2")


def test_without_a_mac_an_address_joins_in_its_own_network_only() -> None:
    tunnels = [
        replace(
            router(where, name, network, 1),
            ports=(ElementPort("gre1", None, (address,)),),
            sightings=(Sighting("gre1", other, None, 1.0),),
        )
        for where, name, network, address, other in (
            ("a", "r1", "blue", "10.9.0.1", "10.9.0.2"),
            ("b", "r2", "blue", "10.9.0.2", "10.9.0.1"),
            ("b", "r3", "red", "10.9.0.2", "10.9.0.7"),
        )
    ]
    told = consolidate(reports(*tunnels))
    (link,) = graph(told, "blue").links
    assert (link.src.interface, link.dst.interface) == ("gre1", "gre1")
    assert graph(told, "red").links == ()
    twin = replace(tunnels[1], uuid=uuid_of("r9"), name="r9")
    told = consolidate(reports(*tunnels, twin))
    assert [(one.node, one.why) for one in told.strangers if one.address == "10.9.0.2"] == [
        (uuid_of("r1"), "ambiguous")
    ]


def test_a_network_of_too_many_nodes_has_links_and_no_matrix() -> None:
    many = [router("a", f"r{n}", "blue", n, n + 1) for n in range(MOST_IN_MATRIX + 1)]
    told = consolidate(reports(*many))
    assert graph(told, "blue").matrix is None
    assert len(graph(told, "blue").links) == MOST_IN_MATRIX


# ---- moves


def test_a_router_that_moved_keeps_its_row_its_id_and_its_links() -> None:
    def at(where: str) -> XenTopology:
        return consolidate(
            reports(
                host("a", 100),
                host("b", 101),
                router("a", "r1", "blue", 1, 2),
                router(where, "r2", "blue", 2, 1, 3),
                router("b", "r3", "blue", 3, 2),
            )
        )

    before, after = graph(at("a"), "blue"), graph(at("b"), "blue")
    assert before.matrix == after.matrix == ((0, 1, 0), (1, 0, 1), (0, 1, 0))
    assert before.links == after.links
    assert [node.host for node in after.nodes] == ["a", "b", "b"]


def test_what_a_move_left_behind_is_no_second_router() -> None:
    left = router("a", "r1", "blue", 1, state="shutoff")
    told = consolidate(reports(left, router("b", "r1", "blue", 1, 2), router("b", "r2", "blue", 2)))
    assert [(node.name, node.host) for node in graph(told, "blue").nodes] == [
        ("r1", "b"),
        ("r2", "b"),
    ]
    assert (told.contested, graph(told, "blue").matrix) == ((), ((0, 1), (1, 0)))
    assert [(one.uuid, one.hosts) for one in told.duplicates] == [(uuid_of("r1"), ("a", "b"))]


def test_a_router_on_two_hosts_at_once_is_told_twice_and_joined_by_nothing() -> None:
    both = [router(where, "r1", "blue", 1, 2) for where in "ab"]
    told = consolidate(reports(*both, router("b", "r2", "blue", 2, 1)))
    ids = [node.id for node in graph(told, "blue").nodes]
    assert ids == [f"{uuid_of('r1')}@a", f"{uuid_of('r1')}@b", uuid_of("r2")]
    assert [(one.mac, one.claimed_by) for one in told.contested] == [
        (mac_of(1), tuple(sorted(ids[:2])))
    ]
    assert [one.why for one in told.strangers] == ["contested"]


# ---- what is not there, and who is not known


def test_a_host_that_does_not_answer_is_a_node_with_the_reason() -> None:
    told = consolidate([*reports(host("a", 1, 2)), HostReport("b", "no answer in 30 s")])
    assert [(node.name, node.state, node.reason) for node in told.physical.nodes] == [
        ("a", "connected", ""),
        ("b", "away", "no answer in 30 s"),
    ]
    assert told.physical.matrix == ((0, 0), (0, 0))
    # Who sees it sees a stranger: nobody tells what it has for a MAC.
    assert [(one.node, one.mac, one.why) for one in told.strangers] == [("a", mac_of(2), "unknown")]


def test_no_hosts_are_a_topology_of_nothing() -> None:
    assert consolidate([]) == XenTopology(physical=TopologyGraph(PHYSICAL, (), (), ()))


def test_unknown_neighbors_are_told_with_who_sees_them_and_where() -> None:
    told = consolidate(reports(router("a", "r1", "blue", 1, 77)))
    (stranger,) = told.strangers
    assert (stranger.node, stranger.network, stranger.interface) == (uuid_of("r1"), "blue", "eth0")
    assert (stranger.address, stranger.mac, stranger.latency_ms) == ("10.0.0.77", mac_of(77), 7.7)


def test_a_router_of_no_network_is_told_and_belongs_to_no_matrix() -> None:
    told = consolidate(reports(router("a", "r1", None, 1, 2), router("a", "r2", None, 2)))
    assert [node.name for node in told.unassigned] == ["r1", "r2"]
    assert told.virtual == ()
    assert [(one.node, one.other) for one in told.crossings] == [(uuid_of("r1"), uuid_of("r2"))]


def test_who_sees_another_network_is_told_and_joined_by_nothing() -> None:
    told = consolidate(
        reports(
            replace(host("a", 1), sightings=(Sighting("eth0", "10.0.0.2", mac_of(2)),)),
            router("a", "r1", "blue", 2, 3),
            router("a", "r2", "red", 3),
        )
    )
    assert [(one.network, one.other_network) for one in told.crossings] == [
        (PHYSICAL, "blue"),
        ("blue", "red"),
    ]
    assert all(one.links == () for one in (told.physical, *told.virtual))


def test_a_router_that_does_not_run_is_a_node_and_owns_nothing() -> None:
    off = router("a", "r1", "blue", 1, state="shutoff")
    told = consolidate(reports(off, router("b", "r2", "blue", 2, 1), router("b", "r3", "blue", 1)))
    assert [node.state for node in graph(told, "blue").nodes] == ["shutoff", "running", "running"]
    assert graph(told, "blue").matrix == ((0, 0, 0), (0, 0, 1), (0, 1, 0))


# ---- hostile hosts


def test_a_host_that_claims_another_s_mac_is_merged_with_nobody() -> None:
    liar = replace(
        host("c", 3), ports=(ElementPort("eth0", mac_of(3)), ElementPort("eth1", mac_of(2)))
    )
    told = consolidate(reports(host("a", 1, 2), host("b", 2, 1), liar))
    assert [(one.mac, one.claimed_by) for one in told.contested] == [(mac_of(2), ("b", "c"))]
    # What b itself sees is still a link of its own; nobody is joined to the liar.
    assert told.physical.matrix == ((0, 1, 0), (1, 0, 0), (0, 0, 0))
    assert [(one.src.sees, one.dst.sees) for one in told.physical.links] == [(False, True)]
    assert [(one.node, one.why) for one in told.strangers] == [("a", "contested")]


def test_a_router_that_claims_a_host_s_mac_takes_nothing_from_it_but_its_name() -> None:
    liar = router("a", "r1", "blue", 2)
    told = consolidate(reports(host("a", 1, 2), host("b", 2), liar))
    assert told.physical.links == ()
    assert told.contested[0].claimed_by == tuple(sorted((uuid_of("r1"), "b")))


def test_macs_that_tell_nobody_from_others_are_none() -> None:
    for mac in (None, "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05"):
        assert identifying(mac) is None
    assert identifying(mac_of(1)) == mac_of(1)


class Counted(str):
    """A text that counts how often it is compared."""

    comparisons = 0
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_host_that_tells_much_costs_no_more_than_it_tells() -> None:
    count = 2_000
    ports = tuple(ElementPort(Counted(f"e{n}"), Counted(mac_of(n))) for n in range(count))
    seen = tuple(
        Sighting(Counted(f"e{n}"), "10.0.0.1", Counted(mac_of(n + 5000))) for n in range(count)
    )
    others = [host(f"h{n}", n + 5000) for n in range(count)]
    Counted.comparisons = 0
    told = consolidate(reports(replace(host("a", 1), ports=ports, sightings=seen), *others))
    assert len(told.physical.links) == count
    assert Counted.comparisons < 50 * count


# ---- any network

_EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda e: e[0] < e[1]))


@given(_EDGES, st.data())
def test_the_matrix_is_the_network_whichever_end_of_each_link_looked(
    edges: set[tuple[int, int]], data: st.DataObject
) -> None:
    sees: dict[int, set[int]] = {n: set() for n in range(8)}
    for one, other in edges:
        ends = data.draw(st.sampled_from([(one,), (other,), (one, other)]))
        for end in ends:
            sees[end].add(one + other - end)
    elements = [router(f"h{n % 3}", f"r{n}", "blue", n, *sees[n]) for n in range(8)]
    found = data.draw(st.permutations(reports(*elements)))
    told = consolidate(found)
    expected = tuple(
        tuple(int((min(i, j), max(i, j)) in edges) for j in range(8)) for i in range(8)
    )
    assert graph(told, "blue").matrix == expected
    assert told == consolidate(reports(*elements))


_PORTS = st.lists(
    st.builds(
        ElementPort,
        st.sampled_from([None, "eth0", "eth1"]),
        st.sampled_from([None, *map(mac_of, range(4))]),
        st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2"]), max_size=2).map(tuple),
    ),
    max_size=3,
)
_SIGHTINGS = st.lists(
    st.builds(
        Sighting,
        st.sampled_from(["eth0", "eth1", "eth9"]),
        st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        st.sampled_from([None, *map(mac_of, range(5))]),
        st.sampled_from([None, 0.0, 1.5]),
    ),
    max_size=4,
)
_ELEMENTS = st.builds(
    NetworkElement,
    host=st.sampled_from("ab"),
    uuid=st.sampled_from([uuid_of("r1"), uuid_of("r2")]),
    name=st.sampled_from(["r1", "r2"]),
    network=st.sampled_from([None, "blue", "red"]),
    state=st.sampled_from(["running", "paused", "shutoff"]),
    ports=_PORTS.map(tuple),
    sightings=_SIGHTINGS.map(tuple),
)


@given(st.lists(_ELEMENTS, max_size=6))
def test_whatever_hosts_tell_no_link_joins_networks_or_stands_on_a_contested_mac(
    elements: list[NetworkElement],
) -> None:
    told = consolidate(reports(*elements))
    contested = {one.mac for one in told.contested}
    for one in told.virtual:
        ids = [node.id for node in one.nodes]
        assert len(set(ids)) == len(ids)
        matrix = one.matrix or ()
        assert all(matrix[i][i] == 0 for i in range(len(ids)))
        assert all(
            matrix[i][j] == matrix[j][i] for i, j in itertools.combinations(range(len(ids)), 2)
        )
        for link in one.links:
            assert {link.src.node, link.dst.node} <= set(ids)
            for near, far in ((link.src, link.dst), (link.dst, link.src)):
                # Seen under a MAC of two, nobody is known.
                assert not (near.sees and far.mac in contested)
            assert link.src.sees or link.dst.sees


@pytest.mark.parametrize("why", ["unknown", "contested"])
def test_every_sighting_is_told_once_at_least(why: str) -> None:
    elements = [host("a", 1, 2, 3, 9), host("b", 2)]
    if why == "contested":
        elements.append(host("c", 9))
        elements.append(host("d", 9))
    told = consolidate(reports(*elements))
    seen = [one.dst.mac for one in told.physical.links] + [one.mac for one in told.strangers]
    assert sorted(filter(None, seen)) == [mac_of(2), mac_of(3), mac_of(9)]
