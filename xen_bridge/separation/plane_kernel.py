"""Plane kernel: Domain 0's kernel as the registry uses it, one change of a data plane at a time.

Beyond :class:`~xen_bridge.planes.domain_zero.DomainZero` it sees to the bridges that virtual
interfaces are ports of.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from xen_bridge.errors import SubjectNotFound
from xen_bridge.netlink import batch
from xen_bridge.netlink.batch import Refusal
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.netlink.tables import Netlink
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.planes.domain_zero import DomainZero
from xen_bridge.planes.fib import Nexthop, RouteWay
from xen_bridge.planes.follower import read_fib
from xen_bridge.separation import bridge_ports
from xen_bridge.separation.port_watch import PortDeviceWatch, has_carrier

Fib = tuple[list[tuple[bytes, RouteWay]], dict[int, Nexthop]]


class PlaneKernel(Protocol):
    """What the registry asks of a kernel. Raises BridgeError; any native thread may call."""

    def make(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Make a data plane, all of it or nothing; return the indices of its devices."""

    def unfit(self, ports: Sequence[RouterPort]) -> tuple[str, ...]:
        """Return why ports cannot stand on the interfaces that they name, a sentence each."""

    def alter(self, old: DataPlanePlan, new: DataPlanePlan) -> None:
        """Have the plane of ``old`` be that of ``new``, while packets pass.

        Only virtual interfaces and addresses may differ, and no port may get its first IPv6
        address or lose its last.
        """

    def take_back(self, plan: DataPlanePlan) -> None:
        """Let the virtual machine pass all packets of a plan that was made."""

    def separate(self, plan: DataPlanePlan) -> None:
        """Pass packets again after :meth:`take_back`."""

    def remove(self, plan: DataPlanePlan) -> None:
        """Remove all that its slot has."""

    def faults(self, plan: DataPlanePlan, whole: bool = False) -> tuple[str, ...]:
        """Return what of a plan is not there, a sentence each; ``whole``: it was taken back."""

    def indices(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Return the indices of its devices, as far as they are there."""

    def no_carrier(self, plan: DataPlanePlan) -> frozenset[int]:
        """Return the indices of those of its devices that have no carrier."""

    def disturbed(self) -> frozenset[str]:
        """Return which port devices lost or got their carrier, or went, since this was asked."""

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
        self._watch = PortDeviceWatch()

    def make(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Make a data plane, then let its virtual interfaces leave their bridges."""
        with self._turn:
            self._check_ends(plan)
            indices = self._zero.make(plan)
            try:
                bridge_ports.leave(plan)
            except BaseException:
                self._remove(plan)
                raise
            self._watch.made(plan.devices)
            return indices

    def unfit(self, ports: Sequence[RouterPort]) -> tuple[str, ...]:
        """Return why ports cannot stand on the interfaces that they name."""
        return bridge_ports.unfit(ports)

    def alter(self, old: DataPlanePlan, new: DataPlanePlan) -> None:
        """Have chains and addresses be those of ``new``; its virtual interfaces leave bridges."""
        with self._turn:
            # First: a machine that may speak draws what is for it here.
            bridge_ports.claim(new)
            self._zero.alter(old, new)
            bridge_ports.leave(new)

    def take_back(self, plan: DataPlanePlan) -> None:
        """Let the virtual machine pass all packets, and Domain 0 none."""
        with self._turn:
            self._zero.take_back(plan)

    def separate(self, plan: DataPlanePlan) -> None:
        """Pass packets again after :meth:`take_back`."""
        with self._turn:
            self._zero.separate(plan)

    def remove(self, plan: DataPlanePlan) -> None:
        """Let its virtual interfaces go back to their bridges, then remove the rest."""
        with self._turn:
            self._remove(plan)

    def _remove(self, plan: DataPlanePlan) -> None:
        bridge_ports.come_back(plan)
        self._zero.remove(plan)
        bridge_ports.remove_anchors()

    def faults(self, plan: DataPlanePlan, whole: bool = False) -> tuple[str, ...]:
        """Return what of a plan is not there, virtual interfaces and their bridges too."""
        with self._turn:
            return (*self._zero.faults(plan, whole), *bridge_ports.faults(plan))

    def indices(self, plan: DataPlanePlan) -> Mapping[str, int]:
        """Return the indices of its devices, as far as they are there."""
        names = set(plan.devices)
        return {one.name: one.index for one in self._netlink.links() if one.name in names}

    def no_carrier(self, plan: DataPlanePlan) -> frozenset[int]:
        """Return the indices of those of its devices that have no carrier."""
        # What changes from now on is told.
        self._watch.made()
        names = set(plan.devices)
        found = (one for one in self._netlink.links() if one.name in names)
        return frozenset(one.index for one in found if not has_carrier(one))

    def disturbed(self) -> frozenset[str]:
        """Return which port devices lost or got their carrier, or went, since this was asked."""
        return self._watch.take()

    def write(self, requests: Sequence[Request]) -> tuple[Refusal, ...]:
        """Make changes of routes and nexthop objects; return what was refused."""
        return batch.write(requests, each=False)

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
