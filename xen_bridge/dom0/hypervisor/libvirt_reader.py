"""Reader of what libvirt tells: the host, its domains, and who has which device.

What cannot be read of one domain, or of the host's decorations, hides nothing else.
"""

from __future__ import annotations

import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, ClassVar

from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.interface import Attached, Capability, Usage
from xen_bridge.dom0.hypervisor.libvirt_connection import LibvirtConnection
from xen_bridge.dom0.hypervisor.libvirt_errors import translated
from xen_bridge.dom0.hypervisor.reading import NO_ANSWER, CarefulReading, DomainInfo, counted
from xen_bridge.errors import HypervisorError, InvalidRequest, SubjectNotFound
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.document_schema import Form
from xen_bridge.protocol.documents.domains import (
    Domain,
    PhysicalHostInfo,
    SchedulerParameters,
    State,
    VcpuAssignment,
    VcpuPins,
    Vcpus,
)

LOG = logging.getLogger(__name__)
_STATES: dict[int, State] = {
    0: "running",
    1: "running",
    2: "running",
    3: "paused",
    4: "shutdown",
    5: "shutoff",
    6: "crashed",
    7: "paused",
}
"""libvirt's states; 0 (no state) and 2 (blocked) are what idle Xen domains are in."""
DEFINITION = 2
"""VIR_DOMAIN_XML_INACTIVE."""
UNNAMED = "(unnamed)"
RUNNING = 1
"""VIR_CONNECT_LIST_DOMAINS_ACTIVE."""


class LibvirtReader(LibvirtConnection, ABC):
    """A hypervisor behind libvirt, as it can be looked at."""

    kind: ClassVar[str]
    """libvirt's type of its domains."""
    capabilities: frozenset[Capability] = frozenset()

    def host(self) -> PhysicalHostInfo:
        """Return the physical host."""
        connection, reading = self.connection(), CarefulReading()
        with translated():
            memory_kb, cpus = _size(connection.getInfo())

        def free() -> int:
            return counted(connection.getFreeMemory()) // 1024

        return PhysicalHostInfo(
            # libvirt asks the resolver for it, which may fail; only a name is lost then.
            name=reading.of(("name",), lambda: _not_empty(connection.getHostname()), "")
            or socket.gethostname()
            or UNNAMED,
            hypervisor=reading.of(
                ("hypervisor",), lambda: _not_empty(connection.getType()), self.kind
            ),
            version=reading.of(("version",), lambda: _version(connection.getVersion()), ""),
            scheduler=self.scheduler_kind(),
            cpus=cpus,
            memory_kb=memory_kb,
            free_memory_kb=reading.of(("free_memory_kb",), free, None),
            capabilities=tuple(sorted(self.capabilities)),
        )

    @abstractmethod
    def scheduler_kind(self) -> str | None:
        """Return the name of the host's scheduler; None where it cannot be told."""

    def domains(self) -> tuple[Domain, ...]:
        """Return all domains, by id, those that do not run last."""
        connection = self.connection()
        with translated():
            found = connection.listAllDomains()
        described = [self._described(item) for item in found]
        present = [item for item in described if item is not None]
        return tuple(sorted(present, key=lambda item: (item.id is None, item.id or 0, item.name)))

    def domain(self, domain: str) -> Domain:
        """Return one domain."""
        return self.described(self.find(domain))

    def described(self, found: Any) -> Domain:
        """Return a domain that was found; SubjectNotFound if it has gone since."""
        described = self._described(found)
        if described is None:
            raise SubjectNotFound(f"no domain {found.UUIDString()}")
        return described

    def _described(self, domain: Any) -> Domain | None:
        """Return a domain; None if it went away since it was found."""
        reading = CarefulReading()
        found = self._read(domain, reading)
        if reading.was_missed and self.is_gone(domain):
            return None
        try:
            return checked(found)
        except InvalidRequest as error:
            # One that no message can carry must not hide the others.
            LOG.info("domain %r (%s) is not told: %s", found.name, found.uuid, error)
            return None

    def is_gone(self, domain: Any) -> bool:
        """Tell whether a domain that was found is there no more; raises HypervisorAway."""
        reading, connection = CarefulReading(), self.connection()
        reading.of((), lambda: connection.lookupByUUIDString(domain.UUIDString()), None)
        return reading.was_missed

    def _read(self, domain: Any, reading: CarefulReading) -> Domain:
        uuid = domain.UUIDString()
        # What the domain was found with: known even of one that does not answer, and -1 of one
        # that has been started since.
        number = domain.ID()
        is_active = number >= 0 and bool(CarefulReading().of((), domain.isActive, True))
        names = ("state", "memory_kb", "cpu_time_s")
        info = reading.of(names, lambda: DomainInfo.of(domain.info()), None)
        persistent = reading.of(("persistent",), lambda: bool(domain.isPersistent()), None)
        return Domain(
            name=self.name_of(domain, reading),
            uuid=uuid,
            id=number if is_active else None,
            state=_STATES.get(info.state, "unknown") if info else "unknown",
            memory_kb=info.memory if info else None,
            cpu_time_s=round(info.cpu_time / 1e9, 3) if info else None,
            persistent=persistent,
            scheduler=self._scheduler(domain, is_active, reading),
            **self._described_by_xml(domain, is_active, info, reading),
            **_life_policy(domain, number, is_active and bool(persistent), reading),
            unknown=tuple(reading.unknown),
            problems=tuple(reading.problems),
        )

    def _described_by_xml(
        self, domain: Any, is_active: bool, info: DomainInfo | None, reading: CarefulReading
    ) -> dict[str, Any]:
        """Return vCPUs and interfaces: how many vCPUs run now is not in the XML."""
        none: tuple[int | None, int | None] = (None, None)
        described = reading.of(
            ("vcpus", "interfaces", "network"),
            lambda: domain_xml.DomainDescription(domain.XMLDesc()),
            None,
        )
        first, most = none
        if described is not None:
            first, most = reading.of(("vcpus",), lambda: described.vcpus, none)
        current = (info.vcpus if info else None) if is_active else first
        pins = self._affinity(domain, is_active, reading)
        vcpus = reading.of(("vcpus",), lambda: checked(Vcpus(current, most, pins)), Vcpus())
        if current is None:
            reading.miss("vcpus")
        return {
            "vcpus": vcpus,
            "interfaces": described.interfaces if described else (),
            "network": described.network if described else None,
        }

    @staticmethod
    def name_of(domain: Any, reading: CarefulReading) -> str:
        """Return the name of a domain; its UUID if that cannot be told."""

        def name() -> str:
            return document_schema.legal(_not_empty(domain.name()))

        return reading.of(("name",), name, str(domain.UUIDString()))

    @abstractmethod
    def _affinity(
        self, domain: Any, is_active: bool, reading: CarefulReading
    ) -> tuple[VcpuPins, ...]:
        """Return where each vCPU may run; nothing where vcpu_list tells of all domains at once."""

    @abstractmethod
    def _scheduler(
        self, domain: Any, is_active: bool, reading: CarefulReading
    ) -> SchedulerParameters:
        """Return the scheduler's kind, and the domain's weight and cap."""

    def last_cpu(self) -> int | None:
        """Return the highest number that a physical CPU may have."""
        connection = self.connection()
        with translated():
            return int(connection.getInfo()[2]) - 1

    @abstractmethod
    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run."""

    def open_namespace(self, domain: str) -> int | None:
        """Return None: a guest is a machine of its own."""
        return None

    @abstractmethod
    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain."""

    def foreign_domains(self, known: Collection[str]) -> tuple[Domain, ...]:
        """Return the domains that another tool keeps: none, where libvirt sees them all."""
        return ()

    def attached_devices(self) -> Attached:
        """Return which domain has which PCI device."""
        connection = self.connection()
        with translated():
            found = connection.listAllDomains()
        owners: dict[str, str] = {}
        unknown: list[str] = []
        for domain in found:
            reading = CarefulReading()
            name = self.name_of(domain, reading)
            addresses = reading.of(("devices",), partial(_devices_of, domain), None)
            if addresses is not None:
                owners |= dict.fromkeys(addresses, name)
            elif not (reading.was_missed and self.is_gone(domain)):
                unknown.append(name)
        return Attached(owners, tuple(unknown))


