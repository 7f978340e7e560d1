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
from xen_bridge.dom0.hypervisor.moving import DomainMover
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
from xen_bridge.migration.outgoing import Command, Event, OutgoingMigration
from xen_bridge.migration.peer import Connect
from xen_bridge.migration.refusals import Refusals
from xen_bridge.migration.separated_ports import plane_of
from xen_bridge.migration.source_steps import SourceSteps, is_separated
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.protocol.documents.migration import (
    BEGIN_SECONDS,
    MigrateDomain,
    MigrationList,
    MigrationStatus,
    MigrationStep,
)
from xen_bridge.separation.registry import SeparatedRouters
from xen_bridge.virtual_management import PhysicalHost

LOG = logging.getLogger(__name__)
FAULT_SECONDS = 2.0
"""After a fault of our own, before the same is tried again."""


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
        self._aborts: dict[str, threading.Event] = {}
        self._asking = threading.Lock()

    def resume(self) -> None:
        """Go on with every migration that has not ended."""
        for number, record in list(self._records.items()):
            if not record.has_ended:
                started = record.status.started or self._wall()
                began = max(self._wall() - started, record.status.duration_s or 0.0)
                self._run(number, lambda made, now: outgoing.resumed(made, now), began)

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
            refusals.ask(self._connect, mover, definition, settings.affinity)
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
                raise RequestConflict(f"migration {number} is {_words(status)}")
            self._aborts[number].set()
        return status

    def _is_separated(self, uuid: str) -> bool:
        """Tell whether the whole data plane of a domain is known."""
        plane = None if self._routers is None else plane_of(self._routers, uuid)
        return plane is not None and plane.state == "separated"

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
        lasted = max(self._wall() - status.started, status.duration_s or 0.0)
        return replace(status, duration_s=lasted)

    # ---- carrying out

    def _keep(self, record: OutgoingMigration) -> None:
        """Have the journal know before anything is done."""
        with self._lock:
            self._journal.keep(record.order.id, record)
            self._records[record.order.id] = record
            self._journal.prune(self._records)

    def _run(
        self,
        number: str,
        first: Callable[[OutgoingMigration, float], outgoing.Decision],
        began: float,
    ) -> None:
        aborting = self._aborts.setdefault(number, threading.Event())
        run = MigrationRun(self, number, aborting, self._clock() - began)
        threading.Thread(
            target=run.carry_out, args=(first,), name=f"migration {number}", daemon=True
        ).start()


class MigrationRun:
    """One migration, in its own thread."""

    def __init__(
        self, source: MigrationSource, number: str, aborting: threading.Event, zero: float
    ) -> None:
        self._source = source
        self._number = number
        self._aborting = aborting
        self._zero = zero
        self._steps = source._steps_of(number, aborting.is_set)

    def carry_out(self, first: Callable[[OutgoingMigration, float], outgoing.Decision]) -> None:
        """Do what there is to do until it has ended."""
        with self._source._keeper():
            self._carry_out(first)

    def _carry_out(self, first: Callable[[OutgoingMigration, float], outgoing.Decision]) -> None:
        try:
            record, command = first(self._record(), self._now())
            while command is not None:
                record, command = self._next(record, command)
            self._keep(record)
            status = record.status
            LOG.warning("migration %s of %s: %s", status.id, status.domain, _words(status))
        except Exception:
            LOG.exception("migration %s waits until this node is started anew", self._number)
        finally:
            self._steps.close()

    def _next(self, record: OutgoingMigration, command: Command) -> outgoing.Decision:
        self._keep(record)
        event = self._event(record, command)
        if self._is_to_be_aborted(record, command):
            return outgoing.aborted(record, "it was to be aborted", self._now())
        return outgoing.advanced(record, command, event, self._now())

    def _is_to_be_aborted(self, record: OutgoingMigration, command: Command) -> bool:
        status = record.status
        is_early = status.state == "running" and not status.is_committed
        # A move is aborted by itself, as long as that can be.
        is_moving = command in (outgoing.DoStep(outgoing.MOVE), outgoing.Locate())
        return self._aborting.is_set() and is_early and not is_moving

    def _event(self, record: OutgoingMigration, command: Command) -> Event:
        if isinstance(command, outgoing.Wait):
            time.sleep(command.seconds)
            return outgoing.StepDone()
        try:
            return self._steps.carry_out(record, command)
        except BridgeError as error:
            LOG.info("migration %s: %s: %s", self._number, command, error)
            return outgoing.StepFailed(str(error) or error.title)
        except Exception as error:
            LOG.exception("migration %s: %s", self._number, command)
            return outgoing.StepFailed(
                f"the node failed; its log says why ({type(error).__name__})"
            )

    def _keep(self, record: OutgoingMigration) -> None:
        while True:
            try:
                self._source._keep(record)
                return
            except BridgeError as error:
                # Nothing is done that the journal does not know of.
                LOG.error("migration %s waits: %s", self._number, error)
                time.sleep(FAULT_SECONDS)

    def _record(self) -> OutgoingMigration:
        return self._source._records[self._number]

    def _now(self) -> float:
        return self._source._clock() - self._zero


def _words(status: MigrationStatus) -> str:
    if status.is_committed and status.state == "running":
        return "committed"
    return f"{status.state}: {status.problem}" if status.problem else status.state
