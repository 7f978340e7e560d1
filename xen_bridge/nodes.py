"""Puts a node together: Domain 0, or a virtual router."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xen_bridge.dom0.allowed_paths import AllowedPaths
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.requests import device_services, domain_services
from xen_bridge.gatherers.measures import MeasuresGatherer, node_gatherers
from xen_bridge.gatherers.netlink import Netlink
from xen_bridge.gatherers.summary import HostSummary, RouterSummary
from xen_bridge.gatherers.xentop import xentop_source
from xen_bridge.protocol.documents.measures import Measures
from xen_bridge.protocol.documents.summary import GetSummary
from xen_bridge.server import routers
from xen_bridge.server.dispatcher import Dispatcher, Forward
from xen_bridge.server.proxy import Proxy
from xen_bridge.server.services import LOOKING, Service, Services
from xen_bridge.server.workers import GreenPace, Workers
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList
from xen_bridge.virtual_management import PhysicalHost

WISHES = "weights.json"
HYPERVISOR_THREADS, READING_THREADS, PROXY_THREADS, PARSING_THREADS = 16, 24, 32, 2
THREADS = HYPERVISOR_THREADS + READING_THREADS + PROXY_THREADS + PARSING_THREADS


@dataclass(frozen=True, slots=True)
class Node:
    """What a running node consists of."""

    identity: Identity
    keys: KeyList
    dispatcher: Dispatcher


def domain_0(directory: Path, uri: str, paths: AllowedPaths) -> Node:
    """Return the node of a Domain 0 whose hypervisor is at ``uri``; its files are in ``directory``.

    New domains are given what ``paths`` allows, and no other file or device. FileNotFoundError
    without a key there; InvalidInput for a URI that nothing serves.
    """
    identity = Identity.load(directory)
    host = PhysicalHost(uri, wishes_file=directory / WISHES)
    pace, netlink = GreenPace(Workers("measuring", READING_THREADS)), Netlink()
    gatherers = {"xentop": xentop_source(host.hypervisor, uri), **node_gatherers(netlink)}
    measuring = MeasuresGatherer(gatherers, pace)
    services = {
        **domain_services(host, paths),
        **device_services(DeviceManager(host.hypervisor)),
        **measure_services(measuring, HostSummary(host.hypervisor, pace, netlink)),
    }
    known = routers.RouterList(directory / routers.FILE)
    proxy = Proxy(identity, known.routers, Workers("proxy", PROXY_THREADS))
    return _node(directory, identity, services, proxy.forward)


def virtual_router(directory: Path) -> Node:
    """Return the node of a virtual router: it measures itself."""
    identity = Identity.load(directory)
    pace, netlink = GreenPace(Workers("measuring", READING_THREADS)), Netlink()
    measuring = MeasuresGatherer(node_gatherers(netlink), pace)
    services = measure_services(measuring, RouterSummary(pace, netlink))
    return _node(directory, identity, services, None)


def measure_services(measuring: MeasuresGatherer, summary: HostSummary | RouterSummary) -> Services:
    """Return the services of the Measures Gatherer; they keep their own pace."""

    def measuring_seconds(body: Measures) -> float:
        return body.seconds_at_most + LOOKING

    return {
        Measures: Service(measuring.get_measures, measuring_seconds, blocking=False),
        GetSummary: Service(summary.get_summary, LOOKING, blocking=False),
    }


def _node(directory: Path, identity: Identity, services: Services, forward: Forward | None) -> Node:
    keys = KeyList(directory / KEYS)
    dispatcher = Dispatcher(
        identity.node_pk,
        keys.names,
        services,
        Workers("hypervisor", HYPERVISOR_THREADS),
        Workers("parsing", PARSING_THREADS),
        forward,
    )
    return Node(identity, keys, dispatcher)
