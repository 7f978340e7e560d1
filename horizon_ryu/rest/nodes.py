"""The measures that nodes of both substrates have in common (``/v1/nodes``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Protocol

from pydantic import Field

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.problem import NOT_FOUND
from horizon_ryu.rest.resource import DPID, Call, Resource
from horizon_ryu.statistics.node_measures import NodeMeasures

_TAG = "nodes"


class NodeProvider(Protocol):
    """Who knows nodes: Stats, for switches."""

    def nodes(self) -> Iterable[int]:
        """Return the dpids."""

    def measures(self, dpid: int) -> NodeMeasures:
        """Return the measures of one; NotFound."""


class Node(Model):
    """A node: its id and what it is."""

    id: str
    kind: Annotated[str, Field(description="switch")]


class Nodes(Model):
    """All nodes."""

    nodes: tuple[Node, ...]


class Throughput(Model):
    """Of all ports together, in bits per second."""

    rx: float | None
    tx: float | None


class Measures(Model):
    """The five common measures; null where one is not known.

    ``echo_ms`` is the round-trip time between controller and switch: the health of its control
    path.
    """

    id: str
    cpu_percent: float | None
    memory_percent: float | None
    throughput_bps: Throughput
    dropped_per_s: float | None
    neighbors: tuple[str, ...]
    echo_ms: float | None


def resources(provider: NodeProvider) -> list[Resource]:
    """Return the resources of nodes."""

    def list_all(_call: Call) -> Nodes:
        found = sorted(provider.nodes())
        return Nodes(nodes=tuple(Node(id=dpid_to_text(dpid), kind="switch") for dpid in found))

    def read(call: Call) -> Measures:
        dpid = call.path["id"]
        return measures_model(dpid, provider.measures(dpid))

    return [
        Resource(
            method="GET",
            path="/v1/nodes",
            handler=list_all,
            response=Nodes,
            summary="List the nodes that are measured",
            tag=_TAG,
        ),
        Resource(
            method="GET",
            path="/v1/nodes/{id}/measures",
            handler=read,
            parameters={"id": DPID},
            response=Measures,
            problems=(NOT_FOUND,),
            summary="Tell the measures that switches, hosts and routers have in common",
            tag=_TAG,
        ),
    ]


def measures_model(dpid: int, found: NodeMeasures) -> Measures:
    """Return measures for an answer."""
    return Measures(
        id=dpid_to_text(dpid),
        cpu_percent=found.load.cpu_percent,
        memory_percent=found.load.memory_percent,
        throughput_bps=Throughput(rx=found.rx_bps, tx=found.tx_bps),
        dropped_per_s=found.dropped_per_s,
        neighbors=tuple(map(dpid_to_text, found.neighbors)),
        echo_ms=found.echo_ms,
    )
