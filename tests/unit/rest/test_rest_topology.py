"""The topology in its three shapes, of the physical and of virtual networks, and its timers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import SwitchAway, SwitchDeadline
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.timers import DiscoveryTimers, TreeTimers
from horizon_ryu.core.topology import HeldLink, Link, PortRef, Segment, TopologyView
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.spanning_tree import TreesDocument
from horizon_ryu.formats.topology import LinksDocument, NeighborsDocument
from horizon_ryu.rest.event_data import forest_to_event
from horizon_ryu.rest.network_names import IP_RANGE
from horizon_ryu.rest.spanning_tree import forest_model

S1, S2, S3 = (f"{dpid:016x}" for dpid in (1, 2, 3))


def test_topology_has_the_shape_of_the_design(client: Any) -> None:
    client.discovery.away.add(2)
    body = client.get("/v1/topology").json
    assert list(body) == ["switches", "links", "hosts"]
    assert [switch["dpid"] for switch in body["switches"]] == [S1, S2, S3]
    assert [switch["connected"] for switch in body["switches"]] == [True, False, True]
    assert [switch["openflow"] for switch in body["switches"]] == ["1.3", "1.3", "1.0"]
    assert body["switches"][0]["address"] == "192.0.2.1:50000"
    assert body["switches"][0]["ports"][0] == {
        "port_no": 1,
        "name": "s1-eth1",
        "hw_addr": "02:00:00:00:01:01",
        "up": True,
        "speed_kbps": 1000000,
    }
    assert body["hosts"][0] == {
        "mac": "0a:00:00:00:00:01",
        "ips": ["10.0.0.1", "fe80::1"],
        "dpid": S1,
        "port_no": 4,
    }


def test_segments_are_told_where_there_are_any_with_their_open_ports(client: Any) -> None:
    segment = Segment((PortRef(1, 8), PortRef(2, 8), PortRef(3, 8)))
    discovery = client.discovery
    segments = dict.fromkeys(segment.ports, segment)
    discovery.current = replace(discovery.view(), segments=segments)
    ends = [{"dpid": dpid, "port_no": 8} for dpid in (S1, S2, S3)]
    # Cables join the switches already.
    assert client.get("/v1/topology").json["segments"] == [{"ports": ends, "open": ends[:1]}]
    discovery.with_tree = False
    assert client.get("/v1/topology").json["segments"] == [{"ports": ends, "open": None}]


def test_segments_of_vlans_are_told_with_the_ports_that_are_open_in_them(client: Any) -> None:
    segment = Segment((PortRef(1, 8), PortRef(2, 8)), 10)
    discovery = client.discovery
    discovery.current = replace(discovery.view(), vlan_segments=(segment,))
    ends = [{"dpid": dpid, "port_no": 8} for dpid in (S1, S2)]
    told = client.get("/v1/topology").json
    assert told["vlan_segments"] == [{"ports": ends, "open": ends, "vlan": 10}]
    assert "segments" not in told
    closed = replace(Forest(), vlan_blocked={10: frozenset({PortRef(2, 8)})})
    assert closed.open_in_vlan(segment) == {PortRef(1, 8)}
    assert list(closed.vlan_moves([segment])) == [(10, PortRef(2, 8), PortRef(1, 8))]
    found = forest_model(closed, settled=True).model_dump()["blocked_in_vlans"]
    assert list(found) == [{"dpid": S2, "port_no": 8, "vlan": 10}]
    kind, data = forest_to_event(closed, Forest())
    assert (kind, data["blocked_in_vlans"]) == ("tree_change", 1)


def test_links_have_one_entry_per_direction(client: Any) -> None:
    links = client.get("/v1/topology").json["links"]
    assert len(links) == 7
    assert links[0] == {
        "src": {"dpid": S1, "port_no": 1},
        "dst": {"dpid": S2, "port_no": 2},
        "bidirectional": True,
        "in_tree": True,
    }
    one_way = [link for link in links if not link["bidirectional"]]
    assert [link["src"] for link in one_way] == [{"dpid": S1, "port_no": 3}]
    assert not one_way[0]["in_tree"]
    assert sum(link["in_tree"] for link in links) == 4


def test_in_tree_is_null_without_spanning_tree(client: Any) -> None:
    client.discovery.with_tree = False
    assert {link["in_tree"] for link in client.get("/v1/topology").json["links"]} == {None}


def test_empty_network(client: Any) -> None:
    client.discovery.current = TopologyView()
    assert client.get("/v1/topology").json == {"switches": [], "links": [], "hosts": []}
    assert client.get("/v1/spanning-tree").json["trees"] == []
    for path, kind in (
        ("/v1/topology/links", LinksDocument),
        ("/v1/topology/neighbors", NeighborsDocument),
        ("/v1/spanning-tree", TreesDocument),
    ):
        assert xml_form.read(kind, client.get(path, "application/xml").body)


def test_links_in_json_mirror_the_xml(client: Any) -> None:
    plain = client.get("/v1/topology/links").json
    assert plain["network"] == "physical"
    assert plain["links"][0] == {"src_dpid": S1, "src_port": 1, "dst_dpid": S2, "dst_port": 2}
    document = xml_form.read(LinksDocument, client.get("/v1/topology/links", "text/xml").body)
    assert document.model_dump(mode="json") == plain


def test_neighbors_in_json_mirror_the_xml(client: Any) -> None:
    plain = client.get("/v1/topology/neighbors").json
    assert plain["switches"][2] == {
        "dpid": S3,
        "neighbors": [
            {"dpid": S1, "port": 1, "neighbor_port": 2},
            {"dpid": S2, "port": 2, "neighbor_port": 1},
        ],
    }
    answer = client.get("/v1/topology/neighbors", "application/xml")
    document = xml_form.read(NeighborsDocument, answer.body)
    assert document.model_dump(mode="json") == plain


def test_tree_in_json_mirrors_the_xml_and_tells_blocked_ports(client: Any) -> None:
    plain = client.get("/v1/spanning-tree").json
    assert [tree["root"] for tree in plain["trees"]] == [S1]
    assert plain["blocked"] == [
        {"dpid": S1, "port_no": 3},
        {"dpid": S2, "port_no": 1},
        {"dpid": S2, "port_no": 3},
        {"dpid": S3, "port_no": 2},
    ]
    document = xml_form.read(TreesDocument, client.get("/v1/spanning-tree", "application/xml").body)
    assert document.model_dump(mode="json")["trees"] == plain["trees"]


@pytest.mark.parametrize(
    ("network", "definition"),
    [
        ("vlan:10", NetworkDefinition(vlan=10)),
        ("vlan:4094", NetworkDefinition(vlan=4094)),
        ("ip:10.0.0.0/24", NetworkDefinition(ip=(0x0A000000, 24))),
        ("ip:0.0.0.0/0", NetworkDefinition(ip=(0, 0))),
        ("office", NetworkDefinition(vlan=7)),
    ],
)
@pytest.mark.parametrize("path", ["", "/links", "/neighbors"])
def test_virtual_network(client: Any, path: str, network: str, definition: Any) -> None:
    client.networks.add_network("office", NetworkDefinition(vlan=7))
    answer = client.get(f"/v1/topology{path}?network={network}")
    assert answer.status_int == 200
    assert client.discovery.asked == [definition]
    assert S3 not in answer.text
    if path:
        assert answer.json["network"] == network


def test_physical_is_the_name_of_everything(client: Any) -> None:
    everything = client.get("/v1/topology/links")
    assert client.get("/v1/topology/links?network=physical").body == everything.body
    assert client.discovery.asked == []


@pytest.mark.parametrize(
    "network",
    [
        "",
        "vlan:0",
        "vlan:4095",
        "vlan:010",
        "vlan:-1",
        "vlan:1%0A",
        "ip:10.0.0.1/24",
        "ip:10.0.0.0/33",
        "ip:10.0.0.256/32",
        "ip:010.0.0.0/8",
        "ip:::/0",
        "mac:1",
        "../etc",
    ],
)
def test_malformed_network_is_422(client: Any, network: str) -> None:
    answer = client.get(f"/v1/topology?network={network}")
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"] == ["network"]
    assert client.discovery.asked == []


def test_unknown_name_is_404(client: Any) -> None:
    assert client.get("/v1/topology/links?network=nobody").status_int == 404


@pytest.mark.parametrize(
    ("trouble", "status"), [(SwitchDeadline(2, "silent"), 504), (SwitchAway(2), 424)]
)
def test_switch_at_fault_is_named(client: Any, trouble: Any, status: int) -> None:
    client.discovery.trouble = trouble
    answer = client.get("/v1/topology?network=vlan:1")
    assert answer.status_int == status
    assert answer.json["switch"] == S2


@given(st.from_regex(f"^{IP_RANGE}$", fullmatch=True))
def test_pattern_of_ranges_admits_nothing_that_is_none(text: str) -> None:
    address, _, length = text.partition("/")
    assert int(length) <= 32
    assert all(int(part) <= 255 for part in address.split("."))


TIMERS = [
    ("/v1/topology/timers", "discovery", DiscoveryTimers()),
    ("/v1/spanning-tree/timers", "tree", TreeTimers()),
]


@pytest.mark.parametrize(("path", "owner", "defaults"), TIMERS)
def test_timers_have_the_defaults_of_the_report(
    client: Any, path: str, owner: str, defaults: Any
) -> None:
    body = client.get(path).json
    assert {name: getattr(defaults, name) for name in body} == body
    assert len(body) == 3


@pytest.mark.parametrize(("path", "owner", "defaults"), TIMERS)
def test_timers_change_in_part(client: Any, path: str, owner: str, defaults: Any) -> None:
    before = client.get(path).json
    answer = client.ask("PATCH", path, {"lldp_interval": 2})
    assert answer.status_int == 200
    assert answer.json == {**before, "lldp_interval": 2.0}
    assert getattr(client, owner).timers().lldp_interval == 2.0
    assert client.ask("PATCH", path, {}).json == answer.json


@pytest.mark.parametrize(("path", "owner", "defaults"), TIMERS)
@pytest.mark.parametrize("bad", [0, 0.009, 3600.5, -1, "1", None, True, [], 10**400])
def test_timers_change_all_or_nothing(
    client: Any, path: str, owner: str, defaults: Any, bad: Any
) -> None:
    other = next(name for name in client.get(path).json if name != "lldp_interval")
    answer = client.ask("PATCH", path, {other: 7, "lldp_interval": bad})
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"] == ["lldp_interval"]
    assert getattr(client, owner).timers() == defaults


@pytest.mark.parametrize(
    ("query", "accept", "kind", "begins"),
    [
        ("", "*/*", "application/graphml+xml", b"<graphml"),
        ("?format=gml", "*/*", "text/x-gml", b"graph ["),
        ("?format=dot&network=physical", "*/*", "text/vnd.graphviz", b"graph topology {"),
        ("", "text/x-gml", "text/x-gml", b"graph ["),
        ("", "text/vnd.graphviz", "text/vnd.graphviz", b"graph topology {"),
    ],
)
def test_the_topology_is_exported_as_a_graph(
    client: Any, query: str, accept: str, kind: str, begins: bytes
) -> None:
    answer = client.get(f"/v1/topology/graph{query}", accept)
    assert (answer.status_int, answer.content_type) == (200, kind)
    assert answer.body.startswith(begins)
    assert S3.encode() in answer.body


def test_a_form_that_nobody_writes_is_refused(client: Any) -> None:
    assert client.get("/v1/topology/graph?format=png").status_int in (400, 406, 422)
    assert client.get("/v1/topology/graph", "image/png").status_int == 406


def test_the_topology_is_measured_as_a_graph(client: Any) -> None:
    found = client.get("/v1/topology/measures?thorough=1").json
    switches = {switch["dpid"] for switch in client.get("/v1/topology").json["switches"]}
    assert found["network"] == "physical"
    assert found["switches"] == len(switches)
    assert {dpid for part in found["parts"] for dpid in part} == switches
    assert found["connected"] == (len(found["parts"]) <= 1)
    assert {ranked["dpid"] for ranked in found["betweenness"]} == switches
    brief = client.get("/v1/topology/measures").json
    assert (brief["switch_connectivity"], brief["betweenness"]) == (None, [])
    assert client.get("/v1/topology/measures?thorough=maybe").status_int == 422
    assert client.get("/v1/topology/measures?network=nobody").status_int == 404


def test_links_that_are_held_are_shown_with_the_reason(client: Any) -> None:
    assert "held_links" not in client.get("/v1/topology").json
    held = HeldLink(Link(PortRef(1, 4), PortRef(3, 4)), "relayed")
    client.discovery.current = replace(client.discovery.view(), version=8, held=(held,))
    assert client.get("/v1/topology").json["held_links"] == [
        {"src": {"dpid": S1, "port_no": 4}, "dst": {"dpid": S3, "port_no": 4}, "state": "relayed"}
    ]
