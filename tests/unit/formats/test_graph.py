"""Exports of the topology: networkx reads back what it wrote, and each cable is there once."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import networkx as nx
import pytest

from horizon_ryu.core.topology import Host, Link, PortRef, Segment, Switch, TopologyView
from horizon_ryu.formats.graph import graph_text, topology_graph

A, B, MAC = "0000000000000001", "0000000000000002", "00:00:00:00:00:09"


def view() -> TopologyView:
    one, other, lonely = PortRef(1, 1), PortRef(2, 7), PortRef(2, 8)
    links = {
        (link.src, link.dst): link
        for link in (Link(one, other), Link(other, one), Link(lonely, PortRef(1, 2)))
    }
    switches = {n: Switch(n, f"127.0.0.1:{n}", 4, MappingProxyType({})) for n in (1, 2)}
    mac = bytes([0, 0, 0, 0, 0, 9])
    return TopologyView(
        switches=switches,
        links={key[0]: link for key, link in links.items()},
        hosts={mac: Host(mac, ("10.0.0.9",), PortRef(1, 3))},
    )


def test_each_cable_is_one_edge_with_its_ports() -> None:
    graph = topology_graph(view())
    assert set(graph) == {A, B, MAC}
    edges = sorted(
        (about["src_dpid"], about["src_port"], about.get("dst_port", 0))
        for _, _, about in graph.edges(data=True)
    )
    assert edges == [(A, 1, 7), (A, 3, 0), (B, 8, 2)]


@pytest.mark.parametrize(("form", "read"), [("graphml", nx.parse_graphml), ("gml", nx.parse_gml)])
def test_networkx_reads_it_back(form: str, read) -> None:
    graph = read(graph_text(view(), form))
    assert set(graph) == {A, B, MAC}
    assert graph.number_of_edges() == 3
    assert graph.nodes[MAC]["kind"] == "host"


def test_dot_names_the_ports_at_their_ends() -> None:
    text = graph_text(view(), "dot")
    assert f'"{A}" -- "{B}" [taillabel=1, headlabel=7];' in text
    assert f'"{B}" -- "{A}" [taillabel=8, headlabel=2];' in text
    assert f'"{A}" -- "{MAC}" [taillabel=3];' in text


def test_a_station_is_one_node_per_vlan() -> None:
    mac = bytes(6)
    hosts = {key: Host(mac, (), PortRef(1, 3), vlan) for key, vlan in ((b"a", None), (b"b", 10))}
    graph = topology_graph(TopologyView(hosts=hosts))
    assert set(graph) == {"00:00:00:00:00:00", "00:00:00:00:00:00@10"}


def test_an_empty_network_is_an_empty_graph() -> None:
    assert graph_text(TopologyView(), "dot") == "graph topology {\n}\n"


def test_a_segment_is_a_node_with_a_cable_to_each_of_its_ports() -> None:
    segment = Segment((PortRef(1, 4), PortRef(2, 4), PortRef(2, 5)))
    seen = replace(view(), segments=dict.fromkeys(segment.ports, segment))
    node = f"segment {A}:4"
    for form, read in (("graphml", nx.parse_graphml), ("gml", nx.parse_gml)):
        graph = read(graph_text(seen, form))
        assert graph.nodes[node]["kind"] == "segment"
        assert graph.number_of_edges(node, A) == 1
        assert graph.number_of_edges(node, B) == 2
    assert f'"{B}" -- "{node}" [taillabel=5];' in graph_text(seen, "dot")
