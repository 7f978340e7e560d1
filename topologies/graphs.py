"""A network as pure data: what Mininet builds, what the simulator simulates, what tests expect.

Standard library only: this is read by the system's interpreter (Mininet's) and by ours alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_HOSTS = 65_000


class GraphError(ValueError):
    """The network asked for cannot be built; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class GraphSwitch:
    """A switch. ``hybrid``: report 3.4's type 1, which forwards what no flow entry matches."""

    dpid: int
    name: str
    label: str = ""
    hybrid: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A cable between two switch ports."""

    dpid: int
    port: int
    peer_dpid: int
    peer_port: int


@dataclass(frozen=True, slots=True)
class GraphHost:
    """A host on one switch port; ``ip`` without prefix length (all are in 10.0.0.0/8)."""

    name: str
    ip: str
    mac: str
    dpid: int
    port: int

    @property
    def interface(self) -> str:
        """What the host calls its only interface."""
        return f"{self.name}-eth0"


@dataclass(frozen=True, slots=True)
class Graph:
    """Switches in dpid order, cables and hosts in the order they were added."""

    name: str
    switches: tuple[GraphSwitch, ...]
    edges: tuple[Edge, ...]
    hosts: tuple[GraphHost, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and dictionaries, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Graph:
        """Return the graph that ``to_dict`` described; GraphError when it did not."""
        try:
            return cls(
                str(data["name"]),
                tuple(GraphSwitch(**item) for item in data["switches"]),
                tuple(Edge(**item) for item in data["edges"]),
                tuple(GraphHost(**item) for item in data["hosts"]),
            )
        except (KeyError, TypeError) as error:
            raise GraphError(f"not a graph: {error}") from error

    def switch(self, dpid: int) -> GraphSwitch:
        """Return the switch with ``dpid``; GraphError when there is none."""
        for switch in self.switches:
            if switch.dpid == dpid:
                return switch
        raise GraphError(f"{self.name} has no switch {dpid}")

    def named(self, name: str) -> GraphSwitch:
        """Return the switch called ``name``; GraphError when there is none."""
        for switch in self.switches:
            if switch.name == name:
                return switch
        raise GraphError(f"{self.name} has no switch {name}")

    def host(self, name: str) -> GraphHost:
        """Return the host called ``name``; GraphError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise GraphError(f"{self.name} has no host {name}")

    def edges_between(self, dpid: int, peer_dpid: int) -> tuple[Edge, ...]:
        """Return the cables that join two switches, whichever way they were added."""
        ends = {dpid, peer_dpid}
        return tuple(edge for edge in self.edges if {edge.dpid, edge.peer_dpid} == ends)


class GraphBuilder:
    """Collects a graph; dpids, ports and addresses follow from the order of the calls alone.

    Switch number n gets dpid n, host number n the address 10.0.0.0 + n; ports count from 1.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._switches: list[GraphSwitch] = []
        self._edges: list[Edge] = []
        self._hosts: list[GraphHost] = []
        self._ports: dict[int, int] = {}

    def add_switch(self, name: str = "", label: str = "", hybrid: bool = False) -> int:
        """Add a switch, called s<n> unless named, and return its dpid."""
        dpid = len(self._switches) + 1
        self._switches.append(GraphSwitch(dpid, name or f"s{dpid}", label, hybrid))
        self._ports[dpid] = 0
        return dpid

    def add_switches(self, count: int) -> list[int]:
        """Add ``count`` switches and return their dpids."""
        return [self.add_switch() for _ in range(count)]

    def add_edge(self, dpid: int, peer_dpid: int) -> Edge:
        """Join two different switches at their next free ports."""
        if dpid == peer_dpid:
            raise GraphError(f"switch {dpid} cannot be joined to itself")
        edge = Edge(dpid, self._next_port(dpid), peer_dpid, self._next_port(peer_dpid))
        self._edges.append(edge)
        return edge

    def add_host(self, dpid: int, name: str = "") -> GraphHost:
        """Put a host, called h<n> unless named, on the next free port of a switch."""
        number = len(self._hosts) + 1
        if number > MAX_HOSTS:
            raise GraphError(f"more than {MAX_HOSTS} hosts")
        ip = f"10.0.{number >> 8}.{number & 0xFF}"
        mac = f"00:00:00:00:{number >> 8:02x}:{number & 0xFF:02x}"
        host = GraphHost(name or f"h{number}", ip, mac, dpid, self._next_port(dpid))
        self._hosts.append(host)
        return host

    def add_hosts(self, dpids: list[int], each: int = 1) -> None:
        """Put ``each`` hosts on every one of the switches."""
        for dpid in dpids:
            for _ in range(each):
                self.add_host(dpid)

    def _next_port(self, dpid: int) -> int:
        if dpid not in self._ports:
            raise GraphError(f"there is no switch {dpid}")
        self._ports[dpid] += 1
        return self._ports[dpid]

    def build(self) -> Graph:
        """Return the graph; GraphError when two things have one name."""
        names = [switch.name for switch in self._switches] + [host.name for host in self._hosts]
        if len(set(names)) != len(names):
            raise GraphError(f"{self._name}: two nodes of one name")
        return Graph(self._name, tuple(self._switches), tuple(self._edges), tuple(self._hosts))
