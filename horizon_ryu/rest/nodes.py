"""The measures that nodes of both substrates have in common (``/v1/nodes``).

A node's id is a switch's dpid, ``xen:HOST`` for a Xen host, ``xen:HOST:DOMAIN`` for a virtual
router on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from horizon_ryu.core.errors import NotFound
from horizon_ryu.core.identifiers import dpid_from_text, dpid_to_text
from horizon_ryu.http.resource import Call, PathParameter, Resource, operation, resources_of
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.xen_models import ASKING, HOST_NAME
from horizon_ryu.switch_stats.node_measures import NodeMeasures
from xen_bridge.protocol.documents.domains import ROUTER

NODE = PathParameter(
    f"^([0-9a-f]{{16}}|xen:{HOST_NAME}(:{ROUTER})?)$",
    "A node: a dpid, xen:HOST, or xen:HOST:DOMAIN; the name of a switch does as well",
    is_switch=True,
)


class NodeModel(Model):
    """A node: its id and what it is."""

    id: str
    kind: Annotated[
        Literal["switch", "xen_host", "xen_router"], Field(description="what it runs on")
    ]


class Nodes(Model):
    """All nodes."""

    nodes: tuple[NodeModel, ...]


class ThroughputModel(Model):
    """Of all ports together, in bits per second."""

    rx: float | None
    tx: float | None


class MeasuresModel(Model):
    """The five common measures; null where one is not known.

    ``echo_ms`` is the round-trip time between controller and switch: the health of its control
    path. ``neighbors`` are dpids of switches, or IP addresses of a Xen node's neighbors.
    """

    id: str
    cpu_percent: float | None
    memory_percent: float | None
    throughput_bps: ThroughputModel
    dropped_per_s: float | None
    neighbors: tuple[str, ...]
    echo_ms: float | None


class NodeProvider(Protocol):
    """Who knows nodes of one substrate."""

    def nodes(self) -> Iterable[NodeModel]:
        """Return the nodes."""

    def measures(self, node: str) -> MeasuresModel | None:
        """Return the measures of one; None if it is of another substrate, NotFound."""


class NodeDirectory:
    """The nodes of all substrates that run in this controller."""

    def __init__(self) -> None:
        self._providers: list[NodeProvider] = []

    def add(self, provider: NodeProvider) -> bool:
        """Take in the nodes of ``provider``; True if they are the first."""
        self._providers.append(provider)
        return len(self._providers) == 1

    def nodes(self) -> Iterable[NodeModel]:
        """Return all nodes, by id."""
        found = [node for provider in self._providers for node in provider.nodes()]
        return sorted(found, key=lambda node: node.id)

    def measures(self, node: str) -> MeasuresModel:
        """Return the measures of one node; NotFound."""
        for provider in self._providers:
            found = provider.measures(node)
            if found is not None:
                return found
        raise NotFound(f"no node {node}")


def offer(services: Any, provider: NodeProvider) -> None:
    """Have the controller tell of the nodes of ``provider``."""
    if services.nodes.add(provider):
        services.router.add(resources(services.nodes))


class SwitchMeasures(Protocol):
    """Who measures switches: Stats."""

    def nodes(self) -> Iterable[int]:
        """Return the dpids."""

    def measures(self, dpid: int) -> NodeMeasures:
        """Return the measures of one; NotFound."""


class SwitchNodes:
    """Switches as nodes."""

    def __init__(self, stats: SwitchMeasures) -> None:
        self._stats = stats

    def nodes(self) -> Iterable[NodeModel]:
        """Return the switches that are measured."""
        return [NodeModel(id=dpid_to_text(dpid), kind="switch") for dpid in self._stats.nodes()]

    def measures(self, node: str) -> MeasuresModel | None:
        """Return the measures of a switch; None for what is none."""
        if ":" in node:
            return None
        dpid = dpid_from_text(node)
        return measures_model(dpid, self._stats.measures(dpid))


class NodeOperations:
    """Operations on nodes."""

    tag = "nodes"

    def __init__(self, directory: NodeDirectory) -> None:
        self._directory = directory

    @operation("GET", "/v1/nodes")
    def list_all(self, _call: Call) -> Nodes:
        """List the nodes that are measured."""
        return Nodes(nodes=tuple(self._directory.nodes()))

    @operation("GET", "/v1/nodes/{id}/measures", parameters={"id": NODE}, problems=ASKING)
    def read(self, call: Call) -> MeasuresModel:
        """Tell the measures that switches, hosts and routers have in common."""
        node: str | int = call.path["id"]
        # A switch that was named is told by its number.
        return self._directory.measures(dpid_to_text(node) if isinstance(node, int) else node)


def resources(directory: NodeDirectory) -> list[Resource]:
    """Return the resources of nodes."""
    return resources_of(NodeOperations(directory))


def measures_model(dpid: int, found: NodeMeasures) -> MeasuresModel:
    """Return a switch's measures for an answer."""
    return MeasuresModel(
        id=dpid_to_text(dpid),
        cpu_percent=found.load.cpu_percent,
        memory_percent=found.load.memory_percent,
        throughput_bps=ThroughputModel(rx=found.rx_bps, tx=found.tx_bps),
        dropped_per_s=found.dropped_per_s,
        neighbors=tuple(map(dpid_to_text, found.neighbors)),
        echo_ms=found.echo_ms,
    )
