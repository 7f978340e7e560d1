"""Interface of back ends. Every call may block: an event loop calls from a thread.

A back end does one thing at a time and checks nothing that the hypervisor checks itself;
ranges, and what must be put back after a start, are the business of
:class:`xen_bridge.virtual_management.PhysicalHost`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from xen_bridge.errors import RequestUnsupported
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    KnownLifecycle,
    PhysicalHostInfo,
    VcpuAssignment,
)
from xen_bridge.protocol.documents.measures import VirtualInterface


class Capability(StrEnum):
    """What back ends differ in; life (define, start, suspend …) they all know."""

    WEIGHT = "weight"
    CAP = "cap"
    VCPUS = "vcpus"
    AFFINITY = "affinity"
    MIGRATION = "migration"
    MIGRATION_WITHIN_MACHINE = "migration_within_machine"
    """Domains go live to another host that is the same machine, and to no other."""
    MIGRATION_BY_RESTART = "migration_by_restart"
    """To another machine a domain goes by being started anew there."""
    FREEZER = "freezer"
    """Processes of a domain that is moved stand still without noticing; else by a signal."""
    ROUTER_SETUP = "router_setup"
    DEVICE_DRIVERS = "device_drivers"
    DEVICE_ATTACHMENT = "device_attachment"


@dataclass(frozen=True, slots=True)
class Usage:
    """The counters of one domain: CPU nanoseconds so far, memory in kB, its vifs.

    None is what could not be read. ``vif_count`` counts the vifs that could not be read too.
    """

    name: str
    cpu_ns: int | None
    memory_kb: int | None
    vcpus: int | None
    interfaces: tuple[VirtualInterface, ...] | None = ()
    unread_vifs: int = 0

    @property
    def vif_count(self) -> int | None:
        """How many vifs it has."""
        return None if self.interfaces is None else len(self.interfaces) + self.unread_vifs


@dataclass(frozen=True, slots=True)
class Attached:
    """Which domain has which PCI device: names by addresses.

    ``unknown`` are the names of the domains that could not be read.
    """

    owners: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostDevice:
    """A PCI device given to a domain; a virtual function may have an address and a VLAN."""

    address: str
    mac: str | None = None
    vlan: int | None = None


class Hypervisor(Protocol):
    """A connection to one hypervisor. ``domain`` is an id, a name or a UUID.

    Raises SubjectNotFound for an unknown domain, RequestConflict where its state forbids the call,
    HypervisorAway when nobody answers, HypervisorError for all else that fails. What it cannot
    read of one domain is unknown, no error: the domain may be on its way in or out.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this back end can do."""

    def host(self) -> PhysicalHostInfo:
        """Return the physical host."""

    def domains(self) -> tuple[Domain, ...]:
        """Return all domains, running or not, Domain-0 first."""

    def domain(self, domain: str) -> Domain:
        """Return one domain."""

    def foreign_domains(self, known: Collection[str]) -> tuple[Domain, ...]:
        """Return the domains that another tool keeps; ``known`` are the UUIDs of the others.

        Each has another origin than libvirt. :meth:`domain` returns one too, and whatever would
        change it raises RequestConflict.
        """

    def define(self, wanted: CreateDomain) -> Domain:
        """Make a domain known, without starting it."""

    def set_autostart(self, domain: str, starts: bool) -> None:
        """Say whether a domain is started with the host."""

    def set_lifecycle(
        self, domain: str, on_reboot: KnownLifecycle | None, on_crash: KnownLifecycle | None
    ) -> None:
        """Say what becomes of a domain that reboots or crashes, from its next start; None keeps."""

    def set_network(self, domain: str, network: str | None) -> None:
        """Keep with a domain which virtual network it is a router of; None for none."""

    def start(self, domain: str) -> None:
        """Boot a defined domain."""

    def shutdown(self, domain: str) -> None:
        """Ask the guest to shut down; returns before it has."""

    def destroy(self, domain: str) -> None:
        """End a domain at once."""

    def undefine(self, domain: str) -> None:
        """Forget a domain that does not run."""

    def suspend(self, domain: str) -> None:
        """Pause a running domain."""

    def resume(self, domain: str) -> None:
        """Let a paused domain go on."""

    def set_scheduler(self, domain: str, weight: int | None, cap: int | None) -> None:
        """Set weight and cap of a running domain; None keeps."""

    def set_vcpus(self, domain: str, count: int) -> None:
        """Set how many vCPUs a domain uses."""

    def pin(self, domain: str, vcpu: int, cpus: Sequence[int]) -> None:
        """Let a vCPU run on these physical CPUs only."""

    def last_cpu(self) -> int | None:
        """Return the highest number that a physical CPU may have; None if nobody tells.

        Not every number up to it need be a CPU that runs: with ``smt=off`` every other is none.
        """

    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU of the running domains runs and may run."""

    def open_namespace(self, domain: str) -> int | None:
        """Return a descriptor of the network namespace that a running domain is; the caller closes.

        None if it is none, but a machine of its own.
        """

    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain."""

    def migrate(self, domain: str, destination: str) -> None:
        """Move a running domain to the host of that URI, live."""

    def take_device(self, address: str) -> None:
        """Take a PCI device from the host's driver."""

    def return_device(self, address: str) -> None:
        """Give a PCI device back to the host's driver."""

    def attach_device(self, domain: str, device: HostDevice) -> None:
        """Give a PCI device to a domain."""

    def remove_device(self, domain: str, address: str) -> None:
        """Take a PCI device from a domain."""

    def attached_devices(self) -> Attached:
        """Return which domain has which PCI device."""

    def close(self) -> None:
        """End the connection."""


def require(capabilities: frozenset[Capability], capability: Capability) -> None:
    """Raise RequestUnsupported, naming what is missing, unless a back end of these can do it."""
    if capability not in capabilities:
        raise RequestUnsupported(f"this hypervisor's back end cannot: {capability.value}")
