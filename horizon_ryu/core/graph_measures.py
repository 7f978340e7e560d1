"""Measures of a network as a graph of switches: what a loss would split, and how far it is across.

Cables that carry frames in both directions count, parallel ones each, and segments, which join all
of their ports: a node of the graph that is no switch, and crossed in one hop. Computed by networkx:
some seconds for a thousand switches, so it belongs beside the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any

from horizon_ryu.core.errors import LimitExceeded
from horizon_ryu.core.paths import usable_links
from horizon_ryu.core.topology import Link, PortRef, Segment, TopologyView

if TYPE_CHECKING:
    import networkx as nx

MAX_MEASURED = 2_000
"""Switches of a network that is measured."""
MAX_THOROUGH = 250
"""Switches of a network of which every pair is looked at for its connectivity."""


@dataclass(frozen=True, slots=True)
class GraphMeasures:
    """What is told of a network.

    ``parts`` are the dpids of each connected part, the largest first. ``cut_switches``,
    ``cut_cables``, ``cut_segments`` and ``cut_ports`` are those whose loss splits a part; a cable
    is told by one of its two links, and the cable into a segment by its port. ``diameter`` and
    ``mean_distance`` are in hops, of the largest part. The connectivities are how many switches, or
    cables, must be lost, at least, to split the network; 0 if it is split, None unless asked for.
    ``betweenness`` is, by dpid, the share of the shortest paths that lead across a switch, 0 to 1.
    """

    switches: int = 0
    cables: int = 0
    segments: int = 0
    parts: tuple[tuple[int, ...], ...] = ()
    cut_switches: tuple[int, ...] = ()
    cut_cables: tuple[Link, ...] = ()
    cut_segments: tuple[Segment, ...] = ()
    cut_ports: tuple[PortRef, ...] = ()
    diameter: int = 0
    mean_distance: float = 0.0
    switch_connectivity: int | None = None
    cable_connectivity: int | None = None
    betweenness: Mapping[int, float] = field(default_factory=dict)


def measure(view: TopologyView, is_thorough: bool = False) -> GraphMeasures:
    """Return the measures of ``view``; with ``is_thorough`` connectivities and betweenness too.

    LimitExceeded for a network that is too large for it.
    """
    _check_size(len(view.switches), is_thorough)
    # Loaded when somebody asks: it costs a start a fifth of a second.
    import networkx as nx

    cables, segments = _cables(view), _segments(view)
    graph: nx.MultiGraph[Any] = nx.MultiGraph()
    graph.add_nodes_from(sorted(view.switches))
    graph.add_edges_from((link.src.dpid, link.dst.dpid) for link in cables)
    graph.add_edges_from((ref.dpid, one) for one, refs in segments.items() for ref in refs)
    if not graph:
        return GraphMeasures()
    parts = sorted(map(_switches_of, nx.connected_components(graph)), key=_by_size)
    diameter, mean = _distances(graph, parts[0])
    bridges: Iterable[Any] = nx.bridges(graph)
    cuts = {frozenset(pair) for pair in bridges}
    cut_nodes = set(nx.articulation_points(graph))
    return GraphMeasures(
        switches=len(view.switches),
        cables=len(cables),
        segments=len(segments),
        parts=tuple(parts),
        cut_switches=_switches_of(cut_nodes),
        cut_cables=tuple(
            link for link in cables if frozenset((link.src.dpid, link.dst.dpid)) in cuts
        ),
        cut_segments=tuple(one for one in segments if one in cut_nodes),
        cut_ports=tuple(
            ref for one, refs in segments.items() for ref in refs if {ref.dpid, one} in cuts
        ),
        diameter=diameter,
        mean_distance=mean,
        switch_connectivity=_switch_connectivity(graph) if is_thorough else None,
        cable_connectivity=_cable_connectivity(graph, len(parts)) if is_thorough else None,
        betweenness=_betweenness(graph) if is_thorough else {},
    )


def _check_size(switches: int, is_thorough: bool) -> None:
    most = MAX_THOROUGH if is_thorough else MAX_MEASURED
    if switches > most:
        how = "measured thoroughly" if is_thorough else "measured"
        raise LimitExceeded(
            f"the network has {switches} switches; one of at most {most} is {how}: "
            "export the graph, and measure it with networkx where it may take its time"
        )


def _cables(view: TopologyView) -> list[Link]:
    """Return one link of each cable between two switches."""
    return sorted(
        (link for link in usable_links(view) if link.src < link.dst),
        key=lambda link: (link.src, link.dst),
    )


def _segments(view: TopologyView) -> dict[Segment, list[PortRef]]:
    """Return the segments between switches of the view, in order, with their ports there."""
    found = {
        segment: [ref for ref in segment.ports if ref.dpid in view.switches]
        for segment in sorted(set(view.segments.values()))
    }
    return {one: refs for one, refs in found.items() if len({ref.dpid for ref in refs}) > 1}


def _switches_of(nodes: Iterable[int | Segment]) -> tuple[int, ...]:
    return tuple(sorted(node for node in nodes if isinstance(node, int)))


def _by_size(part: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return -len(part), part


def _distances(graph: nx.MultiGraph[Any], part: tuple[int, ...]) -> tuple[int, float]:
    """Return the longest and the mean distance between the switches of a part, in hops."""
    longest = total = 0
    for start in part:
        far, in_all = _distances_from(graph, start)
        longest, total = max(longest, far), total + in_all
    pairs = len(part) * (len(part) - 1)
    return longest, total / pairs if pairs else 0.0


def _distances_from(graph: nx.MultiGraph[Any], start: int) -> tuple[int, int]:
    """Return how far the farthest switch is, and how far all of them are together."""
    met: set[int | Segment] = {start}
    level: set[int] = {start}
    hops = total = 0
    while level:
        beside = _beside(graph, level) - met
        across = _beside(graph, (node for node in beside if isinstance(node, Segment))) - met
        met |= beside | across
        level = {node for node in beside | across if isinstance(node, int)}
        hops += bool(level)
        total += hops * len(level)
    return hops, total


def _beside(graph: nx.MultiGraph[Any], nodes: Iterable[int | Segment]) -> set[int | Segment]:
    return set(chain.from_iterable(graph.adj[node] for node in nodes))


def _switch_connectivity(graph: nx.MultiGraph[Any]) -> int:
    """Return it with each segment as cables between all that it joins: it cannot be lost."""
    import networkx as nx

    joined: nx.Graph[int] = nx.Graph(graph)
    for segment in [node for node in joined if isinstance(node, Segment)]:
        joined.add_edges_from(combinations(list(joined.adj[segment]), 2))
        joined.remove_node(segment)
    return int(nx.node_connectivity(joined)) if len(joined) > 1 else 0


def _cable_connectivity(graph: nx.MultiGraph[Any], parts: int) -> int:
    """Return it with parallel cables as so many: weights of the minimum cut (Stoer and Wagner).

    A cut that parts a segment from all switches splits nothing: where there is one, the least cut
    between one switch and any other is looked for.
    """
    import networkx as nx

    switches = _switches_of(graph)
    if len(switches) < 2 or parts > 1:
        return 0
    weighted: nx.Graph[Any] = nx.Graph()
    for one, other in graph.edges():
        if one != other:
            before = weighted.get_edge_data(one, other, {"weight": 0})["weight"]
            weighted.add_edge(one, other, weight=before + 1)
    if len(switches) == len(graph):
        return int(nx.stoer_wagner(weighted)[0])
    first = switches[0]
    cuts = (nx.minimum_cut_value(weighted, first, one, "weight") for one in switches[1:])
    return int(min(cuts))


def _betweenness(graph: nx.MultiGraph[Any]) -> Mapping[int, float]:
    """Return the share of the shortest paths between switches that lead across each switch."""
    import networkx as nx

    simple: nx.Graph[Any] = nx.Graph(graph)
    switches = _switches_of(graph)
    if len(switches) == len(graph):
        return dict(nx.betweenness_centrality(simple))
    for one, other, about in simple.edges(data=True):
        about["hops"] = 2 if isinstance(one, int) and isinstance(other, int) else 1
    found = nx.betweenness_centrality_subset(simple, switches, switches, False, "hops")
    pairs = max((len(switches) - 1) * (len(switches) - 2) / 2, 1)
    return {dpid: found[dpid] / pairs for dpid in switches}
