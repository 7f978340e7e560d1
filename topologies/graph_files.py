"""Networks from GraphML and GML files, as the Topology Zoo publishes them.

The files come from anywhere, so a reader refuses what it does not need: document types and with
them entities, deep nesting, more than a network can hold. Standard library only.
"""

from __future__ import annotations

from pathlib import Path

from topologies.gml import read_gml
from topologies.graphml import read_graphml
from topologies.graphs import Graph, GraphBuilder, GraphError
from topologies.raw_graph import RawGraph

MAX_BYTES = 8 << 20


def zoo(path: str, hosts: int = 1) -> Graph:
    """Return the network in the file ``path`` (``.graphml``, ``.xml`` or ``.gml``).

    Cables from a node to itself are left out, parallel ones kept. GraphError when the file
    cannot be read or is not such a graph.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise GraphError(f"{path}: larger than {MAX_BYTES} bytes")
        data = file.read_bytes()
    except OSError as error:
        raise GraphError(f"{path}: {error.strerror}") from error
    try:
        return graph_from(parse(data, file.suffix), file.stem, hosts)
    except GraphError as error:
        raise GraphError(f"{path}: {error}") from error


def parse(data: bytes, suffix: str) -> RawGraph:
    """Return the nodes and edges in ``data``; GraphError when there are none to be found."""
    if len(data) > MAX_BYTES:
        raise GraphError(f"larger than {MAX_BYTES} bytes")
    kind = suffix.lower()
    if kind in (".graphml", ".xml"):
        return read_graphml(data)
    if kind == ".gml":
        return read_gml(data)
    raise GraphError(f"{suffix!r} is neither .graphml, .xml nor .gml")


def graph_from(raw: RawGraph, name: str, hosts: int) -> Graph:
    """Return the network of ``raw``: a switch per node in order of the file, ``hosts`` on each."""
    builder = GraphBuilder(name)
    dpids = {key: builder.add_switch(label=label) for key, label in raw.nodes.items()}
    for source, target in raw.edges:
        if source not in dpids or target not in dpids:
            raise GraphError(f"an edge names a node that is not there: {source!r} to {target!r}")
        if source != target:
            builder.add_edge(dpids[source], dpids[target])
    builder.add_hosts(list(dpids.values()), hosts)
    return builder.build()
