"""Reports of hosts as Topology Consolidate takes them, from the documents that hosts send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from horizon_ryu.core.xen.elements import (
    PHYSICAL,
    ElementPort,
    HostReport,
    NetworkElement,
    Sighting,
    identifying,
)
from xen_bridge.protocol.documents.neighborhood import ScannedNeighbor
from xen_bridge.protocol.documents.topology import (
    ConsolidatedNode,
    ElementInterface,
    RouterElement,
)


def host_report(host: str, node: ConsolidatedNode) -> HostReport:
    """Return what the host that is registered as ``host`` tells, by whatever name it goes."""
    own = NetworkElement(
        host=host,
        name=host,
        network=PHYSICAL,
        ports=tuple(_own_ports(node)),
        sightings=tuple(map(_sighting, node.neighbors)),
        problems=(*node.problems, *_worth_telling(node.skipped)),
    )
    return HostReport(host, "", (own, *(_router(host, one) for one in node.routers)))


def _own_ports(node: ConsolidatedNode) -> Iterator[ElementPort]:
    """Yield the interfaces that can be seen by their addresses: not a NIC that is in a bridge."""
    for one in node.interfaces:
        if one.addresses and one.master is None:
            yield _port(one, one.mac)


def _port(interface: ElementInterface, mac: str | None) -> ElementPort:
    addresses = tuple(one.partition("/")[0] for one in interface.addresses)
    return ElementPort(interface.name, identifying(mac), addresses)


def _router(host: str, router: RouterElement) -> NetworkElement:
    network, problems = router.network, (*router.problems, *_worth_telling(router.skipped))
    if network == PHYSICAL:
        network, problems = None, (*problems, f"no router is of the network {PHYSICAL}")
    return NetworkElement(
        host=host,
        uuid=router.uuid,
        name=router.name,
        network=network,
        state=router.state,
        ports=tuple(_ports(router)),
        sightings=tuple(map(_sighting, router.neighbors)),
        problems=problems,
    )


def _ports(router: RouterElement) -> Iterator[ElementPort]:
    """Yield a router's interfaces as they are inside, and those that nobody saw there."""
    given = {link.mac for link in router.links}
    for one in router.interfaces:
        # An address that it was not given is no word of its host's.
        yield _port(one, one.mac if one.mac in given else None)
    for mac in sorted(given - {one.mac for one in router.interfaces}):
        if identifying(mac) is not None:
            yield ElementPort(None, mac)


def _worth_telling(skipped: Iterable[str]) -> Iterator[str]:
    """Yield the ranges that could have been scanned: those of IPv6 never are."""
    for text in skipped:
        if ":" not in text.partition(" of ")[0]:
            yield f"not scanned: {text}"


def _sighting(neighbor: ScannedNeighbor) -> Sighting:
    return Sighting(neighbor.interface, neighbor.address, neighbor.mac, neighbor.latency_ms)
