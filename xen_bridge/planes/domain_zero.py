"""Domain 0's kernel: a router's data plane made in it, checked against its plan, and removed.

All of it in the network namespace of the calling thread. The settings of the host that a data
plane needs stay when it is removed; none changes what is done with other packets.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.errors import BridgeError, SubjectNotFound
from xen_bridge.netlink import batch
from xen_bridge.netlink.addresses import replace_address
from xen_bridge.netlink.constants import IFA_F_NOPREFIXROUTE, IFF_UP, RT_TABLE_LOCAL
from xen_bridge.netlink.links import (
    KernelLink,
    add_macvlan,
    delete_link,
    hear_all_multicast,
    set_up,
)
from xen_bridge.netlink.nexthops import delete_nexthop
from xen_bridge.netlink.routes import delete_route, replace_route
from xen_bridge.netlink.rules import Rule, add_rule, delete_rule
from xen_bridge.netlink.tables import NEXTHOPS, Netlink
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.data_plane import LOCAL, LOCAL_BEHIND, LOCAL_FIRST, DataPlanePlan
from xen_bridge.planes.nexthop_ids import PROTOCOL

SECONDS = 10.0
"""For one run of nft."""
SETTINGS = Path("/proc/sys/net")
LOWERED = ("rp_filter", "send_redirects")
"""Settings of which a device has the higher of its own and that of ``all``."""


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
        links = _links()
        missing = {name for port in plan.ports for name in (port.physical, port.vif)} - set(links)
        if missing:
            raise SubjectNotFound(f"no interface {', '.join(sorted(missing))} here")
        _lower()
        _write(plan.host_sysctls())
        _change(
            add_macvlan(name, links[port.physical].index, port.mac)
            for name, port in zip(plan.devices, plan.ports, strict=True)
        )
        links = _links()
        indices = {name: links[name].index for name in plan.devices}
        for name in plan.devices:
            _write(plan.sysctls(name))
        # Rules and chains are there before the first packet.
        _change(add_rule(rule) for rule in plan.rules())
        self._put_local_behind()
        self._nft(plan.nft())
        ready: list[Request] = []
        for name, port in zip(plan.devices, plan.ports, strict=True):
            index = indices[name]
            ready += (replace_address(index, one, IFA_F_NOPREFIXROUTE) for one in port.addresses)
            ready += (hear_all_multicast(index), set_up(index))
        _change(ready)
        _change(replace_route(route) for route in plan.local_routes(indices))
        return indices

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
        links, rules = _links(), set(_rules())
        found = []
        for name, port in zip(plan.devices, plan.ports, strict=True):
            link = links.get(name)
            if link is None:
                found.append(f"port device {name} is missing")
            elif link.mac != port.mac or not link.flags & IFF_UP:
                found.append(f"port device {name} is down, or has another MAC")
        found += [
            f"rule {rule.priority} ({rule.iif or 'mark'}) is missing"
            for rule in plan.rules()
            if rule not in rules
        ]
        if any(rule.priority == 0 and rule.table == RT_TABLE_LOCAL for rule in rules):
            found.append("local addresses are looked up before the routers' tables")
        listed = self._listed(plan)
        found += [
            f"chain {chain} is missing"
            for chain in plan.chains(whole)
            if f"chain {chain} " not in listed
        ]
        return tuple(found)

    def remove(self, plan: DataPlanePlan) -> None:
        """Remove all that the slot of a plan has here, known to the plan or not."""
        self._nft(plan.nft_removal())
        prefix = f"r{plan.slot}p"
        ours = [one for name, one in _links().items() if _is_port(name, prefix)]
        _change(delete_link(one.index) for one in ours if one.kind == "macvlan")
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
    def _put_local_behind() -> None:
        found = _rules()
        if LOCAL_BEHIND not in found:
            _change([add_rule(LOCAL_BEHIND)])
        first = [one for one in found if one.priority == 0 and one.table == RT_TABLE_LOCAL]
        _change(delete_rule(one) for one in first)

    @staticmethod
    def _put_local_first() -> None:
        """Put it back when the last router has gone."""
        ours = [rule for rule in _rules() if rule.protocol == PROTOCOL]
        if [rule.priority for rule in ours] == [LOCAL]:
            _change([add_rule(LOCAL_FIRST), delete_rule(LOCAL_BEHIND)])

    # ---- nft

    def _nft(self, text: str) -> str:
        environment = {"PATH": f"{os.environ.get('PATH', '')}:{SBIN}", "LC_ALL": "C"}
        done = self._command.run(("nft", text), SECONDS, environment)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip()[:300]
            raise BridgeError(f"nft refuses: {reason}")
        return done.stdout.decode(errors="replace")

    def _listed(self, plan: DataPlanePlan) -> str:
        tables = self._nft("list tables netdev").split("\n")
        if f"table netdev {plan.nft_table}" not in tables:
            return ""
        return self._nft(f"list table netdev {plan.nft_table}")


def _is_port(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdecimal()


def _links() -> dict[str, KernelLink]:
    netlink = Netlink()
    try:
        return {one.name: one for one in netlink.links()}
    finally:
        netlink.close()


def _rules() -> list[Rule]:
    """Return the rules of IPv4."""
    netlink = Netlink()
    try:
        return [rule for rule in netlink.rules() if rule.family == LOCAL_FIRST.family]
    finally:
        netlink.close()


def _change(requests: Iterable[Request]) -> None:
    refused = batch.write(tuple(requests))
    if refused:
        raise BridgeError(f"the kernel refuses a piece of the data plane: {refused[0].reason}")


def _write(settings: Iterable[tuple[str, str]]) -> None:
    for name, value in settings:
        try:
            (SETTINGS / name).write_text(value, encoding="ascii")
        except FileNotFoundError:
            # A kernel without IPv6 has none of its settings.
            if not name.startswith("ipv6/"):
                raise BridgeError(f"the kernel has no setting {name}") from None
        except OSError as error:
            raise BridgeError(f"setting {name} cannot be made: {error.strerror}") from error


def _lower() -> None:
    """Give every device what it had by ``all``, and ``all`` nothing: so a port can be without."""
    folder = SETTINGS / "ipv4" / "conf"
    for setting in LOWERED:
        common = _number(folder / "all" / setting)
        if not common:
            continue
        for path in sorted(folder.iterdir()):
            if path.name != "all" and _number(path / setting) < common:
                _write([(f"ipv4/conf/{path.name}/{setting}", str(common))])
        _write([(f"ipv4/conf/all/{setting}", "0")])


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise BridgeError(f"{path} cannot be read: {error}") from error
