"""The two topology documents of report 3.4: the links, and each switch with its neighbors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import Link
from horizon_ryu.formats.model import Document, Dpid, Model, PortNo, Repeated

PHYSICAL = "physical"
"""The name of the network that all switches and links make up."""


class LinkEntry(Model):
    """One direction of a cable."""

    src_dpid: Dpid
    src_port: PortNo
    dst_dpid: Dpid
    dst_port: PortNo


class LinksDocument(Document):
    """The links of a network, one entry per direction."""

    XML_ROOT: ClassVar[str] = "topology"
    XML_SCHEMA: ClassVar[str] = "topology_links"

    network: str
    links: Annotated[tuple[LinkEntry, ...], Repeated("link")]


class Neighbor(Model):
    """A switch that frames sent out of ``port`` reach, at its ``neighbor_port``."""

    dpid: Dpid
    port: PortNo
    neighbor_port: PortNo


class SwitchNeighbors(Model):
    """A switch and its neighbors, in the order of its ports."""

    dpid: Dpid
    neighbors: Annotated[tuple[Neighbor, ...], Repeated("neighbor")]


class NeighborsDocument(Document):
    """The switches of a network with their neighbors."""

    XML_ROOT: ClassVar[str] = "topology"
    XML_SCHEMA: ClassVar[str] = "topology_neighbors"

    network: str
    switches: Annotated[tuple[SwitchNeighbors, ...], Repeated("switch")]


def links_document(network: str, links: Iterable[Link]) -> LinksDocument:
    """Return the links of ``network`` in order."""
    return LinksDocument(network=network, links=tuple(map(_entry, sorted(links))))


def neighbors_document(
    network: str, dpids: Iterable[int], links: Iterable[Link]
) -> NeighborsDocument:
    """Return the switches of ``network`` in order of dpid, those without a neighbor too."""
    return NeighborsDocument(network=network, switches=switch_neighbors(sorted(dpids), links))


def switch_neighbors(dpids: Iterable[int], links: Iterable[Link]) -> tuple[SwitchNeighbors, ...]:
    """Return each switch of ``dpids``, in that order, with the ends its links lead to."""
    found: dict[int, list[Neighbor]] = {dpid: [] for dpid in dpids}
    for link in sorted(links):
        if link.src.dpid in found:
            found[link.src.dpid].append(_neighbor(link))
    return tuple(
        SwitchNeighbors(dpid=dpid_to_text(dpid), neighbors=tuple(neighbors))
        for dpid, neighbors in found.items()
    )


def _entry(link: Link) -> LinkEntry:
    return LinkEntry(
        src_dpid=dpid_to_text(link.src.dpid),
        src_port=link.src.port_no,
        dst_dpid=dpid_to_text(link.dst.dpid),
        dst_port=link.dst.port_no,
    )


def _neighbor(link: Link) -> Neighbor:
    return Neighbor(
        dpid=dpid_to_text(link.dst.dpid), port=link.src.port_no, neighbor_port=link.dst.port_no
    )
