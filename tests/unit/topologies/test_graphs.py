"""Networks as data: what is promised of each of them."""

from __future__ import annotations

import json
from collections import Counter

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.catalogue import BUILDERS, build
from topologies.errors import NetworkError
from topologies.graphs import Graph, GraphBuilder, GraphError
from topologies.names import Names

FIGURES = [name for name in BUILDERS if name.startswith("fig")]
GENERATED = ["linear", "ring", "torus", "fattree", "random"]


def as_networkx(graph: Graph) -> nx.MultiGraph:
    picture: nx.MultiGraph = nx.MultiGraph()
    picture.add_nodes_from(switch.dpid for switch in graph.switches)
    picture.add_edges_from((edge.dpid, edge.peer_dpid) for edge in graph.edges)
    return picture


def pairs(graph: Graph) -> set[str]:
    names = {switch.dpid: switch.name for switch in graph.switches}
    return {"".join(sorted(names[edge.dpid] + names[edge.peer_dpid])) for edge in graph.edges}


def check_sound(graph: Graph) -> None:
    """Every port is used once, ports count from 1, addresses and names are unique."""
    used = [(edge.dpid, edge.port) for edge in graph.edges]
    used += [(edge.peer_dpid, edge.peer_port) for edge in graph.edges]
    used += [(host.dpid, host.port) for host in graph.hosts]
    assert len(set(used)) == len(used)
    ports = Counter(dpid for dpid, _ in used)
    assert all(1 <= port <= ports[dpid] for dpid, port in used)
    assert [switch.dpid for switch in graph.switches] == [*range(1, len(graph.switches) + 1)]
    for attribute in ("name", "ip", "mac"):
        values = [getattr(host, attribute) for host in graph.hosts]
        assert len(set(values)) == len(values)
    assert Graph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph


@pytest.mark.parametrize("name", FIGURES + GENERATED)
def test_defaults_are_sound_connected_and_the_same_each_time(name: str) -> None:
    graph = build(name)
    check_sound(graph)
    assert nx.is_connected(as_networkx(graph))
    assert build(name) == graph
    assert Names(graph, "x").of_switch(1)


def test_fig3_4_needs_c_between_b_and_d() -> None:
    graph = build("fig3_4")
    assert pairs(graph) == {"AF", "EF", "DE", "AB", "BC", "CD"}
    assert graph.host("source").dpid == graph.named("A").dpid
    assert graph.host("dest").dpid == graph.named("D").dpid


def test_fig3_6_has_its_hybrid_in_the_middle() -> None:
    graph = build("fig3_6")
    assert [switch.name for switch in graph.switches if switch.hybrid] == ["B"]
    assert pairs(graph) == {"AB", "BC"}


def test_fig3_8_agrees_with_the_text_about_b() -> None:
    graph = build("fig3_8")
    hops = nx.single_source_shortest_path_length(as_networkx(graph), graph.named("B").dpid)
    distance = {switch.name: hops[switch.dpid] for switch in graph.switches}
    assert (distance["D"], distance["E"], distance["G"], distance["H"]) == (1, 1, 2, 2)
    assert len(graph.edges) > len(graph.switches) - 1


def test_fig4_1b_has_both_ways() -> None:
    graph = build("fig4_1b")
    assert pairs(graph) == {"CD", "BC", "AD", "AB"}
    assert [host.name for host in graph.hosts] == ["client", "server"]


def test_fig4_5_is_one_switch_with_three_hosts() -> None:
    graph = build("fig4_5")
    assert [host.name for host in graph.hosts] == ["senderA", "senderB", "receiver"]
    assert len(graph.switches) == 1


