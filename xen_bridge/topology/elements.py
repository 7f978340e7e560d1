"""Network elements as documents: from the kernel's tables, and from what a router tells of itself.

Of a router's own word only that is kept which it can know: its names and addresses, and who
answered it. Which MACs are its own is for its host to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.constants import IFF_LOOPBACK, IFF_UP
from xen_bridge.netlink.links import KernelLink
from xen_bridge.protocol.documents.domains import Domain
from xen_bridge.protocol.documents.neighborhood import ScannedNeighbor
from xen_bridge.protocol.documents.topology import (
    LONGEST_PROBLEM,
    ConsolidatedNode,
    ElementInterface,
    RouterElement,
)

_MAC_BYTES = 6
HARDWARE = "hardware"


def element_interfaces(
    links: Iterable[KernelLink], addresses: Iterable[LinkAddress]
) -> tuple[ElementInterface, ...]:
    """Return all interfaces of a machine but the loopback, by name."""
    links = list(links)
    names = {link.index: link.name for link in links}
    found: defaultdict[int, list[str]] = defaultdict(list)
    for one in addresses:
        found[one.index].append(f"{one.address}/{one.prefix}")
    made = (
        ElementInterface(
            name=link.name,
            kind=link.kind or HARDWARE,
            mac=link.mac.hex(":") if len(link.mac) == _MAC_BYTES else None,
            up=bool(link.flags & IFF_UP),
            master=None if link.master is None else names.get(link.master),
            addresses=tuple(sorted(found[link.index])),
        )
        for link in links
        if not link.flags & IFF_LOOPBACK
    )
    return tuple(sorted(made, key=lambda one: one.name))


def own_interfaces(
    interfaces: Iterable[ElementInterface], routers: Collection[Domain]
) -> tuple[ElementInterface, ...]:
    """Return the interfaces that are the host's own, of all that Domain 0 has.

    Not its own are the outer ends of routers' links, and what has a router's MAC: that is where
    Domain 0 forwards for it.
    """
    ends = {link.target for one in routers for link in one.interfaces}
    macs = {link.mac for one in routers for link in one.interfaces}
    return tuple(one for one in interfaces if one.name not in ends and one.mac not in macs)


def neighbors_at(
    interfaces: Iterable[ElementInterface], neighbors: Iterable[ScannedNeighbor]
) -> tuple[ScannedNeighbor, ...]:
    """Return those of ``neighbors`` that are beside one of ``interfaces``."""
    names = {one.name for one in interfaces}
    return tuple(one for one in neighbors if one.interface in names)


def unseen_router(domain: Domain, problem: str | None = None) -> RouterElement:
    """Return a router as its host knows it, since nobody looked from inside; ``problem`` is why."""
    return RouterElement(
        name=domain.name,
        uuid=domain.uuid,
        network=domain.network,
        state=domain.state,
        links=domain.interfaces,
        problems=() if problem is None else (problem[:LONGEST_PROBLEM],),
    )


def seen_router(domain: Domain, told: ConsolidatedNode) -> RouterElement:
    """Return a router with what it tells of itself, its host's word on its MACs before its own."""
    given = {link.mac for link in domain.interfaces}
    strange = [one for one in told.interfaces if one.mac is not None and one.mac not in given]
    problems = [
        f"{one.name}: {one.mac} is no address that {domain.name} was given" for one in strange
    ]
    return replace(
        unseen_router(domain),
        interfaces=tuple(
            replace(one, mac=None) if one in strange else one for one in told.interfaces
        ),
        neighbors=neighbors_at(told.interfaces, told.neighbors),
        skipped=told.skipped,
        problems=tuple(one[:LONGEST_PROBLEM] for one in (*problems, *told.problems)),
    )
