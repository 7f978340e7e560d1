"""Data plane: all that Domain 0 needs to pass a router's packets without its VM, as a plan.

Pure. Each interface of the router has a port device, a macvlan with the MAC of the VM's over the
physical port. What comes by it is routed by the router's table alone. What is meant for the router
itself (its addresses, multicast, broadcast), and all that is neither IP nor ARP, goes to the VM as
it came; what the VM sends leaves by the port device. Names and numbers follow from the router's
slot, so that what one program made another can find.

Who resolves the router's addresses is answered by Domain 0. In IPv4 a port device has them; in
IPv6 it has a link-local one only, and answers as a proxy for the others: IPv6 knows no address of
a table, so one of the router would be one of Domain 0, and no other router could have it for a
gateway. An interface without an IPv6 address has no IPv6.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink.constants import (
    FR_ACT_UNREACHABLE,
    RT_SCOPE_HOST,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_LOCAL,
    RTN_LOCAL,
    RTN_MULTICAST,
)
from xen_bridge.netlink.routes import KernelRoute, NextHop
from xen_bridge.netlink.rules import Rule
from xen_bridge.planes.nexthop_ids import PROTOCOL
from xen_bridge.planes.nft_text import ingress_hook, named_set, none_of, output_chain

SLOTS = range(1, 4096)
FIRST_TABLE = 4_000_000
BY_PORT, NO_LEAK, BY_MARK, LOCAL = 1000, 1001, 1002, 1003
"""Priorities of rules: the kernel asks the lower first."""
LOCAL_BEHIND = Rule(LOCAL, RT_TABLE_LOCAL, protocol=PROTOCOL)
"""Where local addresses are looked up while there are routers: what passes through a router for
an address that Domain 0 or another router has too must not end here."""
LOCAL_FIRST = Rule(0, RT_TABLE_LOCAL, protocol=2)
"""The kernel's own (RTPROT_KERNEL)."""
TUNNEL, PARKED = "hzt", "hzw"
"""Beginnings of names: of tunnels' devices, and of what stands for a machine that is not here."""
MAX_PORTS = 64
MAX_ADDRESSES = 1024
"""Of one router."""
LOCAL_METRIC = 256
"""Of a router's local IPv6 routes by its first port: those by others are behind, not in place."""
NEVER_FORWARDED = "ff00::/8, fe80::/10"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")


@dataclass(frozen=True, slots=True)
class RouterPort:
    """An interface of a router: the VM's end in Domain 0, and the port that it is bound to.

    ``addresses`` have their prefix length (192.0.2.1/24, 2001:db8::1/64). Of link-local ones
    (fe80::/10) the first is that of the port device; where there is none but others of IPv6, it
    follows from the MAC.
    """

    vif: str
    physical: str
    mac: bytes
    addresses: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise InvalidRequest for what the kernel or nft would take for something else."""
        for field, name in (("vif", self.vif), ("physical", self.physical)):
            if not _NAME.fullmatch(name):
                raise InvalidRequest((field,), f"{name[:40]!r} is no name of an interface")
        if len(self.mac) != 6 or self.mac[0] & 1 or not any(self.mac):
            raise InvalidRequest(("mac",), "must be a unicast MAC address of 6 bytes")
        _check_addresses(self.addresses)

    @property
    def own(self) -> tuple[ipaddress.IPv4Interface, ...]:
        """The IPv4 addresses, with their networks."""
        return tuple(ipaddress.IPv4Interface(one) for one in self.addresses if ":" not in one)

    @property
    def own6(self) -> tuple[ipaddress.IPv6Interface, ...]:
        """The IPv6 addresses, with their networks; the link-local one of the device comes first."""
        given = [ipaddress.IPv6Interface(one) for one in self.addresses if ":" in one]
        near = [one for one in given if one.is_link_local]
        if given and not near:
            near = [_from_mac(self.mac)]
        return (*near, *(one for one in given if not one.is_link_local))

    @property
    def of_device(self) -> tuple[str, ...]:
        """The addresses that its port device has."""
        return (*map(str, self.own), *map(str, self.own6[:1]))

    @property
    def proxied(self) -> tuple[str, ...]:
        """The IPv6 addresses that are answered for without being the device's."""
        return tuple(str(one.ip) for one in self.own6[1:])


