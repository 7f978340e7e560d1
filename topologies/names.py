"""Names of a graph's nodes on this machine."""

from __future__ import annotations

import re

from topologies.errors import NetworkError
from topologies.graphs import Graph

# Linux: IFNAMSIZ is 16, with the final zero.
MAX_INTERFACE = 15
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Names:
    """Names of bridges and interfaces of a graph; ``prefix`` keeps networks on one machine apart.

    NetworkError when a name would not do for an interface.
    """

    def __init__(self, graph: Graph, prefix: str) -> None:
        self.bridge = {switch.dpid: prefix + switch.name for switch in graph.switches}
        self.host = {host.name: prefix + host.name for host in graph.hosts}
        self.ports: dict[tuple[int, int], str] = {}
        self.far_end: dict[tuple[int, int], str] = {}
        for edge in graph.edges:
            one, other = (edge.dpid, edge.port), (edge.peer_dpid, edge.peer_port)
            self.ports[one], self.ports[other] = self._port(*one), self._port(*other)
            self.far_end[one], self.far_end[other] = self.ports[other], self.ports[one]
        for host in graph.hosts:
            self.ports[host.dpid, host.port] = self._port(host.dpid, host.port)
        for name in (*self.ports.values(), *(host.interface for host in graph.hosts)):
            if len(name) > MAX_INTERFACE or not _NAME.fullmatch(name):
                raise NetworkError(f"{name!r} cannot be the name of an interface")

    def _port(self, dpid: int, port: int) -> str:
        return f"{self.bridge[dpid]}-eth{port}"

    def of_switch(self, dpid: int) -> list[str]:
        """Return the interfaces of one switch, in order of its ports."""
        return [name for (owner, _), name in sorted(self.ports.items()) if owner == dpid]
