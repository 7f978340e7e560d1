"""The forest of report 3.5, against its figures and against properties on random graphs."""

from __future__ import annotations

from itertools import pairwise

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from executed_lines import executed_lines
from horizon_ryu.core.spanning_tree.forest import build_forest
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyView

Cables = list[tuple[tuple[int, int], tuple[int, int]]]


def view_of(
    cables: Cables, alone: tuple[int, ...] = (), speeds: dict[PortRef, int] | None = None
) -> TopologyView:
    """Return a view with both directions of ``cables``, given as ((dpid, port), (dpid, port))."""
    ports: dict[int, dict[int, Port]] = {dpid: {} for dpid in alone}
    links = {}
    for one, other in cables:
        for end, peer in ((PortRef(*one), PortRef(*other)), (PortRef(*other), PortRef(*one))):
            speed = (speeds or {}).get(end, 0)
            ports.setdefault(end.dpid, {})[end.port_no] = Port(
                end.port_no, "", bytes(6), True, speed
            )
            links[end] = Link(end, peer)
    switches = {dpid: Switch(dpid, "", 4, table) for dpid, table in ports.items()}
    return TopologyView(1, switches, links)


def numbered(*pairs: tuple[int, int]) -> Cables:
    """Give each cable ports of its own, in order."""
    used: dict[int, int] = {}
    cables = []
    for pair in pairs:
        ends = []
        for dpid in pair:
            used[dpid] = used.get(dpid, 0) + 1
            ends.append((dpid, used[dpid]))
        cables.append((ends[0], ends[1]))
    return cables


A, B, C, D, E, F, G, H = range(1, 9)


def test_triangle_of_figure_3_7_loses_one_link() -> None:
    forest = build_forest(view_of(numbered((A, B), (B, C), (A, C))))
    assert {(link.src.dpid, link.dst.dpid) for link in forest.links()} == {
        (A, B),
        (B, A),
        (A, C),
        (C, A),
    }
    assert forest.blocked == {PortRef(B, 2), PortRef(C, 1)}


def test_search_is_breadth_first_in_the_order_of_ids() -> None:
    cables = numbered((A, C), (A, B), (B, E), (B, D), (C, F), (D, G), (E, H), (D, E), (F, H))
    (tree,) = build_forest(view_of(cables)).trees
    assert tree.root == A
    assert tree.switches == (A, B, C, D, E, F, G, H)
    assert [(link.src.dpid, link.dst.dpid) for link in tree.links[::2]] == [
        (A, B),
        (A, C),
        (B, D),
        (B, E),
        (C, F),
        (D, G),
        (E, H),
    ]


def test_ring_of_six_has_depth_three() -> None:
    view = view_of(numbered(*pairwise((1, 2, 3, 4, 5, 6, 1))))
    graph: networkx.Graph[int] = networkx.Graph(
        (link.src.dpid, link.dst.dpid) for link in build_forest(view).links()
    )
    assert max(networkx.single_source_shortest_path_length(graph, 1).values()) == 3


def test_each_part_has_a_tree_and_a_lone_switch_is_one() -> None:
    forest = build_forest(view_of(numbered((5, 4), (2, 3)), alone=(9,)))
    assert [(tree.root, tree.switches) for tree in forest.trees] == [
        (2, (2, 3)),
        (4, (4, 5)),
        (9, (9,)),
    ]
    assert forest.blocked == frozenset()


def test_fastest_of_parallel_links_is_taken_and_of_equals_the_lowest_port() -> None:
    cables = numbered((A, B), (A, B), (A, B))
    fast = {PortRef(A, 3): 10_000_000, PortRef(B, 3): 10_000_000, PortRef(A, 2): 10_000_000}
    forest = build_forest(view_of(cables, speeds=fast))
    assert [link.src for link in forest.links()] == [PortRef(A, 3), PortRef(B, 3)]
    forest = build_forest(view_of(cables))
    assert [link.src for link in forest.links()] == [PortRef(A, 1), PortRef(B, 1)]


