"""The five measures that both substrates have in common (design, section 4)."""

from __future__ import annotations

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field


@document_form
class GetSummary:
    """Ask for the five measures, taken over ``interval`` seconds."""

    interval: float = document_field(0.5, least=0.05, most=10)


@document_form
class Throughput:
    """Bits per second over all interfaces but the loopback."""

    rx: int = document_field(least=0)
    tx: int = document_field(least=0)


@document_form
class Summary:
    """How busy a node is, what it carries and loses, and which addresses are beside it."""

    cpu_percent: float = document_field(least=0)
    memory_percent: float = document_field(least=0, most=100)
    throughput_bps: Throughput = document_field()
    dropped_per_s: float = document_field(tag="DroppedPerS", least=0)
    neighbors: tuple[str, ...] = document_field((), tag="Neighbor")
