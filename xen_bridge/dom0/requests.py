"""What Domain 0 does: scheduling, life and devices of domains, and measures."""

from __future__ import annotations

from xen_bridge.dom0.allowed_paths import AllowedPaths
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.protocol.documents import devices, domains
from xen_bridge.protocol.documents.devices import Devices
from xen_bridge.protocol.documents.domains import Done
from xen_bridge.server.services import CHANGING, Service, Services
from xen_bridge.virtual_management import PhysicalHost


def domain_services(host: PhysicalHost, paths: AllowedPaths | None = None) -> Services:
    """Return the services of the Scheduler and of domains' life.

    New domains may be given what ``paths`` allows; None, for one's own use, allows all.
    """

    def create(body: domains.CreateDomain) -> domains.DomainAnswer:
        return domains.DomainAnswer(host.create(body if paths is None else paths.checked(body)))

    def delete(body: domains.DeleteDomain) -> Done:
        host.delete(body.domain)
        return Done()

    return {
        domains.GetNode: Service(
            lambda body: domains.Node(host.host(), host.domains(body.affinity))
        ),
        domains.GetDomain: Service(lambda body: domains.DomainAnswer(host.domain(body.domain))),
        domains.ListSchedulers: Service(lambda _body: domains.Schedulers(host.schedulers())),
        domains.ListVcpus: Service(lambda _body: domains.VcpuList(host.vcpu_list())),
        domains.SetDomain: Service(
            lambda body: domains.DomainAnswer(host.set_domain(body)), CHANGING
        ),
        domains.CreateDomain: Service(create, CHANGING),
        domains.DeleteDomain: Service(delete, CHANGING),
    }


def device_services(manager: DeviceManager) -> Services:
    """Return the services of devices (report 2.5); each change answers with all devices."""

    def set_functions(body: devices.SetFunctions) -> Devices:
        manager.set_functions(body.device, body.count)
        return manager.devices()

    def set_queues(body: devices.SetQueues) -> Devices:
        manager.set_max_queues(body.count)
        return manager.devices()

    def set_driver(body: devices.SetDriver) -> Devices:
        if body.driver == "xen":
            manager.take(body.device)
        else:
            manager.give_back(body.device)
        return manager.devices()

    def attach(body: devices.AttachDevice) -> Devices:
        manager.attach(body.domain, HostDevice(body.device, body.mac, body.vlan))
        return manager.devices()

    def remove(body: devices.RemoveDevice) -> Devices:
        manager.remove(body.domain, body.device)
        return manager.devices()

    return {
        devices.ListDevices: Service(lambda _body: manager.devices()),
        devices.SetFunctions: Service(set_functions, CHANGING),
        devices.SetQueues: Service(set_queues, CHANGING),
        devices.SetDriver: Service(set_driver, CHANGING),
        devices.AttachDevice: Service(attach, CHANGING),
        devices.RemoveDevice: Service(remove, CHANGING),
    }
