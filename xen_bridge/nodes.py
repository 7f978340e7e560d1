"""Node of a Domain 0, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from xen_bridge import leaving
from xen_bridge.channel.incarnation import FILE as INCARNATION
from xen_bridge.channel.incarnation import next_incarnation
from xen_bridge.channel.incoming import IncomingChannel
from xen_bridge.claim import Claim
from xen_bridge.dom0.allowed_paths import AllowedPaths
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor.opening import check_is_here, open_hypervisor
from xen_bridge.gatherers.measures import MeasuresGatherer, node_gatherers
from xen_bridge.gatherers.neighbor_scan import NeighborScan
from xen_bridge.gatherers.summary import HostSummary
from xen_bridge.gatherers.xentop import xentop_source
from xen_bridge.handlers import (
    channel_handlers,
    device_handlers,
    domain_handlers,
    migration_handlers,
    separation_handlers,
)
from xen_bridge.migration.destination import MigrationDestination
from xen_bridge.migration.incoming import IncomingMigration
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.landing import PlaneLandings
from xen_bridge.migration.source import MigrationSource
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.migration.tunnel_watch import TunnelWatch
from xen_bridge.netlink.tables import Netlink, links_by_name
from xen_bridge.node_parts import (
    LOOKING_THREADS,
    PLANES_SECONDS,
    PROXY_THREADS,
    ROUTER_THREADS,
    ROUTER_THREADS_OF_ONE,
    node_of,
    reading_in,
)
from xen_bridge.planes.domain_zero import DomainZero
from xen_bridge.planes.plane_probe import PlaneProbe
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents.domains import PhysicalHostInfo
from xen_bridge.router_handlers import consolidate_handlers, measure_handlers, scan_handlers
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.runtime.port import Runtime
from xen_bridge.separation.registry import SeparatedRouters
from xen_bridge.separation.strays import KnownOwners, strays
from xen_bridge.server import routers
from xen_bridge.server.proxy import Proxy
from xen_bridge.server.request_handler import RequestHandlers
from xen_bridge.server.running import NodeComponents, Serve
from xen_bridge.topology.node_consolidate import (
    LONGEST_LOOK,
    ElementScan,
    NodeConsolidate,
)
from xen_bridge.trust.identity import Identity
from xen_bridge.virtual_management import PhysicalHost

SETTINGS_FILE = leaving.SETTINGS_FILE
COMING = "migrations-to-here"
"""Folder of the journal."""
TUNNELS_SECONDS = 10.0
"""Between two looks whether the routers are still there that tunnels are for."""


@dataclass(frozen=True, slots=True)
class MovingOptions:
    """Where the peers of a Domain 0 reach its libvirt, and itself if elsewhere than others do."""

    migration_uri: str | None = None
    peer_url: str | None = None


def domain_0(
    directory: Path,
    uri: str,
    paths: AllowedPaths,
    runtime: Runtime,
    serve: Serve,
    skipped: Collection[str] = (),
    moving: MovingOptions | None = None,
) -> NodeComponents:
    """Return the node of a Domain 0 whose hypervisor is at ``uri``; its files are in ``directory``.

    New domains are given what ``paths`` allows, and no other file or device. Routers are separated
    though Domain 0 skips the kinds ``skipped`` of what their kernels do. ``moving`` says where
    peers reach it. FileNotFoundError without a key there; InvalidRequest for a URI that nothing
    serves, or another machine's.
    """
    check_is_here(uri)
    identity = Identity.load(directory)
    claim = Claim.of_service(directory / leaving.CLAIM)
    moving = moving or MovingOptions()
    hypervisor = open_hypervisor(uri, moving.migration_uri)
    host = PhysicalHost(uri, hypervisor, directory / SETTINGS_FILE, moving.peer_url)
    known = routers.RouterList(directory / routers.FILE)
    planes = leaving.separated_routers(directory, host, known, skipped)
    incoming = IncomingChannel(
        next_incarnation(directory / INCARNATION), {Application.ROUTE_CHANGE: planes.route_event}
    )
    telling = ThreadLimiter(runtime, "routers", ROUTER_THREADS, ROUTER_THREADS_OF_ONE)
    proxy = Proxy(identity, known.routers, ThreadLimiter(runtime, "proxy", PROXY_THREADS))
    tunnels = leaving.tunnel_ends(directory, identity)
    source, destination = _migrations(directory, uri, identity, host, paths, planes, known, tunnels)
    watch = TunnelWatch(tunnels, host, identity, source, destination)
    audit = partial(_strays, planes, tunnels, source, destination)
    handlers = {
        **domain_handlers(host, paths, planes.domains_changed, _described(planes)),
        **separation_handlers(planes, telling, tunnels.told, audit),
        **channel_handlers(incoming, telling),
        **device_handlers(DeviceManager(host.hypervisor)),
        **_looking(host, uri, runtime, proxy),
        **migration_handlers(source, destination),
    }
    made = node_of(directory, identity, handlers, runtime, serve, proxy.forward, known)
    lasting = _lasting(runtime, planes, incoming, made, watch)
    return replace(made, lasting=lasting, claim=claim)


def _described(planes: SeparatedRouters) -> Callable[[PhysicalHostInfo], PhysicalHostInfo]:
    """Return what adds to a host whether planes can be separated, and which agents are silent."""
    probe = PlaneProbe()

    def described(host: PhysicalHostInfo) -> PhysicalHostInfo:
        return replace(probe.described(host), silent_routers=planes.silent())

    return described


def _lasting(
    runtime: Runtime,
    planes: SeparatedRouters,
    incoming: IncomingChannel,
    made: NodeComponents,
    watch: TunnelWatch,
) -> tuple[tuple[str, Callable[[], None]], ...]:
    """Return what goes on for as long as the node serves, and what each is called."""
    turn, is_due = partial(_turn, planes, incoming, made), partial(_is_due, planes, incoming)
    return (
        ("the planes of routers", partial(_every, runtime, PLANES_SECONDS, turn, is_due)),
        ("the tunnels of routers", partial(_every, runtime, TUNNELS_SECONDS, watch.look)),
    )


def _strays(
    planes: SeparatedRouters,
    tunnels: TunnelEnds,
    source: MigrationSource,
    destination: MigrationDestination,
) -> tuple[str, ...]:
    """Return what the kernel has of planes, tunnels and migrations that nobody knows here."""

    def owners() -> KnownOwners:
        return KnownOwners(
            slots=frozenset(one.slot for one in planes.view() if one.slot is not None),
            tunnels=frozenset(one.device for one in tunnels.view()),
            migrations=source.under_way() | destination.under_way(),
        )

    before, links, zero = owners(), links_by_name(), DomainZero()
    tables, rules = zero.tables(), zero.rules()
    # What comes or goes meanwhile is somebody's.
    return strays(links, tables, before.joined(owners()), rules)


def _looking(host: PhysicalHost, uri: str, runtime: Runtime, proxy: Proxy) -> RequestHandlers:
    """Return the handlers of what is measured and found on a host and on all routers on it."""
    reading, netlink = reading_in(runtime), Netlink()
    gatherers = {"xentop": xentop_source(host.hypervisor, uri), **node_gatherers(netlink)}
    scan = NeighborScan(netlink)
    looking = runtime.limited_by(ThreadLimiter(runtime, "topology", LOOKING_THREADS), LONGEST_LOOK)
    node = NodeConsolidate(host, ElementScan(netlink, scan.scan), proxy.ask, looking, scan.tally)
    summary = HostSummary(host.hypervisor, reading, netlink)
    return {
        **measure_handlers(MeasuresGatherer(gatherers, reading), summary),
        **scan_handlers(scan),
        **consolidate_handlers(node),
    }


def _turn(planes: SeparatedRouters, incoming: IncomingChannel, made: NodeComponents) -> None:
    """Do what is due of the planes, and forget what came of nodes that are admitted no more."""
    planes.turn()
    admitted = made.keys.names() if made.admitted is None else made.admitted()
    incoming.forget_others(admitted.keys())


def _is_due(planes: SeparatedRouters, incoming: IncomingChannel) -> bool:
    return planes.knows_routers or incoming.has_streams


def _always() -> bool:
    return True


def _every(
    runtime: Runtime,
    seconds: float,
    turn: Callable[[], object],
    is_due: Callable[[], bool] = _always,
) -> None:
    """Take a turn again and again, in a native thread; none is woken while there is none due."""
    while True:
        if is_due():
            runtime.in_thread(turn)
        runtime.sleep(seconds)


def _migrations(
    directory: Path,
    uri: str,
    identity: Identity,
    host: PhysicalHost,
    paths: AllowedPaths,
    planes: SeparatedRouters,
    known: routers.RouterList,
    tunnels: TunnelEnds,
) -> tuple[MigrationSource, MigrationDestination]:
    """Return the migrations from and to here, after going on with those that were interrupted."""
    tunnels.restore()
    coming: MigrationJournal[IncomingMigration] = MigrationJournal(
        directory / COMING, IncomingMigration, lambda one: one.has_ended
    )
    keepers = leaving.keepers(directory, uri)
    source = leaving.migration_source(directory, identity, host, planes, known, tunnels, keepers)
    landings = PlaneLandings(planes, host.hypervisor)
    destination = MigrationDestination(host, coming, paths.checked, landings, tunnels=tunnels)
    destination.resume()
    source.resume()
    return source, destination
