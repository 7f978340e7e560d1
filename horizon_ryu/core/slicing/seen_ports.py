"""Ports of a slice, by switch, as a slicer tells them; and the part of the network they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import EngineAway, InvalidInput
from horizon_ryu.core.identifiers import dpid_from_text
from horizon_ryu.core.topology import PortRef, TopologyView

SeenPorts = Mapping[int, frozenset[int]]


def ports_seen(topology: Any) -> SeenPorts:
    """Return the ports, by dpid, of a slice's topology; EngineAway if it is none."""
    try:
        return {
            dpid_from_text(switch["dpid"], ("dpid",)): frozenset(
                int(port["port_no"]) for port in switch["ports"]
            )
            for switch in topology["switches"]
        }
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise EngineAway(f"the slicer's answer is no topology: {error!r}") from error


def part_with_ports(view: TopologyView, ports: SeenPorts) -> TopologyView:
    """Return the part of the topology that has these ports: their switches, links and hosts."""

    def is_seen(port: PortRef) -> bool:
        return port.port_no in ports.get(port.dpid, ())

    switches = {
        dpid: replace(
            switch,
            ports=MappingProxyType(
                {number: port for number, port in switch.ports.items() if number in ports[dpid]}
            ),
        )
        for dpid, switch in view.switches.items()
        if dpid in ports
    }
    links = {
        src: link for src, link in view.links.items() if is_seen(link.src) and is_seen(link.dst)
    }
    hosts = {key: host for key, host in view.hosts.items() if is_seen(host.location)}
    return TopologyView(
        view.version, MappingProxyType(switches), MappingProxyType(links), MappingProxyType(hosts)
    )