@pytest.mark.parametrize("k", [2, 4, 6])
def test_fat_tree_has_its_numbers(k: int) -> None:
    graph = build("fattree", k=k)
    check_sound(graph)
    assert len(graph.switches) == 5 * k * k // 4
    assert len(graph.hosts) == k**3 // 4
    degrees = Counter(dpid for edge in graph.edges for dpid in (edge.dpid, edge.peer_dpid))
    degrees.update(host.dpid for host in graph.hosts)
    assert set(degrees.values()) == {k}


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (3, 5)])
def test_torus_is_regular(rows: int, columns: int) -> None:
    graph = build("torus", rows=rows, columns=columns)
    check_sound(graph)
    picture = as_networkx(graph)
    assert {degree for _, degree in picture.degree()} == {4}
    assert len(nx.Graph(picture).edges) == len(graph.edges) == 2 * rows * columns


@given(data=st.data(), n=st.integers(1, 30), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_random_graphs_are_simple_connected_and_repeatable(
    data: st.DataObject, n: int, seed: int
) -> None:
    extra = data.draw(st.integers(0, (n - 1) * (n - 2) // 2))
    graph = build("random", n=n, extra=extra, seed=seed)
    check_sound(graph)
    picture = as_networkx(graph)
    assert nx.is_connected(picture)
    assert len(nx.Graph(picture).edges) == len(graph.edges) == n - 1 + extra
    assert build("random", n=n, extra=extra, seed=seed) == graph


def test_addresses_follow_from_numbers() -> None:
    builder = GraphBuilder("many")
    dpid = builder.add_switch()
    builder.add_hosts([dpid], 300)
    last = builder.build().hosts[-1]
    assert (last.name, last.ip, last.mac) == ("h300", "10.0.1.44", "00:00:00:00:01:2c")


def test_parallel_cables_are_told_apart() -> None:
    builder = GraphBuilder("pair")
    one, other = builder.add_switches(2)
    builder.add_edge(one, other)
    builder.add_edge(other, one)
    assert [edge.port for edge in builder.build().edges_between(one, other)] == [1, 2]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ring", {"n": 2}),
        ("linear", {"n": 0}),
        ("linear", {"n": 10_001}),
        ("torus", {"rows": 2, "columns": 3}),
        ("fattree", {"k": 3}),
        ("fattree", {"k": 0}),
        ("random", {"n": 4, "extra": 4}),
        ("random", {"n": 4, "extra": -1}),
        ("ring", {"m": 2}),
        ("star", {}),
    ],
)
def test_impossible_networks_are_refused(name: str, arguments: dict[str, int | str]) -> None:
    with pytest.raises(GraphError):
        build(name, **arguments)


def test_builder_refuses_what_cannot_be() -> None:
    builder = GraphBuilder("x")
    dpid = builder.add_switch("same")
    with pytest.raises(GraphError, match="itself"):
        builder.add_edge(dpid, dpid)
    with pytest.raises(GraphError, match="no switch 9"):
        builder.add_host(9)
    builder.add_host(dpid, "same")
    with pytest.raises(GraphError, match="one name"):
        builder.build()


@pytest.mark.parametrize("data", [{}, {"name": "x", "switches": [{"bad": 1}]}, {"name": 1}])
def test_what_is_not_a_graph_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(GraphError, match="not a graph"):
        Graph.from_dict(data)


@pytest.mark.parametrize("lookup", ["switch", "named", "host"])
def test_unknown_names_are_errors(lookup: str) -> None:
    with pytest.raises(GraphError, match="has no"):
        getattr(build("fig3_7"), lookup)("nobody")


@pytest.mark.parametrize("name", ["much-too-long-name", "with blank", "-dash", "slash/"])
def test_names_that_linux_would_refuse(name: str) -> None:
    builder = GraphBuilder("x")
    builder.add_host(builder.add_switch(name))
    with pytest.raises(NetworkError):
        Names(builder.build(), "")


def test_names_know_both_ends_of_a_cable() -> None:
    graph = build("fig3_7")
    names = Names(graph, "p")
    edge = graph.edges[0]
    assert names.far_end[edge.dpid, edge.port] == "pB-eth1"
    assert names.of_switch(1) == ["pA-eth1", "pA-eth2", "pA-eth3"]