def _life_policy(
    domain: Any, number: int, runs_defined: bool, reading: CarefulReading
) -> dict[str, Any]:
    """Return what becomes of a domain, as it is defined: one that runs may have begun otherwise."""
    if number == 0:
        # Domain 0 is the host.
        return {}
    names = ("on_reboot", "on_crash")
    flags = DEFINITION if runs_defined else 0

    def described(flags: int) -> tuple[str | None, str | None]:
        return domain_xml.DomainDescription(domain.XMLDesc(flags)).lifecycle

    none: tuple[str | None, str | None] = (None, None)
    on_reboot, on_crash = reading.of(names, lambda: described(flags), none)
    autostart = reading.of(("autostart",), lambda: bool(domain.autostart()), None)
    return {"on_reboot": on_reboot, "on_crash": on_crash, "autostart": autostart}


def _devices_of(domain: Any) -> tuple[str, ...] | None:
    return domain_xml.DomainDescription(domain.XMLDesc()).host_devices


def checked(form: Form) -> Form:
    """Return a form; InvalidRequest for one that no message can carry."""
    document_schema.check(form)
    return form


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def _not_empty(name: str) -> str:
    if not name:
        raise ValueError("it has none")
    return name


def _size(info: Sequence[Any]) -> tuple[int, int]:
    """Return a host's memory, in kB, and how many CPUs it has; HypervisorError if none is told."""
    try:
        return counted(info[1]) * 1024, counted(info[2])
    except NO_ANSWER as error:
        raise HypervisorError(f"libvirt tells no memory and no CPUs: {error}") from error
