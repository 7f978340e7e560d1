"""Xen hosts and their virtual routers as nodes with the five common measures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from horizon_ryu.rest.nodes import MeasuresModel, NodeModel, ThroughputModel
from horizon_ryu.xen_hosts.hosts import XenHosts
from xen_bridge.protocol.documents.domains import agent_name
from xen_bridge.protocol.documents.summary import GetSummary, Summary

PREFIX = "xen"
INTERVAL = 0.5
"""Seconds that the measures are taken over."""


class XenNodes:
    """The nodes of the registered hosts."""

    def __init__(self, hosts: XenHosts) -> None:
        self._hosts = hosts

    def nodes(self) -> Iterable[NodeModel]:
        """Return the hosts that are there, and their running domains but Domain 0."""
        return list(self._each())

    def _each(self) -> Iterator[NodeModel]:
        for name, host in self._hosts.hosts().items():
            node = host.status.node
            if node is None:
                continue
            yield NodeModel(id=f"{PREFIX}:{name}", kind="xen_host")
            for domain in node.domains:
                if domain.id:
                    yield NodeModel(id=f"{PREFIX}:{name}:{agent_name(domain)}", kind="xen_router")

    def measures(self, node: str) -> MeasuresModel | None:
        """Return the measures of a host or a router; None for what is neither."""
        prefix, _, rest = node.partition(":")
        if prefix != PREFIX or not rest:
            return None
        host, _, router = rest.partition(":")
        found: Summary = self._hosts.ask(host, GetSummary(INTERVAL), router or None)
        return MeasuresModel(
            id=node,
            cpu_percent=found.cpu_percent,
            memory_percent=found.memory_percent,
            throughput_bps=ThroughputModel(
                rx=float(found.throughput_bps.rx), tx=float(found.throughput_bps.tx)
            ),
            dropped_per_s=found.dropped_per_s,
            neighbors=found.neighbors,
            echo_ms=None,
        )
