"""Virtual networks as they are observed: which switches forward a VLAN's or a range's traffic.

What counts is what the switches were told (report 3.4). An entry forwards a virtual network's
traffic if it sends frames on and

* names the VLAN: its match has that identifier, or its actions write it; or
* names the range: its match has a source or destination network that overlaps it; or
* names a host: its match has the MAC address of a host that is known to use an address in the
  range.

Entries that name none of these (a broadcast entry, a table-miss entry, a range of length 0)
forward every network's traffic and so tell nothing about one. Sending to the controller is not
forwarding.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.topology import Host, TopologyView, station_key
from horizon_ryu.wire.messages import VLAN_NONE, FlowEntry, Match

_VLAN = re.compile(r"vlan:(0|[1-9][0-9]{0,3})")
_RANGE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/(0|[1-9][0-9]?)")
MAX_VLAN = 4094
"""Highest identifier that may name a VLAN (IEEE 802.1Q, table 9-2)."""


@dataclass(frozen=True, slots=True)
class NetworkDefinition:
    """Either a VLAN identifier (1 to 4094) or an IPv4 range ``(address, prefix length)``."""

    vlan: int | None = None
    ip: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if (self.vlan is None) == (self.ip is None):
            raise InvalidInput(("definition",), "give exactly one of vlan and ip")
        if self.vlan is not None and not 1 <= self.vlan <= MAX_VLAN:
            raise InvalidInput(("definition", "vlan"), f"must be 1 to {MAX_VLAN}")

    def text(self) -> str:
        """Return the form ``vlan:10`` or ``ip:10.0.0.0/24``."""
        return f"vlan:{self.vlan}" if self.ip is None else f"ip:{range_text(self.ip)}"


def range_text(network: tuple[int, int]) -> str:
    """Return a range in CIDR form."""
    return f"{ipaddress.IPv4Address(network[0])}/{network[1]}"


def parse_range(text: str, loc: tuple[str | int, ...] = ("ip",)) -> tuple[int, int]:
    """Return (address, prefix length) of an IPv4 range in CIDR form; InvalidInput otherwise.

    Masks, missing lengths and set host bits are refused: they are as likely a slip as meant.
    """
    if not _RANGE.fullmatch(text):
        raise InvalidInput(loc, "not an IPv4 range such as 10.0.0.0/24")
    try:
        network = ipaddress.IPv4Network(text, strict=True)
    except ValueError as error:
        raise InvalidInput(loc, f"not an IPv4 range such as 10.0.0.0/24: {error}") from error
    return int(network.network_address), network.prefixlen


def parse_definition(text: str, loc: tuple[str | int, ...] = ("network",)) -> NetworkDefinition:
    """Return the definition written ``vlan:10`` or ``ip:10.0.0.0/24``; InvalidInput otherwise."""
    if text.startswith("ip:"):
        return NetworkDefinition(ip=parse_range(text[3:], loc))
    found = _VLAN.fullmatch(text)
    if found is None:
        raise InvalidInput(loc, "write vlan:10 or ip:10.0.0.0/24")
    vlan = int(found[1])
    if not 1 <= vlan <= MAX_VLAN:
        raise InvalidInput(loc, f"a VLAN identifier is 1 to {MAX_VLAN}")
    return NetworkDefinition(vlan=vlan)


def select(
    view: TopologyView, entries: Mapping[int, Sequence[FlowEntry]], definition: NetworkDefinition
) -> TopologyView:
    """Return the part of ``view`` that forwards the traffic of ``definition``.

    That is: the switches with an entry that does, by ``entries`` per dpid; the links between
    them; and the hosts in it that are attached to them.
    """
    hosts = {mac: host for mac, host in view.hosts.items() if _is_member(host, definition)}
    members = _Members(hosts.keys(), {host.mac for host in hosts.values()})
    chosen = {
        dpid: switch
        for dpid, switch in view.switches.items()
        if any(_forwards(entry, definition, members) for entry in entries.get(dpid, ()))
    }
    links = {
        src: link
        for src, link in view.links.items()
        if link.src.dpid in chosen and link.dst.dpid in chosen
    }
    attached = {mac: host for mac, host in hosts.items() if host.location.dpid in chosen}
    return TopologyView(
        view.version,
        MappingProxyType(chosen),
        MappingProxyType(links),
        MappingProxyType(attached),
    )


def _is_member(host: Host, definition: NetworkDefinition) -> bool:
    if definition.ip is None:
        return host.vlan == definition.vlan
    network = ipaddress.IPv4Network(definition.ip)
    addresses = (ipaddress.ip_address(text) for text in host.ips)
    return any(address.version == 4 and address in network for address in addresses)


class _Members(NamedTuple):
    """The hosts of a range: their keys, and their MACs whatever their VLANs."""

    keys: Set[bytes]
    macs: Set[bytes]


def _forwards(entry: FlowEntry, definition: NetworkDefinition, members: _Members) -> bool:
    if not entry.forwards:
        return False
    match = entry.match
    if definition.ip is None:
        return match.dl_vlan == definition.vlan or definition.vlan in entry.sets_vlans
    return _names_range(match, definition.ip) or _names_host(match, members)


def _names_host(match: Match, members: _Members) -> bool:
    """Tell whether ``match`` has the MAC of a member, in its VLAN where it names one."""
    named = [mac for mac in (match.dl_src, match.dl_dst) if mac is not None]
    if match.dl_vlan is None:
        return any(mac in members.macs for mac in named)
    vlan = None if match.dl_vlan == VLAN_NONE else match.dl_vlan
    return any(station_key(mac, vlan) in members.keys for mac in named)


def _names_range(match: Match, wanted: tuple[int, int]) -> bool:
    return any(
        network is not None and network[1] > 0 and _overlap(network, wanted)
        for network in (match.nw_src, match.nw_dst)
    )


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Two ranges overlap if they agree on the shorter prefix."""
    free = 32 - min(one[1], other[1])
    return one[0] >> free == other[0] >> free
