"""Nodes put together: Domain 0, or a virtual router."""

from __future__ import annotations

from pathlib import Path

from xen_bridge.dom0.allowed_paths import AllowedPaths
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor.opening import check_is_here
from xen_bridge.gatherers.measures import MeasuresGatherer, node_gatherers
from xen_bridge.gatherers.neighbor_scan import NeighborScan
from xen_bridge.gatherers.summary import HostSummary, RouterSummary
from xen_bridge.gatherers.xentop import xentop_source
from xen_bridge.handlers import (
    consolidate_handlers,
    device_handlers,
    domain_handlers,
    measure_handlers,
    migration_handlers,
    scan_handlers,
)
from xen_bridge.migration.destination import MigrationDestination
from xen_bridge.migration.incoming import IncomingMigration
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.peer import connecting
from xen_bridge.migration.source import MigrationSource
from xen_bridge.netlink.tables import Netlink
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.runtime.port import Runtime
from xen_bridge.server import routers
from xen_bridge.server.dispatcher import Dispatcher, Forward
from xen_bridge.server.proxy import Proxy
from xen_bridge.server.request_handler import RequestHandlers
from xen_bridge.server.running import NodeComponents, Serve
from xen_bridge.topology.node_consolidate import (
    AT_ONCE,
    LONGEST_LOOK,
    ElementScan,
    NodeConsolidate,
)
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList
from xen_bridge.virtual_management import PhysicalHost

SETTINGS_FILE = "weights.json"
LEAVING, COMING = "migrations-from-here", "migrations-to-here"
"""Folders of journals."""
HYPERVISOR_THREADS, READING_THREADS, PROXY_THREADS, PARSING_THREADS = 16, 24, 32, 2
HYPERVISOR_THREADS_OF_ONE = 12
"""For the requests of one node: the others find one, whatever it asks."""
LOOKING_THREADS = AT_ONCE
THREADS = HYPERVISOR_THREADS + READING_THREADS + PROXY_THREADS + PARSING_THREADS + LOOKING_THREADS
"""Native ones that the work of a node may need."""
READING_SECONDS = 30.0
"""For one reading of a gatherer."""


def domain_0(
    directory: Path, uri: str, paths: AllowedPaths, runtime: Runtime, serve: Serve
) -> NodeComponents:
    """Return the node of a Domain 0 whose hypervisor is at ``uri``; its files are in ``directory``.

    New domains are given what ``paths`` allows, and no other file or device. FileNotFoundError
    without a key there; InvalidRequest for a URI that nothing serves, or another machine's.
    """
    check_is_here(uri)
    identity = Identity.load(directory)
    host = PhysicalHost(uri, settings_file=directory / SETTINGS_FILE)
    reading, netlink = _reading(runtime), Netlink()
    gatherers = {"xentop": xentop_source(host.hypervisor, uri), **node_gatherers(netlink)}
    measuring = MeasuresGatherer(gatherers, reading)
    known = routers.RouterList(directory / routers.FILE)
    proxy = Proxy(identity, known.routers, ThreadLimiter(runtime, "proxy", PROXY_THREADS))
    scan = NeighborScan(netlink)
    looking = runtime.limited_by(ThreadLimiter(runtime, "topology", LOOKING_THREADS), LONGEST_LOOK)
    node = NodeConsolidate(host, ElementScan(netlink, scan.scan), proxy.ask, looking)
    handlers = {
        **domain_handlers(host, paths),
        **device_handlers(DeviceManager(host.hypervisor)),
        **measure_handlers(measuring, HostSummary(host.hypervisor, reading, netlink)),
        **scan_handlers(scan),
        **consolidate_handlers(node),
        **_migrating(directory, identity, host, paths),
    }
    return _node(directory, identity, handlers, proxy.forward, runtime, serve)


def _migrating(
    directory: Path, identity: Identity, host: PhysicalHost, paths: AllowedPaths
) -> RequestHandlers:
    """Return the handlers of migrations, after going on with those that were interrupted."""
    leaving: MigrationJournal[OutgoingMigration] = MigrationJournal(
        directory / LEAVING, OutgoingMigration, lambda one: one.has_ended
    )
    coming: MigrationJournal[IncomingMigration] = MigrationJournal(
        directory / COMING, IncomingMigration, lambda one: one.has_ended
    )
    source = MigrationSource(host, leaving, connecting(identity))
    destination = MigrationDestination(host, coming, paths.checked)
    destination.resume()
    source.resume()
    return migration_handlers(source, destination)


def virtual_router(directory: Path, runtime: Runtime, serve: Serve) -> NodeComponents:
    """Return the node of a virtual router: it measures itself."""
    identity = Identity.load(directory)
    reading, netlink = _reading(runtime), Netlink()
    measuring = MeasuresGatherer(node_gatherers(netlink), reading)
    scan = NeighborScan(netlink)
    handlers = {
        **measure_handlers(measuring, RouterSummary(reading, netlink)),
        **scan_handlers(scan),
        **consolidate_handlers(ElementScan(netlink, scan.scan)),
    }
    return _node(directory, identity, handlers, None, runtime, serve)


def _reading(runtime: Runtime) -> Runtime:
    """Return ``runtime`` as gatherers use it: so many readings at a time, each in its time."""
    return runtime.limited_by(ThreadLimiter(runtime, "measuring", READING_THREADS), READING_SECONDS)


def _node(
    directory: Path,
    identity: Identity,
    handlers: RequestHandlers,
    forward: Forward | None,
    runtime: Runtime,
    serve: Serve,
) -> NodeComponents:
    keys = KeyList(directory / KEYS)
    dispatcher = Dispatcher(
        identity.node_pk,
        keys.names,
        handlers,
        runtime,
        ThreadLimiter(runtime, "hypervisor", HYPERVISOR_THREADS, HYPERVISOR_THREADS_OF_ONE),
        ThreadLimiter(runtime, "parsing", PARSING_THREADS),
        forward,
    )
    return NodeComponents(identity, keys, dispatcher, runtime, serve)
