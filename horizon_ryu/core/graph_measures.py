"""Measures of a network as a graph of switches: what a loss would split, and how far it is across.

Cables that carry frames in both directions count, parallel ones each. Computed by networkx: some
seconds for a thousand switches, so it belongs beside the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from horizon_ryu.core.errors import LimitExceeded
from horizon_ryu.core.paths import usable_links
from horizon_ryu.core.topology import Link, TopologyView

if TYPE_CHECKING:
    import networkx as nx

MAX_MEASURED = 2_000
"""Switches of a network that is measured."""
MAX_THOROUGH = 250
"""Switches of a network of which every pair is looked at for its connectivity."""


@dataclass(frozen=True, slots=True)
class GraphMeasures:
    """What is told of a network.

    ``parts`` are the dpids of each connected part, the largest first. ``cut_switches`` and
    ``cut_cables`` are those whose loss splits a part; a cable is told by one of its two links.
    ``diameter`` and ``mean_distance`` are in hops, of the largest part. The connectivities are how
    many switches or cables must be lost, at least, to split the network; 0 if it is split, None
    unless asked for. ``betweenness`` is, by dpid, the share of the shortest paths that lead across
    a switch, 0 to 1.
    """

    switches: int = 0
    cables: int = 0
    parts: tuple[tuple[int, ...], ...] = ()
    cut_switches: tuple[int, ...] = ()
    cut_cables: tuple[Link, ...] = ()
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

    cables = _cables(view)
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from(sorted(view.switches))
    graph.add_edges_from((link.src.dpid, link.dst.dpid) for link in cables)
    if not graph:
        return GraphMeasures()
    parts = sorted((tuple(sorted(part)) for part in nx.connected_components(graph)), key=_by_size)
    diameter, mean = _distances(nx.Graph(graph.subgraph(parts[0])))
    bridges: Iterable[Any] = nx.bridges(graph)
    cuts = {frozenset(pair) for pair in bridges}
    return GraphMeasures(
        switches=len(graph),
        cables=len(cables),
        parts=tuple(parts),
        cut_switches=tuple(sorted(nx.articulation_points(graph))),
        cut_cables=tuple(
            link for link in cables if frozenset((link.src.dpid, link.dst.dpid)) in cuts
        ),
        diameter=diameter,
        mean_distance=mean,
        switch_connectivity=_switch_connectivity(graph) if is_thorough else None,
        cable_connectivity=_cable_connectivity(graph) if is_thorough else None,
        betweenness=nx.betweenness_centrality(nx.Graph(graph)) if is_thorough else {},
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


def _by_size(part: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return -len(part), part


def _distances(part: nx.Graph[int]) -> tuple[int, float]:
    """Return the longest and the mean distance of a connected part, in hops."""
    import networkx as nx

    longest = total = 0
    for _, distances in nx.all_pairs_shortest_path_length(part):
        longest = max(longest, *distances.values())
        total += sum(distances.values())
    pairs = len(part) * (len(part) - 1)
    return longest, total / pairs if pairs else 0.0


def _switch_connectivity(graph: nx.MultiGraph[int]) -> int:
    import networkx as nx

    return int(nx.node_connectivity(nx.Graph(graph))) if len(graph) > 1 else 0


def _cable_connectivity(graph: nx.MultiGraph[int]) -> int:
    """Return it with parallel cables as so many: weights of the minimum cut (Stoer and Wagner)."""
    import networkx as nx

    if len(graph) < 2 or not nx.is_connected(graph):
        return 0
    weighted: nx.Graph[int] = nx.Graph()
    for one, other in graph.edges():
        if one != other:
            before = weighted.get_edge_data(one, other, {"weight": 0})["weight"]
            weighted.add_edge(one, other, weight=before + 1)
    return int(nx.stoer_wagner(weighted)[0])
