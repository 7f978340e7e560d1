"""Xen behind libvirt (``xen:///system``, ``xen+tls://host/system``, ``xen+ssh://host/system``).

What libvirt's Xen driver does not do, ``xl`` does, on the host itself (Xen research, section 5).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any, ClassVar

from xen_bridge.dom0.domain_checks import of_xl
from xen_bridge.dom0.hypervisor.domain_xml import DomainDescription
from xen_bridge.dom0.hypervisor.interface import Attached, Capability, Usage
from xen_bridge.dom0.hypervisor.libvirt_errors import binding, translated
from xen_bridge.dom0.hypervisor.libvirt_host import LibvirtHost
from xen_bridge.dom0.hypervisor.libvirt_reader import RUNNING, checked
from xen_bridge.dom0.hypervisor.libxl_log import LibxlLog
from xen_bridge.dom0.hypervisor.reading import CarefulReading, DomainInfo
from xen_bridge.dom0.hypervisor.xen_uri import XenUri, xl_runner
from xen_bridge.dom0.hypervisor.xl import Run, Xl
from xen_bridge.dom0.hypervisor.xl_domains import devices_of_xl, domains_of_xl
from xen_bridge.errors import (
    BridgeError,
    HypervisorAway,
    InvalidRequest,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    SchedulerParameters,
    VcpuAssignment,
    VcpuPins,
)
from xen_bridge.protocol.documents.measures import VirtualInterface

LOG = logging.getLogger(__name__)
KNOWN_SCHEDULERS = ("credit", "credit2")
DOMAIN_0 = 0

_OF_NAMESPACES = {
    Capability.FREEZER,
    Capability.ROUTER_SETUP,
    Capability.MIGRATION_WITHIN_MACHINE,
    Capability.MIGRATION_BY_RESTART,
}
"""A guest sets up itself what is inside, and is on a machine of its own."""
_WITH_XL = frozenset(Capability) - _OF_NAMESPACES
_WITHOUT_XL = _WITH_XL - {Capability.AFFINITY}


class XenHypervisor(LibvirtHost):
    """A real Xen host."""

    kind: ClassVar[str] = "xen"

    def __init__(self, uri: str, run: Run | None = None) -> None:
        super().__init__(uri)
        runner = run or xl_runner(uri)
        self._xl = Xl(runner) if runner is not None else None
        self._last_cpu: int | None = None
        """As it was told last: it changes with the machine's hardware only."""
        self._log = LibxlLog() if XenUri.read(uri).is_here else None
        self.capabilities = _WITH_XL if self._xl is not None else _WITHOUT_XL

    def scheduler_kind(self) -> str | None:
        """Return credit, credit2, or another that Xen runs; None where it cannot be told."""
        connection = self.connection()

        def kind() -> str | None:
            return str(connection.lookupByID(DOMAIN_0).schedulerType()[0])

        return CarefulReading().of(("scheduler",), kind, None)

    # ---- domains of xl

    def find(self, domain: str) -> Any:
        """Return libvirt's domain; RequestConflict for one that xl made."""
        try:
            return super().find(domain)
        except SubjectNotFound:
            other = self._of_xl(domain)
            if other is None:
                raise
        raise RequestConflict(of_xl(other.name, other.id))

    def domain(self, domain: str) -> Domain:
        """Return one domain, whoever made it."""
        try:
            found = super().find(domain)
        except SubjectNotFound:
            other = self._of_xl(domain)
            if other is None:
                raise
            return other
        return self.described(found)

    def _of_xl(self, domain: str) -> Domain | None:
        """Return the domain of xl with that UUID, name or id; None if it does not tell of one."""
        try:
            others = self.foreign_domains(())
        except BridgeError:
            return None
        for names in (lambda one: one.uuid, lambda one: one.name, lambda one: str(one.id)):
            for one in others:
                if names(one) == domain:
                    return one
        return None

    def foreign_domains(self, known: Collection[str]) -> tuple[Domain, ...]:
        """Return the domains that xl made; ``known`` are the UUIDs of libvirt's."""
        if self._xl is None:
            return ()
        found = domains_of_xl(self._xl, known, self.scheduler_kind())
        # One that was started since libvirt was asked is libvirt's.
        return tuple(one for one in found if self._is_unknown(one.uuid))

    def names(self) -> frozenset[str]:
        """Return the names that are taken: those of libvirt's domains, and of xl's if it tells."""
        names = {str(one.name()) for one in self.connection().listAllDomains()}
        with suppress(BridgeError):
            names |= {one.name for one in self.foreign_domains(())}
        return frozenset(names)

    def _is_unknown(self, uuid: str) -> bool:
        reading, connection = CarefulReading(), self.connection()
        reading.of((), lambda: connection.lookupByUUIDString(uuid), None)
        return reading.was_missed

    # ---- looking

    def _scheduler(
        self, domain: Any, is_active: bool, reading: CarefulReading
    ) -> SchedulerParameters:
        if not is_active:
            return SchedulerParameters(self.scheduler_kind())
        kind = reading.of(("scheduler",), lambda: str(domain.schedulerType()[0]), None)
        told = SchedulerParameters(kind)
        if kind not in KNOWN_SCHEDULERS:
            return told

        def parameters() -> SchedulerParameters:
            known = domain.schedulerParameters()
            return checked(SchedulerParameters(kind, known.get("weight"), known.get("cap")))

        return reading.of(("scheduler",), parameters, told)

    def _affinity(
        self, domain: Any, is_active: bool, reading: CarefulReading
    ) -> tuple[VcpuPins, ...]:
        # One run of xl tells of all domains, so it is asked by vcpu_list alone.
        return ()

    def last_cpu(self) -> int | None:
        """Return the highest number that a physical CPU may have, as ``xl info`` tells it.

        libvirt tells only how many there are, which is fewer where some of them are off.
        """
        if self._xl is not None:
            with suppress(BridgeError):
                self._last_cpu = self._xl.last_cpu()
        return self._last_cpu

    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run."""
        xl = self._needed_xl()
        if self._last_cpu is None:
            self.last_cpu()
        # Without it, as many as there are is the best guess of what "all" is.
        last = self._last_cpu if self._last_cpu is not None else super().last_cpu()
        return xl.vcpu_list(0 if last is None else last + 1)

    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain."""
        connection = self.connection()
        with translated():
            running = connection.listAllDomains(RUNNING)
        found = (self._usage(domain) for domain in running)
        return tuple(usage for usage in found if usage is not None)

    def _usage(self, domain: Any) -> Usage | None:
        """Return the counters of a domain; None if it went away since it was listed."""
        reading = CarefulReading()
        info = reading.of(("usage",), lambda: DomainInfo.of(domain.info()), None)
        targets = reading.of(("interfaces",), partial(_targets, domain), None)
        vifs = None if targets is None else _vifs(domain, targets, reading)
        if reading.was_missed and self.is_gone(domain):
            return None
        unread = len(targets or ()) - len(vifs or ())
        name = self.name_of(domain, reading)
        if info is None:
            return Usage(name, None, None, None, vifs, unread)
        return Usage(name, info.cpu_time, info.memory, info.vcpus, vifs, unread)

    # ---- the processor

    def set_scheduler(self, domain: str, weight: int | None, cap: int | None) -> None:
        """Set weight and cap of a running domain; RequestUnsupported for other schedulers."""
        found = self.find(domain)
        wanted = {"weight": weight, "cap": cap}
        with translated():
            kind = found.schedulerType()[0]
            if kind not in KNOWN_SCHEDULERS:
                raise RequestUnsupported(f"the scheduler {kind} knows no weight and no cap")
            # Flags are not supported, so the plain call (Xen research, 5.1).
            found.setSchedulerParameters({k: v for k, v in wanted.items() if v is not None})

    def set_vcpus(self, domain: str, count: int) -> None:
        """Set how many vCPUs a domain uses, now and when it is started again.

        libvirt's Xen driver refuses the flag for "whatever it is now" (seen on 9.0).
        """
        libvirt = binding()
        found = self.find(domain)
        with translated():
            flags = libvirt.VIR_DOMAIN_AFFECT_LIVE if found.isActive() else 0
            if found.isPersistent():
                flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG
            found.setVcpusFlags(count, flags)

    def pin(self, domain: str, vcpu: int, cpus: Sequence[int]) -> None:
        """Let a vCPU run on these physical CPUs only."""
        found = self.find(domain)
        with translated():
            number = found.ID()
        if number < 0:
            raise RequestConflict("the domain does not run")
        self._needed_xl().pin(number, vcpu, cpus)

    def _needed_xl(self) -> Xl:
        if self._xl is None:
            raise RequestUnsupported(
                f"affinity through {self.uri}: xl runs on the host itself, or by ssh"
            )
        return self._xl

    # ---- life

    def define(self, wanted: CreateDomain) -> Domain:
        """Make a domain known; InvalidRequest unless it is said what it boots."""
        if wanted.kernel is None and wanted.boot_loader is None:
            raise InvalidRequest(
                ("kernel",),
                "a domain boots a kernel of this host; or the boot loader pygrub, which reads the "
                "guest's disk in Domain 0 as root, if it is asked for (boot_loader)",
            )
        return super().define(wanted)

    def start(self, domain: str) -> None:
        """Boot a defined domain; the error has Xen's reason."""
        with self._explained():
            super().start(domain)

    def _explained(self) -> AbstractContextManager[None]:
        return self._log.explaining() if self._log is not None else nullcontext()

    # ---- moving

    def migrate(self, domain: str, destination: str) -> None:
        """Move a running domain live, host to host.

        A name that is taken at the destination is found out before: libvirt would leave the
        domain in limbo (Xen research, 5.3).
        """
        libvirt = binding()
        found = self.find(domain)
        other = XenHypervisor(destination)
        try:
            with self._explained(), translated():
                name = found.name()
                if name in other.names():
                    raise RequestConflict(f"{destination} has a domain {name} already")
                flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
                if found.isPersistent():
                    flags |= libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
                found.migrateToURI3(destination, {}, flags)
        finally:
            other.close()

    # ---- devices

    def attached_devices(self) -> Attached:
        """Return which domain has which PCI device, those of xl too, if xl tells."""
        ours = super().attached_devices()
        if self._xl is None:
            return ours
        try:
            others = devices_of_xl(self._xl, self._is_unknown)
        except HypervisorAway:
            raise
        except BridgeError as error:
            LOG.info("nobody tells which devices the domains of xl have: %s", error)
            return ours
        return Attached({**others.owners, **ours.owners}, (*ours.unknown, *others.unknown))

    def take_device(self, address: str) -> None:
        """Take a PCI device from the host's driver; with xl where libvirt has no device driver."""
        try:
            super().take_device(address)
        except RequestUnsupported:
            self._needed_xl().take_device(address)

    def return_device(self, address: str) -> None:
        """Give a PCI device back to the host's driver."""
        try:
            super().return_device(address)
        except RequestUnsupported:
            self._needed_xl().return_device(address)


