"""Topology of all hosts: asked for when somebody wants it, and kept while nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from horizon_ryu.core.errors import HorizonError
from horizon_ryu.core.xen.consolidate import consolidate
from horizon_ryu.core.xen.elements import HostReport
from horizon_ryu.core.xen.topology import TopologyEnd, TopologyGraph, TopologyLink, XenTopology
from horizon_ryu.xen_hosts.hosts import XenHosts
from horizon_ryu.xen_hosts.node_reports import host_report
from xen_bridge.protocol.documents.domains import Domain
from xen_bridge.protocol.documents.neighborhood import GetScanProgress
from xen_bridge.protocol.documents.topology import ConsolidateNode
from xen_bridge.runtime.port import Event, Runtime

HOSTS_AT_ONCE = 64
PROGRESS_SECONDS = 2.0
"""Between two questions how far a wide scan has come."""
MARGIN = 10.0
"""Seconds beyond what a host takes; it gives up earlier."""


@dataclass(frozen=True, slots=True)
class KnownTopology:
    """A topology, and when it was asked for; ``version`` grows when nodes, links or others change.

    Latencies differ with each look, and are no change.
    """

    topology: XenTopology
    version: int
    at: float
    known_of_hosts: Hashable


class HostsTopology:
    """The topology of the hosts of a registry."""

    def __init__(self, hosts: XenHosts, runtime: Runtime, clock: Callable[[], float]) -> None:
        self._hosts = hosts
        self._runtime = runtime
        self._clock = clock
        self._turn = runtime.semaphore()
        self._kept: dict[bool, KnownTopology] = {}
        self._version = 0

    def topology(self, max_age: float, wide: bool = False) -> KnownTopology:
        """Return the topology as it was at most ``max_age`` seconds ago; waits for the hosts.

        One that is kept is another's as soon as a host or a domain has come, changed or gone.
        """
        asked_at = self._clock()
        with self._turn:
            kept = self._kept.get(wide)
            # Who waited for another's look has what that found.
            oldest = asked_at - max_age
            if kept is not None and kept.at >= oldest and kept.known_of_hosts == self._known():
                return kept
            found = self._look(wide, kept)
            self._kept[wide] = found
            return found

    def _look(self, wide: bool, before: KnownTopology | None) -> KnownTopology:
        at, known = self._clock(), self._known()
        looks = [partial(self._report, name, ConsolidateNode(wide)) for name in self._hosts.hosts()]
        reports = self._runtime.gather(looks, HOSTS_AT_ONCE)
        topology: XenTopology = self._runtime.in_thread(consolidate, reports)
        if before is None or _lasting(before.topology) != _lasting(topology):
            self._version += 1
        return KnownTopology(topology, self._version, at, known)

    def _report(self, name: str, request: ConsolidateNode) -> HostReport:
        try:
            with self._followed(name, request):
                node = self._hosts.ask(name, request, None, request.seconds_at_most + MARGIN)
        except HorizonError as error:
            return HostReport(name, str(error))
        return host_report(name, node)

    @contextmanager
    def _followed(self, name: str, request: ConsolidateNode) -> Iterator[None]:
        """Tell of how far a host has come with ranges that take minutes."""
        if not request.wide:
            yield
            return
        over = self._runtime.event()
        with self._hosts.progress(name, "", "scan") as tell:
            self._runtime.spawn(self._follow, name, over, tell)
            try:
                yield
            finally:
                over.set()

    def _follow(self, name: str, over: Event, tell: Callable[[str, str], None]) -> None:
        before = 0
        while not over.wait(PROGRESS_SECONDS):
            try:
                found = self._hosts.ask(name, GetScanProgress(), None, MARGIN)
            except HorizonError:
                # Of an earlier version, or away: its own answer tells that.
                continue
            if found.addresses != before and not over.is_set():
                before = found.addresses
                tell("running", f"{found.addresses} of {found.of} addresses")

    def _known(self) -> Hashable:
        """Return what polls tell of all hosts, as far as it makes another topology."""
        return tuple(
            (name, host.status.state, None if node is None else _domains(node.domains))
            for name, host in sorted(self._hosts.hosts().items())
            for node in (host.status.node,)
        )


def _domains(domains: tuple[Domain, ...]) -> Hashable:
    return frozenset((one.uuid, one.id, one.state, one.network) for one in domains)


def _lasting(topology: XenTopology) -> XenTopology:
    """Return a topology without what differs with each look."""
    return replace(
        topology,
        physical=_untimed(topology.physical),
        virtual=tuple(map(_untimed, topology.virtual)),
        strangers=tuple(replace(one, latency_ms=None) for one in topology.strangers),
    )


def _untimed(graph: TopologyGraph) -> TopologyGraph:
    def end(one: TopologyEnd) -> TopologyEnd:
        return replace(one, latency_ms=None)

    return replace(
        graph, links=tuple(TopologyLink(end(one.src), end(one.dst)) for one in graph.links)
    )
