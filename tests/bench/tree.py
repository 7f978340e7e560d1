"""The spanning tree of big networks against networkx's bfs_tree on the same graph.

Ours takes the links as Discovery publishes them and gives back the trees and every blocked port.
networkx is timed twice: from the same links, and with its graph ready made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import networkx

from bench.table import Figure
from horizon_ryu.core.spanning_tree.forest import build_forest
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyView

SIZES = (500, 5_000)
CABLES_PER_SWITCH = 2
REPEATS = 5


def network(size: int) -> TopologyView:
    """Return a connected random topology, the same each time."""
    graph = networkx.gnm_random_graph(size, size * CABLES_PER_SWITCH, seed=size)
    graph.add_edges_from((n, n + 1) for n in range(size - 1))
    ports: dict[int, dict[int, Port]] = {dpid: {} for dpid in graph}
    links = {}
    for one, two in graph.edges:
        ends = []
        for dpid in (one, two):
            number = len(ports[dpid]) + 1
            ports[dpid][number] = Port(number, f"p{number}", bytes(6), True, 10_000_000)
            ends.append(PortRef(dpid, number))
        for src, dst in (ends, ends[::-1]):
            links[src] = Link(src, dst)
    switches = {dpid: Switch(dpid, "", 4, ports[dpid]) for dpid in graph}
    return TopologyView(1, switches, links)


def graph_of(view: TopologyView) -> networkx.Graph[int]:
    """Return the view as networkx needs it."""
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_nodes_from(view.switches)
    graph.add_edges_from((link.src.dpid, link.dst.dpid) for link in view.links.values())
    return graph


def whole_bfs_tree(view: TopologyView, root: int) -> object:
    """Return networkx's tree, from the links on."""
    return networkx.bfs_tree(graph_of(view), root)


def best_ms(call: Callable[[], object]) -> float:
    """Return the shortest of some runs in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def figures() -> Iterator[Figure]:
    """Measure every size."""
    for size in SIZES:
        view = network(size)
        graph = graph_of(view)
        root = min(view.switches)
        ours = best_ms(partial(build_forest, view))
        whole = best_ms(partial(whole_bfs_tree, view, root))
        bare = best_ms(partial(networkx.bfs_tree, graph, root))
        name = f"{size:,} switches, {len(view.links):,} links"
        yield Figure(f"{name}", "ms", ours, whole)
        yield Figure(f"{name}, their graph ready", "ms", ours, bare)
