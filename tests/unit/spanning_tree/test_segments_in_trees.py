"""Segments in the tree: one open port for each part of the network that a foreign bridge joins."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.spanning_tree.forest import build_forest
from horizon_ryu.core.topology import Link, Port, PortRef, Segment, Switch, TopologyView

A, B, C = 1, 2, 3


def view(dpids: range, cables: list[tuple[PortRef, PortRef]], *segments: Segment) -> TopologyView:
    ports = {number: Port(number, f"p{number}", bytes(6), True) for number in range(1, 30)}
    switches = {dpid: Switch(dpid, "", 4, ports) for dpid in dpids}
    links = {
        src: Link(src, dst) for one, other in cables for src, dst in ((one, other), (other, one))
    }
    of = {ref: segment for segment in segments for ref in segment.ports}
    return TopologyView(1, switches, links, {}, of)


def segment(*ends: tuple[int, int]) -> Segment:
    return Segment(tuple(sorted(PortRef(*end) for end in ends)))


def test_a_bridge_beside_a_cable_is_a_leaf_with_one_open_port() -> None:
    cable = (PortRef(A, 1), PortRef(B, 1))
    forest = build_forest(view(range(1, 3), [cable], segment((A, 2), (B, 2))))
    assert forest.attached == {PortRef(A, 2)}
    assert forest.blocked == {PortRef(B, 2)}
    assert forest.contains(Link(*cable))
    assert [tree.switches for tree in forest.trees] == [(A, B)]


def test_a_bridge_that_alone_joins_switches_is_open_at_each_of_them() -> None:
    forest = build_forest(view(range(1, 4), [], segment((A, 2), (B, 2), (C, 2), (C, 3))))
    assert forest.attached == {PortRef(A, 2), PortRef(B, 2), PortRef(C, 2)}
    assert forest.blocked == {PortRef(C, 3)}
    assert [tree.switches for tree in forest.trees] == [(A, B, C)]


def test_of_two_bridges_between_the_same_switches_one_is_passed_and_one_is_a_leaf() -> None:
    forest = build_forest(view(range(1, 3), [], segment((A, 2), (B, 2)), segment((A, 3), (B, 3))))
    assert forest.attached == {PortRef(A, 2), PortRef(B, 2), PortRef(A, 3)}
    assert forest.blocked == {PortRef(B, 3)}


@given(st.data())
def test_trees_span_all_switches_and_segments_and_have_no_loop(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 7))
    free = {dpid: iter(range(1, 30)) for dpid in range(1, size + 1)}
    dpid = st.integers(1, size)
    ends = lambda chosen: [PortRef(one, next(free[one])) for one in chosen]  # noqa: E731
    cables = [
        tuple(ends(pair))
        for pair in data.draw(
            st.lists(st.tuples(dpid, dpid).filter(lambda p: p[0] != p[1]), max_size=4)
        )
    ]
    segments = [
        Segment(tuple(sorted(ends(chosen))))
        for chosen in data.draw(st.lists(st.lists(dpid, min_size=2, max_size=4), max_size=3))
    ]
    seen = view(range(1, size + 1), cables, *segments)
    forest = build_forest(seen)
    edges = {(link.src.dpid, link.dst.dpid) for link in forest.links() if link.src < link.dst}
    node = {one: -1 - number for number, one in enumerate(segments)}
    found = DisjointSets()
    assert all(found.join(*edge) for edge in edges), "no loop over links"
    assert all(found.join(ref.dpid, node[seen.segments[ref]]) for ref in forest.attached)
    whole = DisjointSets()
    for one, other in cables:
        whole.join(one.dpid, other.dpid)
    for one in segments:
        for ref in one.ports:
            whole.join(ref.dpid, node[one])
    everything = [*range(1, size + 1), *node.values()]
    for one, other in pairwise(everything):
        assert (found.find(one) == found.find(other)) == (whole.find(one) == whole.find(other))
    assert forest.blocked >= seen.segments.keys() - forest.attached
    assert not forest.blocked & forest.attached
