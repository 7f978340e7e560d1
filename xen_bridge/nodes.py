"""Nodes put together: Domain 0, or a virtual router."""

from __future__ import annotations

from pathlib import Path

from xen_bridge.dom0.allowed_paths import AllowedPaths
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.gatherers.measures import MeasuresGatherer, node_gatherers
from xen_bridge.gatherers.summary import HostSummary, RouterSummary
from xen_bridge.gatherers.xentop import xentop_source
from xen_bridge.handlers import device_handlers, domain_handlers, measure_handlers
from xen_bridge.netlink.tables import Netlink
from xen_bridge.server import routers
from xen_bridge.server.dispatcher import Dispatcher, Forward
from xen_bridge.server.proxy import Proxy
from xen_bridge.server.request_handler import RequestHandlers
from xen_bridge.server.running import NodeComponents
from xen_bridge.server.workers import GreenPace, Workers
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList
from xen_bridge.virtual_management import PhysicalHost

SETTINGS_FILE = "weights.json"
HYPERVISOR_THREADS, READING_THREADS, PROXY_THREADS, PARSING_THREADS = 16, 24, 32, 2
THREADS = HYPERVISOR_THREADS + READING_THREADS + PROXY_THREADS + PARSING_THREADS


def domain_0(directory: Path, uri: str, paths: AllowedPaths) -> NodeComponents:
    """Return the node of a Domain 0 whose hypervisor is at ``uri``; its files are in ``directory``.

    New domains are given what ``paths`` allows, and no other file or device. FileNotFoundError
    without a key there; InvalidInput for a URI that nothing serves.
    """
    identity = Identity.load(directory)
    host = PhysicalHost(uri, settings_file=directory / SETTINGS_FILE)
    pace, netlink = GreenPace(Workers("measuring", READING_THREADS)), Netlink()
    gatherers = {"xentop": xentop_source(host.hypervisor, uri), **node_gatherers(netlink)}
    measuring = MeasuresGatherer(gatherers, pace)
    handlers = {
        **domain_handlers(host, paths),
        **device_handlers(DeviceManager(host.hypervisor)),
        **measure_handlers(measuring, HostSummary(host.hypervisor, pace, netlink)),
    }
    known = routers.RouterList(directory / routers.FILE)
    proxy = Proxy(identity, known.routers, Workers("proxy", PROXY_THREADS))
    return _node(directory, identity, handlers, proxy.forward)


def virtual_router(directory: Path) -> NodeComponents:
    """Return the node of a virtual router: it measures itself."""
    identity = Identity.load(directory)
    pace, netlink = GreenPace(Workers("measuring", READING_THREADS)), Netlink()
    measuring = MeasuresGatherer(node_gatherers(netlink), pace)
    handlers = measure_handlers(measuring, RouterSummary(pace, netlink))
    return _node(directory, identity, handlers, None)


def _node(
    directory: Path, identity: Identity, handlers: RequestHandlers, forward: Forward | None
) -> NodeComponents:
    keys = KeyList(directory / KEYS)
    dispatcher = Dispatcher(
        identity.node_pk,
        keys.names,
        handlers,
        Workers("hypervisor", HYPERVISOR_THREADS),
        Workers("parsing", PARSING_THREADS),
        forward,
    )
    return NodeComponents(identity, keys, dispatcher, THREADS)