def _targets(domain: Any) -> list[str] | None:
    return [item.target for item in DomainDescription(domain.XMLDesc()).interfaces if item.target]


def _vifs(
    domain: Any, targets: Sequence[str], reading: CarefulReading
) -> tuple[VirtualInterface, ...]:
    """Return the counters of the vifs that can be read."""

    def counted(number: int, name: str) -> VirtualInterface:
        return _vif(number, domain.interfaceStats(name))

    found = (
        reading.of(("interfaces",), partial(counted, *target), None)
        for target in enumerate(targets)
    )
    return tuple(vif for vif in found if vif is not None)


def _vif(number: int, counters: Sequence[int]) -> VirtualInterface:
    """Return libvirt's counters from xentop's side: the guest's receiving is Domain 0's sending."""
    rx_bytes, rx_packets, rx_errors, rx_drops, tx_bytes, tx_packets, tx_errors, tx_drops = (
        max(value, 0) for value in counters
    )
    return VirtualInterface(
        number,
        received_bytes=tx_bytes,
        received_packets=tx_packets,
        reception_errors=tx_errors,
        reception_drops=tx_drops,
        transmitted_bytes=rx_bytes,
        transmitted_packets=rx_packets,
        transmission_errors=rx_errors,
        transmission_drops=rx_drops,
    )
