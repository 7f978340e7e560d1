"""Giving devices to domains (report 2.5): direct access, SR-IOV, and queues of vifs."""

from __future__ import annotations

import logging
from dataclasses import replace

from xen_bridge.dom0.hypervisor.interface import (
    Attached,
    Capability,
    HostDevice,
    Hypervisor,
    require,
)
from xen_bridge.dom0.sysfs_devices import SysfsDevices
from xen_bridge.errors import BridgeError, HypervisorError, RequestConflict, SubjectNotFound
from xen_bridge.protocol.documents.devices import Device, Devices, Queues

LOG = logging.getLogger(__name__)
BRIDGE_CLASS = "06"
EVERYBODY = "any domain"
"""Stands for the names of domains whose devices are unknown, where they are unknown too."""


class DeviceManager:
    """The devices of one host: sysfs tells what there is, the hypervisor who has it."""

    def __init__(self, hypervisor: Hypervisor, sysfs: SysfsDevices | None = None) -> None:
        self._hypervisor = hypervisor
        self._sysfs = sysfs if sysfs is not None else SysfsDevices()

    def devices(self) -> Devices:
        """Return what can be given to domains (bridges cannot), and the queues of vifs."""
        return self._told(self._hypervisor.attached_devices())

    def devices_after_change(self) -> Devices:
        """Return the same; that nobody tells who has what is no error: what was done is done."""
        try:
            return self.devices()
        except BridgeError as error:
            LOG.warning("after a change: %s", error)
            return self._told(Attached(unknown=(EVERYBODY,)))

    def _told(self, given: Attached) -> Devices:
        found = tuple(
            replace(device, domain=given.owners.get(device.address))
            for device in self._sysfs.devices()
            if not (device.device_class or "").startswith(BRIDGE_CLASS)
        )
        queues = Queues(self._sysfs.max_queues(), self._sysfs.vif_queues())
        return Devices(found, queues, given.unknown)

    def set_functions(self, address: str, count: int) -> None:
        """Have a physical function make virtual ones.

        RequestConflict while a domain has one, or while it cannot be told of a domain what it has:
        the number is changed by way of 0, which would take its device from under it.
        """
        given, functions = self._hypervisor.attached_devices(), self._sysfs.functions(address)
        for function in functions:
            if function in given.owners:
                raise RequestConflict(f"{given.owners[function]} has {function}")
        if functions and given.unknown:
            raise RequestConflict(f"it cannot be read which devices {', '.join(given.unknown)} has")
        self._sysfs.set_functions(address, count)

    def set_max_queues(self, count: int) -> None:
        """Let new vifs have at most ``count`` queues."""
        self._sysfs.set_max_queues(count)

    def take(self, address: str) -> None:
        """Take a device from the host's driver, for a domain to be given it."""
        require(self._hypervisor.capabilities, Capability.DEVICE_DRIVERS)
        if self._free(address).assignable:
            raise RequestConflict(f"{address} is taken from the host already")
        self._hypervisor.take_device(address)

    def give_back(self, address: str) -> None:
        """Return a device to the host's driver."""
        require(self._hypervisor.capabilities, Capability.DEVICE_DRIVERS)
        self._free(address)
        self._hypervisor.return_device(address)

    def attach(self, domain: str, device: HostDevice) -> None:
        """Give a device to a domain.

        RequestConflict if another has it, or if an address or a VLAN is given to what is no virtual
        function.
        """
        require(self._hypervisor.capabilities, Capability.DEVICE_ATTACHMENT)
        found = self._free(device.address)
        is_plain = device.mac is None and device.vlan is None
        if not is_plain and found.kind != "virtual_function":
            raise RequestConflict(f"{device.address} is no virtual function: no address, no VLAN")
        self._hypervisor.attach_device(domain, device)

    def remove(self, domain: str, address: str) -> None:
        """Take a device back from a domain; SubjectNotFound unless that domain has it.

        HypervisorError if nobody can tell what it has.
        """
        require(self._hypervisor.capabilities, Capability.DEVICE_ATTACHMENT)
        name = self._hypervisor.domain(domain).name
        given = self._hypervisor.attached_devices()
        if name in given.unknown:
            raise HypervisorError(f"it cannot be read which devices {name} has")
        if given.owners.get(address) != name:
            raise SubjectNotFound(f"{name} does not have {address}")
        self._hypervisor.remove_device(domain, address)

    def _free(self, address: str) -> Device:
        found = self._sysfs.device(address)
        owner = self._hypervisor.attached_devices().owners.get(address)
        if owner is not None:
            raise RequestConflict(f"{owner} has {address}")
        return found
