"""Usage source: what the gatherers ask of a hypervisor's back end, and no more.

:class:`xen_bridge.dom0.hypervisor.interface.Hypervisor` is one; so is whatever has these two
methods. The gatherers need no hypervisor to be imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xen_bridge.protocol.documents.domains import PhysicalHostInfo
from xen_bridge.protocol.documents.measures import VirtualInterface


class DomainCounters(Protocol):
    """The counters of one running domain; None is what could not be read."""

    @property
    def name(self) -> str:
        """The domain's name."""

    @property
    def cpu_ns(self) -> int | None:
        """Nanoseconds of processor time so far."""

    @property
    def memory_kb(self) -> int | None:
        """Memory that it was given."""

    @property
    def vcpus(self) -> int | None:
        """How many vCPUs it has."""

    @property
    def interfaces(self) -> tuple[VirtualInterface, ...] | None:
        """Its vifs, seen from Domain 0."""

    @property
    def vif_count(self) -> int | None:
        """How many vifs it has."""


class UsageSource(Protocol):
    """Tells of a host and its domains; each call may block. Raises HypervisorError."""

    def host(self) -> PhysicalHostInfo:
        """Return the physical host."""

    def usage(self) -> Sequence[DomainCounters]:
        """Return the counters of every running domain."""
