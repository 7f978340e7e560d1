"""Domain 0's kernel: a router's data plane made in it, checked against its plan, and removed.

All of it in the network namespace of the calling thread. The settings of the host that a data
plane needs stay when it is removed; none changes what is done with other packets.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from socket import AF_INET, AF_INET6

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.errors import BridgeError, SubjectNotFound
from xen_bridge.netlink import batch
from xen_bridge.netlink.addresses import delete_address, replace_address
from xen_bridge.netlink.constants import (
    IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE,
    IFF_UP,
    RT_TABLE_LOCAL,
)
from xen_bridge.netlink.links import (
    add_macvlan,
    delete_link,
    hear_all_multicast,
    set_up,
)
from xen_bridge.netlink.neighbors import delete_proxy, replace_proxy
from xen_bridge.netlink.nexthops import delete_nexthop
from xen_bridge.netlink.routes import delete_route, replace_route
from xen_bridge.netlink.rules import Rule, add_rule, delete_rule
from xen_bridge.netlink.tables import NEIGHBORS, NEXTHOPS, Netlink, links_by_name
from xen_bridge.netlink.wire import Request
from xen_bridge.planes import host_settings, plane_audit
from xen_bridge.planes.data_plane import (
    FIRST_TABLE,
    LOCAL,
    LOCAL_BEHIND,
    LOCAL_FIRST,
    SLOTS,
    DataPlanePlan,
    RouterPort,
)
from xen_bridge.planes.nexthop_ids import PROTOCOL
from xen_bridge.planes.port_neighbors import PortNeighbor, beside_ports, known_beforehand

SECONDS = 10.0
"""For one run of nft."""
GUARD = "ip6 hz_guard"
"""Table of nftables, with its family, that keeps IPv6 from being forwarded for nobody's router."""


