"""Graph files from anywhere: read when they are graphs, refused when they are traps."""

from __future__ import annotations

import io
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.catalogue import build
from topologies.graph_files import MAX_BYTES, graph_from, parse
from topologies.graphs import GraphError
from topologies.raw_graph import MAX_DEPTH, RawGraph

# In the manner of the Topology Zoo: labels behind a key, parallel cables, a self-loop.
GRAPHML = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="label" attr.type="string" for="node" id="d33"/>
  <key attr.name="Country" attr.type="string" for="node" id="d30"/>
  <graph edgedefault="undirected">
    <node id="0"><data key="d30">Brazil</data><data key="d33">Niterói &amp; Rio</data></node>
    <node id="1"><data key="d33">Paris</data></node>
    <node id="2"/>
    <edge source="0" target="1"><data key="d33">not a node's label</data></edge>
    <edge source="1" target="0"/>
    <edge source="1" target="2"/>
    <edge source="2" target="2"/>
  </graph>
</graphml>
"""
GML = """# a comment with a "quote
Creator "someone"
graph [
  directed 0
  node [ id 0 label "Niterói &#38; Rio" graphics [ x 1.5 y 2 ] ]
  node [ id 1 label "Paris" ]
  node [ id 2 ]
  edge [ source 0 target 1 LinkLabel "a [ b" ]
  edge [ source 1 target 0 ]
  edge [ source 1 target 2 ]
  edge [ source 2 target 2 ]
]
"""
LABELS = ["Niterói & Rio", "Paris", ""]
# The classic: a few hundred bytes that expand to gigabytes.
BOMB = """<?xml version="1.0"?><!DOCTYPE graphml [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><graphml><graph><node id="&b;"/></graph></graphml>"""


@pytest.mark.parametrize(("text", "suffix"), [(GRAPHML, ".graphml"), (GML, ".gml")])
def test_both_formats_give_the_same_network(text: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"Abilene{suffix}"
    file.write_text(text, encoding="utf-8")
    graph = build("zoo", path=str(file), hosts=2)
    assert graph.name == "Abilene"
    assert [switch.label for switch in graph.switches] == LABELS
    assert [(edge.dpid, edge.peer_dpid) for edge in graph.edges] == [(1, 2), (2, 1), (2, 3)]
    assert len(graph.hosts) == 6


@given(seed=st.integers(0, 10_000), n=st.integers(1, 20))
@settings(max_examples=25)
def test_what_another_program_wrote_is_read(seed: int, n: int) -> None:
    picture = nx.gnm_random_graph(n, n, seed=seed)
    buffer = io.BytesIO()
    nx.write_graphml(picture, buffer)
    from_graphml = parse(buffer.getvalue(), ".graphml")
    from_gml = parse("\n".join(nx.generate_gml(picture)).encode(), ".gml")
    for raw in (from_graphml, from_gml):
        graph = graph_from(raw, "written", hosts=0)
        assert len(graph.switches) == n
        found = {frozenset((edge.dpid - 1, edge.peer_dpid - 1)) for edge in graph.edges}
        assert found == {frozenset(edge) for edge in picture.edges}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "document types"),
        ("<!DOCTYPE graphml SYSTEM 'file:///etc/passwd'><graphml/>", "document types"),
        ("", "well-formed"),
        ("<graphml>", "well-formed"),
        ("<graphml/>", "no <graph>"),
        ("<graph><node/></graph>", "without 'id'"),
        ("<graph><edge source='1'/></graph>", "without 'target'"),
        ("<graph><node id='1'/><node id='1'/></graph>", "two nodes"),
        ("<a>" * (MAX_DEPTH + 1), "deep"),
        ("<?xml version='1.0' encoding='nonsense'?><graph/>", "well-formed"),
    ],
)
def test_graphml_that_is_refused(text: str, words: str) -> None:
    with pytest.raises(GraphError, match=words):
        parse(text.encode(), ".graphml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no graph"),
        ("graph 3", "no graph"),
        ("graph [", "without an end"),
        ("graph [ node [ id 1 ]", "without an end"),
        ("graph [ node ]", "no value"),
        ("graph", "no value"),
        ("]", "expected a key"),
        ('"text" 1', "expected a key"),
        ('graph [ node [ id 1 label "open ] ]', "line 1: a string"),
        ("graph [ node [ label 1 ] ]", "without 'id'"),
        ("graph [ edge [ source 1 ] ]", "without 'target'"),
        ("graph [ node [ id 1 ] node [ id 1 ] ]", "two nodes"),
        ("a [ " * (MAX_DEPTH + 2), "deep"),
    ],
)
def test_gml_that_is_refused(text: str, words: str) -> None:
    with pytest.raises(GraphError, match=words):
        parse(text.encode(), ".gml")


@given(
    data=st.one_of(
        st.binary(max_size=300), st.text('graph [ ]"#\n<>/&;=node id', max_size=200).map(str.encode)
    ),
    suffix=st.sampled_from([".graphml", ".gml"]),
)
@settings(max_examples=300)
def test_nonsense_is_refused_and_nothing_else(data: bytes, suffix: str) -> None:
    try:
        raw = parse(data, suffix)
    except GraphError:
        raw = RawGraph()
    assert isinstance(raw, RawGraph)


def test_bounds_of_nodes_and_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topologies.raw_graph.MAX_NODES", 1)
    monkeypatch.setattr("topologies.raw_graph.MAX_EDGES", 0)
    raw = RawGraph()
    raw.add_node("1")
    with pytest.raises(GraphError, match="more than 1 nodes"):
        raw.add_node("2")
    with pytest.raises(GraphError, match="more than 0 edges"):
        raw.add_edge("1", "1")


def test_an_edge_to_nowhere_is_refused() -> None:
    with pytest.raises(GraphError, match="not there"):
        graph_from(RawGraph({"1": ""}, [("1", "2")]), "x", 1)


def test_files_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="No such file"):
        build("zoo", path=str(tmp_path / "absent.gml"))
    with pytest.raises(GraphError, match="neither"):
        parse(b"", ".png")
    with pytest.raises(GraphError, match="larger"):
        parse(b" " * (MAX_BYTES + 1), ".gml")
    large = tmp_path / "large.gml"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(GraphError, match="larger"):
        build("zoo", path=str(large))
