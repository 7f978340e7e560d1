"""Routes through waypoints, held against networkx and against every path there is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, pairwise, permutations
from types import MappingProxyType

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core.errors import InvalidInput, NoRoute
from horizon_ryu.core.paths import Hop
from horizon_ryu.core.routes.disjoint import shortest_through
from horizon_ryu.core.routes.graph import RouteGraph
from horizon_ryu.core.routes.ordered import simple_path
from horizon_ryu.core.routes.route import RouteKind
from horizon_ryu.core.routes.search import BUDGET, find_route, hops_exist, route_through
from horizon_ryu.core.routes.shortest import shortest
from horizon_ryu.core.topology import Link, Port, PortRef, Segment, Switch, TopologyView

EDGE = 99
"""The port of the host at each switch."""


def network(cables: Iterable[tuple[int, int]], speeds: Iterable[int] = ()) -> TopologyView:
    """Ports are numbered from 1 in the order of the cables."""
    ports: dict[int, dict[int, Port]] = {}
    links = {}

    def plug(dpid: int, speed: int) -> PortRef:
        here = ports.setdefault(dpid, {EDGE: Port(EDGE, "edge", bytes(6), True)})
        number = len(here)
        here[number] = Port(number, f"p{number}", bytes(6), True, speed)
        return PortRef(dpid, number)

    for place, (one, other) in enumerate(cables):
        speed = (list(speeds) + [0] * (place + 1))[place]
        ends = plug(one, speed), plug(other, speed)
        for src, dst in (ends, ends[::-1]):
            links[src] = Link(src, dst)
    switches = {
        dpid: Switch(dpid, "192.0.2.1:1", 4, MappingProxyType(own)) for dpid, own in ports.items()
    }
    return TopologyView(1, switches, links, {})


def graph(cables: Iterable[tuple[int, int]], speeds: Iterable[int] = ()) -> RouteGraph:
    return RouteGraph(network(cables, speeds))


def route(built: RouteGraph, src: int, dst: int, *waypoints: int) -> tuple[RouteKind, list[int]]:
    found = find_route(built, PortRef(src, EDGE), PortRef(dst, EDGE), waypoints)
    check(built, found.hops, found.stages)
    assert found.hops[0].dpid == src
    assert found.hops[-1].dpid == dst
    # To pass a switch twice without leaving it is to pass it once.
    wanted = [dpid for dpid, _ in groupby((src, *waypoints, dst))]
    assert passes([hop.dpid for hop in found.hops], wanted), "waypoints in their order"
    return found.kind, [hop.dpid for hop in found.hops]


def check(built: RouteGraph, hops: tuple[Hop, ...], stages: tuple[int, ...]) -> None:
    assert (hops[0].in_port, hops[-1].out_port) == (EDGE, EDGE)
    assert hops_exist(built, hops)
    passages = [(hop.dpid, hop.in_port, stage) for hop, stage in zip(hops, stages, strict=True)]
    assert len(set(passages)) == len(passages), "two passages that nothing tells apart"


SQUARE = [(1, 2), (2, 3), (3, 4), (4, 1)]


def test_without_waypoints_the_shortest_path_by_the_lowest_dpids() -> None:
    assert route(graph(SQUARE), 1, 3) == (RouteKind.SIMPLE, [1, 2, 3])
    assert route(graph(SQUARE), 1, 1) == (RouteKind.SIMPLE, [1])


def test_a_waypoint_is_passed_on_a_simple_path_even_if_a_walk_were_shorter() -> None:
    # 1-2-3-4 in a row, and a long way round from 3 to 4 past 5: through 5 and to 2.
    ring = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1)]
    assert route(graph(ring), 1, 2, 3) == (RouteKind.SIMPLE, [1, 6, 5, 4, 3, 2])


def test_the_figure_of_the_report() -> None:
    """Fig. 3.4: through A, B and D; that C lies between is found out."""
    built = graph([(1, 6), (6, 5), (5, 4), (1, 2), (2, 3), (3, 4)])
    assert route(built, 1, 4, 2) == (RouteKind.SIMPLE, [1, 2, 3, 4])


def test_a_dead_end_is_walked_into_and_out_of() -> None:
    kind, dpids = route(graph([(1, 2), (2, 3), (2, 4)]), 1, 3, 4)
    assert (kind, dpids) == (RouteKind.WALK, [1, 2, 4, 2, 3])


def test_a_second_cable_is_used_before_a_tag() -> None:
    once, twice = [(1, 2), (2, 3)], [(1, 2), (1, 2), (2, 3)]
    assert route(graph(once), 1, 3, 2, 1, 2)[0] is RouteKind.TAGGED
    assert route(graph(twice), 1, 3, 2, 1, 2)[0] is RouteKind.WALK


def test_stages_begin_where_a_port_is_entered_again() -> None:
    built = graph([(1, 2), (2, 3)])
    found = find_route(built, PortRef(1, EDGE), PortRef(3, EDGE), (2, 1, 2))
    assert [hop.dpid for hop in found.hops] == [1, 2, 1, 2, 3]
    assert found.stages == (0, 0, 0, 1, 1)


def test_of_parallel_links_the_fastest_then_the_lowest_ports() -> None:
    built = graph([(1, 2), (1, 2), (1, 2)], [100, 1000, 1000])
    found = find_route(built, PortRef(1, EDGE), PortRef(2, EDGE))
    assert found.hops == (Hop(1, EDGE, 2), Hop(2, 2, EDGE))


def test_links_seen_in_one_direction_are_not_used() -> None:
    view = network(SQUARE)
    one_way = PortRef(1, 1)
    links = {src: link for src, link in view.links.items() if src != one_way}
    built = RouteGraph(TopologyView(2, view.switches, links, {}))
    assert route(built, 1, 2) == (RouteKind.SIMPLE, [1, 4, 3, 2])


@pytest.mark.parametrize(("waypoint", "words"), [(9, "not in the network"), (7, "no path leads")])
def test_what_is_out_of_reach_is_named(waypoint: int, words: str) -> None:
    built = graph([*SQUARE, (7, 8)])
    with pytest.raises(NoRoute, match=words) as refused:
        route(built, 1, 3, waypoint)
    assert refused.value.dpid == waypoint


def test_what_a_segment_alone_joins_is_out_of_reach_and_it_is_said_why() -> None:
    view = network([*SQUARE, (7, 8)])
    across = Segment((PortRef(4, EDGE), PortRef(7, EDGE)))
    segments = dict.fromkeys(across.ports, across)
    built = RouteGraph(TopologyView(1, view.switches, view.links, {}, segments))
    ends = PortRef(1, EDGE), PortRef(8, EDGE)
    with pytest.raises(NoRoute, match="across a segment"):
        find_route(built, *ends)
    with pytest.raises(NoRoute, match="across a segment"):
        route_through(built, *ends, (1, 4, 7, 8))
    assert route(built, 1, 3) == (RouteKind.SIMPLE, [1, 2, 3])


def test_a_given_path_is_taken_as_it_is() -> None:
    built = graph(SQUARE)
    found = route_through(built, PortRef(1, EDGE), PortRef(3, EDGE), (1, 4, 3))
    assert [hop.dpid for hop in found.hops] == [1, 4, 3]
    with pytest.raises(NoRoute, match="not linked") as refused:
        route_through(built, PortRef(1, EDGE), PortRef(3, EDGE), (1, 3))
    assert refused.value.dpid == 3
    with pytest.raises(InvalidInput, match="begin at switch"):
        route_through(built, PortRef(1, EDGE), PortRef(3, EDGE), (2, 3))


def test_a_given_path_goes_over_a_second_cable_where_the_first_is_taken() -> None:
    built = graph([(1, 2), (1, 2), (2, 3)])
    found = route_through(built, PortRef(1, EDGE), PortRef(3, EDGE), (1, 2, 1, 2, 3))
    assert found.kind is RouteKind.WALK


def test_a_path_does_not_exist_any_more_when_one_link_is_gone() -> None:
    view = network(SQUARE)
    found = find_route(RouteGraph(view), PortRef(1, EDGE), PortRef(3, EDGE))
    gone = PortRef(2, found.hops[1].out_port)
    links = {src: link for src, link in view.links.items() if src != gone and link.dst != gone}
    assert not hops_exist(RouteGraph(TopologyView(2, view.switches, links, {})), found.hops)


@st.composite
def cabled(draw: st.DrawFn) -> list[tuple[int, int]]:
    pairs = st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda pair: pair[0] != pair[1])
    return draw(st.lists(pairs, min_size=3, max_size=16))


def every_simple_path(cables: list[tuple[int, int]], src: int, dst: int) -> list[list[int]]:
    return [[src]] if src == dst else list(nx.all_simple_paths(nx.Graph(cables), src, dst))


@settings(max_examples=examples(50, 300), derandomize=True)
@given(cables=cabled(), data=st.data())
def test_the_shortest_simple_path_is_found_if_there_is_one(cables, data) -> None:
    dpids = sorted({dpid for cable in cables for dpid in cable})
    src, *stops = data.draw(st.permutations(dpids).map(lambda order: order[:4]))
    neighbors = graph(cables).neighbors
    paths = every_simple_path(cables, src, stops[-1])
    fits = [path for path in paths if passes(path, stops[:-1])]
    best = min(map(len, fits), default=None)
    found = {
        1: lambda: shortest(neighbors, src, stops[0]),
        2: lambda: shortest_through(neighbors, src, stops[0], stops[1]),
        3: lambda: simple_path(neighbors, src, stops, BUDGET),
    }[len(stops)]()
    assert (found and len(found)) == best
    if found is not None:
        assert list(found) in fits


@settings(max_examples=examples(50, 300), derandomize=True)
@given(cables=cabled(), data=st.data())
def test_one_waypoint_exactly(cables, data) -> None:
    dpids = sorted({dpid for cable in cables for dpid in cable})
    chosen = data.draw(st.sampled_from(list(permutations(dpids[:6], min(3, len(dpids))))))
    if len(chosen) < 3:
        return
    src, waypoint, dst = chosen
    fits = [path for path in every_simple_path(cables, src, dst) if waypoint in path]
    found = shortest_through(graph(cables).neighbors, src, waypoint, dst)
    assert (found and len(found)) == min(map(len, fits), default=None)


def passes(path: list[int], waypoints: list[int]) -> bool:
    left = iter(path)
    return all(dpid in left for dpid in waypoints)


@settings(max_examples=examples(50, 300), derandomize=True)
@given(cables=cabled(), data=st.data())
def test_whatever_is_asked_is_passed_and_told_apart(cables, data) -> None:
    built = graph(cables)
    dpids = sorted(built.neighbors)
    src, dst = data.draw(st.sampled_from(dpids)), data.draw(st.sampled_from(dpids))
    waypoints = data.draw(st.lists(st.sampled_from(dpids), max_size=4))
    whole = nx.Graph(cables)
    if all(nx.has_path(whole, src, dpid) for dpid in (*waypoints, dst)):
        kind, passed = route(built, src, dst, *waypoints)
        assert (kind is RouteKind.SIMPLE) == (len(set(passed)) == len(passed))
        assert route(built, src, dst, *waypoints) == (kind, passed), "deterministic"
    else:
        with pytest.raises(NoRoute):
            route(built, src, dst, *waypoints)


@settings(max_examples=examples(40, 200), derandomize=True)
@given(cables=cabled(), data=st.data())
def test_without_waypoints_as_short_as_networkx_finds_it(cables, data) -> None:
    dpids = sorted({dpid for cable in cables for dpid in cable})
    src, dst = data.draw(st.sampled_from(dpids)), data.draw(st.sampled_from(dpids))
    whole = nx.Graph(cables)
    found = shortest(graph(cables).neighbors, src, dst)
    assert (found is not None) == nx.has_path(whole, src, dst)
    if found is not None:
        assert len(found) == 1 + nx.shortest_path_length(whole, src, dst)
        assert list(found) == min(nx.all_shortest_paths(whole, src, dst))
        assert all(whole.has_edge(*pair) for pair in pairwise(found))