class DomainZero:
    """The kernel that routers' data planes are in. Raises BridgeError. Not for several threads."""

    def __init__(self, command: ChildCommand | None = None) -> None:
        self._command = command or ChildCommand()

    def make(self, plan: DataPlanePlan) -> dict[str, int]:
        """Make what a plan names, in place of what its slot had; return the devices' indices.

        Either all of it is there in the end, or nothing of this slot.
        """
        self.remove(plan)
        try:
            return self._make(plan)
        except BaseException:
            self.remove(plan)
            raise

    def _make(self, plan: DataPlanePlan) -> dict[str, int]:
        links = links_by_name()
        missing = {name for port in plan.ports for name in (port.physical, port.vif)} - set(links)
        if missing:
            raise SubjectNotFound(f"no interface {', '.join(sorted(missing))} here")
        host_settings.lower()
        host_settings.write(plan.host_sysctls())
        _change(
            add_macvlan(name, links[port.physical].index, port.mac)
            for name, port in zip(plan.devices, plan.ports, strict=True)
        )
        links = links_by_name()
        indices = {name: links[name].index for name in plan.devices}
        for number in range(len(plan.ports)):
            host_settings.write(plan.sysctls(number))
        # Rules and chains are there before the first packet.
        _change(add_rule(rule) for rule in plan.rules())
        self._put_local_behind(plan)
        self._nft(plan.nft())
        if plan.has_ipv6:
            self._forward_ipv6(plan)
        for index in indices.values():
            _change((hear_all_multicast(index), set_up(index)))
        host_settings.write(plan.late_sysctls())
        for name, port in zip(plan.devices, plan.ports, strict=True):
            _change(_addressed(indices[name], port))
        _change(replace_route(route) for route in plan.local_routes(indices))
        _disown(indices.values())
        return indices

    def alter(self, old: DataPlanePlan, new: DataPlanePlan) -> None:
        """Have the data plane of ``old`` be that of ``new``, while packets pass.

        Only virtual interfaces and addresses may differ, and no port may get its first IPv6
        address, or lose its last. Raises BridgeError.
        """
        indices = self.indices(new)
        self.separate(new)
        more: list[Request] = []
        less: list[Request] = []
        for name, was, port in zip(new.devices, old.ports, new.ports, strict=True):
            index = indices[name]
            more += _addressed(index, port)
            less += (delete_address(index, one) for one in set(was.of_device) - set(port.of_device))
            less += (delete_proxy(index, one) for one in set(was.proxied) - set(port.proxied))
        kept = new.local_routes(indices)
        there = {(one.destination, one.nexthops) for one in kept}
        gone = [
            one for one in old.local_routes(indices) if (one.destination, one.nexthops) not in there
        ]
        _change((*more, *map(replace_route, kept)))
        # What is in table local goes with an address; the router's own does so for IPv4.
        batch.write((*less, *map(delete_route, gone)))
        _change(map(replace_route, kept))
        _disown(indices.values())

    def indices(self, plan: DataPlanePlan) -> dict[str, int]:
        """Return the indices of the port devices. Raises SubjectNotFound if one is missing."""
        links = links_by_name()
        missing = [name for name in plan.devices if name not in links]
        if missing:
            raise SubjectNotFound(f"no port device {', '.join(missing)} here")
        return {name: links[name].index for name in plan.devices}

    def neighbors(self, plan: DataPlanePlan) -> tuple[PortNeighbor, ...]:
        """Return whom a router's ports know: of every address that answered, the MAC."""
        indices = list(self.indices(plan).values())
        netlink = Netlink()
        try:
            return beside_ports(indices, netlink.rows(NEIGHBORS))
        finally:
            netlink.close()

    def prefill(self, plan: DataPlanePlan, neighbors: Iterable[PortNeighbor]) -> int:
        """Let a router's ports know neighbors before the first packet; return how many.

        They are as if they had answered just now: where one is not there any more, it is asked
        for again in time. Neighbors of ports that the plan does not have are left out.
        """
        changes = known_beforehand(list(self.indices(plan).values()), neighbors)
        # One that the kernel does not take is asked for by the first packet.
        return len(changes) - len(batch.write(changes))

    def take_back(self, plan: DataPlanePlan) -> None:
        """Let the VM pass all packets of a plan that was made, without a gap; the rest stays."""
        self._nft(plan.nft(whole=True))

    def separate(self, plan: DataPlanePlan) -> None:
        """Pass packets by the router's table again, after :meth:`take_back`."""
        self._nft(plan.nft())

    def faults(self, plan: DataPlanePlan, whole: bool = False) -> tuple[str, ...]:
        """Return what of a plan is not there, a sentence each; none if all of it is.

        ``whole``: it was taken back.
        """
        links, rules = links_by_name(), set(_rules())
        found = []
        for name, port in zip(plan.devices, plan.ports, strict=True):
            link = links.get(name)
            if link is None:
                found.append(f"port device {name} is missing")
            elif link.mac != port.mac or not link.flags & IFF_UP:
                found.append(f"port device {name} is down, or has another MAC")
            elif port.own6 and not host_settings.has_ipv6(name):
                found.append(f"port device {name} has no IPv6")
        found += [
            f"{'IPv6 ' * (rule.family == AF_INET6)}rule {rule.priority} "
            f"({rule.iif or 'mark'}) is missing"
            for rule in plan.rules()
            if rule not in rules
        ]
        families = {rule.family for rule in plan.rules()}
        if any(_is_local_first(rule) and rule.family in families for rule in rules):
            found.append("local addresses are looked up before the routers' tables")
        found += plane_audit.chain_faults(plan, whole, self._listed(plan))
        if all(name in links for name in plan.devices):
            indices = {name: links[name].index for name in plan.devices}
            netlink = Netlink()
            try:
                found += plane_audit.address_faults(plan, indices, netlink.addresses())
                found += plane_audit.route_faults(plan, indices, netlink.routes(plan.table))
            finally:
                netlink.close()
            found += host_settings.differences(plane_audit.settings_of(plan))
        return tuple(found)

    def remove(self, plan: DataPlanePlan) -> None:
        """Remove all that the slot of a plan has here, known to the plan or not."""
        ours = [one for one in self.tables() if one.endswith(f" {plan.nft_table}")]
        self._nft("".join(f"delete table {one}\n" for one in ours))
        prefix = f"r{plan.slot}p"
        ports = [one for name, one in links_by_name().items() if _is_port(name, prefix)]
        _change(delete_link(one.index) for one in ports if one.kind == "macvlan")
        netlink = Netlink()
        try:
            _change(delete_route(route) for route in netlink.routes(plan.table))
            objects = [one for one in netlink.rows(NEXTHOPS) if one.id in plan.nexthop_ids]
        finally:
            netlink.close()
        # Groups first: with its last member the kernel takes a group away too.
        objects.sort(key=lambda one: not one.group)
        _change(delete_nexthop(one.id) for one in objects)
        _change(
            delete_rule(rule)
            for rule in _rules()
            if rule.protocol == PROTOCOL
            and (rule.table == plan.table or _is_port(rule.iif or "", prefix))
        )
        self._put_local_first()

    # ---- where local addresses are looked up

    @staticmethod
    def _put_local_behind(plan: DataPlanePlan) -> None:
        found = _rules()
        for family in sorted({rule.family for rule in plan.rules()}):
            behind = replace(LOCAL_BEHIND, family=family)
            if behind not in found:
                _change([add_rule(behind)])
            first = [one for one in found if one.family == family and _is_local_first(one)]
            _change(delete_rule(one) for one in first)

    def _put_local_first(self) -> None:
        """Put it back when the last router has gone; so are the settings of IPv6."""
        rules = _rules()
        for family in (AF_INET, AF_INET6):
            ours = [one for one in rules if one.protocol == PROTOCOL and one.family == family]
            if [rule.priority for rule in ours] == [LOCAL]:
                first, behind = (replace(one, family=family) for one in (LOCAL_FIRST, LOCAL_BEHIND))
                _change([add_rule(first), delete_rule(behind)])
                if family == AF_INET6 and GUARD in self.tables():
                    host_settings.write([("ipv6/conf/all/forwarding", "0")])
                    self._nft(f"delete table {GUARD}")

    # ---- IPv6

    def _forward_ipv6(self, plan: DataPlanePlan) -> None:
        """Let the port devices forward, and nobody else who did not.

        Kernels before 6.17 can let all forward only; then what bears no router's mark is dropped.
        """
        if all(host_settings.force_forwarding(name) for name in plan.devices):
            return
        if not host_settings.forwards_ipv6():
            marks = f"{FIRST_TABLE + SLOTS.start}-{FIRST_TABLE + SLOTS.stop - 1}"
            self._nft(
                f"table {GUARD} {{ chain forward {{ type filter hook forward priority -300; "
                f"policy accept; meta mark != {marks} drop; }}; }}"
            )
            host_settings.forward_ipv6()

    # ---- nft

    def _nft(self, text: str) -> str:
        environment = {"PATH": f"{os.environ.get('PATH', '')}:{SBIN}", "LC_ALL": "C"}
        done = self._command.run(("nft", text), SECONDS, environment)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip()[:300]
            raise BridgeError(f"nft refuses: {reason}")
        return done.stdout.decode(errors="replace")

    def tables(self) -> set[str]:
        """Return all tables of nftables, each with its family."""
        return {line.removeprefix("table ") for line in self._nft("list tables").splitlines()}

    def rules(self) -> list[Rule]:
        """Return all rules of both families. Raises BridgeError."""
        return _rules()

    def _listed(self, plan: DataPlanePlan) -> str:
        there = self.tables()
        tables = [f"{family} {plan.nft_table}" for family in plan.nft_families]
        return "".join(self._nft(f"list table {one}") for one in tables if one in there)


