"""The five measures that both substrates have in common (design, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from xen_bridge.protocol.forms import part


@dataclass(frozen=True, slots=True)
class GetSummary:
    """Ask for the five measures, taken over ``interval`` seconds."""

    interval: float = part(0.5, least=0.05, most=10)


@dataclass(frozen=True, slots=True)
class Throughput:
    """Bits per second over all interfaces but the loopback."""

    rx: int = part(least=0)
    tx: int = part(least=0)


@dataclass(frozen=True, slots=True)
class Summary:
    """How busy a node is, what it carries and loses, and which addresses are beside it."""

    cpu_percent: float = part(least=0)
    memory_percent: float = part(least=0, most=100)
    throughput_bps: Throughput = part()
    dropped_per_s: float = part(tag="DroppedPerS", least=0)
    neighbors: tuple[str, ...] = part((), tag="Neighbor")
