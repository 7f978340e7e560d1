"""Node Consolidate (report 2.4.1.2): a physical element and its virtual elements in one document.

Both are looked at at the same time. What cannot be looked at is told with the reason, and hides
nothing else.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from xen_bridge.child_command import ChildCommand, HungChild
from xen_bridge.errors import BridgeError
from xen_bridge.gatherers.neighbor_scan import InterfaceTables, NeighborScan
from xen_bridge.gatherers.scan_tally import ScanTally
from xen_bridge.netlink.inside_namespace import inside_namespace
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.domains import Domain, PhysicalHostInfo, agent_name
from xen_bridge.protocol.documents.neighborhood import Neighborhood, ScanNeighbors
from xen_bridge.protocol.documents.topology import (
    LONGEST_PROBLEM,
    ConsolidatedNode,
    ConsolidateNode,
    RouterElement,
)
from xen_bridge.runtime.port import Runtime
from xen_bridge.topology.elements import (
    element_interfaces,
    neighbors_at,
    own_interfaces,
    seen_router,
    unseen_router,
)

AT_ONCE = 8
"""Elements that are looked at at the same time: each is a program that sends as fast as it can."""
LONGEST_LOOK = ConsolidateNode(wide=True).seconds_for_one
"""Seconds that a thread may be needed for one element."""
_DOMAIN_0 = 0

Scan = Callable[[ScanNeighbors], Neighborhood]
AskAgent = Callable[[str, ConsolidateNode, float], ConsolidatedNode]
"""Asks the agent of a router, within seconds; SubjectNotFound if none is known."""


class ElementScan:
    """Looks at the machine, or the namespace, that it runs in."""

    def __init__(self, tables: InterfaceTables, scan: Scan) -> None:
        self._tables = tables
        self._scan = scan

    def look(self, body: ConsolidateNode) -> ConsolidatedNode:
        """Return its interfaces and who is beside them; blocks for as long as the scan takes.

        A scan that fails is a problem of the answer. BridgeError if its interfaces cannot be read.
        """
        interfaces = element_interfaces(self._tables.links(), self._tables.addresses())
        problems: tuple[str, ...] = ()
        try:
            found = self._scan(ScanNeighbors(body.wide))
        except BridgeError as error:
            found, problems = Neighborhood(), (f"no scan: {error}"[:LONGEST_PROBLEM],)
        return ConsolidatedNode(
            name=socket.gethostname() or "unnamed",
            interfaces=interfaces,
            neighbors=found.neighbors,
            skipped=found.skipped,
            problems=problems,
        )


class Hosting(Protocol):
    """The physical host: :class:`xen_bridge.virtual_management.PhysicalHost` is one."""

    def host(self) -> PhysicalHostInfo:
        """Return the host."""

    def domains(self, affinity: bool = True) -> tuple[Domain, ...]:
        """Return all domains."""

    def open_namespace(self, domain: str) -> int | None:
        """Return a descriptor of the network namespace that a domain is; None if it is none."""


class NodeConsolidate:
    """Looks at a host and at all routers on it."""

    def __init__(
        self,
        host: Hosting,
        own: ElementScan,
        ask_agent: AskAgent,
        runtime: Runtime,
        tally: ScanTally | None = None,
    ) -> None:
        """``runtime`` has threads enough for AT_ONCE scans, and for as long as one takes.

        ``tally`` counts the scans in namespaces here.
        """
        self._tally = tally
        self._host = host
        self._own = own
        self._ask_agent = ask_agent
        self._runtime = runtime
        self._hung = HungChild()

    def consolidate(self, body: ConsolidateNode) -> ConsolidatedNode:
        """Return the node; waits for the slowest scan. Raises what the hypervisor does."""
        until = self._runtime.now() + body.seconds_at_most - body.seconds_for_one
        host, routers = self._runtime.in_thread(self._known)
        looks: list[Callable[[], Any]] = [
            partial(self._runtime.in_thread, self._own.look, body),
            *(partial(self._router, one, body, until) for one in routers),
        ]
        own, *found = self._runtime.gather(looks, AT_ONCE)
        return _consolidated(host, own, found, routers)

    def _known(self) -> tuple[str, list[Domain]]:
        domains = (one for one in self._host.domains() if one.id != _DOMAIN_0)
        return self._host.host().name, sorted(domains, key=lambda one: (one.name, one.uuid))

    def _router(self, domain: Domain, body: ConsolidateNode, until: float) -> RouterElement:
        if domain.state != "running":
            return unseen_router(domain)
        if self._runtime.now() > until:
            return unseen_router(domain, "not looked at: there was no time left")
        try:
            told = self._runtime.in_thread(self._looked_inside, domain.uuid, body)
            if told is None:
                told = self._ask_agent(agent_name(domain), body, body.seconds_for_one)
        except BridgeError as error:
            return unseen_router(domain, f"not looked at: {error}")
        return seen_router(domain, told)

    def _looked_inside(self, uuid: str, body: ConsolidateNode) -> ConsolidatedNode | None:
        """Return what there is in the namespace that a domain is; None if it is none."""
        namespace = self._host.open_namespace(uuid)
        if namespace is None:
            return None
        try:
            return inside_namespace(namespace, partial(self._look, body))
        finally:
            os.close(namespace)

    def _look(self, body: ConsolidateNode) -> ConsolidatedNode:
        tables = Netlink()
        try:
            scan = NeighborScan(tables, command=ChildCommand(self._hung), tally=self._tally)
            return ElementScan(tables, scan.scan).look(body)
        finally:
            tables.close()


def _consolidated(
    name: str,
    own: ConsolidatedNode,
    routers: Iterable[RouterElement],
    domains: Sequence[Domain],
) -> ConsolidatedNode:
    interfaces = own_interfaces(own.interfaces, domains)
    return replace(
        own,
        name=name,
        interfaces=interfaces,
        neighbors=neighbors_at(interfaces, own.neighbors),
        routers=tuple(routers),
    )
