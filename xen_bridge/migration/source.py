"""Source of migrations: carries out what :mod:`~xen_bridge.migration.outgoing` decides.

A native thread for each that runs, whatever the node's runtime is: a move blocks, and lasts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from xen_bridge.dom0.hypervisor.interface import Capability, require
from xen_bridge.dom0.hypervisor.moving import DomainMover, RestartingMover
from xen_bridge.errors import (
    BridgeError,
    Deadline,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.migration import outgoing
from xen_bridge.migration.departure import PlaneDeparture
from xen_bridge.migration.held_sessions import ConnectAgent, SessionHolder, no_agent
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.keeper import Keeper
from xen_bridge.migration.migration_run import First, MigrationRun, RunOrders, in_words
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.peer import Connect
from xen_bridge.migration.refusals import Refusals
from xen_bridge.migration.separated_ports import plane_of, stands_on
from xen_bridge.migration.source_steps import SourceSteps, is_separated, order_of
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.protocol.documents.migration import (
    BEGIN_SECONDS,
    MigrateDomain,
    MigrationList,
    MigrationStatus,
    MigrationStep,
    Whereabouts,
)
from xen_bridge.separation.registry import SeparatedRouters
from xen_bridge.virtual_management import PhysicalHost

LOG = logging.getLogger(__name__)


class MigrationSource:
    """The migrations that begin at this host. Calls may come from any thread."""

    def __init__(
        self,
        host: PhysicalHost,
        journal: MigrationJournal[OutgoingMigration],
        connect: Connect,
        routers: SeparatedRouters | None = None,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        connect_agent: ConnectAgent = no_agent,
        keeper: Callable[[], Keeper] = Keeper,
        tunnels: TunnelEnds | None = None,
    ) -> None:
        """Take up what the journal has; :meth:`resume` goes on with it.

        ``keeper`` makes what waits beside each migration in case that this program is killed.
        """
        self._tunnels = tunnels
        self._keeper = keeper
        self._connect_agent = connect_agent
        self._host = host
        self._journal = journal
        self._connect = connect
        self._routers = routers
        self._wall, self._clock = wall, clock
        self._lock = threading.RLock()
        self._records = journal.load()
        self._orders: dict[str, RunOrders] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._asking = threading.Lock()

    def resume(self) -> None:
        """Go on with every migration that has not ended."""
        for number, record in list(self._records.items()):
            if record.has_ended:
                continue
            try:
                self._run(number, outgoing.resumed, self._lasted(record.status))
            except BridgeError as error:
                # Of another back end than this start of the node has.
                LOG.error("migration %s cannot be gone on with: %s", number, error)

    def halt(self, seconds: float) -> bool:
        """Have each stop before its next command; tell whether all have within ``seconds``.

        Somebody else goes on with them, who may do a command again that did not end in that time.
        """
        over = self._clock() + seconds
        with self._lock:
            threads = list(self._threads.values())
            for orders in self._orders.values():
                orders.halt()
        for thread in threads:
            thread.join(max(0.0, over - self._clock()))
        return not any(thread.is_alive() for thread in threads)

    # ---- asked

    def begin(self, order: MigrateDomain) -> MigrationStatus:
        """Begin a migration unless something stands against it; return how it stands.

        The same id again begins nothing. Raises SubjectNotFound for an unknown domain,
        RequestUnsupported where the back end moves none, RequestConflict for an id that was
        another order's, Deadline if what is to be asked before took BEGIN_SECONDS.
        """
        asked = self._clock()
        with self._asking:
            known = self._records.get(order.id)
            if known is not None:
                if known.order != order:
                    raise RequestConflict(f"migration {order.id} is of another order")
                return self._now(known)
            return self._begin(order, asked)

    def _begin(self, order: MigrateDomain, asked: float) -> MigrationStatus:
        mover = self._mover()
        domain = self._host.hypervisor.domain(order.domain)
        refusals = Refusals(order)
        if self.is_moving(domain.uuid):
            refusals.add("domain", f"{domain.name} is being migrated already", True)
        if is_separated(order) and not self._is_separated(domain.uuid):
            refusals.add("mode", f"the planes of {domain.name} are not separated", True)
        self._check_tunnels(order, domain.uuid, refusals)
        settings = self._host.settings_of(domain)
        definition = refusals.definition(mover, domain)
        status = MigrationStatus(
            id=order.id,
            domain=domain.name,
            uuid=domain.uuid,
            destination=order.destination,
            mode=order.mode,
            state="planned",
            steps=tuple(MigrationStep(name) for name in outgoing.STEPS[order.mode]),
        )
        if definition is not None:
            definition = replace(definition, weight=settings.weight, cap=settings.cap)
            on = self._planes_on(domain.uuid) if is_separated(order) else ()
            refusals.ask(self._connect, mover, definition, settings.affinity, on)
        if refusals.found or definition is None:
            return replace(status, state="refused", refusals=tuple(refusals.found))
        if order.dry_run:
            return status
        if self._clock() - asked > BEGIN_SECONDS:
            raise Deadline(f"it could not be begun in {BEGIN_SECONDS:g} s, and is not any more")
        started = replace(status, started=self._wall())
        made = OutgoingMigration(
            order=order, definition=definition, affinity=settings.affinity, status=started
        )
        return self._started(made)

    def _check_tunnels(self, order: MigrateDomain, uuid: str, refusals: Refusals) -> None:
        for end in () if self._tunnels is None else self._tunnels.of(uuid):
            if end.is_away and end.peer_pk != order.destination_pk:
                reason = f"its bridge {end.bridge} is here by a tunnel: it goes only back home"
                refusals.add("destination", reason, True)

    def is_moving(self, uuid: str) -> bool:
        """Tell whether a migration of a domain is under way."""
        return any(one.status.uuid == uuid and not one.has_ended for one in self._all())

    def under_way(self) -> frozenset[str]:
        """Return the ids of those that have not ended."""
        return frozenset(one.order.id for one in self._all() if not one.has_ended)

    def _started(self, made: OutgoingMigration) -> MigrationStatus:
        begun = outgoing.begun(made)
        self._keep(begun[0])
        self._run(made.order.id, lambda _made, _now: begun, 0.0)
        return self._now(self._records[made.order.id])

    def status(self, number: str) -> MigrationStatus:
        """Return how far a migration has come; SubjectNotFound for one that is not known."""
        found = self._records.get(number)
        if found is None:
            raise SubjectNotFound(f"no migration {number} was begun here")
        return self._now(found)

    def list(self) -> MigrationList:
        """Return all that are known, the oldest first."""
        return MigrationList(tuple(self._now(one) for one in self._all()))

    def abort(self, number: str) -> MigrationStatus:
        """Have a migration taken back; RequestConflict once it is committed, or has ended."""
        with self._lock:
            status = self.status(number)
            if status.is_committed or self._records[number].has_ended:
                raise RequestConflict(f"migration {number} is {in_words(status)}")
            self._orders[number].abort()
        return status

    def give_up(self, number: str, where: Whereabouts | None = None) -> MigrationStatus:
        """Have a migration end that cannot, by what can be done here; also one that has failed.

        RequestConflict for one that has ended well, and where only a destination that does not
        answer knows of the router: then ``where`` has to say at which host it is to be.
        """
        status, record = self.status(number), self._records[number]
        if record.has_ended and status.state != "failed":
            raise RequestConflict(f"migration {number} is {in_words(status)}")
        if where is None and self._is_asked(record):
            raise RequestConflict(
                f"only {status.destination} knows whether {status.domain} was started there:"
                " say whether it is here or there"
            )
        with self._lock:
            orders = self._orders.setdefault(number, RunOrders())
            if record.has_ended:
                # Before anybody else finds it ended.
                lasted = self._lasted(status)
                again = outgoing.given_up(record, where, lasted)
                self._keep(again[0])
                self._run(number, lambda _made, _now: again, lasted)
            else:
                if not status.is_committed:
                    orders.abort()
                orders.give_up(where)
        LOG.warning("migration %s of %s is given up by hand", number, status.domain)
        return self.status(number)

    def _is_asked(self, record: OutgoingMigration) -> bool:
        """Tell whether only the destination knows where a router is."""
        mover = self._mover()
        is_open = not record.status.is_committed and bool(record.site)
        return is_open and isinstance(mover, RestartingMover) and mover.is_asked(order_of(record))

    def _is_separated(self, uuid: str) -> bool:
        """Tell whether the whole data plane of a domain is known."""
        plane = None if self._routers is None else plane_of(self._routers, uuid)
        return plane is not None and plane.state == "separated"

    def _planes_on(self, uuid: str) -> tuple[str, ...]:
        return () if self._routers is None else stands_on(plane_of(self._routers, uuid))

    def _steps_of(self, number: str, is_aborted: Callable[[], bool]) -> SourceSteps:
        record, departure = self._records[number], None
        if is_separated(record.order) and self._routers is not None:
            hypervisor = self._host.hypervisor
            uuid = record.status.uuid
            departure = PlaneDeparture(self._routers, hypervisor, number, uuid)
        return SourceSteps(
            self._host,
            self._mover(),
            self._connect,
            is_aborted,
            departure,
            SessionHolder(self._connect_agent),
            self._tunnels,
        )

    def _mover(self) -> DomainMover:
        mover = self._host.hypervisor
        if not isinstance(mover, DomainMover):
            require(self._host.capabilities, Capability.MIGRATION)
            raise RequestUnsupported("this hypervisor's back end moves no domain with its peers")
        return mover

    def _all(self) -> tuple[OutgoingMigration, ...]:
        with self._lock:
            return tuple(self._records.values())

    def _now(self, record: OutgoingMigration) -> MigrationStatus:
        status = record.status
        if record.has_ended or status.started is None:
            return status
        return replace(status, duration_s=self._lasted(status))

    def _lasted(self, status: MigrationStatus) -> float:
        started = self._wall() if status.started is None else status.started
        return max(self._wall() - started, status.duration_s or 0.0)

    # ---- carrying out

    def _keep(self, record: OutgoingMigration) -> None:
        """Have the journal know before anything is done."""
        with self._lock:
            self._journal.keep(record.order.id, record)
            self._records[record.order.id] = record
            self._journal.prune(self._records)
            for gone in self._orders.keys() - self._records.keys():
                del self._orders[gone]
                self._threads.pop(gone, None)

    def _run(
        self,
        number: str,
        first: First,
        began: float,
    ) -> None:
        orders = self._orders.setdefault(number, RunOrders())
        steps = self._steps_of(number, orders.aborting.is_set)
        zero = self._clock() - began
        run = MigrationRun(
            KeptRecord(self, number), orders, steps, self._keeper, lambda: self._clock() - zero
        )
        made = threading.Thread(
            target=run.carry_out, args=(first,), name=f"migration {number}", daemon=True
        )
        self._threads[number] = made
        made.start()


class KeptRecord:
    """The record of one migration of a source."""

    def __init__(self, source: MigrationSource, number: str) -> None:
        self._source = source
        self._number = number

    def record(self) -> OutgoingMigration:
        """Return how it stands."""
        return self._source._records[self._number]

    def keep(self, record: OutgoingMigration) -> None:
        """Have the journal know before anything is done."""
        self._source._keep(record)
