"""The topology of Xen hosts: the physical and every virtual network (``/v1/xen/topology``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from horizon_ryu.core.xen.elements import PHYSICAL
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.xen_topology import (
    XenGraphEntry,
    XenRemarks,
    XenTopologyDocument,
    xen_graph,
    xen_network_document,
    xen_remarks,
)
from horizon_ryu.http.resource import (
    Call,
    Resource,
    Versioned,
    operation,
    resources_of,
)
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.xen_hosts.topology import HostsTopology, KnownTopology

DEFAULT_AGE = 10


class XenTopologyQuery(Model):
    """How old an answer may be, and whether ranges of more than a /20 are scanned too."""

    max_age: Annotated[
        str,
        StringConstraints(pattern="^[0-9]{1,4}$"),
        Field(description=f"Seconds, {DEFAULT_AGE} unless told otherwise; 0 has all scanned anew"),
    ] = optional()
    wide: Literal["true", "false"] = optional()


class XenTopologyModel(Model):
    """The physical network and the virtual ones by name, each a graph with its matrix.

    ``version`` grows when nodes, links or strangers change.
    """

    version: int
    physical: XenGraphEntry
    virtual: dict[str, XenGraphEntry]
    remarks: XenRemarks


def write_xml(answer: XenTopologyModel) -> bytes:
    """Return the answer in XML: a list of networks, the physical one first."""
    networks = {PHYSICAL: answer.physical, **answer.virtual}
    document = XenTopologyDocument(
        version=answer.version,
        networks=tuple(xen_network_document(*one) for one in networks.items()),
        remarks=answer.remarks,
    )
    return xml_form.write(document)


class XenTopologyOperations:
    """Operation that tells the topology."""

    tag = TAG

    def __init__(self, topology: HostsTopology) -> None:
        self._topology = topology

    @operation("GET", "/v1/xen/topology", xml=write_xml)
    def topology(self, _call: Call, query: XenTopologyQuery) -> Versioned[XenTopologyModel]:
        """Read the topology of all Xen hosts and their virtual networks, scanned when it is old."""
        age = DEFAULT_AGE if query.max_age is None else int(query.max_age)
        found = self._topology.topology(float(age), query.wide == "true")
        return Versioned((found.topology, found.version), lambda _: _model(found))


def _model(found: KnownTopology) -> XenTopologyModel:
    return XenTopologyModel(
        version=found.version,
        physical=xen_graph(found.topology.physical),
        virtual={graph.name: xen_graph(graph) for graph in found.topology.virtual},
        remarks=xen_remarks(found.topology),
    )


def resources(topology: HostsTopology) -> list[Resource]:
    """Return the resource of the topology."""
    return resources_of(XenTopologyOperations(topology))
