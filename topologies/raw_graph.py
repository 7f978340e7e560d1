"""Raw graph: what the file readers hand over, and the bounds they keep."""

from __future__ import annotations

from dataclasses import dataclass, field

from topologies.graphs import GraphError

MAX_NODES = 10_000
MAX_EDGES = 100_000
MAX_DEPTH = 32
MAX_LABEL = 200


@dataclass(slots=True)
class RawGraph:
    """Labels by node key, and pairs of keys; the keys of edges are not checked against nodes."""

    nodes: dict[str, str] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def add_node(self, key: str, label: str = "") -> None:
        """Add a node; GraphError when it is there already or one too many."""
        if key in self.nodes:
            raise GraphError(f"two nodes {key!r}")
        if len(self.nodes) >= MAX_NODES:
            raise GraphError(f"more than {MAX_NODES} nodes")
        self.nodes[key] = label[:MAX_LABEL]

    def add_edge(self, source: str, target: str) -> None:
        """Add an edge; GraphError when it is one too many."""
        if len(self.edges) >= MAX_EDGES:
            raise GraphError(f"more than {MAX_EDGES} edges")
        self.edges.append((source, target))
