"""Handlers of what a Domain 0 is asked: scheduling, life, devices, planes and moves of domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xen_bridge.channel.incoming import IncomingChannel
from xen_bridge.dom0.allowed_paths import AllowedPaths
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.migration.destination import MigrationDestination
from xen_bridge.migration.source import MigrationSource
from xen_bridge.protocol.documents import devices, domains, migration, migration_advise
from xen_bridge.protocol.documents.channel import Acknowledgement, ChannelMessages
from xen_bridge.protocol.documents.devices import Devices
from xen_bridge.protocol.documents.domains import Done
from xen_bridge.protocol.documents.hello import HelloAnswer, RouterHello
from xen_bridge.protocol.documents.planes import ListPlanes, PlaneList, PlaneTunnel
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.separation.registry import SeparatedRouters
from xen_bridge.server.request_handler import (
    CHANGE_SECONDS,
    READ_SECONDS,
    Origin,
    RequestHandler,
    RequestHandlers,
)
from xen_bridge.virtual_management import PhysicalHost


def domain_handlers(
    host: PhysicalHost,
    paths: AllowedPaths | None = None,
    ended: Callable[[], object] = lambda: None,
    described: Callable[[domains.PhysicalHostInfo], domains.PhysicalHostInfo] = lambda host: host,
) -> RequestHandlers:
    """Return the handlers of the Scheduler and of domains' life.

    New domains may be given what ``paths`` allows; None, for one's own use, allows all. ``ended``
    is called when a domain may have ended, before that is answered. ``described`` adds to what the
    hypervisor tells of the host.
    """

    def create(body: domains.CreateDomain) -> domains.DomainAnswer:
        return domains.DomainAnswer(host.create(body if paths is None else paths.checked(body)))

    def delete(body: domains.DeleteDomain) -> Done:
        host.delete(body.domain)
        ended()
        return Done()

    def set_domain(body: domains.SetDomain) -> domains.DomainAnswer:
        answer = domains.DomainAnswer(host.set_domain(body))
        if body.state is not None:
            ended()
        return answer

    return {
        domains.GetNode: RequestHandler(
            lambda body: domains.Node(described(host.host()), host.domains(body.affinity))
        ),
        domains.GetDomain: RequestHandler(
            lambda body: domains.DomainAnswer(host.domain(body.domain))
        ),
        domains.ListSchedulers: RequestHandler(lambda _body: domains.Schedulers(host.schedulers())),
        domains.ListVcpus: RequestHandler(lambda _body: domains.VcpuList(host.vcpu_list())),
        domains.SetDomain: RequestHandler(set_domain, CHANGE_SECONDS),
        domains.CreateDomain: RequestHandler(create, CHANGE_SECONDS),
        domains.DeleteDomain: RequestHandler(delete, CHANGE_SECONDS),
    }


def device_handlers(manager: DeviceManager) -> RequestHandlers:
    """Return the handlers of devices (report 2.5); each change answers with all devices."""

    def set_functions(body: devices.SetFunctions) -> Devices:
        manager.set_functions(body.device, body.count)
        return manager.devices_after_change()

    def set_queues(body: devices.SetQueues) -> Devices:
        manager.set_max_queues(body.count)
        return manager.devices_after_change()

    def set_driver(body: devices.SetDriver) -> Devices:
        if body.driver == "xen":
            manager.take(body.device)
        else:
            manager.give_back(body.device)
        return manager.devices_after_change()

    def attach(body: devices.AttachDevice) -> Devices:
        manager.attach(body.domain, HostDevice(body.device, body.mac, body.vlan))
        return manager.devices_after_change()

    def remove(body: devices.RemoveDevice) -> Devices:
        manager.remove(body.domain, body.device)
        return manager.devices_after_change()

    return {
        devices.ListDevices: RequestHandler(lambda _body: manager.devices()),
        devices.SetFunctions: RequestHandler(set_functions, CHANGE_SECONDS),
        devices.SetQueues: RequestHandler(set_queues, CHANGE_SECONDS),
        devices.SetDriver: RequestHandler(set_driver, CHANGE_SECONDS),
        devices.AttachDevice: RequestHandler(attach, CHANGE_SECONDS),
        devices.RemoveDevice: RequestHandler(remove, CHANGE_SECONDS),
    }


def separation_handlers(
    routers: SeparatedRouters,
    limiter: ThreadLimiter,
    tunnels: Callable[[bool], tuple[PlaneTunnel, ...]] = lambda _check: (),
    strays: Callable[[], tuple[str, ...]] = tuple,
) -> RequestHandlers:
    """Return the handlers of Hello, in threads of ``limiter``, and of the list of planes.

    ``tunnels`` returns the ends of tunnels; it is told whether the kernel is to be asked.
    ``strays`` returns what there is of nobody that is known here.
    """

    def hello(body: RouterHello, origin: Origin) -> HelloAnswer:
        key = origin.node_pk
        return limiter.call_for(key, CHANGE_SECONDS, routers.hello, key, body)

    def listed(body: ListPlanes) -> PlaneList:
        if not body.check:
            return PlaneList(routers.view(), tunnels(False))
        return PlaneList(routers.check(), tunnels(True), strays())

    saying: RequestHandler[RouterHello] = RequestHandler(
        hello, CHANGE_SECONDS, blocking=False, needs_origin=True
    )
    return {
        RouterHello: saying,
        ListPlanes: RequestHandler(listed),
    }


def migration_handlers(
    source: MigrationSource, destination: MigrationDestination
) -> RequestHandlers:
    """Return the handlers of migrations: what is asked of the source, and of the destination."""

    def by_origin(asked: Callable[[Any, str], Any]) -> RequestHandler[Any]:
        def carry_out(body: Any, origin: Origin) -> Any:
            return asked(body, origin.node_pk)

        return RequestHandler(carry_out, CHANGE_SECONDS, needs_origin=True)

    return {
        migration.MigrateDomain: RequestHandler(source.begin, CHANGE_SECONDS),
        migration.GetMigration: RequestHandler(lambda body: source.status(body.id)),
        migration.ListMigrations: RequestHandler(lambda _body: source.list()),
        migration.AbortMigration: RequestHandler(lambda body: source.abort(body.id)),
        migration.GiveUpMigration: RequestHandler(
            lambda body: source.give_up(body.id, body.router_is)
        ),
        migration_advise.PrepareIncoming: by_origin(destination.prepare),
        migration_advise.AdviseMigration: by_origin(destination.advise),
        migration_advise.AbortIncoming: by_origin(destination.abort),
        migration_advise.OfferRoutes: by_origin(destination.offer_routes),
        migration_advise.OfferPlane: by_origin(destination.offer_plane),
        migration_advise.DeliverFrames: by_origin(destination.deliver),
    }


def channel_handlers(incoming: IncomingChannel, limiter: ThreadLimiter) -> RequestHandlers:
    """Return the handler of what other nodes send unasked; it runs in threads of ``limiter``."""

    def accept(body: ChannelMessages, origin: Origin) -> Acknowledgement:
        args = origin.node_pk, origin.application, body
        return limiter.call_for(origin.node_pk, READ_SECONDS, incoming.accept, *args)

    taking: RequestHandler[ChannelMessages] = RequestHandler(
        accept, READ_SECONDS, blocking=False, needs_origin=True
    )
    return {ChannelMessages: taking}