def _check_addresses(addresses: Iterable[str]) -> None:
    for address in addresses:
        try:
            found = ipaddress.ip_interface(address).ip
        except ValueError:
            raise InvalidRequest(("addresses",), f"{address[:60]!r} is no address") from None
        is_none = found.is_multicast or found.is_unspecified or found.is_loopback
        if is_none or "%" in address or str(found).startswith("255."):
            raise InvalidRequest(("addresses",), f"{address[:60]!r} is none of an interface")


def _from_mac(mac: bytes) -> ipaddress.IPv6Interface:
    """Return the link-local address that follows from a MAC (RFC 4291, appendix A)."""
    last = bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]
    return ipaddress.IPv6Interface((bytes((0xFE, 0x80)) + bytes(6) + last, 64))


@dataclass(frozen=True, slots=True)
class DataPlanePlan:
    """The pieces of one router in Domain 0; its ``slot`` is no other router's of this host.

    ``addresses``: those that it has on none of its ports (of its loopback, say).
    """

    slot: int
    ports: tuple[RouterPort, ...]
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidRequest for a slot that is none, and for interfaces that clash."""
        if self.slot not in SLOTS:
            raise InvalidRequest(("slot",), f"must be {SLOTS.start} to {SLOTS.stop - 1}")
        if not 0 < len(self.ports) <= MAX_PORTS:
            raise InvalidRequest(("ports",), f"must be 1 to {MAX_PORTS}")
        if len({port.vif for port in self.ports}) != len(self.ports):
            raise InvalidRequest(("ports",), "name a virtual interface twice")
        _check_addresses(self.addresses)
        if sum(len(port.addresses) for port in self.ports) + len(self.addresses) > MAX_ADDRESSES:
            raise InvalidRequest(("addresses",), f"may be {MAX_ADDRESSES} of one router")

    @property
    def has_ipv6(self) -> bool:
        """Whether any of its ports has an IPv6 address."""
        return any(port.own6 for port in self.ports)

    @property
    def table(self) -> int:
        """The router's table, and the mark of its packets."""
        return FIRST_TABLE + self.slot

    @property
    def nexthop_ids(self) -> range:
        """The ids of its nexthop objects."""
        start = (1 << 30) + (self.slot << 16)
        return range(start, start + (1 << 16))

    @property
    def nft_table(self) -> str:
        """Name of its tables of nftables: of the family netdev, and with IPv6 of ip6."""
        return f"hz_r{self.slot}"

    def device(self, number: int) -> str:
        """Return the name of the port device of an interface."""
        return f"r{self.slot}p{number}"

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of all port devices, in the order of the ports."""
        return tuple(self.device(number) for number in range(len(self.ports)))

    def rules(self) -> tuple[Rule, ...]:
        """Return its rules: by port, no leak into main, and by mark for Domain 0's own ICMP."""
        found = [Rule(BY_MARK, self.table, fwmark=self.table, protocol=PROTOCOL)]
        for name in self.devices:
            found.append(Rule(NO_LEAK, 0, FR_ACT_UNREACHABLE, iif=name, protocol=PROTOCOL))
            found.append(Rule(BY_PORT, self.table, iif=name, protocol=PROTOCOL))
        if self.has_ipv6:
            found += [replace(rule, family=socket.AF_INET6) for rule in found]
        return tuple(found)

    def local_routes(self, indices: dict[str, int]) -> tuple[KernelRoute, ...]:
        """Return what lets Domain 0 answer who resolves an address: only a local one is answered.

        Of IPv6 there are also the groups that neighbors ask in.
        """
        found = []
        for number, port in enumerate(self.ports):
            way = (NextHop(indices[self.device(number)]),)
            more = (way, self.table, PROTOCOL)
            found += [
                KernelRoute(f"{own.ip}/32", *more, RT_SCOPE_HOST, RTN_LOCAL) for own in port.own
            ]
            metric = LOCAL_METRIC + number
            groups = [("ff00::/8", RTN_MULTICAST)] if port.own6 else []
            for prefix, kind in ((f"{own.ip}/128", RTN_LOCAL) for own in port.own6):
                groups.append((prefix, kind))
            found += [
                KernelRoute(prefix, *more, RT_SCOPE_UNIVERSE, kind, priority=metric)
                for prefix, kind in groups
            ]
        return tuple(found)

    def sysctls(self, number: int) -> tuple[tuple[str, str], ...]:
        """Return names (below net/) and values for a port device, before it goes up."""
        device = self.device(number)
        ipv4, ipv6 = f"ipv4/conf/{device}", f"ipv6/conf/{device}"
        found = (
            # Before it goes up: a frame of IPv6's would move the router's MAC here too early.
            (f"{ipv6}/disable_ipv6", "1"),
            (f"{ipv4}/forwarding", "1"),
            (f"{ipv4}/accept_local", "1"),
            (f"{ipv4}/rp_filter", "0"),
            (f"{ipv4}/send_redirects", "0"),
            (f"{ipv4}/arp_ignore", "1"),
            (f"{ipv4}/arp_announce", "2"),
        )
        if not self.ports[number].own6:
            return found
        return (
            *found,
            # Nothing is made up, asked or announced by the device itself.
            (f"{ipv6}/addr_gen_mode", "1"),
            (f"{ipv6}/accept_dad", "0"),
            (f"{ipv6}/accept_ra", "0"),
            (f"{ipv6}/accept_redirects", "0"),
            (f"{ipv6}/router_solicitations", "0"),
            (f"{ipv6}/ndisc_notify", "0"),
            (f"{ipv6}/forwarding", "1"),
            (f"{ipv6}/proxy_ndp", "1"),
            (f"ipv6/neigh/{device}/proxy_delay", "0"),
            # An address of Domain 0's must not be the source of the router's ICMP.
            (f"{ipv6}/use_oif_addrs_only", "1"),
        )

    def late_sysctls(self) -> tuple[tuple[str, str], ...]:
        """Return what is set when the port devices are up, and nothing can leave that must not."""
        return tuple(
            (f"ipv6/conf/{name}/disable_ipv6", "0")
            for name, port in zip(self.devices, self.ports, strict=True)
            if port.own6
        )

    def host_sysctls(self) -> tuple[tuple[str, str], ...]:
        """Return what is set for the host: without it no ICMP error finds the router's table.

        A physical port must not answer ARP for the router with its own MAC, and Domain 0 must not
        look among its own conversations for what passes: one between the same ends would have it,
        and the kernel drops what is forwarded and somebody's.
        """
        bare = sorted({port.physical for port in self.ports})
        return (
            ("ipv4/fwmark_reflect", "1"),
            ("ipv6/fwmark_reflect", "1"),
            # IPv6's too: it has no setting of its own.
            ("ipv4/ip_early_demux", "0"),
            *((f"ipv4/conf/{name}/arp_ignore", "1") for name in bare),
        )

    def nft(self, whole: bool = False) -> str:
        """Return what loads its chains, in place of any that it had, in one transaction.

        With ``whole`` the VM has its data plane back: every frame goes to it as it came.
        """
        from_port = self._whole if whole else self._from_port
        parts = [self._sets()]
        for number in range(len(self.ports)):
            parts += (from_port(number), self._from_vif(number))
        text = f"table netdev {self.nft_table} {{\n{''.join(parts)}}}\n"
        if self.has_ipv6:
            text += f"table ip6 {self.nft_table} {{\n{self._out()}}}\n"
        return self.nft_removal() + text

    def nft_removal(self) -> str:
        """Return what removes its chains, whether or not there are any."""
        tables = [f"{family} {self.nft_table}" for family in self.nft_families]
        return "".join(f"table {one} {{ }}\ndelete table {one}\n" for one in tables)

    @property
    def nft_families(self) -> tuple[str, ...]:
        """The families that it has a table of."""
        return ("netdev", "ip6") if self.has_ipv6 else ("netdev",)

    def chains(self, whole: bool = False) -> tuple[str, ...]:
        """Return the names of its chains; ``whole`` as of :meth:`nft`."""
        ways = ("whole" if whole else "port", "vif")
        found = [f"{way}_{one}" for one in range(len(self.ports)) for way in ways]
        return (*found, "output") if self.has_ipv6 else tuple(found)

    def _sets(self) -> str:
        """Return the router's addresses that are not of its ports' IPv4."""
        other = [ipaddress.ip_interface(one).ip for one in self.addresses]
        own4 = {str(one) for one in other if one.version == 4}
        return named_set("own4", "ipv4_addr", own4) + named_set(
            "own6", "ipv6_addr", map(str, self._own6())
        )

    def _own6(self) -> set[ipaddress.IPv6Address]:
        """Return its IPv6 addresses, with those that stand for any router of a link."""
        ports = [one for port in self.ports for one in port.own6]
        links = {one.network.network_address for one in ports if one.network.prefixlen < 127}
        other = {ipaddress.IPv6Interface(one).ip for one in self.addresses if ":" in one}
        return {one.ip for one in ports} | links | other

    def _whole(self, number: int) -> str:
        return f"""  chain whole_{number} {{
    {ingress_hook(self.device(number))}
    fwd to {self.ports[number].vif}
  }}
"""

    def _from_port(self, number: int) -> str:
        vif = self.ports[number].vif
        own = sorted({str(one.ip) for port in self.ports for one in port.own})
        near = {str(one.network.broadcast_address) for one in self.ports[number].own}
        mine = (*own, *sorted(near - set(own)))
        to_vm = ", ".join((*mine, "255.255.255.255"))
        passed = "{ ip, ip6 }" if self.ports[number].own6 else "ip"
        return f"""  chain port_{number} {{
    {ingress_hook(self.device(number))}
{self._passed(number, mine)}    ether type arp arp operation reply dup to {vif}
    ether type arp accept
{self._ipv6_from_port(number)}    ether type != {passed} fwd to {vif}
    ip daddr 224.0.0.0/4 fwd to {vif}
    ip daddr {{ {to_vm} }} fwd to {vif}
    ip daddr @own4 fwd to {vif}
    meta mark set {self.table}
  }}
"""

    def _passed(self, number: int, mine: tuple[str, ...]) -> str:
        """Return what most packets need no more than: those for others, tried first.

        An IPv6 address is compared by its last four bytes, which costs half of what all 16 do.
        What has an own one's there may be for others all the same, and is compared again.
        """
        away = f"meta mark set {self.table} accept"
        other = none_of("ip daddr", mine)
        if any(":" not in one for one in self.addresses):
            other += " ip daddr != @own4"
        lines = [f"ip daddr < 224.0.0.0{other} {away}"]
        if self.ports[number].own6:
            own6 = [int(one) for one in self._own6() if not one.is_link_local]
            ends = sorted({f"{one & 0xFFFFFFFF:#x}" for one in own6})
            others = none_of("@nh,288,32", ends)
            lines.append(f"meta protocol ip6 @nh,192,16 < 0xfe80{others} {away}")
            lines.append(f"ip6 daddr < fe80:: ip6 daddr != @own6 {away}")
        return "".join(f"    {line}\n" for line in lines)

    def _ipv6_from_port(self, number: int) -> str:
        port = self.ports[number]
        asked = [
            # A literal of 128 bits: that nft has a name for the target is not so old.
            f"icmpv6 type nd-neighbor-solicit @th,64,128 {int(one.ip):#x} accept"
            for one in port.own6
        ]
        lines = (
            *asked,
            f"icmpv6 type nd-neighbor-advert dup to {port.vif}",
            "icmpv6 type nd-neighbor-advert accept",
            f"ip6 daddr {{ {NEVER_FORWARDED} }} fwd to {port.vif}",
            f"ip6 daddr @own6 fwd to {port.vif}",
        )
        return "".join(f"    {line}\n" for line in lines) if port.own6 else ""

    def _from_vif(self, number: int) -> str:
        return f"""  chain vif_{number} {{
    {ingress_hook(self.ports[number].vif)}
    fwd to {self.device(number)}
  }}
"""

    def _out(self) -> str:
        """Return the chain for Domain 0's own IPv6, with the addresses of the router's errors."""
        wide = [one.ip for port in self.ports for one in port.own6 if not one.is_link_local]
        sources = {}
        for device, port in zip(self.devices, self.ports, strict=True):
            if port.own6:
                near = [one.ip for one in port.own6 if not one.is_link_local]
                sources[device] = [str(one) for one in (*near, *wide)[:1]]
        return output_chain(sources)