def test_one_way_links_are_never_in_a_tree() -> None:
    view = view_of(numbered((A, B), (B, C)))
    links = dict(view.links)
    del links[PortRef(B, 1)]
    forest = build_forest(TopologyView(2, view.switches, links))
    assert [tree.switches for tree in forest.trees] == [(A,), (B, C)]
    assert forest.blocked == {PortRef(A, 1), PortRef(B, 1)}


def test_link_to_itself_is_blocked() -> None:
    forest = build_forest(view_of([((A, 1), (A, 2)), ((A, 3), (B, 1))]))
    assert forest.blocked == {PortRef(A, 1), PortRef(A, 2)}


def test_links_of_unknown_switches_are_blocked() -> None:
    view = view_of(numbered((A, B)))
    forest = build_forest(TopologyView(1, {A: view.switches[A]}, view.links))
    assert forest.trees[0].links == ()
    assert PortRef(A, 1) in forest.blocked


def test_contains_knows_both_directions() -> None:
    view = view_of(numbered((A, B), (A, B)))
    forest = build_forest(view)
    kept, other = view.links[PortRef(A, 1)], view.links[PortRef(A, 2)]
    assert forest.contains(kept)
    assert forest.contains(kept.reversed())
    assert not forest.contains(other)


def test_usable_restricts_the_search() -> None:
    view = view_of(numbered((A, B), (B, C), (A, C)))
    usable = {view.links[PortRef(B, 1)], view.links[PortRef(B, 2)]}
    forest = build_forest(view, usable)
    assert {link.src for link in forest.links()} == {
        PortRef(A, 1),
        PortRef(B, 1),
        PortRef(B, 2),
        PortRef(C, 1),
    }


@st.composite
def views(draw: st.DrawFn) -> TopologyView:
    """Draw a network: parallel links, loops, one-way links and several parts included."""
    dpids = draw(st.lists(st.integers(1, 2**64 - 1), min_size=1, max_size=9, unique=True))
    pairs = draw(st.lists(st.tuples(st.sampled_from(dpids), st.sampled_from(dpids)), max_size=18))
    view = view_of(numbered(*pairs), alone=tuple(dpids))
    lost = draw(st.sets(st.sampled_from(sorted(view.links)))) if view.links else set()
    links = {src: link for src, link in view.links.items() if src not in lost}
    return TopologyView(1, view.switches, links)


@given(views())
@settings(max_examples=examples(60, 150))
def test_forest_spans_exactly_what_two_way_links_join(view: TopologyView) -> None:
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_nodes_from(view.switches)
    graph.add_edges_from(
        (link.src.dpid, link.dst.dpid)
        for link in view.links.values()
        if view.is_bidirectional(link)
    )
    forest = build_forest(view)
    assert {frozenset(tree.switches) for tree in forest.trees} == {
        frozenset(part) for part in networkx.connected_components(graph)
    }
    ends = {end for link in view.links.values() for end in (link.src, link.dst)}
    assert forest.blocked == ends - {link.src for link in forest.links()}
    for tree in forest.trees:
        assert tree.root == min(tree.switches) == tree.switches[0]
        assert len(tree.links) == 2 * (len(tree.switches) - 1)
        found: networkx.Graph[int] = networkx.Graph()
        found.add_edges_from((link.src.dpid, link.dst.dpid) for link in tree.links)
        found.add_node(tree.root)
        shortest = networkx.single_source_shortest_path_length(graph, tree.root)
        assert networkx.single_source_shortest_path_length(found, tree.root) == shortest


def large_view(size: int) -> TopologyView:
    pairs = [(dpid, dpid // 2) for dpid in range(2, size + 1)]
    pairs += [(dpid, dpid - 1) for dpid in range(3, size + 1)]
    return view_of(numbered(*pairs))


def test_the_search_s_work_grows_as_the_network_does() -> None:
    """How fast that is, is the benchmark's."""
    small, large = large_view(500), large_view(5_000)
    assert len(build_forest(large).trees[0].switches) == 5_000
    work = executed_lines(lambda: build_forest(small))
    assert executed_lines(lambda: build_forest(large)) < 11 * work
