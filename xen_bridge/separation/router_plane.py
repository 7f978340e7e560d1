"""Router plane: one separated router in Domain 0, its table kept equal to what its agent tells.

What the kernel refuses makes its table another than is believed: then the kernel is read, and told
all that the router told; at once, and again later and later while it goes on refusing.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from xen_bridge.errors import BridgeError, InvalidRequest, Overloaded, RequestConflict
from xen_bridge.netlink.batch import Refusal
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.data_plane import DataPlanePlan
from xen_bridge.planes.fib import FibChange
from xen_bridge.planes.mirror import Mirror
from xen_bridge.planes.route_documents import change_of
from xen_bridge.protocol.documents.domains import Domain
from xen_bridge.protocol.documents.planes import PlanePort, PlaneState, SeparatedPlane
from xen_bridge.protocol.documents.route_change import RouteChange
from xen_bridge.separation.agent_silence import AgentSilence
from xen_bridge.separation.node_store import SeparatedNode
from xen_bridge.separation.plane_kernel import PlaneKernel
from xen_bridge.separation.separated import SeparatedRouter

LOG = logging.getLogger(__name__)
FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
"""Seconds until a kernel that refused is told anew for the second time, and at most."""


class RouterPlane:
    """The data plane of one router. Any native thread may call. Raises BridgeError."""

    def __init__(
        self, node: SeparatedNode, kernel: PlaneKernel, clock: Callable[[], float]
    ) -> None:
        self.node = node
        self.generation = secrets.randbits(62) + 1
        self.last_change = 0
        self._kernel = kernel
        self._clock = clock
        self.silence = AgentSilence(clock())
        self._turn = threading.RLock()
        self._mirror = Mirror(node.plan.table, node.plan.nexthop_ids, {})
        self._refusals: tuple[Refusal, ...] = ()
        self._faults: tuple[str, ...] = ()
        self._invalid = ""
        self._retry_at: float | None = None
        self._retries = 0

    @property
    def is_broken(self) -> bool:
        """Whether something of it was found missing, or could not be made."""
        return bool(self._faults)

    # ---- its life

    def begin(self) -> None:
        """Have all of it in the kernel: what was there before stays, with its routes."""
        with self._turn:
            plan = self.node.plan
            faults = self._kernel.faults(plan, bool(self.node.refusals))
            is_there = len(self._ports()) == len(plan.ports)
            # One that is pinned may have its machine elsewhere, and passes packets all the same.
            if faults and not (self.node.pinned and is_there):
                self._make(self.node)
                faults = ()
            self._take_over(self._told())
            self._faults = faults

    def _make(self, node: SeparatedNode) -> None:
        self._kernel.make(node.plan)
        if node.refusals:
            self._kernel.take_back(node.plan)

    def _told(self) -> Sequence[FibChange]:
        """Return all that the router told; nothing while that is not all that it has."""
        return self._mirror.whole() if self._mirror.is_whole else ()

    def _take_over(self, told: Sequence[FibChange]) -> None:
        """Keep the table, as it is in the kernel, equal to what was told.

        If nothing was, what is in the kernel stays until the router tells all, which it does when
        it hears of another generation.
        """
        plan = self.node.plan
        self._mirror = Mirror(plan.table, plan.nexthop_ids, self._ports())
        self._mirror.no_carrier = self._kernel.no_carrier(plan)
        self._mirror.load(*self._kernel.read(plan))
        if told:
            self._tell(told)
        else:
            self.generation = secrets.randbits(62) + 1

    def alter(self, node: SeparatedNode) -> None:
        """Have it be the plane of ``node``, of the same slot; packets pass if its ports stay."""
        with self._turn:
            old, told = self.node, tuple[FibChange, ...]()
            is_same = _fixed(old.plan) == _fixed(node.plan)
            if not is_same:
                LOG.warning("%s has other interfaces: its data plane is made anew", node.router)
                told = tuple(self._told())
                self._kernel.remove(old.plan)
                self._make(node)
            else:
                self._alter_in_place(old, node)
            self.node = node
            if not is_same:
                self._take_over(told)
            elif node.indices != old.indices or (old.refusals and not node.refusals):
                # By other indices what was told leads nowhere; who was refused told no more.
                self._take_over(())

    def _alter_in_place(self, old: SeparatedNode, node: SeparatedNode) -> None:
        if old.plan != node.plan:
            self._kernel.alter(old.plan, node.plan)
        if node.refusals and (old.plan != node.plan or not old.refusals):
            self._kernel.take_back(node.plan)
        elif old.refusals and not node.refusals:
            self._kernel.separate(node.plan)

    def remove(self) -> None:
        """Take all of it out of the kernel."""
        with self._turn:
            self._kernel.remove(self.node.plan)

    def _ports(self) -> Mapping[int, int]:
        """Return Domain 0's device for each of the router's interfaces."""
        plan, here = self.node.plan, self._kernel.indices(self.node.plan)
        pairs = zip(self.node.indices, plan.devices, strict=True)
        return {index: here[name] for index, name in pairs if name in here}

    # ---- its routes

    def take(self, number: int, document: RouteChange) -> None:
        """Take a Route Change; what is not one, or too much, changes nothing and is a fault."""
        try:
            change = change_of(document)
        except InvalidRequest as error:
            self._invalid = f"Route Change {number} is refused: {error}"[:300]
            LOG.warning("%s: %s", self.node.router, self._invalid)
            return
        with self._turn:
            self.last_change = number
            self._tell((change,))

    def adopt(self, told: Sequence[FibChange]) -> None:
        """Take the whole FIB that another Domain 0 had of this router, what it held too."""
        with self._turn:
            self._tell(told, self._mirror.take_over)

    def catch_up(self, told: Sequence[FibChange]) -> None:
        """Take what another Domain 0 heard of this router, unless it has told us itself."""
        with self._turn:
            if not self.last_change:
                self._tell(told)

    def due(self, now: float) -> None:
        """Take out routes whose time is over, and try again what the kernel refused."""
        with self._turn:
            if self._retry_at is not None and self._retry_at <= now:
                self._tell_anew(now)
            at = self._mirror.next_due()
            if at is not None and at <= now:
                self._write(self._mirror.due(now), now)

    def disturbed(self, now: float) -> None:
        """Make up for what the kernel did when a port device lost or got its carrier, or went.

        It takes out nexthop objects, and all routes by them, without a word. Of what is missing
        otherwise the next Hello hears.
        """
        with self._turn:
            self._faults = self._kernel.faults(self.node.plan, bool(self.node.refusals))
            if not self._faults:
                self._mirror.no_carrier = self._kernel.no_carrier(self.node.plan)
                self._tell_anew(now)

    def _tell(
        self,
        told: Sequence[FibChange],
        take: Callable[[FibChange, float], list[Request]] | None = None,
    ) -> None:
        now = self._clock()
        take = take or self._mirror.apply
        for change in told:
            try:
                requests = take(change, now)
            except Overloaded as error:
                self._retry(now, (Refusal(0, 0, str(error)),))
                return
            self._write(requests, now)
        if self._mirror.is_whole:
            self._invalid = ""

    def _write(self, requests: list[Request], now: float) -> None:
        refused = self._kernel.write(requests)
        if refused:
            self._retry(now, refused)

    def _retry(self, now: float, refused: tuple[Refusal, ...]) -> None:
        if not self._refusals:
            LOG.warning("%s: Domain 0's kernel refuses %s", self.node.router, refused[0].reason)
        self._refusals = refused
        if self._retry_at is None:
            # At once for the first time: what waits is told again with it.
            wait = min(FIRST_RETRY * 2 ** (self._retries - 1), LONGEST_RETRY)
            self._retry_at = now + (wait if self._retries else 0.0)

    def _tell_anew(self, now: float) -> None:
        """Read the kernel, and tell it what the router told; what is known is enough for that."""
        self._retry_at, self._refusals = None, ()
        self._retries = min(self._retries + 1, 16)
        if not self._mirror.is_whole:
            # Only the router knows the rest: by another generation it hears that we do not.
            self.generation = secrets.randbits(62) + 1
        told = self._mirror.whole()
        routes, objects = self._kernel.read(self.node.plan)
        self._mirror.load(routes, objects)
        for change in told if self._mirror.is_whole else (replace(told[0], ends=False),):
            self._write(self._mirror.apply(change, now), now)
        if not self._refusals:
            self._retries = 0

    # ---- looking

    def look(self, domain: Domain | None) -> None:
        """See whether its agent is silent; ``domain`` as the hypervisor tells of it, if it does."""
        now = self._clock()
        self.silence.look(now, domain)
        if self.silence.news(now):
            told = "says nothing" if self.silence.is_told else "speaks again"
            LOG.warning("the agent of %s %s", self.node.router, told)

    def check(self) -> None:
        """Ask the kernel whether all is there."""
        with self._turn:
            found = list(self._kernel.faults(self.node.plan, bool(self.node.refusals)))
            routes, _ = self._kernel.read(self.node.plan)
            other = self._mirror.installed.items() ^ dict(routes).items()
            if other:
                keys = {key for key, _ in other}
                found.append(f"{len(keys)} routes of table {self.node.plan.table} are others")
            self._faults = tuple(found)

    def snapshot(self) -> SeparatedRouter:
        """Return all of it; RequestConflict while the router has not told its whole FIB."""
        with self._turn:
            if not self._mirror.is_whole:
                raise RequestConflict(f"{self.node.router} has not told all of its routes yet")
            node = self.node
            return SeparatedRouter(
                node.router,
                node.node_pk,
                node.uuid,
                node.hello,
                node.interfaces,
                node.indices,
                node.plan,
                self._mirror.handed_over(),
            )

    def view(self) -> SeparatedPlane:
        """Return what is known of it, without asking the kernel."""
        with self._turn:
            node, mirror, plan = self.node, self._mirror, self.node.plan
            faults = (*self._faults, *self._own_faults())
            return SeparatedPlane(
                router=node.router,
                uuid=node.uuid,
                hostname=node.hello.name,
                state=self._state(faults),
                slot=plan.slot,
                table=plan.table,
                nft_table=plan.nft_table,
                ports=tuple(
                    PlanePort(one.interface, one.mac, device, one.vif, one.physical, one.addresses)
                    for one, device in zip(node.ports, plan.devices, strict=True)
                ),
                unbound=node.unbound,
                routes=len(mirror.wanted),
                installed=len(mirror.installed),
                held=len(mirror.withdrawals),
                nexthops=mirror.nexthops,
                last_change=self.last_change,
                pinned=node.pinned,
                kinds=tuple(one.kind for one in node.hello.kinds),
                refusals=node.refusals,
                faults=faults,
                silent_s=self.silence.seconds(self._clock()),
            )

    def _state(self, faults: tuple[str, ...]) -> PlaneState:
        if faults:
            return "broken"
        if self.node.refusals:
            return "refused"
        return "separated" if self._mirror.is_whole else "synchronizing"

    def _own_faults(self) -> list[str]:
        found = [self._invalid] if self._invalid else []
        if self._refusals:
            first = self._refusals[0].reason
            found.append(f"Domain 0's kernel refuses {len(self._refusals)} changes: {first}")
        if self._mirror.refused:
            found.append(f"{self._mirror.refused} routes or nexthops are more than it may have")
        return found

    def note_fault(self, error: BridgeError) -> None:
        """Have an error that nobody else is told of among the faults."""
        self._faults = (str(error)[:300],)


def _fixed(plan: DataPlanePlan) -> tuple[tuple[str, bytes, bool], ...]:
    """Return what of a plan's ports cannot be altered while packets pass."""
    return tuple((port.physical, port.mac, bool(port.own6)) for port in plan.ports)
