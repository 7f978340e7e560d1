"""Topology of Xen hosts: a graph of the physical network, and one of each virtual network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_IN_MATRIX = 1000
"""Nodes of a network that has a matrix: of more it would be of millions of numbers."""

Why = Literal["unknown", "contested", "ambiguous"]
"""Why a neighbor is nobody's: no element has it, or several say so, or has an address only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyNode:
    """A host or a router. ``id`` is unique, and stays when a router moves.

    ``state`` of a host is connected or away, and ``reason`` says why it is that.
    """

    id: str
    name: str
    host: str
    uuid: str | None
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyEnd:
    """One end of a link; ``address`` is what the other end sees there.

    ``sees`` tells whether the other end answered from here, ``latency_ms`` how soon.
    """

    node: str
    interface: str | None
    mac: str | None
    address: str | None
    sees: bool
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class TopologyLink:
    """Two interfaces that reach each other without a router between them."""

    src: TopologyEnd
    dst: TopologyEnd


@dataclass(frozen=True, slots=True)
class TopologyGraph:
    """A network: its nodes in order, its links, and its adjacency matrix in the order of nodes.

    ``matrix`` is None for more than MOST_IN_MATRIX nodes.
    """

    name: str
    nodes: tuple[TopologyNode, ...]
    matrix: tuple[tuple[int, ...], ...] | None
    links: tuple[TopologyLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangeNeighbor:
    """Somebody that ``node`` sees, and ``why`` it is none of the elements."""

    node: str
    network: str | None
    interface: str
    address: str
    mac: str | None
    latency_ms: float | None
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """An element that sees one of another network."""

    node: str
    network: str | None
    interface: str
    address: str
    other: str
    other_network: str | None


@dataclass(frozen=True, slots=True)
class ContestedMac:
    """A MAC that several elements are told to have: nobody is known by it."""

    mac: str
    claimed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DuplicateRouter:
    """A router that several hosts tell of, by its UUID."""

    uuid: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ElementProblem:
    """What could not be looked at of an element, or was not believed."""

    node: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class XenTopology:
    """All networks: the physical one, the virtual ones by name, and what is of none.

    ``unassigned`` are the routers of no network.
    """

    physical: TopologyGraph
    virtual: tuple[TopologyGraph, ...] = ()
    unassigned: tuple[TopologyNode, ...] = ()
    strangers: tuple[StrangeNeighbor, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    contested: tuple[ContestedMac, ...] = ()
    duplicates: tuple[DuplicateRouter, ...] = ()
    problems: tuple[ElementProblem, ...] = ()
