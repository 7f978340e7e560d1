"""Neighborhood of a node: who answers on the ranges of its own interfaces (report 2.4.1.3)."""

from __future__ import annotations

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import MAC
from xen_bridge.protocol.documents.measures import ADDRESS

SECONDS, WIDE_SECONDS = 25.0, 600.0


@document_form
class ScanNeighbors:
    """Ask who is beside a node; ``wide`` has ranges of more than a /20 scanned too."""

    wide: bool = document_field(False)

    @property
    def seconds_at_most(self) -> float:
        """Seconds that the scan has."""
        return WIDE_SECONDS if self.wide else SECONDS


@document_form
class GetScanProgress:
    """Ask how far the scans have come that a node makes now."""


@document_form
class ScanProgress:
    """How many addresses were asked, of how many of the scans that are made now."""

    addresses: int = document_field(least=0)
    of: int = document_field(least=0)


@document_form
class ScannedNeighbor:
    """Who answered beside an interface; the latency is the round trip in milliseconds."""

    interface: str = document_field(least=1)
    address: str = document_field(pattern=ADDRESS)
    mac: str | None = document_field(None, pattern=MAC)
    latency_ms: float | None = document_field(None, tag="LatencyMs", least=0)


@document_form
class Neighborhood:
    """All who answered, in order of their addresses.

    ``skipped`` are the ranges that were not scanned, each with the reason.
    """

    neighbors: tuple[ScannedNeighbor, ...] = document_field((), tag="Neighbor")
    skipped: tuple[str, ...] = document_field((), tag="Skipped")
