"""Plane kernel: Domain 0's kernel as the registry uses it, one change of a data plane at a time.

Beyond :class:`~xen_bridge.planes.domain_zero.DomainZero` it sees to the bridges that virtual
interfaces are ports of, and that no address that a router claims becomes Domain 0's own: a router
could claim that of whoever Domain 0 talks to.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from xen_bridge.errors import BridgeError, SubjectNotFound
from xen_bridge.netlink import batch
from xen_bridge.netlink.addresses import delete_address, replace_address
from xen_bridge.netlink.batch import Refusal
from xen_bridge.netlink.constants import IFA_F_NOPREFIXROUTE, RT_TABLE_LOCAL
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.netlink.routes import KernelRoute, delete_route, replace_route
from xen_bridge.netlink.tables import Netlink
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.data_plane import DataPlanePlan
from xen_bridge.planes.domain_zero import DomainZero
from xen_bridge.planes.fib import Nexthop, RouteWay
from xen_bridge.planes.follower import read_fib
from xen_bridge.separation import bridge_ports

Fib = tuple[list[tuple[bytes, RouteWay]], dict[int, Nexthop]]


class PlaneKernel(Protocol):
    """What the registry asks of a kernel. Raises BridgeError; any native thread may call."""

    def make(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Make a data plane, all of it or nothing; return the indices of its devices."""

    def alter(self, old: DataPlanePlan, new: DataPlanePlan) -> None:
        """Have the plane of ``old`` be that of ``new``, while packets pass.

        Only virtual interfaces and addresses may differ.
        """

    def remove(self, plan: DataPlanePlan) -> None:
        """Remove all that its slot has."""

    def faults(self, plan: DataPlanePlan) -> tuple[str, ...]:
        """Return what of a plan is not there, a sentence each."""

    def indices(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Return the indices of its devices, as far as they are there."""

    def write(self, requests: Sequence[Request]) -> tuple[Refusal, ...]:
        """Make changes of routes and nexthop objects; return what was refused."""

    def read(self, plan: DataPlanePlan) -> Fib:
        """Return the routes of its table that forward, and all nexthop objects."""

    def is_free(self, slot: int) -> bool:
        """Tell whether no device here has the name of one of that slot."""


class RealPlaneKernel:
    """The kernel of this machine, in the network namespace of this program."""

    def __init__(self) -> None:
        self._zero = DomainZero()
        self._turn = threading.Lock()
        self._dumps = NetlinkSocket()
        self._netlink = Netlink()

    def make(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Make a data plane, then let its virtual interfaces leave their bridges."""
        with self._turn:
            self._check_ends(plan)
            indices = self._zero.make(plan)
            try:
                self._disown(indices.values())
                bridge_ports.leave(plan)
            except BaseException:
                bridge_ports.come_back(plan)
                self._zero.remove(plan)
                raise
            return indices

    def alter(self, old: DataPlanePlan, new: DataPlanePlan) -> None:
        """Load the chains of ``new``, then change addresses and what ARP is answered for."""
        with self._turn:
            indices = self.indices(new)
            self._zero.separate(new)
            requests: list[Request] = []
            for name, was, port in zip(new.devices, old.ports, new.ports, strict=True):
                index = indices[name]
                requests += (
                    replace_address(index, one, IFA_F_NOPREFIXROUTE)
                    for one in port.addresses
                    if one not in was.addresses
                )
                requests += (
                    delete_address(index, one) for one in was.addresses if one not in port.addresses
                )
            kept = set(new.local_routes(dict(indices)))
            requests += map(replace_route, kept)
            gone = set(old.local_routes(dict(indices))) - kept
            requests += (delete_route(one) for one in gone if not _is_kept(one, kept))
            refused = batch.write(requests)
            self._disown(indices.values())
            bridge_ports.leave(new)
        if refused:
            raise BridgeError(f"the kernel refuses a piece of the data plane: {refused[0].reason}")

    def remove(self, plan: DataPlanePlan) -> None:
        """Let its virtual interfaces go back to their bridges, then remove the rest."""
        with self._turn:
            bridge_ports.come_back(plan)
            self._zero.remove(plan)

    def faults(self, plan: DataPlanePlan) -> tuple[str, ...]:
        """Return what of a plan is not there, and addresses that became Domain 0's own."""
        with self._turn:
            found = [*self._zero.faults(plan), *bridge_ports.faults(plan)]
        owned = self._owned(self.indices(plan).values())
        found += [f"{one.destination} of the router is an address of Domain 0" for one in owned]
        return tuple(found)

    def indices(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Return the indices of its devices, as far as they are there."""
        names = set(plan.devices)
        return {one.name: one.index for one in self._netlink.links() if one.name in names}

    def write(self, requests: Sequence[Request]) -> tuple[Refusal, ...]:
        """Make changes of routes and nexthop objects; return what was refused."""
        return batch.write(requests)

    def read(self, plan: DataPlanePlan) -> Fib:
        """Return the routes of its table that forward, and all nexthop objects."""
        return read_fib(self._dumps, plan.table)

    def is_free(self, slot: int) -> bool:
        """Tell whether no device here has the name of one of that slot."""
        return not any(one.name.startswith(f"r{slot}p") for one in self._netlink.links())

    def _check_ends(self, plan: DataPlanePlan) -> None:
        """Raise SubjectNotFound for ends that are not there, before anything is changed."""
        here = {one.name for one in self._netlink.links()}
        missing = {name for port in plan.ports for name in (port.physical, port.vif)} - here
        if missing:
            raise SubjectNotFound(f"no interface {', '.join(sorted(missing))} here")

    # ---- addresses

    def _disown(self, devices: Iterable[int]) -> None:
        """Take the routers' addresses out of the table of Domain 0's own.

        ARP is answered by the router's table (RouterPlane's local routes), and the address itself
        is the source of ICMP errors by being the device's.
        """
        batch.write([delete_route(one) for one in self._owned(devices)])

    def _owned(self, devices: Iterable[int]) -> list[KernelRoute]:
        ours = set(devices)
        return [
            route
            for route in self._netlink.routes(RT_TABLE_LOCAL)
            if route.family == socket.AF_INET and any(hop.oif in ours for hop in route.nexthops)
        ]


def _is_kept(gone: KernelRoute, kept: Iterable[KernelRoute]) -> bool:
    """Tell whether the same destination is still local, on another device of the router."""
    return any(one.destination == gone.destination for one in kept)
