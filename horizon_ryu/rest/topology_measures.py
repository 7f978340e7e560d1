"""Measures of the topology as a graph (``/v1/topology/measures``)."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import StringConstraints

from horizon_ryu.core.graph_measures import GraphMeasures, measure
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import Link, PortRef, TopologyView
from horizon_ryu.http.kept_answers import Aside
from horizon_ryu.http.problem import (
    LIMIT_EXCEEDED,
    NOT_FOUND,
    STORE_FAILED,
    SWITCH_DEADLINE,
    SWITCH_FAILED,
)
from horizon_ryu.http.resource import Call, operation
from horizon_ryu.rest.model import Dpid, Model, optional
from horizon_ryu.rest.network_names import NetworkQuery


class MeasuresQuery(NetworkQuery):
    """``thorough=1`` asks for connectivities and betweenness too, which take longer."""

    thorough: Annotated[str, StringConstraints(pattern="^[01]$")] = optional(
        description="1 for connectivities and betweenness too, or 0"
    )


class CableEndModel(Model):
    """One end of a cable."""

    dpid: Dpid
    port_no: int


class CutCableModel(Model):
    """A cable whose loss splits the network."""

    src: CableEndModel
    dst: CableEndModel


class BetweennessModel(Model):
    """The share of the shortest paths that lead across a switch, 0 to 1."""

    dpid: Dpid
    betweenness: float


class GraphMeasuresModel(Model):
    """What a loss would split, and how far it is across; distances are in hops.

    ``parts`` are the switches of each connected part, the largest first; ``diameter`` and
    ``mean_distance`` are those of the largest. The connectivities are how many switches, or cables,
    must be lost at least to split the network: null unless ``thorough``. ``betweenness`` has the
    switch that most shortest paths lead across first. A segment is crossed in one hop;
    ``cut_segments`` have the ports of each whose loss splits the network, ``cut_ports`` are those
    into segments of which that is true.
    """

    network: str
    switches: int
    cables: int
    segments: int
    connected: bool
    parts: tuple[tuple[Dpid, ...], ...]
    cut_switches: tuple[Dpid, ...]
    cut_cables: tuple[CutCableModel, ...]
    cut_segments: tuple[tuple[CableEndModel, ...], ...]
    cut_ports: tuple[CableEndModel, ...]
    diameter: int
    mean_distance: float
    switch_connectivity: int | None
    cable_connectivity: int | None
    betweenness: tuple[BetweennessModel, ...]


class SeenNetworks(Protocol):
    """Who knows what a query sees."""

    def __call__(self, call: Call, query: NetworkQuery) -> tuple[str, TopologyView]:
        """Return the name of the network and what it is; NotFound, SwitchError."""


class MeasuresOperations:
    """The operation that measures."""

    tag = "topology"

    def __init__(self, seen: SeenNetworks, aside: Aside) -> None:
        self._seen = seen
        self._aside = aside

    @operation(
        "GET",
        "/v1/topology/measures",
        problems=(NOT_FOUND, SWITCH_FAILED, LIMIT_EXCEEDED, STORE_FAILED, SWITCH_DEADLINE),
    )
    def measures(self, call: Call, query: MeasuresQuery) -> GraphMeasuresModel:
        """Measure the topology as a graph: what a loss would split, and how far it is across."""
        name, view = self._seen(call, query)
        found: GraphMeasures = self._aside(measure, view, query.thorough == "1")
        return _model(name, found)


def _model(network: str, found: GraphMeasures) -> GraphMeasuresModel:
    ranked = sorted(found.betweenness.items(), key=lambda item: (-item[1], item[0]))
    return GraphMeasuresModel(
        network=network,
        switches=found.switches,
        cables=found.cables,
        segments=found.segments,
        connected=len(found.parts) <= 1,
        parts=tuple(tuple(map(dpid_to_text, part)) for part in found.parts),
        cut_switches=tuple(map(dpid_to_text, found.cut_switches)),
        cut_cables=tuple(map(_cable, found.cut_cables)),
        cut_segments=tuple(tuple(map(_end, one.ports)) for one in found.cut_segments),
        cut_ports=tuple(map(_end, found.cut_ports)),
        diameter=found.diameter,
        mean_distance=round(found.mean_distance, 4),
        switch_connectivity=found.switch_connectivity,
        cable_connectivity=found.cable_connectivity,
        betweenness=tuple(
            BetweennessModel(dpid=dpid_to_text(dpid), betweenness=round(share, 6))
            for dpid, share in ranked
        ),
    )


def _cable(link: Link) -> CutCableModel:
    return CutCableModel(src=_end(link.src), dst=_end(link.dst))


def _end(port: PortRef) -> CableEndModel:
    return CableEndModel(dpid=dpid_to_text(port.dpid), port_no=port.port_no)
