"""Destination of migrations: makes room for domains, and takes them over when they have come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from xen_bridge.dom0.domain_checks import check_new
from xen_bridge.dom0.hypervisor.moving import (
    DomainMover,
    Graces,
    MtuTeller,
    ReconnectingMover,
    RestartingMover,
    Site,
)
from xen_bridge.dom0.settings_store import SchedulerSettings
from xen_bridge.errors import (
    BridgeError,
    DomainEnded,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.migration import incoming
from xen_bridge.migration.incoming import IncomingMigration
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.landing import PlaneLandings
from xen_bridge.migration.link_tunnels import without_tunnels
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.protocol.documents.domains import CreateDomain, Done
from xen_bridge.protocol.documents.migration_advise import (
    AbortIncoming,
    AdviseMigration,
    DeliverFrames,
    IncomingSite,
    IncomingStatus,
    LinkTunnel,
    OfferPlane,
    OfferRoutes,
    PrepareIncoming,
    SiteFact,
)
from xen_bridge.virtual_management import PhysicalHost

LOG = logging.getLogger(__name__)
HAS_ENDED = "it has come, and has ended here"
LOOK_SECONDS = 1.0
"""Between two looks for migrations that nobody asks for any more."""


class MigrationDestination:
    """The migrations that are to end at this host. Calls may come from any thread."""

    def __init__(
        self,
        host: PhysicalHost,
        journal: MigrationJournal[IncomingMigration],
        allowed: Callable[[CreateDomain], CreateDomain] = lambda definition: definition,
        landings: PlaneLandings | None = None,
        clock: Callable[[], float] = time.monotonic,
        tunnels: TunnelEnds | None = None,
    ) -> None:
        """Take up what the journal has; ``allowed`` checks what a domain may be given here."""
        self._tunnels = tunnels
        self._host = host
        self._journal = journal
        self._allowed = allowed
        self._landings = landings
        self._clock = clock
        self._lock = threading.RLock()
        self._records = journal.load()
        self._heard = dict.fromkeys(self._records, clock())
        self._watch: threading.Thread | None = None

    def resume(self) -> None:
        """Watch over what the journal has and has not ended."""
        with self._lock:
            self._watch_over()

    # ---- asked by the source

    def prepare(self, wanted: PrepareIncoming, source_pk: str) -> IncomingSite:
        """Make room for a domain, or with ``dry_run`` tell whether it could come."""
        mover = self._mover()
        with self._lock:
            known = self._records.get(wanted.id)
            if known is not None and (known.source_pk, known.wanted) != (source_pk, wanted):
                raise RequestConflict(f"migration {wanted.id} is another one here")
            if known is not None and known.has_ended:
                raise RequestConflict(f"migration {wanted.id} has ended here")
            self._allowed(wanted.definition)
            if self._landings is not None and wanted.mode == "plane-separation":
                self._landings.check(wanted.planes_on)
            if known is None:
                self._check_new(wanted.definition)
            tunnels = () if self._tunnels is None else self._tunnels.needed(wanted, source_pk)
            if wanted.dry_run:
                checked = without_tunnels(wanted.definition, tunnels)
                return _site(mover.check_incoming(checked), tunnels)
            if known is None:
                known = IncomingMigration(wanted=wanted, source_pk=source_pk)
                # Before there is anything, so that it is removed if this program ends now.
                self._keep(known)
            return self._prepared(known, mover, tunnels)

    def _prepared(
        self, known: IncomingMigration, mover: DomainMover, tunnels: tuple[LinkTunnel, ...]
    ) -> IncomingSite:
        number = known.wanted.id
        try:
            if self._tunnels is not None:
                self._tunnels.land(known.wanted, known.source_pk, tunnels)
            site = _site(mover.prepare_incoming(number, known.wanted.definition), tunnels)
        except BridgeError:
            self._remove(known)
            raise
        self._heard[number] = self._clock()
        self._keep(replace(known, site=site.facts))
        self._watch_over()
        return site

    def _check_new(self, definition: CreateDomain) -> None:
        """Raise why a domain cannot be one of this host's: its name is taken, it has a cap ..."""
        host = self._host
        check_new(definition, host.domains(), host.host().cpus, host.capabilities)

    def advise(self, told: AdviseMigration, source_pk: str) -> IncomingStatus:
        """Hear that a migration goes on, or finish it."""
        self._hear(told.id, source_pk)
        with self._lock:
            record = self._of(told.id, source_pk)
            uuid = record.wanted.definition.uuid or ""
            if told.has_come and self._has_ended(uuid):
                if told.step == "finish" and not record.has_ended:
                    self._clear_away(record)
                raise DomainEnded(HAS_ENDED)
            if record.state == "aborted" and not self._came_by_itself(told, uuid):
                raise RequestConflict(f"migration {told.id} was removed here")
            self._heard[told.id] = self._clock()
            if told.step == "start":
                self._start(record, told.graces)
            if told.step == "bind":
                self._bind(told.id, uuid)
            if told.step == "announce":
                self._planes().announce(uuid)
            if told.step == "finish" and record.state != "finished":
                record = self._finish(record)
            return IncomingStatus(told.id, record.state, record.lost)

    def _came_by_itself(self, told: AdviseMigration, uuid: str) -> bool:
        """Tell whether a domain is here whose room was removed, and its source is done with it.

        libvirt goes on with a migration whose source's node was killed for longer than a lease. To
        refuse the end then would have the source ask for ever (seen on real Xen).
        """
        return told.step == "finish" and self._mover().is_here(uuid)

    def _start(self, record: IncomingMigration, graces: Graces) -> None:
        """Start a domain anew that another machine has had stand still."""
        mover, wanted = self._mover(), record.wanted
        if not isinstance(mover, RestartingMover):
            raise RequestUnsupported("starts no domain that comes from another host")
        separated = wanted.mode == "plane-separation"
        bound = self._planes().macs(wanted.definition.uuid or "") if separated else ()
        mover.start_incoming(wanted.id, wanted.definition, bound, graces)

    def _bind(self, number: str, uuid: str) -> None:
        """Bind a router that has come; RequestConflict while it hears nothing yet.

        What would be passed on to it until then would be lost.
        """
        if self._has_ended(uuid):
            raise DomainEnded(HAS_ENDED)
        self._planes().bind(number, uuid)
        mover = self._host.hypervisor
        if isinstance(mover, ReconnectingMover) and not mover.is_connected(uuid):
            raise RequestConflict("its interfaces are not connected here yet")

    def _hear(self, number: str, source_pk: str) -> None:
        """Take note that a source is not silent, even while whoever looks for those holds the lock.

        A hypervisor that is slow holds it for longer than a lease lasts (seen on a busy Xen host).
        """
        found = self._records.get(number)
        if found is not None and found.source_pk == source_pk:
            self._heard[number] = self._clock()

    def offer_routes(self, told: OfferRoutes, source_pk: str) -> Done:
        """Take a piece of the routes of a separated router that is to come."""
        with self._lock:
            record = self._expected(told.id, source_pk)
            self._planes().routes(told, record.wanted.definition.uuid or "")
        return Done()

    def offer_plane(self, told: OfferPlane, source_pk: str) -> Done:
        """Make the data plane of a separated router that is to come."""
        with self._lock:
            record = self._expected(told.id, source_pk)
            self._planes().plane(told, record.wanted.definition.uuid or "")
            # It may have taken longer than a lease lasts.
            self._heard[told.id] = self._clock()
        return Done()

    def deliver(self, told: DeliverFrames, source_pk: str) -> Done:
        """Give a router that has come what came for it at the source."""
        with self._lock:
            record = self._expected(told.id, source_pk)
            uuid = record.wanted.definition.uuid or ""
            try:
                self._planes().deliver(told, uuid)
            except BridgeError as error:
                if self._has_ended(uuid):
                    raise DomainEnded(HAS_ENDED) from error
                raise
        return Done()

    def _expected(self, number: str, source_pk: str) -> IncomingMigration:
        record = self._of(number, source_pk)
        if record.has_ended:
            raise RequestConflict(f"migration {number} has ended here")
        self._heard[number] = self._clock()
        return record

    def _planes(self) -> PlaneLandings:
        if self._landings is None:
            raise RequestUnsupported("this node separates no planes")
        return self._landings

    def abort(self, told: AbortIncoming, source_pk: str) -> IncomingStatus:
        """Remove what was prepared; RequestConflict if the domain has come."""
        with self._lock:
            try:
                record = self._of(told.id, source_pk)
            except SubjectNotFound:
                return IncomingStatus(told.id, "aborted")
            if record.state != "aborted":
                record = self._remove(record)
            return IncomingStatus(told.id, record.state)

    def _of(self, number: str, source_pk: str) -> IncomingMigration:
        found = self._records.get(number)
        # Others need not know which there are.
        if found is None or found.source_pk != source_pk:
            raise SubjectNotFound(f"no migration {number} was prepared here")
        return found

    # ---- what is done here

    def _finish(self, record: IncomingMigration) -> IncomingMigration:
        wanted, mover = record.wanted, self._mover()
        uuid = wanted.definition.uuid or ""
        if not mover.is_here(uuid):
            raise RequestConflict(f"{wanted.definition.name} has not come")
        if self._has_ended(uuid):
            return self._clear_away(record)
        mover.finish_incoming(wanted.id, uuid)
        lost = None
        if self._landings is not None and wanted.mode == "plane-separation":
            lost = self._landings.finish(wanted.id, uuid)
        given = SchedulerSettings(
            wanted.definition.weight, wanted.definition.cap, affinity=wanted.affinity
        )
        if not given.are_none:
            self._host.adopt(uuid, given)
        if self._tunnels is not None:
            self._join(self._tunnels, uuid)
        return self._keep(incoming.finished(record, lost))

    def _has_ended(self, uuid: str) -> bool:
        try:
            return self._host.hypervisor.domain(uuid).id is None
        except SubjectNotFound:
            return True

    def _clear_away(self, record: IncomingMigration) -> IncomingMigration:
        """Leave nothing of one that has come and ended, but what defines it."""
        uuid = record.wanted.definition.uuid or ""
        LOG.warning("migration %s: %s has ended here", record.wanted.id, uuid)
        if self._landings is not None and record.wanted.mode == "plane-separation":
            self._landings.remove(record.wanted.id, uuid)
        if self._tunnels is not None:
            self._tunnels.drop(uuid, away=True)
        return self._keep(incoming.finished(record, None))

    def _join(self, tunnels: TunnelEnds, uuid: str) -> None:
        """Tell a domain how long its packets may be here; one that is home needs no tunnel."""
        mover = self._mover()
        for end in tunnels.of(uuid):
            at_home = None if end.is_away else tunnels.bridge_mtu(end.bridge)
            if isinstance(mover, MtuTeller):
                mover.tell_mtu(uuid, end.bridge, at_home or tunnels.mtu(end))
        tunnels.drop(uuid, away=False)

    def under_way(self) -> frozenset[str]:
        """Return the ids of those that have not ended here."""
        # The lock may be held for as long as a hypervisor is slow.
        known = list(self._records.items())
        return frozenset(number for number, one in known if not one.has_ended)

    def expects(self, uuid: str) -> bool:
        """Tell whether a domain is about to come."""
        with self._lock:
            open_ones = [one for one in self._records.values() if not one.has_ended]
            return any(one.wanted.definition.uuid == uuid for one in open_ones)

    def _remove(self, record: IncomingMigration) -> IncomingMigration:
        wanted = record.wanted
        uuid = wanted.definition.uuid or ""
        self._mover().abort_incoming(wanted.id, uuid)
        if self._landings is not None and wanted.mode == "plane-separation":
            self._landings.remove(wanted.id, uuid)
        if self._tunnels is not None:
            self._tunnels.drop(uuid, away=True)
        return self._keep(incoming.removed(record))

    def _keep(self, record: IncomingMigration) -> IncomingMigration:
        self._journal.keep(record.wanted.id, record)
        self._records[record.wanted.id] = record
        self._journal.prune(self._records)
        return record

    def _mover(self) -> DomainMover:
        mover = self._host.hypervisor
        if not isinstance(mover, DomainMover):
            raise RequestUnsupported("takes no domain from its peers")
        return mover

    # ---- what nobody asks for any more

    def _watch_over(self) -> None:
        """Have a thread look after what has not ended; the lock is held."""
        is_open = any(not one.has_ended for one in self._records.values())
        if is_open and self._watch is None:
            self._watch = threading.Thread(
                target=self._look_again, name="migrations to come", daemon=True
            )
            self._watch.start()

    def _look_again(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                for record in list(self._records.values()):
                    self._look_at(record)
                if all(one.has_ended for one in self._records.values()):
                    self._watch = None
                    return

    def _look_at(self, record: IncomingMigration) -> None:
        number = record.wanted.id
        try:
            is_here = self._mover().is_here(record.wanted.definition.uuid or "")
            heard = self._heard.get(number, 0.0)
            due = incoming.overdue(record, heard, is_here, self._clock())
            if due == "finish":
                LOG.warning("migration %s: its source is silent, it is finished here", number)
                self._finish(record)
            elif due == "remove":
                LOG.warning("migration %s: its source is silent, its room is removed", number)
                self._remove(record)
        except Exception as error:
            # Tried again when as much time has passed.
            self._heard[number] = self._clock()
            LOG.warning("migration %s cannot be ended here: %s", number, error)


def _site(facts: Site, tunnels: tuple[LinkTunnel, ...]) -> IncomingSite:
    return IncomingSite(tuple(SiteFact(name, value) for name, value in facts.items()), tunnels)