def _is_port(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdecimal()


def _rules() -> list[Rule]:
    netlink = Netlink()
    try:
        return netlink.rules()
    finally:
        netlink.close()


def _is_local_first(rule: Rule) -> bool:
    return rule.priority == 0 and rule.table == RT_TABLE_LOCAL


def _addressed(index: int, port: RouterPort) -> list[Request]:
    """Return what gives a port device its addresses, without a word to its link."""
    flags = IFA_F_NOPREFIXROUTE | IFA_F_NODAD
    found = [replace_address(index, one, flags) for one in port.of_device]
    return found + [replace_proxy(index, one) for one in port.proxied]


def _disown(devices: Iterable[int]) -> None:
    """Take the routers' IPv4 addresses out of the table of Domain 0's own.

    A router could claim that of whomever Domain 0 talks to. What resolves addresses is answered by
    the router's table, and the source of an error is the device's address all the same.
    """
    ours = set(devices)
    netlink = Netlink()
    try:
        found = netlink.routes(RT_TABLE_LOCAL)
    finally:
        netlink.close()
    batch.write(
        [
            delete_route(one)
            for one in found
            if one.family == AF_INET and any(hop.oif in ours for hop in one.nexthops)
        ]
    )


def _change(requests: Iterable[Request]) -> None:
    refused = batch.write(tuple(requests))
    if refused:
        raise BridgeError(f"the kernel refuses a piece of the data plane: {refused[0].reason}")
