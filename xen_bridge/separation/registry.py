"""Registry of the separated routers of one host: the one place that allots, makes and removes.

A router is here from its Hello on, and until its domain ends: over restarts of this program too,
and what ended meanwhile is removed then. Every call may block, and may be made from any native
thread; what is returned is immutable.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from xen_bridge.channel.receiver import Delivered, Event
from xen_bridge.errors import (
    BridgeError,
    Forbidden,
    Overloaded,
    RequestConflict,
    SubjectNotFound,
)
from xen_bridge.planes.data_plane import SLOTS, DataPlanePlan, RouterPort
from xen_bridge.planes.fib import FibChange
from xen_bridge.protocol.documents.domains import Domain
from xen_bridge.protocol.documents.hello import HelloAnswer, RouterHello
from xen_bridge.protocol.documents.planes import SeparatedPlane
from xen_bridge.protocol.documents.route_change import RouteChange
from xen_bridge.separation.bindings import DomainSource, RouterBindings, bindings
from xen_bridge.separation.judge import Judge
from xen_bridge.separation.node_store import NodeStore, SeparatedNode, kept_ports, still_bound
from xen_bridge.separation.plane_kernel import PlaneKernel
from xen_bridge.separation.router_plane import RouterPlane
from xen_bridge.separation.separated import SeparatedRouter

LOG = logging.getLogger(__name__)
WATCH_SECONDS = 2.0
"""Between two looks at whether the domains of separated routers are still there."""


class SeparatedRouters:
    """The registry. Raises BridgeError.

    ``router`` is the name by which the host knows a router's agent (``xen-bridge router add``),
    which is that of its domain, or its UUID.
    """

    def __init__(
        self,
        domains: DomainSource,
        router_of: Callable[[str], str | None],
        kernel: PlaneKernel,
        store: NodeStore,
        judge: Judge,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``router_of`` names the router that has a key."""
        self._domains = domains
        self._router_of = router_of
        self._kernel = kernel
        self._store = store
        self._judge = judge
        self._clock = clock
        self._lock = threading.RLock()
        self._planes: dict[str, RouterPlane] = {}
        self._refused: dict[str, SeparatedPlane] = {}
        self._look_at = 0.0

    def restore(self) -> None:
        """Find the planes that an earlier start of this program made; complete or remove them."""
        with self._lock:
            for node in self._store.nodes():
                self._planes[node.router] = RouterPlane(node, self._kernel, self._clock)
            self.domains_changed()
            for plane in self._planes.values():
                self._begin_or_tell(plane)

    def _begin_or_tell(self, plane: RouterPlane) -> None:
        try:
            plane.begin()
        except BridgeError as error:
            # The next Hello of its router tries again.
            LOG.warning("the data plane of %s cannot be completed: %s", plane.node.router, error)
            plane.note_fault(error)

    # ---- looking

    @property
    def knows_routers(self) -> bool:
        """Whether there is any router for :meth:`turn` to look after; does not block."""
        return bool(self._planes or self._refused)

    def view(self) -> tuple[SeparatedPlane, ...]:
        """Return all routers as they are known to be, without asking the kernel, by name.

        ``faults`` are those that the last check found, and changes that the kernel refused.
        """
        found = [plane.view() for plane in list(self._planes.values())]
        found += list(self._refused.values())
        return tuple(sorted(found, key=lambda one: one.router))

    def silent(self) -> tuple[str, ...]:
        """Return the routers whose agents have said nothing for long, by name."""
        return tuple(sorted(r for r, one in list(self._planes.items()) if one.silence.is_told))

    def check(self) -> tuple[SeparatedPlane, ...]:
        """Return all routers, after asking the kernel whether all of their planes is there."""
        for plane in list(self._planes.values()):
            plane.check()
        return self.view()

    def snapshot(self, router: str) -> SeparatedRouter:
        """Return a router whole: plan, FIB and node.

        SubjectNotFound if it is not separated, RequestConflict while its FIB is not known whole.
        """
        return self._plane(router).snapshot()

    def _plane(self, router: str) -> RouterPlane:
        plane = self._planes.get(router)
        if plane is None:
            raise SubjectNotFound(f"{router} is not separated here")
        return plane

    # ---- Hello

    def hello(self, node_pk: str, body: RouterHello) -> HelloAnswer:
        """Separate the planes of the router that says Hello, or say why not."""
        router = self._router_of(node_pk)
        if router is None:
            raise Forbidden("this key is not that of a virtual router of this host")
        if (plane := self._planes.get(router)) is not None:
            plane.silence.heard(self._clock())
        with self._lock:
            domain = self._domains.domain(router)
            if router not in (domain.name, domain.uuid):
                raise SubjectNotFound(f"no domain is named {router}")
            if domain.id is None:
                raise RequestConflict(f"{router} does not run, its hypervisor says")
            bound = bindings(body, domain)
            reasons = (*self._judge(body), *self._kernel.unfit(bound.ports))
            if not bound.ports:
                self.release(router)
                reasons = (*reasons, "none of its interfaces can be separated")
            known = self._known(router, domain)
            if reasons and known is None:
                return self._refuse(router, domain, body, reasons)
            self._refused.pop(router, None)
            return self._separate(router, node_pk, domain, body, bound, reasons)

    def _known(self, router: str, domain: Domain) -> RouterPlane | None:
        """Return the plane of this run of a router; that of an earlier one is removed."""
        known = self._planes.get(router)
        if known is not None and not known.node.pinned and known.node.is_another(domain):
            self.release(router)
            return None
        return known

    def _refuse(
        self, router: str, domain: Domain, body: RouterHello, reasons: tuple[str, ...]
    ) -> HelloAnswer:
        """Let a router that never was separated pass its packets itself."""
        if router not in self._refused:
            LOG.warning("the planes of %s are not separated: %s", router, "; ".join(reasons))
        self._refused[router] = SeparatedPlane(
            router=router,
            uuid=domain.uuid,
            hostname=body.name,
            state="refused",
            unbound=tuple(one.name for one in body.interfaces),
            kinds=tuple(one.kind for one in body.kinds),
            refusals=reasons,
        )
        return HelloAnswer("refused", 0, (), self._refused[router].unbound, reasons)

    def _separate(
        self,
        router: str,
        node_pk: str,
        domain: Domain,
        body: RouterHello,
        bound: RouterBindings,
        reasons: tuple[str, ...],
    ) -> HelloAnswer:
        """Have the plane of a router be as it says; for ``reasons`` its packets are given back."""
        known = self._planes.get(router)
        is_pinned = known is not None and known.node.pinned
        node = SeparatedNode(
            router=router,
            node_pk=node_pk,
            uuid=domain.uuid,
            domain_id=None if is_pinned else domain.id,
            slot=self._free_slot() if known is None else known.node.slot,
            pinned=is_pinned,
            ports=kept_ports(
                bound.interfaces,
                bound.indices,
                still_bound(None if known is None else known.node, bound.ports),
            ),
            unbound=bound.unbound,
            refusals=reasons,
            # How often it said so is no news of it.
            hello=replace(body, number=1),
        )
        plane = self._made(node) if known is None else self._altered(known, node)
        if reasons:
            return HelloAnswer("refused", 0, (), (*bound.interfaces, *bound.unbound), reasons)
        return HelloAnswer("separated", plane.generation, bound.interfaces, bound.unbound)

    def _made(self, node: SeparatedNode) -> RouterPlane:
        plane = RouterPlane(node, self._kernel, self._clock)
        self._store.put(node)
        try:
            plane.begin()
        except BridgeError:
            # Nothing is left in the kernel then.
            self._store.remove(node.router)
            raise
        self._planes[node.router] = plane
        LOG.info("the planes of %s are separated, in slot %d", node.router, node.slot)
        return plane

    def _altered(self, plane: RouterPlane, node: SeparatedNode) -> RouterPlane:
        if plane.is_broken:
            plane.begin()
        if plane.node != node:
            if node.refusals and not plane.node.refusals:
                reasons = "; ".join(node.refusals)
                LOG.warning("%s has its packets back: %s", node.router, reasons)
            self._store.put(node)
            plane.alter(node)
        return plane

    def _free_slot(self) -> int:
        taken = {plane.node.slot for plane in self._planes.values()}
        for slot in SLOTS:
            if slot not in taken and self._kernel.is_free(slot):
                return slot
        raise Overloaded(f"{len(SLOTS)} routers are separated already")

    # ---- Route Change

    def route_event(self, node_pk: str, event: Event) -> None:
        """Take what the channel of a router brings.

        Of a router that has not said Hello nothing is taken: its generation is new when it does,
        and it tells all.
        """
        router = self._router_of(node_pk)
        plane = self._planes.get(router or "")
        if plane is None or not isinstance(event, Delivered):
            return
        if isinstance(event.body, RouteChange) and plane.node.node_pk == node_pk:
            plane.take(event.number, event.body)

    # ---- the end of domains

    def turn(self) -> None:
        """Do what is due; called some times a second."""
        now = self._clock()
        disturbed = self._kernel.disturbed()
        for plane in list(self._planes.values()):
            try:
                if not disturbed.isdisjoint(plane.node.plan.devices):
                    plane.disturbed(now)
                plane.due(now)
            except BridgeError as error:
                LOG.warning("%s: %s", plane.node.router, error)
                plane.note_fault(error)
        if self.knows_routers and now >= self._look_at:
            self._look_at = now + WATCH_SECONDS
            self.domains_changed()

    def domains_changed(self) -> None:
        """Remove the planes of routers whose domains are gone, or are others by now."""
        with self._lock:
            for plane in list(self._planes.values()):
                self._look_after(plane)
            for router, refused in list(self._refused.items()):
                if self._is_gone_or_off(refused):
                    del self._refused[router]

    def _look_after(self, plane: RouterPlane) -> None:
        node, domain = plane.node, None
        if node.pinned:
            # It moves, and speaks to whom it finds.
            plane.silence.heard(self._clock())
            return
        try:
            domain = self._domain_of(node.uuid)
            if domain is None or node.is_another(domain):
                self._release_or_tell(node.router)
                return
        except BridgeError as error:
            LOG.info("nobody tells whether %s still runs: %s", node.router, error)
        plane.look(domain)

    def _is_gone_or_off(self, refused: SeparatedPlane) -> bool:
        try:
            domain = self._domain_of(refused.uuid or refused.router)
        except BridgeError:
            return False
        return domain is None or domain.id is None

    def _domain_of(self, uuid: str) -> Domain | None:
        try:
            return self._domains.domain(uuid)
        except SubjectNotFound:
            return None

    def _release_or_tell(self, router: str) -> None:
        try:
            self.release(router)
        except BridgeError as error:
            # It stays known, so that the next look tries again.
            LOG.warning("the data plane of %s cannot be removed: %s", router, error)
            self._planes[router].note_fault(error)

    # ---- migration

    def pin(self, router: str) -> None:
        """Keep its data plane whatever becomes of its domain, also over restarts, until unpinned.

        A migration pins at the source before the domain leaves: what is not pinned is removed as
        soon as its domain is gone.
        """
        with self._lock:
            self._put(self._plane(router), pinned=True)

    def unpin(self, router: str) -> None:
        """Have its data plane follow its domain again: it is removed if that is not here."""
        with self._lock:
            plane = self._plane(router)
            domain = self._domain_of(plane.node.uuid)
            if domain is None or domain.id is None:
                self.release(router)
            else:
                self._put(plane, pinned=False, domain_id=domain.id)

    def _put(self, plane: RouterPlane, **changed: object) -> None:
        node = replace(plane.node, **changed)  # type: ignore[arg-type]
        self._store.put(node)
        plane.node = node

    def adopt(self, separated: SeparatedRouter, ports: Sequence[RouterPort]) -> DataPlanePlan:
        """Make the data plane of a router that comes from elsewhere, its routes with it; pinned.

        ``ports`` are its interfaces here, in the order of ``separated.interfaces``; their ``vif``
        must be there, and may be another than the one it will have (see :meth:`rebind`). Returns
        the plan, in a slot of this host. Its domain need not be here before :meth:`unpin`.
        RequestConflict if a router of that name is separated already. All of it, or nothing.
        """
        with self._lock:
            if separated.router in self._planes:
                raise RequestConflict(f"{separated.router} is separated here already")
            if reasons := self._kernel.unfit(ports):
                raise RequestConflict("; ".join(reasons))
            node = SeparatedNode(
                router=separated.router,
                node_pk=separated.node_pk,
                uuid=separated.uuid,
                slot=self._free_slot(),
                pinned=True,
                ports=kept_ports(separated.interfaces, separated.indices, tuple(ports)),
                hello=separated.hello,
            )
            plane = self._made(node)
            try:
                plane.adopt(separated.fib)
            except BridgeError:
                self.release(separated.router)
                raise
            return node.plan

    def catch_up(self, router: str, told: Sequence[FibChange]) -> None:
        """Take what changed of an adopted router's FIB, unless it has told its routes here."""
        self._plane(router).catch_up(told)

    def rebind(self, router: str, ports: Sequence[RouterPort]) -> DataPlanePlan:
        """Bind a router to other virtual interfaces, or addresses; its packets pass meanwhile."""
        with self._lock:
            plane = self._plane(router)
            node = plane.node
            kept = kept_ports(node.interfaces, node.indices, tuple(ports))
            return self._altered(plane, replace(node, ports=kept)).node.plan

    def release(self, router: str) -> None:
        """Remove its data plane, all of it, and forget it; nothing if there is none."""
        with self._lock:
            plane = self._planes.get(router)
            if plane is None:
                return
            plane.remove()
            self._store.remove(router)
            del self._planes[router]
            LOG.info("the data plane of %s is removed", router)
