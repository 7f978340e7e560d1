"""Data plane: all that Domain 0 needs to pass a router's IPv4 packets without its VM, as a plan.

Pure. Each interface of the router has a port device, a macvlan with the MAC of the VM's over the
physical port. What comes by it is routed by the router's table alone. What is meant for the router
itself (its addresses, multicast, broadcast), and all that is neither IPv4 nor ARP, goes to the VM
as it came; what the VM sends leaves by the port device. Names and numbers follow from the router's
slot, so that what one program made another can find.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink.constants import (
    FR_ACT_UNREACHABLE,
    RT_SCOPE_HOST,
    RT_TABLE_LOCAL,
    RTN_LOCAL,
)
from xen_bridge.netlink.routes import KernelRoute, NextHop
from xen_bridge.netlink.rules import Rule
from xen_bridge.planes.nexthop_ids import PROTOCOL

SLOTS = range(1, 4096)
FIRST_TABLE = 4_000_000
BY_PORT, NO_LEAK, BY_MARK, LOCAL = 1000, 1001, 1002, 1003
"""Priorities of rules: the kernel asks the lower first."""
LOCAL_BEHIND = Rule(LOCAL, RT_TABLE_LOCAL, protocol=PROTOCOL)
"""Where local addresses are looked up while there are routers: what passes through a router for
an address that Domain 0 or another router has too must not end here."""
LOCAL_FIRST = Rule(0, RT_TABLE_LOCAL, protocol=2)
"""The kernel's own (RTPROT_KERNEL)."""
MAX_PORTS = 64
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")


@dataclass(frozen=True, slots=True)
class RouterPort:
    """An interface of a router: the VM's end in Domain 0, and the port that it is bound to.

    ``addresses`` are IPv4, with their prefix length (192.0.2.1/24).
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
        for address in self.addresses:
            try:
                ipaddress.IPv4Interface(address)
            except ValueError:
                raise InvalidRequest(("addresses",), f"{address[:40]!r} is not IPv4") from None

    @property
    def own(self) -> tuple[ipaddress.IPv4Interface, ...]:
        """The addresses, with their networks."""
        return tuple(ipaddress.IPv4Interface(one) for one in self.addresses)


@dataclass(frozen=True, slots=True)
class DataPlanePlan:
    """The pieces of one router in Domain 0; its ``slot`` is no other router's of this host."""

    slot: int
    ports: tuple[RouterPort, ...]

    def __post_init__(self) -> None:
        """Raise InvalidRequest for a slot that is none, and for interfaces that clash."""
        if self.slot not in SLOTS:
            raise InvalidRequest(("slot",), f"must be {SLOTS.start} to {SLOTS.stop - 1}")
        if not 0 < len(self.ports) <= MAX_PORTS:
            raise InvalidRequest(("ports",), f"must be 1 to {MAX_PORTS}")
        if len({port.vif for port in self.ports}) != len(self.ports):
            raise InvalidRequest(("ports",), "name a virtual interface twice")

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
        """Name of its table of nftables, of the family netdev."""
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
        return tuple(found)

    def local_routes(self, indices: dict[str, int]) -> tuple[KernelRoute, ...]:
        """Return what lets Domain 0 answer ARP: only what a route calls local is answered."""
        return tuple(
            KernelRoute(
                f"{own.ip}/32",
                (NextHop(indices[self.device(number)]),),
                self.table,
                PROTOCOL,
                RT_SCOPE_HOST,
                RTN_LOCAL,
            )
            for number, port in enumerate(self.ports)
            for own in port.own
        )

    def sysctls(self, device: str) -> tuple[tuple[str, str], ...]:
        """Return names (below net/) and values for a port device, before it goes up."""
        ipv4 = f"ipv4/conf/{device}"
        return (
            # Before it goes up: a frame of IPv6's would move the router's MAC here too early.
            (f"ipv6/conf/{device}/disable_ipv6", "1"),
            (f"{ipv4}/forwarding", "1"),
            (f"{ipv4}/accept_local", "1"),
            (f"{ipv4}/rp_filter", "0"),
            (f"{ipv4}/send_redirects", "0"),
            (f"{ipv4}/arp_ignore", "1"),
            (f"{ipv4}/arp_announce", "2"),
        )

    def host_sysctls(self) -> tuple[tuple[str, str], ...]:
        """Return what is set for the host: without it no ICMP error finds the router's table.

        A physical port must not answer ARP for the router with its own MAC.
        """
        bare = sorted({port.physical for port in self.ports})
        ignore = tuple((f"ipv4/conf/{name}/arp_ignore", "1") for name in bare)
        return (("ipv4/fwmark_reflect", "1"), *ignore)

    def nft(self, whole: bool = False) -> str:
        """Return what loads its chains, in place of any that it had, in one transaction.

        With ``whole`` the VM has its data plane back: every frame goes to it as it came.
        """
        from_port = self._whole if whole else self._from_port
        chains = [from_port(number) + self._from_vif(number) for number in range(len(self.ports))]
        return self.nft_removal() + f"table netdev {self.nft_table} {{\n{''.join(chains)}}}\n"

    def nft_removal(self) -> str:
        """Return what removes its chains, whether or not there are any."""
        return f"table netdev {self.nft_table} {{ }}\ndelete table netdev {self.nft_table}\n"

    def chains(self, whole: bool = False) -> tuple[str, ...]:
        """Return the names of its chains; ``whole`` as of :meth:`nft`."""
        ways = ("whole" if whole else "port", "vif")
        return tuple(f"{way}_{one}" for one in range(len(self.ports)) for way in ways)

    def _whole(self, number: int) -> str:
        return f"""  chain whole_{number} {{
    {self._hook(self.device(number))}
    fwd to {self.ports[number].vif}
  }}
"""

    def _from_port(self, number: int) -> str:
        vif = self.ports[number].vif
        own = sorted({str(one.ip) for port in self.ports for one in port.own})
        near = {str(one.network.broadcast_address) for one in self.ports[number].own}
        to_vm = ", ".join((*own, *sorted(near - set(own)), "255.255.255.255"))
        return f"""  chain port_{number} {{
    {self._hook(self.device(number))}
    ether type arp arp operation reply dup to {vif}
    ether type arp accept
    ether type != ip fwd to {vif}
    ip daddr 224.0.0.0/4 fwd to {vif}
    ip daddr {{ {to_vm} }} fwd to {vif}
    meta mark set {self.table}
  }}
"""

    def _from_vif(self, number: int) -> str:
        return f"""  chain vif_{number} {{
    {self._hook(self.ports[number].vif)}
    fwd to {self.device(number)}
  }}
"""

    @staticmethod
    def _hook(device: str) -> str:
        return f"type filter hook ingress device {device} priority 0; policy accept;"
