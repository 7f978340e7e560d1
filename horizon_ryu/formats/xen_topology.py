"""The topology of Xen hosts (report 2.4.1): physical and virtual networks, as graph and matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any, ClassVar

from pydantic import Field

from horizon_ryu.core.xen.topology import TopologyGraph, TopologyNode, Why, XenTopology
from horizon_ryu.formats.model import Document, Model, Repeated


class XenNodeEntry(Model):
    """A host, or a virtual router; ``id`` stays when it moves.

    ``state`` of a host is connected or away, and ``reason`` says why; ``uuid`` is a router's.
    """

    id: str
    name: str
    host: str
    uuid: str | None
    state: str
    reason: str


class XenEndEntry(Model):
    """An end of a link. ``sees``: the other end answered from here, in ``latency_ms``.

    ``address`` is what the other end sees here; ``interface`` is null where nobody looked inside.
    """

    node: str
    interface: str | None
    mac: str | None
    address: str | None
    sees: bool
    latency_ms: float | None


class XenLinkEntry(Model):
    """Two interfaces that reach each other without a router between."""

    src: XenEndEntry
    dst: XenEndEntry


class XenGraphEntry(Model):
    """A network: its adjacency matrix has a row per node, in their order; null for very many."""

    nodes: tuple[XenNodeEntry, ...]
    matrix: Annotated[
        tuple[tuple[int, ...], ...] | None, Field(description="1 where two nodes have a link")
    ]
    links: tuple[XenLinkEntry, ...]


class XenStrangerEntry(Model):
    """Somebody beside a node who is none of the elements.

    ``why``: nobody has its MAC (unknown), several claim it (contested), or several have its address
    and no MAC is known (ambiguous).
    """

    node: str
    network: str | None
    interface: str
    address: str
    mac: str | None
    latency_ms: float | None
    why: Why


class XenCrossingEntry(Model):
    """A node that sees one of another network: they share a segment and a range of addresses."""

    node: str
    network: str | None
    interface: str
    address: str
    other: str
    other_network: str | None


class XenContestedEntry(Model):
    """A MAC that several elements claim: nobody is known by it."""

    mac: str
    claimed_by: Annotated[tuple[str, ...], Repeated("claimed_by")]


class XenDuplicateEntry(Model):
    """A router that several hosts tell of."""

    uuid: str
    hosts: Annotated[tuple[str, ...], Repeated("host")]


class XenProblemEntry(Model):
    """What could not be looked at of a node, or was not believed."""

    node: str
    problem: str


class XenRemarks(Model):
    """What is in no network, or not to be relied on. ``unassigned`` are routers of no network."""

    unassigned: Annotated[tuple[XenNodeEntry, ...], Repeated("unassigned")]
    strangers: Annotated[tuple[XenStrangerEntry, ...], Repeated("stranger")]
    crossings: Annotated[tuple[XenCrossingEntry, ...], Repeated("crossing")]
    contested: Annotated[tuple[XenContestedEntry, ...], Repeated("contested")]
    duplicates: Annotated[tuple[XenDuplicateEntry, ...], Repeated("duplicate")]
    problems: Annotated[tuple[XenProblemEntry, ...], Repeated("problem")]


class XenNetworkDocument(Model):
    """A network in XML: a row of the matrix is its numbers with a blank between."""

    name: str
    nodes: Annotated[tuple[XenNodeEntry, ...], Repeated("node")]
    rows: Annotated[tuple[str, ...], Repeated("row")]
    links: Annotated[tuple[XenLinkEntry, ...], Repeated("link")]


class XenTopologyDocument(Document):
    """The topology in XML: the physical network first."""

    XML_ROOT: ClassVar[str] = "xen_topology"
    XML_SCHEMA: ClassVar[str] = "xen_topology"

    version: int
    networks: Annotated[tuple[XenNetworkDocument, ...], Repeated("network")]
    remarks: XenRemarks


def xen_network_document(name: str, graph: XenGraphEntry) -> XenNetworkDocument:
    """Return a network as it is written in XML."""
    rows = (" ".join(map(str, row)) for row in graph.matrix or ())
    return XenNetworkDocument(name=name, nodes=graph.nodes, rows=tuple(rows), links=graph.links)


def xen_graph(graph: TopologyGraph) -> XenGraphEntry:
    """Return the entry of a network."""
    return XenGraphEntry(
        nodes=_nodes(graph.nodes),
        matrix=graph.matrix,
        links=tuple(
            XenLinkEntry(src=XenEndEntry(**asdict(one.src)), dst=XenEndEntry(**asdict(one.dst)))
            for one in graph.links
        ),
    )


def xen_remarks(topology: XenTopology) -> XenRemarks:
    """Return what is in no network, or not to be relied on."""
    return XenRemarks(
        unassigned=_nodes(topology.unassigned),
        strangers=_entries(XenStrangerEntry, topology.strangers),
        crossings=_entries(XenCrossingEntry, topology.crossings),
        contested=_entries(XenContestedEntry, topology.contested),
        duplicates=_entries(XenDuplicateEntry, topology.duplicates),
        problems=_entries(XenProblemEntry, topology.problems),
    )


def _nodes(nodes: Iterable[TopologyNode]) -> tuple[XenNodeEntry, ...]:
    return _entries(XenNodeEntry, nodes)


def _entries(model: Any, items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(model(**asdict(one)) for one in items)
