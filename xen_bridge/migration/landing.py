"""Landing of a data plane: what the destination does for a router whose planes are separated.

It is made before the router comes, in a quarantine and with a parking place for its machine; when
the machine is there it is bound to that, and draws the packets here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection

from xen_bridge.announcements import announce
from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.errors import InvalidRequest, RequestConflict, TooLarge
from xen_bridge.migration.parking import ParkingPlace, inject, make_pairs, remove_pairs
from xen_bridge.migration.plane_chains import PlaneChains, bare, port_of
from xen_bridge.migration.plane_counts import PlaneCounts
from xen_bridge.migration.separated_ports import bound_to, plan_of, plane_of
from xen_bridge.planes.data_plane import DataPlanePlan
from xen_bridge.planes.domain_zero import DomainZero
from xen_bridge.planes.fib import FibChange
from xen_bridge.planes.mirror import MAX_ROUTES
from xen_bridge.planes.port_neighbors import PortNeighbor
from xen_bridge.planes.route_documents import change_of
from xen_bridge.protocol.documents.migration_advise import DeliverFrames, OfferPlane, OfferRoutes
from xen_bridge.protocol.documents.planes import SeparatedPlane
from xen_bridge.separation import bridge_ports
from xen_bridge.separation.registry import SeparatedRouters
from xen_bridge.separation.separated import SeparatedRouter


class PlaneLandings:
    """The data planes that are to come. The caller holds a lock."""

    def __init__(self, routers: SeparatedRouters, hypervisor: Hypervisor) -> None:
        self._routers = routers
        self._hypervisor = hypervisor
        self._offered: dict[str, list[FibChange]] = {}

    def check(self, interfaces: Collection[str]) -> None:
        """Raise InvalidRequest (``destination``) where no planes can stand on such interfaces."""
        unfit = bridge_ports.unfit_among(interfaces)
        if unfit:
            raise InvalidRequest(("destination",), "; ".join(unfit))

    def routes(self, told: OfferRoutes, uuid: str) -> None:
        """Take a piece of a FIB, or what changed of it since; TooLarge for more than it may be."""
        change = change_of(told.change)
        plane = plane_of(self._routers, uuid)
        if plane is not None and plane.pinned:
            self._routers.catch_up(plane.router, (change,))
            return
        offered = self._offered.setdefault(told.id, [])
        if change.begins:
            offered.clear()
        offered.append(change)
        if sum(len(keys) for one in offered for _, keys in one.routes) > MAX_ROUTES:
            del self._offered[told.id]
            raise TooLarge(f"a router may have {MAX_ROUTES} routes")

    def plane(self, told: OfferPlane, uuid: str) -> None:
        """Make a data plane that passes nothing yet; all of it, or nothing."""
        known = plane_of(self._routers, uuid)
        if known is not None and known.pinned:
            return
        fib = tuple(self._offered.get(told.id, ()))
        if not fib or not fib[0].begins or not fib[-1].ends:
            raise RequestConflict("the routes of the router were not offered whole")
        names = ParkingPlace(told.id, len(told.ports)).names
        ports = tuple(
            port_of(one.mac, one.physical, one.addresses, vif)
            for one, vif in zip(told.ports, names, strict=True)
        )
        if not ports or not len(ports) == len(told.interfaces) == len(told.indices):
            raise InvalidRequest(("ports",), "must be as many as interfaces and indices, not none")
        whole = SeparatedRouter(
            told.router,
            told.router_pk,
            uuid,
            told.hello,
            told.interfaces,
            told.indices,
            DataPlanePlan(1, ports),
            fib,
        )
        make_pairs(names)
        PlaneChains(told.id).quarantine(ports, bridge_ports.ports_of(ports))
        plan = self._routers.adopt(whole, ports)
        beside = (
            PortNeighbor(one.port, one.address, bytes.fromhex(one.mac.replace(":", "")))
            for one in told.neighbors
        )
        DomainZero().prefill(plan, beside)
        PlaneCounts(told.id).begin(plan)
        del self._offered[told.id]

    def macs(self, uuid: str) -> tuple[str, ...]:
        """Return the MACs of the interfaces that are bound to a plane which was made."""
        return tuple(one.mac for one in self._bound(uuid).ports)

    def bind(self, migration: str, uuid: str) -> None:
        """Have the machine, which has come, say and hear through its plane; end the quarantine."""
        plane = plane_of(self._routers, uuid)
        if plane is None:
            return
        ports = bound_to(plane, self._hypervisor.domain(uuid))
        chains, plan = PlaneChains(migration), plan_of(plane)
        # What its own interfaces are given does not leave the host, though they may be ports yet.
        own = {one.vif for one in ports}
        others = {
            port.physical: [one for one in beside if one not in own]
            for port, beside in bridge_ports.others_of(plan)
        }
        # First: with the first frame that the machine says here, all that is for it comes here,
        # and nothing of what comes here goes on to the other host too.
        chains.take(ports, {**others, **bridge_ports.tunnels_of(plan)})
        self._routers.rebind(plane.router, ports)
        chains.end_take()
        remove_pairs(ParkingPlace(migration, len(ports)).names)

    def announce(self, uuid: str) -> None:
        """Tell the neighbors of all ports that the router is here."""
        plane = plane_of(self._routers, uuid)
        for one in () if plane is None else plane.ports:
            announce(one.device, bytes.fromhex(one.mac.replace(":", "")), bare(one.addresses))

    def deliver(self, told: DeliverFrames, uuid: str) -> None:
        """Give the machine frames that came for it at the source."""
        plane = self._bound(uuid)
        if told.port >= len(plane.ports):
            raise InvalidRequest(("port",), f"it has {len(plane.ports)}")
        try:
            frames = [base64.b64decode(one, validate=True) for one in told.frames]
        except (binascii.Error, ValueError):
            raise InvalidRequest(("frames",), "are not base64") from None
        inject(plane.ports[told.port].vif, iter(frames))

    def _bound(self, uuid: str) -> SeparatedPlane:
        plane = plane_of(self._routers, uuid)
        if plane is None:
            raise RequestConflict("no data plane was made here")
        return plane

    def finish(self, migration: str, uuid: str) -> int | None:
        """Do all that is left for a router that has come.

        Returns how many of its packets were dropped here; None where that is not known.
        """
        plane = plane_of(self._routers, uuid)
        if plane is not None and plane.pinned:
            self.bind(migration, uuid)
            self.announce(uuid)
            self._routers.unpin(plane.router)
        counts = PlaneCounts(migration)
        lost = counts.lost()
        counts.end()
        return lost

    def remove(self, migration: str, uuid: str) -> None:
        """Remove all that was made for a router that does not come."""
        self._offered.pop(migration, None)
        plane = plane_of(self._routers, uuid)
        if plane is not None and plane.pinned:
            self._routers.release(plane.router)
        PlaneChains(migration).admit()
        PlaneChains(migration).end_take()
        PlaneCounts(migration).end()
        remove_pairs(ParkingPlace(migration, 64).names)
