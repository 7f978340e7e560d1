"""Libvirt back end, alike on Xen and on its test driver: domains, their life, devices.

The connection is opened by the first call, and again by the first after it was lost: a libvirtd
that was killed and is back needs nobody's help. libvirt's connections may be used by several
threads at once.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.interface import Attached, Capability, HostDevice, Usage
from xen_bridge.dom0.hypervisor.libvirt_errors import binding, translated
from xen_bridge.dom0.hypervisor.reading import CarefulReading
from xen_bridge.errors import (
    HypervisorAway,
    HypervisorError,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.document_schema import Form
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    KnownLifecycle,
    PhysicalHostInfo,
    SchedulerParameters,
    State,
    VcpuAssignment,
    VcpuPins,
    Vcpus,
)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID = re.compile(r"[0-9]{1,9}", re.ASCII)
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
_DEFINITION, _WITH_SECRETS = 2, 1
"""VIR_DOMAIN_XML_INACTIVE and VIR_DOMAIN_XML_SECURE."""
RUNNING = 1
"""VIR_CONNECT_LIST_DOMAINS_ACTIVE."""


class LibvirtHost(ABC):
    """A hypervisor behind libvirt."""

    kind: ClassVar[str]
    """libvirt's type of its domains."""
    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._connection: Any = None
        self._lock = threading.Lock()

    # ---- the connection

    def connection(self) -> Any:
        """Return the connection, opened anew if there is none that lives."""
        libvirt = binding()
        with self._lock, translated():
            if self._connection is not None and not self._is_alive(self._connection):
                self._connection = None
            if self._connection is None:
                # Otherwise it prints every error to stderr as well.
                libvirt.registerErrorHandler(lambda _context, _error: None, None)
                self._connection = self._open(libvirt)
            return self._connection

    def _open(self, libvirt: Any) -> Any:
        try:
            connection = libvirt.open(self.uri)
        except libvirt.libvirtError as error:
            # Whatever the reason, there is no hypervisor to ask.
            raise HypervisorAway(f"{self.uri}: {error}") from error
        return connection

    @staticmethod
    def _is_alive(connection: Any) -> bool:
        libvirt = binding()
        try:
            return bool(connection.isAlive())
        except libvirt.libvirtError:
            return False

    def close(self) -> None:
        """End the connection."""
        with self._lock, translated():
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def find(self, domain: str) -> Any:
        """Return libvirt's domain of that UUID, name or id; SubjectNotFound if there is none.

        In that order: of two domains, one named "1" and one with the id 1, the former is meant.
        """
        connection = self.connection()
        lookups = [partial(connection.lookupByName, domain)]
        if _UUID.fullmatch(domain):
            lookups.insert(0, partial(connection.lookupByUUIDString, domain))
        if _ID.fullmatch(domain):
            lookups.append(partial(connection.lookupByID, int(domain)))
        for lookup in lookups:
            with suppress(SubjectNotFound), translated():
                return lookup()
        # libvirt does not say which.
        raise SubjectNotFound(f"no domain {domain}")

    # ---- looking

    def host(self) -> PhysicalHostInfo:
        """Return the physical host."""
        connection = self.connection()
        with translated():
            info = connection.getInfo()
            version = connection.getVersion()
            return PhysicalHostInfo(
                name=connection.getHostname(),
                hypervisor=connection.getType(),
                version=f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}",
                scheduler=self.scheduler_kind(),
                cpus=info[2],
                memory_kb=info[1] * 1024,
                free_memory_kb=self._free_memory(connection),
                capabilities=tuple(sorted(self.capabilities)),
            )

    def _free_memory(self, connection: Any) -> int:
        return int(connection.getFreeMemory()) // 1024

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
        return None if reading.was_missed and self.is_gone(domain) else found

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
        info = reading.of(("state", "memory_kb", "cpu_time_s"), domain.info, None)
        persistent = reading.of(("persistent",), lambda: bool(domain.isPersistent()), None)
        return Domain(
            name=self.name_of(domain, reading),
            uuid=uuid,
            id=number if is_active else None,
            state=_STATES.get(info[0], "unknown") if info else "unknown",
            memory_kb=info[2] if info else None,
            cpu_time_s=round(info[4] / 1e9, 3) if info else None,
            persistent=persistent,
            scheduler=self._scheduler(domain, is_active, reading),
            **self._described_by_xml(domain, is_active, info, reading),
            **_life_policy(domain, number, is_active and bool(persistent), reading),
            unknown=tuple(reading.unknown),
            problems=tuple(reading.problems),
        )

    def _described_by_xml(
        self, domain: Any, is_active: bool, info: Any, reading: CarefulReading
    ) -> dict[str, Any]:
        """Return vCPUs and interfaces: how many vCPUs run now is not in the XML."""
        none: tuple[int | None, int | None] = (None, None)
        described = reading.of(
            ("vcpus", "interfaces"), lambda: domain_xml.DomainDescription(domain.XMLDesc()), None
        )
        first, most = none
        if described is not None:
            first, most = reading.of(("vcpus",), lambda: described.vcpus, none)
        current = (info[3] if info else None) if is_active else first
        pins = self._affinity(domain, is_active, reading)
        vcpus = reading.of(("vcpus",), lambda: checked(Vcpus(current, most, pins)), Vcpus())
        if current is None:
            reading.miss("vcpus")
        return {"vcpus": vcpus, "interfaces": described.interfaces if described else ()}

    @staticmethod
    def name_of(domain: Any, reading: CarefulReading) -> str:
        """Return the name of a domain; its UUID if that cannot be told."""

        def name() -> str:
            return _not_empty(domain.name())

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

    @abstractmethod
    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain."""

    def foreign_domains(self, known: Collection[str]) -> tuple[Domain, ...]:
        """Return the domains that another tool keeps: none, where libvirt sees them all."""
        return ()

    # ---- life

    def define(self, wanted: CreateDomain) -> Domain:
        """Make a domain known, without starting it."""
        connection = self.connection()
        with translated():
            # Redefining would change a domain of that name instead of refusing.
            made = connection.defineXML(domain_xml.build(wanted, self.kind))
        return self._read(made, CarefulReading())

    def set_autostart(self, domain: str, starts: bool) -> None:
        """Say whether a domain is started with the host."""
        found = self.find(domain)
        with translated():
            found.setAutostart(int(starts))

    def set_lifecycle(
        self, domain: str, on_reboot: KnownLifecycle | None, on_crash: KnownLifecycle | None
    ) -> None:
        """Say what becomes of a domain that reboots or crashes, from its next start.

        libvirt's Xen driver cannot change it while the domain runs (seen on 9.0), so the
        definition is changed.
        """
        found, connection = self.find(domain), self.connection()
        with translated():
            if not found.isPersistent():
                raise RequestConflict(
                    f"{found.name()} is transient: nothing of it is kept for a next start"
                )
            text = found.XMLDesc(_DEFINITION | _WITH_SECRETS)
            try:
                changed = domain_xml.with_lifecycle(text, on_reboot, on_crash)
            except ValueError as error:
                raise HypervisorError(f"its definition cannot be read: {error}") from error
            connection.defineXML(changed)

    def start(self, domain: str) -> None:
        """Boot a defined domain."""
        found = self.find(domain)
        with translated():
            found.create()

    def shutdown(self, domain: str) -> None:
        """Ask the guest to shut down."""
        found = self.find(domain)
        with translated():
            found.shutdown()

    def destroy(self, domain: str) -> None:
        """End a domain at once."""
        found = self.find(domain)
        with translated():
            found.destroy()

    def undefine(self, domain: str) -> None:
        """Forget a domain that does not run."""
        found = self.find(domain)
        with translated():
            found.undefine()

    def suspend(self, domain: str) -> None:
        """Pause a running domain."""
        found = self.find(domain)
        with translated():
            found.suspend()

    def resume(self, domain: str) -> None:
        """Let a paused domain go on."""
        found = self.find(domain)
        with translated():
            found.resume()

    # ---- the processor

    def set_scheduler(self, domain: str, weight: int | None, cap: int | None) -> None:
        """Set weight and cap of a running domain."""
        raise RequestUnsupported(f"weight and cap, with {self.kind} domains")

    def set_vcpus(self, domain: str, count: int) -> None:
        """Set how many vCPUs a domain uses."""
        found = self.find(domain)
        with translated():
            found.setVcpusFlags(count)

    @abstractmethod
    def pin(self, domain: str, vcpu: int, cpus: Sequence[int]) -> None:
        """Let a vCPU run on these physical CPUs only."""

    def migrate(self, domain: str, destination: str) -> None:
        """Move a running domain to another host."""
        raise RequestUnsupported(f"migration, with {self.kind} domains")

    # ---- devices

    def take_device(self, address: str) -> None:
        """Take a PCI device from the host's driver."""
        connection = self.connection()
        with translated():
            connection.nodeDeviceLookupByName(_node_device(address)).dettach()

    def return_device(self, address: str) -> None:
        """Give a PCI device back to the host's driver."""
        connection = self.connection()
        with translated():
            connection.nodeDeviceLookupByName(_node_device(address)).reAttach()

    def attach_device(self, domain: str, device: HostDevice) -> None:
        """Give a PCI device to a domain."""
        found = self.find(domain)
        with translated():
            found.attachDeviceFlags(domain_xml.host_device(device), 0)

    def remove_device(self, domain: str, address: str) -> None:
        """Take a PCI device from a domain."""
        found = self.find(domain)
        with translated():
            found.detachDeviceFlags(domain_xml.host_device(HostDevice(address)), 0)

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
    flags = _DEFINITION if runs_defined else 0

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


def _not_empty(name: str) -> str:
    if not name:
        raise ValueError("it has none")
    return name


def _node_device(address: str) -> str:
    return "pci_" + re.sub("[:.]", "_", address)
