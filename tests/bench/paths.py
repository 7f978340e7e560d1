"""Paths through one waypoint against networkx's plain shortest path between the same ends.

Both have their graph ready. Ours is a whole route, with its ports.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator

import networkx

from bench.table import Figure
from horizon_ryu.core.routes.graph import RouteGraph
from horizon_ryu.core.routes.search import find_route
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyView

SIZES = (1_000, 10_000)
TRIPLES = 60
EDGE = 1
"""The port of the host at each switch."""


def graphs(size: int) -> Iterator[tuple[str, networkx.Graph[int]]]:
    """Yield networks of a kind: a mesh of short links, and one where all is near to all."""
    side = round(size**0.5)
    grid = networkx.grid_2d_graph(side, size // side)
    yield "grid", networkx.convert_node_labels_to_integers(grid)
    yield "random, 4 links each", networkx.random_regular_graph(4, size, seed=1)
    near = networkx.random_geometric_graph(size, (8 / size / 3.14) ** 0.5, seed=3)
    whole = near.subgraph(max(networkx.connected_components(near), key=len))
    yield "geometric, 8 links each", networkx.convert_node_labels_to_integers(whole)


def route_graph(graph: networkx.Graph[int]) -> RouteGraph:
    """Return the same network as Discovery would publish it."""
    ports: dict[int, dict[int, Port]] = {
        dpid: {EDGE: Port(EDGE, "edge", bytes(6), True)} for dpid in graph
    }
    links = {}

    def plug(dpid: int) -> PortRef:
        number = len(ports[dpid]) + 1
        ports[dpid][number] = Port(number, f"p{number}", bytes(6), True)
        return PortRef(dpid, number)

    for one, other in graph.edges:
        ends = plug(one), plug(other)
        for src, dst in (ends, ends[::-1]):
            links[src] = Link(src, dst)
    switches = {dpid: Switch(dpid, "", 4, ports[dpid]) for dpid in graph}
    return RouteGraph(TopologyView(1, switches, links))


def mean_ms(call: Callable[[int, int, int], object], triples: list[list[int]]) -> float:
    """Return the mean time of a call over all triples, the best of three rounds."""
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        for triple in triples:
            call(*triple)
        rounds.append((time.perf_counter() - start) / len(triples) * 1000)
    return statistics.fmean(sorted(rounds)[:1])


def figures() -> Iterator[Figure]:
    """Measure each kind of network in each size."""
    for size in SIZES:
        for kind, graph in graphs(size):
            ours = route_graph(graph)
            random_numbers = random.Random(size)
            nodes = sorted(graph)
            triples = [random_numbers.sample(nodes, 3) for _ in range(TRIPLES)]

            def through(src: int, waypoint: int, dst: int, ours: RouteGraph = ours) -> object:
                return find_route(ours, PortRef(src, EDGE), PortRef(dst, EDGE), (waypoint,))

            def plain(src: int, _: int, dst: int, graph: networkx.Graph[int] = graph) -> object:
                return networkx.shortest_path(graph, src, dst)

            name = f"{len(graph):,} switches, {kind}: one waypoint"
            yield Figure(name, "ms", mean_ms(through, triples), mean_ms(plain, triples))
