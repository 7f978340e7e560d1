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
from horizon_ryu.wire.messages import VLAN_NONE, VLAN_TAGGED, FlowEntry, Match
from horizon_ryu.wire.protocols import IPV4_BITS, IPV6_BITS

_VLAN = re.compile(r"vlan:(0|[1-9][0-9]{0,3})")
_RANGE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/(0|[1-9][0-9]?)")
_RANGE_6 = re.compile(r"[0-9A-Fa-f:]{2,39}/([1-9][0-9]{0,2})")
MAX_VLAN = 4094
"""Highest identifier that may name a VLAN (IEEE 802.1Q, table 9-2)."""


@dataclass(frozen=True, slots=True)
class NetworkDefinition:
    """A VLAN identifier (1 to 4094), or a range ``(address, prefix length)`` of IPv4 or IPv6."""

    vlan: int | None = None
    ip: tuple[int, int] | None = None
    ipv6: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if [self.vlan, self.ip, self.ipv6].count(None) != 2:
            raise InvalidInput(("definition",), "give exactly one of vlan and ip")
        if self.vlan is not None and not 1 <= self.vlan <= MAX_VLAN:
            raise InvalidInput(("definition", "vlan"), f"must be 1 to {MAX_VLAN}")

    def text(self) -> str:
        """Return the form ``vlan:10`` or ``ip:10.0.0.0/24``."""
        network = self.network
        return f"vlan:{self.vlan}" if network is None else f"ip:{network}"

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        """Return the range, if it is one; its text is its CIDR form."""
        if self.ipv6 is not None:
            return ipaddress.IPv6Network(self.ipv6)
        return None if self.ip is None else ipaddress.IPv4Network(self.ip)


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


def parse_range6(text: str, loc: tuple[str | int, ...] = ("ip",)) -> tuple[int, int]:
    """Return (address, prefix length) of an IPv6 range in CIDR form, as strictly."""
    try:
        network = ipaddress.IPv6Network(text if _RANGE_6.fullmatch(text) else "", strict=True)
    except ValueError as error:
        raise InvalidInput(loc, f"not an IPv6 range such as 2001:db8::/32: {error}") from error
    return int(network.network_address), network.prefixlen


def definition_by_range(text: str, loc: tuple[str | int, ...] = ("ip",)) -> NetworkDefinition:
    """Return the definition by a range of IPv4 or IPv6 in CIDR form; InvalidInput otherwise."""
    if ":" in text:
        return NetworkDefinition(ipv6=parse_range6(text, loc))
    return NetworkDefinition(ip=parse_range(text, loc))


def parse_definition(text: str, loc: tuple[str | int, ...] = ("network",)) -> NetworkDefinition:
    """Return the definition written ``vlan:10`` or ``ip:10.0.0.0/24``; InvalidInput otherwise."""
    if text.startswith("ip:"):
        return definition_by_range(text[3:], loc)
    found = _VLAN.fullmatch(text)
    if found is None:
        raise InvalidInput(loc, "write vlan:10, ip:10.0.0.0/24 or ip:2001:db8::/32")
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
    network = definition.network
    if network is None:
        return host.vlan == definition.vlan
    addresses = (ipaddress.ip_address(text) for text in host.ips)
    return any(address.version == network.version and address in network for address in addresses)


class _Members(NamedTuple):
    """The hosts of a range: their keys, and their MACs whatever their VLANs."""

    keys: Set[bytes]
    macs: Set[bytes]


def _forwards(entry: FlowEntry, definition: NetworkDefinition, members: _Members) -> bool:
    if not entry.forwards:
        return False
    match = entry.match
    if definition.vlan is not None:
        return match.dl_vlan == definition.vlan or definition.vlan in entry.sets_vlans
    return _names_range(match, definition) or _names_host(match, members)


def _names_host(match: Match, members: _Members) -> bool:
    """Tell whether ``match`` has the whole MAC of a member, in its VLAN where it names one."""
    masked = ((match.dl_src, match.dl_src_mask), (match.dl_dst, match.dl_dst_mask))
    named = [mac for mac, mask in masked if mac is not None and mask is None]
    if match.dl_vlan in (None, VLAN_TAGGED):
        return any(mac in members.macs for mac in named)
    vlan = None if match.dl_vlan == VLAN_NONE else match.dl_vlan
    return any(station_key(mac, vlan) in members.keys for mac in named)


def _names_range(match: Match, definition: NetworkDefinition) -> bool:
    if definition.ipv6 is not None:
        wanted, bits, named = definition.ipv6, IPV6_BITS, (match.ipv6_src, match.ipv6_dst)
    else:
        wanted, bits, named = definition.ip or (0, 0), IPV4_BITS, (match.nw_src, match.nw_dst)
    return any(
        network is not None and network[1] > 0 and _overlap(network, wanted, bits)
        for network in named
    )


def _overlap(one: tuple[int, int], other: tuple[int, int], bits: int) -> bool:
    """Two ranges overlap if they agree on the shorter prefix."""
    free = bits - min(one[1], other[1])
    return one[0] >> free == other[0] >> free
