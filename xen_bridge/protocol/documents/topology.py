"""Consolidated node: a physical element and all virtual elements on it, side by side (2.4.1.2)."""

from __future__ import annotations

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import (
    MAC,
    NETWORK,
    PREFIXED,
    UUID,
    DomainInterface,
    State,
)
from xen_bridge.protocol.documents.neighborhood import ScannedNeighbor, ScanNeighbors

INTERFACE_NAME = r"[^\s/]{1,15}"
"""What Linux lets an interface be called (dev_valid_name)."""
LONGEST_PROBLEM = 500
ROUNDS = 4
"""Scans, one after the other, that a host has the time for."""
MARGIN_SECONDS = 5.0
"""For what a look takes besides the scanning."""


@document_form
class ConsolidateNode:
    """Ask what a node has and who is beside it; ``wide`` as in ScanNeighbors."""

    wide: bool = document_field(False)

    @property
    def seconds_for_one(self) -> float:
        """Seconds that one element is looked at within."""
        return ScanNeighbors(self.wide).seconds_at_most + MARGIN_SECONDS

    @property
    def seconds_at_most(self) -> float:
        """Seconds that a host is consolidated within."""
        return ROUNDS * self.seconds_for_one + MARGIN_SECONDS


@document_form(kw_only=True)
class ElementInterface:
    """An interface of a network element: ``kind`` is the kernel's, or ``hardware``.

    ``master`` is the bridge that it is a port of. ``addresses`` are IPv4 and IPv6 with their
    prefix length. ``mac`` is None where there is none, or none that can be the element's own.
    """

    name: str = document_field(pattern=INTERFACE_NAME)
    kind: str = document_field("hardware", pattern=r"[a-z0-9_.-]{1,16}")
    mac: str | None = document_field(None, pattern=MAC)
    up: bool = document_field()
    master: str | None = document_field(None, pattern=INTERFACE_NAME)
    addresses: tuple[str, ...] = document_field((), tag="Address", pattern=PREFIXED)


@document_form(kw_only=True)
class RouterElement:
    """A virtual element, as its host knows it, and as it is seen from inside.

    ``links`` are its interfaces as they were given to it: what they have for a MAC is the host's
    word. ``interfaces`` are those that it has of them, by its own names; nobody could look if
    there are none, and ``problems`` says why.
    """

    name: str = document_field(least=1)
    uuid: str = document_field(pattern=UUID)
    network: str | None = document_field(None, pattern=NETWORK)
    state: State = document_field()
    links: tuple[DomainInterface, ...] = document_field((), tag="Link")
    interfaces: tuple[ElementInterface, ...] = document_field((), tag="Interface")
    neighbors: tuple[ScannedNeighbor, ...] = document_field((), tag="Neighbor")
    skipped: tuple[str, ...] = document_field((), tag="Skipped")
    problems: tuple[str, ...] = document_field((), tag="Problem")


@document_form(kw_only=True)
class ConsolidatedNode:
    """A node: its own interfaces and bridges, who is beside them, and its virtual elements.

    The ends of virtual elements in Domain 0 are no interfaces of the node's own: ``Link`` names
    them. A virtual router has no ``routers``.
    """

    name: str = document_field(least=1)
    interfaces: tuple[ElementInterface, ...] = document_field((), tag="Interface")
    neighbors: tuple[ScannedNeighbor, ...] = document_field((), tag="Neighbor")
    skipped: tuple[str, ...] = document_field((), tag="Skipped")
    routers: tuple[RouterElement, ...] = document_field((), tag="Router")
    problems: tuple[str, ...] = document_field((), tag="Problem")
