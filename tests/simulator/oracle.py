"""A stand-in for Discovery that finds links by looking at the network, with losses and delays.

It serves to judge Spanning Tree by itself: links appear one direction at a time, in any order,
disappear only after silence, and never lie.
"""

from __future__ import annotations

from collections.abc import Callable

from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyChange, TopologyView
from simulator.network import Network

Publish = Callable[[TopologyView, tuple[TopologyChange, ...]], None]


class Oracle:
    """Finds each working direction about every ``interval`` seconds, with losses."""

    def __init__(
        self, network: Network, publish: Publish, interval: float = 0.2, max_idle: float = 1.0
    ) -> None:
        self.interval = interval
        self.max_idle = max_idle
        self.loss = 0.0
        self._network = network
        self._publish = publish
        self._switches: dict[int, Switch] = {}
        self._links: dict[PortRef, Link] = {}
        self._heard: dict[PortRef, float] = {}
        self._version = 0

    def switch_ready(self, switch: Switch, _now: float) -> None:
        """Take a switch under observation."""
        self._switches[switch.dpid] = switch
        self._changed(TopologyChange("switch_join", switch))

    def switch_left(self, dpid: int, _now: float) -> None:
        """Forget a switch and its links at once."""
        switch = self._switches.pop(dpid, None)
        if switch is not None:
            gone = self._drop(lambda link: dpid in (link.src.dpid, link.dst.dpid))
            self._changed(TopologyChange("switch_leave", switch), *gone)

    def port_changed(self, dpid: int, port: Port, _now: float) -> None:
        """Follow a port; links of a port that went down disappear at once."""
        switch = self._switches.get(dpid)
        if switch is None:
            return
        ports = {**switch.ports, port.port_no: port}
        self._switches[dpid] = Switch(dpid, switch.address, switch.openflow, ports)
        ref = PortRef(dpid, port.port_no)
        gone = () if port.up else self._drop(lambda link: ref in (link.src, link.dst))
        self._changed(TopologyChange("port_modify", ref), *gone)

    def round(self, now: float) -> None:
        """Hear what can be heard now, forget what was silent for too long."""
        found = []
        for link in sorted(self._network.live_links()):
            if self._may_hear(link) and self._network.chance.random() >= self.loss:
                self._heard[link.src] = now
                if self._links.get(link.src) != link:
                    self._links[link.src] = link
                    found.append(TopologyChange("link_add", link))
        gone = self._drop(lambda link: now - self._heard[link.src] > self.max_idle)
        if found or gone:
            self._changed(*found, *gone)

    def _may_hear(self, link: Link) -> bool:
        return all(
            end.dpid in self._switches and self._switches[end.dpid].ports[end.port_no].up
            for end in (link.src, link.dst)
        )

    def _drop(self, condition: Callable[[Link], bool]) -> tuple[TopologyChange, ...]:
        gone = [link for link in self._links.values() if condition(link)]
        for link in gone:
            del self._links[link.src]
        return tuple(TopologyChange("link_delete", link) for link in gone)

    def _changed(self, *changes: TopologyChange) -> None:
        self._version += 1
        view = TopologyView(self._version, dict(self._switches), dict(self._links))
        self._publish(view, changes)
