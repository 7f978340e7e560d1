"""Libvirt back end, alike on Xen and on its test driver: domains, their life, devices."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence

from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.dom0.hypervisor.libvirt_errors import translated
from xen_bridge.dom0.hypervisor.libvirt_reader import DEFINITION, LibvirtReader
from xen_bridge.dom0.hypervisor.reading import CarefulReading
from xen_bridge.errors import HypervisorError, RequestConflict, RequestUnsupported
from xen_bridge.protocol.documents.domains import CreateDomain, Domain, KnownLifecycle

_WITH_SECRETS = 1
"""VIR_DOMAIN_XML_SECURE."""
_ELEMENT = 2
"""VIR_DOMAIN_METADATA_ELEMENT."""
_LIVE, _CONFIG = 1, 2
"""VIR_DOMAIN_AFFECT_LIVE and VIR_DOMAIN_AFFECT_CONFIG."""


class LibvirtHost(LibvirtReader):
    """A hypervisor behind libvirt."""

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
            text = found.XMLDesc(DEFINITION | _WITH_SECRETS)
            try:
                changed = domain_xml.with_lifecycle(text, on_reboot, on_crash)
            except ValueError as error:
                raise HypervisorError(f"its definition cannot be read: {error}") from error
            connection.defineXML(changed)

    def set_network(self, domain: str, network: str | None) -> None:
        """Keep in a domain's metadata which virtual network it is a router of."""
        found = self.find(domain)
        text = None if network is None else domain_xml.network_text(network)
        with translated():
            flags = _LIVE if found.isActive() else 0
            if found.isPersistent():
                flags |= _CONFIG
            found.setMetadata(
                _ELEMENT, text, domain_xml.METADATA_KEY, domain_xml.METADATA_NAMESPACE, flags
            )

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


def _node_device(address: str) -> str:
    return "pci_" + re.sub("[:.]", "_", address)
