"""Paths: as short as networkx finds them, the same on every run, and only over usable links."""

from __future__ import annotations

import itertools

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from horizon_ryu.core.paths import MAX_STEPS, Hop, PathFinder
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyView

HOST_PORT = 99


def cable(a: tuple[int, int], b: tuple[int, int]) -> list[Link]:
    link = Link(PortRef(*a), PortRef(*b))
    return [link, link.reversed()]


def view_of(
    dpids: object, links: list[Link], speed: dict[PortRef, int] | None = None
) -> TopologyView:
    speed = speed or {}
    refs = {ref for link in links for ref in (link.src, link.dst)}
    switches = {}
    for dpid in dpids:  # type: ignore[attr-defined]
        ports = {
            ref.port_no: Port(ref.port_no, f"p{ref.port_no}", bytes(6), True, speed.get(ref, 0))
            for ref in refs
            if ref.dpid == dpid
        }
        switches[dpid] = Switch(dpid, "127.0.0.1", 4, ports)
    return TopologyView(1, switches, {link.src: link for link in links})


def view_of_graph(graph: networkx.Graph) -> TopologyView:
    links = []
    for number, (a, b) in enumerate(graph.edges, start=1):
        links += cable((a, 2 * number), (b, 2 * number + 1))
    return view_of(graph.nodes, links)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 14))
def test_paths_are_shortest_and_connected(seed: int, size: int) -> None:
    graph = networkx.gnm_random_graph(size, size + seed % 7, seed=seed)
    view = view_of_graph(graph)
    finder = PathFinder(view)
    lengths = dict(networkx.all_pairs_shortest_path_length(graph))
    for src in graph:
        for dst in graph:
            path = finder.path(src, PortRef(dst, HOST_PORT), 7)
            if dst not in lengths[src]:
                assert path is None
                continue
            assert path is not None
            assert len(path) == lengths[src][dst] + 1
            assert (path[0].dpid, path[0].in_port) == (src, 7)
            assert (path[-1].dpid, path[-1].out_port) == (dst, HOST_PORT)
            for here, after in itertools.pairwise(path):
                link = view.links[PortRef(here.dpid, here.out_port)]
                assert link.dst == PortRef(after.dpid, after.in_port or 0)


def test_of_equal_paths_the_lowest_neighbour() -> None:
    links = (
        cable((1, 1), (3, 1))
        + cable((1, 2), (2, 1))
        + cable((2, 2), (4, 1))
        + cable((3, 2), (4, 2))
    )
    path = PathFinder(view_of([4, 3, 2, 1], links)).path(1, PortRef(4, 9))
    assert path == (Hop(1, None, 2), Hop(2, 1, 2), Hop(4, 1, 9))


def test_of_parallel_links_the_fastest_then_the_lowest_both_ways() -> None:
    links = cable((1, 1), (2, 3)) + cable((1, 2), (2, 2)) + cable((1, 3), (2, 1))
    plain = PathFinder(view_of([1, 2], links))
    assert plain.path(1, PortRef(2, 9)) == (Hop(1, None, 1), Hop(2, 3, 9))
    assert plain.path(2, PortRef(1, 9)) == (Hop(2, None, 3), Hop(1, 1, 9))
    speed = {PortRef(1, 1): 10, PortRef(2, 3): 1, PortRef(1, 3): 5, PortRef(2, 1): 5}
    fast = PathFinder(view_of([1, 2], links, speed))
    assert fast.path(1, PortRef(2, 9)) == (Hop(1, None, 3), Hop(2, 1, 9))


def test_one_way_links_and_loops_on_one_switch_are_not_used() -> None:
    one_way = Link(PortRef(1, 1), PortRef(2, 1))
    loop = cable((1, 5), (1, 6))
    finder = PathFinder(view_of([1, 2], [one_way, *loop]))
    assert finder.path(1, PortRef(2, 9)) is None
    assert finder.path(1, PortRef(1, 9), 8) == (Hop(1, 8, 9),)
    assert PortRef(2, 1) in finder.link_ports
    assert PortRef(1, 5) in finder.link_ports


def test_links_of_unknown_switches_are_not_used() -> None:
    links = cable((1, 1), (2, 1)) + cable((2, 2), (3, 1))
    finder = PathFinder(view_of([1, 3], links))
    assert finder.path(1, PortRef(3, 9)) is None
    assert finder.path(1, PortRef(2, 9)) is None
    assert finder.path(2, PortRef(2, 9)) is None


def test_a_transit_is_current_until_its_links_change() -> None:
    links = cable((1, 1), (2, 1)) + cable((2, 2), (3, 1))
    transit = PathFinder(view_of([1, 2, 3], links)).transit(1, 3)
    assert transit is not None
    assert PathFinder(view_of([1, 2, 3], links)).is_current(transit)
    assert not PathFinder(view_of([1, 2, 3], links[:2])).is_current(transit)


def test_memory_of_steps_is_bounded() -> None:
    finder = PathFinder(view_of([1, 2], cable((1, 1), (2, 1))))
    finder._remembered = MAX_STEPS
    assert finder.path(1, PortRef(2, 9)) is not None
    assert finder._remembered <= 2
    assert finder.path(1, PortRef(2, 9)) == (Hop(1, None, 1), Hop(2, 1, 9))
