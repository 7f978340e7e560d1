"""Departure of a data plane: what the source does for a router whose planes are separated.

Its packets pass here until the destination has drawn them to itself. What is meant for the router
is parked while it stands still, and passed on through the destination's node from then on.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace

from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.errors import BridgeError, RequestConflict
from xen_bridge.migration.local_ways import LocalPlace, watching, ways_of
from xen_bridge.migration.parking import ParkingPlace, inject, is_for_many
from xen_bridge.migration.plane_chains import PlaneChains, list_with_nft, load_with_nft
from xen_bridge.migration.plane_counts import PlaneCounts
from xen_bridge.migration.separated_ports import bound_to, plan_of, plane_of, stands_on
from xen_bridge.planes.domain_zero import DomainZero
from xen_bridge.planes.fib import FibChange, difference
from xen_bridge.planes.route_documents import documents_of
from xen_bridge.protocol.documents.migration_advise import (
    MAX_FRAMES,
    MAX_NEIGHBORS,
    DeliverFrames,
    LandingNeighbor,
    LandingPort,
    OfferPlane,
    OfferRoutes,
)
from xen_bridge.protocol.documents.planes import SeparatedPlane
from xen_bridge.separation import bridge_ports
from xen_bridge.separation.registry import SeparatedRouters

DELIVERED_AT_ONCE = 64
"""Frames of which even an emulated machine has taken all before an answer is late."""


class PlaneDeparture:
    """The data plane of one migration, at its source. Not for several threads at once."""

    def __init__(
        self,
        routers: SeparatedRouters,
        hypervisor: Hypervisor,
        migration: str,
        uuid: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._routers = routers
        self._hypervisor = hypervisor
        self._migration = migration
        self._uuid = uuid
        self._chains = PlaneChains(migration)
        self._counts = PlaneCounts(migration)
        self._parking: ParkingPlace | None = None
        self._copies = False
        """Whether the machine still hears what is copied."""
        self._places: tuple[LocalPlace, ...] = ()
        self._ways: dict[int, int] = {}
        self._offered: tuple[FibChange, ...] = ()
        self._last_offered: int | None = None
        """The router's last Route Change that is in it."""

    def _plane(self) -> SeparatedPlane:
        found = plane_of(self._routers, self._uuid)
        if found is None:
            raise RequestConflict("its planes are not separated here any more")
        return found

    def stands_on(self) -> tuple[str, ...]:
        """Return the interfaces that the plane stands on here, and is to stand on there."""
        return stands_on(plane_of(self._routers, self._uuid))

    def offers(self) -> Iterator[OfferRoutes | OfferPlane]:
        """Pin the plane, and yield all that makes another host pass its packets."""
        plane = self._plane()
        self._routers.pin(plane.router)
        self._counts.begin(plan_of(plane))
        whole = self._routers.snapshot(plane.router)
        self._offered, self._last_offered = whole.fib, plane.last_change
        for change in whole.fib:
            for document in documents_of(change):
                yield OfferRoutes(self._migration, document)
        neighbors = DomainZero().neighbors(whole.plan)[:MAX_NEIGHBORS]
        yield OfferPlane(
            id=self._migration,
            router=whole.router,
            router_pk=whole.node_pk,
            hello=replace(whole.hello, number=1),
            interfaces=whole.interfaces,
            indices=whole.indices,
            ports=tuple(
                LandingPort(one.mac.hex(":"), one.physical, one.addresses)
                for one in whole.plan.ports
            ),
            neighbors=tuple(
                LandingNeighbor(one.port, one.address, one.mac.hex(":")) for one in neighbors
            ),
        )

    def news(self) -> Iterator[OfferRoutes]:
        """Yield what the router told of its routes since they were offered.

        The memory of a machine takes long to move, and its routes change meanwhile; who hears of
        the router by its own word is in no need of ours.
        """
        plane = plane_of(self._routers, self._uuid)
        if plane is None or plane.last_change == self._last_offered:
            return
        try:
            now = self._routers.snapshot(plane.router).fib
        except BridgeError:
            # It is telling all anew, and does so there.
            return
        changed = difference(self._offered, now)
        for document in () if changed is None else documents_of(changed):
            yield OfferRoutes(self._migration, document)
        self._offered, self._last_offered = now, plane.last_change

    def unpin(self) -> int | None:
        """Have the plane follow its domain again, which stays; return what :meth:`lost` does."""
        lost = self._counts.lost()
        plane = plane_of(self._routers, self._uuid)
        if plane is not None and plane.pinned:
            self._routers.unpin(plane.router)
        self._counts.end()
        return lost

    # ---- frames for the machine

    def copy(self) -> None:
        """Keep a copy of what the machine is given, which may stand still before that is told."""
        plane = self._plane()
        parking = self._opened(plane)
        vifs = (port.vif for port in plane.ports)
        self._chains.copy(zip(vifs, parking.names, strict=True))
        self._copies = True

    def keep_recent(self) -> None:
        """Forget copies of what the machine has heard; called some times a second."""
        if self._copies and self._parking is not None:
            self._parking.keep_recent(self._clock())

    def park(self) -> None:
        """Keep what is meant for the machine from now on, and what it may not have heard."""
        self._copies = False
        plane = self._plane()
        parking = self._opened(plane)
        plan = plan_of(plane)
        ports = (
            replace(port, vif=name) for port, name in zip(plan.ports, parking.names, strict=True)
        )
        self._routers.rebind(plane.router, tuple(ports))

    def _opened(self, plane: SeparatedPlane) -> ParkingPlace:
        if self._parking is None:
            self._parking = ParkingPlace(self._migration, len(plane.ports))
        self._parking.open()
        return self._parking

    def unpark(self) -> None:
        """Give the machine, which stays, what was kept for it and what comes."""
        self._copies = False
        self._chains.end_copy()
        plane = plane_of(self._routers, self._uuid)
        if plane is None:
            return
        ports = bound_to(plane, self._hypervisor.domain(self._uuid))
        self._routers.rebind(plane.router, ports)
        parking = self._parking or ParkingPlace(self._migration, len(plane.ports))
        for number, port in enumerate(ports):
            while frames := parking.frames(number, MAX_FRAMES):
                inject(port.vif, iter(frames))
        parking.close()
        self._parking = None

    def relay(self, ask: Callable[[object], object], anew: bool = False) -> int:
        """Pass on what has come for the machine, which is there; return how many frames.

        One that was started ``anew`` is given nothing that was for many: what came before it began
        it does not know of, and what came later it has heard there. A second time, late, that would
        end an adjacency of OSPF.
        """
        plane = plane_of(self._routers, self._uuid)
        if plane is None:
            return 0
        parking, count = self._opened(plane), 0
        for number in range(len(plane.ports)):
            while waiting := parking.frames(number, DELIVERED_AT_ONCE):
                frames = [one for one in waiting if not (anew and is_for_many(one))]
                told = tuple(base64.b64encode(one).decode("ascii") for one in frames)
                try:
                    if told:
                        ask(DeliverFrames(self._migration, number, told))
                except BridgeError:
                    # The step is tried again; what was given already is given twice then.
                    parking.put_back(number, frames)
                    raise
                count += len(frames)
        return count

    # ---- the end

    def hush(self, tunnelled: Collection[str] = ()) -> None:
        """Draw nothing more here; ``tunnelled`` bridges lead by their tunnels to the router."""
        plan, zero = plan_of(self._plane()), DomainZero()
        # From now on it may not ask whether its neighbors are still there.
        zero.prefill(plan, zero.neighbors(plan))
        here = bridge_ports.tunnels_of(plan)
        leading = {name: here[name] for name in tunnelled if name in here}
        macs = bridge_ports.macs_of(plan)
        self._chains.hush(plan, leading, macs)
        if leading:
            bridge_ports.lead_away(plan, leading)
            led = [one for one in plan.ports if one.physical in leading]
            self._chains.lead(led, bridge_ports.ports_of(led))
        beside = bridge_ports.others_of(plan)
        self._places = tuple(LocalPlace(port.mac, ports) for port, ports in beside if ports)
        self._ways = {}
        load_with_nft(watching(self._migration, self._places, self._ways))

    def lead_locals(self) -> bool:
        """Have bridges here lead to the router by the ports that it speaks by; tell of a change."""
        listed = list_with_nft("counters", "table", "netdev", f"hz_w_{self._migration}")
        found = {**ways_of(listed, self._places), **self._ways}
        if found == self._ways:
            return False
        self._ways = found
        load_with_nft(watching(self._migration, self._places, self._ways))
        return True

    def late(self) -> int:
        """Return how many packets still came here since."""
        return self._chains.late()

    def lost(self) -> int | None:
        """Return how many packets were dropped here since the migration began; None: unknown."""
        return self._counts.lost()

    def crowded_out(self) -> int:
        """Return how many frames for the machine found no room to wait, since this was asked."""
        return 0 if self._parking is None else self._parking.dropped()

    def end(self) -> None:
        """Remove the plane and all that was made for its departure."""
        plane = plane_of(self._routers, self._uuid)
        if plane is not None:
            self._routers.release(plane.router)
        for done in (self._chains.end_copy, self._chains.end_hush, self._counts.end):
            with suppress(BridgeError):
                done()
        (self._parking or ParkingPlace(self._migration, 64)).close()
        self._parking = None
