"""Migrations of virtual routers: asked of their source, followed to their end, and remembered.

What was asked for is in the store before the source hears of it, so that neither a restart nor an
answer that was lost leaves a migration that nobody tells of.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from horizon_ryu.core.errors import (
    Conflict,
    HorizonError,
    HostAway,
    HostDeadline,
    HostUnreached,
    InvalidInput,
    LimitExceeded,
    NotFound,
)
from horizon_ryu.core.loop_record import PATIENCE, LoopTerms
from horizon_ryu.core.xen.router_migration import (
    RouterMigration,
    RouterRefusal,
    RouterRequest,
    SourceReport,
    after,
    ended,
    record_from_json,
    record_to_json,
)
from horizon_ryu.xen_hosts.hosts import XenHosts, domain_of
from horizon_ryu.xen_hosts.migration_documents import request_of, told_by
from horizon_ryu.xen_hosts.migration_events import Publish, tell
from xen_bridge.protocol.documents.domains import GetDomain
from xen_bridge.protocol.documents.migration import (
    BEGIN_SECONDS,
    AbortMigration,
    GetMigration,
    GiveUpMigration,
    Whereabouts,
)
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger("horizon.xen")

MAX_OPEN = 64
"""Migrations under way at one time."""
GRACE = BEGIN_SECONDS + 10.0
"""Seconds in which a source may still begin what it was asked for, when the answer was lost."""
ASK_SECONDS = 10.0
"""That a source has to tell how far a migration is."""
MOVERS = frozenset({"migration", "migration_within_machine"})
"""Capabilities of hosts: by its hypervisor, or between hosts of namespaces of one machine."""


class MigrationStore(Protocol):
    """Where migrations outlive a restart."""

    def put_router_migration(self, name: str, place: int, data: Mapping[str, Any]) -> None:
        """Keep one in place of what was known of it."""

    def forget_router_migrations(self, names: list[str]) -> None:
        """Forget some."""

    def router_migrations(self) -> Iterable[object]:
        """Return all, oldest first."""


class RouterMigrations:
    """Every migration that is remembered; each that has not ended is followed by a loop."""

    def __init__(
        self,
        hosts: XenHosts,
        store: MigrationStore,
        publish: Publish,
        runtime: Runtime,
        clock: Callable[[], float],
        wall: Callable[[], float],
        spawn_loop: Callable[..., Any],
        told_unsettled: Callable[[tuple[str, ...]], None] = lambda _found: None,
    ) -> None:
        """``clock`` counts seconds, ``wall`` dates records in seconds since 1970.

        ``told_unsettled`` is given a sentence for each migration that goes on being tried in vain.
        """
        self._told_unsettled = told_unsettled
        self._hosts = hosts
        self._options = hosts.options
        self._store = store
        self._publish = publish
        self._runtime = runtime
        self._clock = clock
        self._wall = wall
        self._spawn_loop = spawn_loop
        self._records: dict[str, RouterMigration] = {}
        self._kept: dict[str, str] = {}
        """The state that the store has of each."""
        self._unheard: dict[str, float] = {}
        """Since when it is unclear whether the source has heard of a migration."""

    # ---- what is remembered

    def load(self) -> None:
        """Take up the migrations that are kept."""
        for row in self._store.router_migrations():
            try:
                record = record_from_json(row)
            except InvalidInput as error:
                LOG.error("the store has a migration that cannot be read: %s", error)
                continue
            self._records[record.id] = record
            self._kept[record.id] = record.state

    def start(self) -> None:
        """Begin to follow those that had not ended when the controller did."""
        for record in self._open():
            self._follow(record.id)

    def all(self) -> tuple[RouterMigration, ...]:
        """Return every migration that is remembered, oldest first."""
        return tuple(self._records.values())

    def get(self, name: str) -> RouterMigration:
        """Return one; NotFound."""
        if name not in self._records:
            raise NotFound(f"no migration {name}")
        return self._records[name]

    def last_pause_s(self, uuid: str | None, name: str) -> float | None:
        """Return how long the last migration of a router had it stand still; None if unknown."""
        for record in reversed(self._records.values()):
            is_same = record.name == name if None in (uuid, record.uuid) else record.uuid == uuid
            if is_same and record.pause_ms is not None:
                return record.pause_ms / 1000
        return None

    def unsettled(self) -> tuple[str, ...]:
        """Return, of each migration that goes on being tried in vain, a sentence about it."""
        return tuple(
            f"migration {record.id} of {record.name} from {record.asked.host} is unsettled:"
            f" {record.unsettled}"
            for record in self._open()
            if record.unsettled is not None
        )

    def _open(self) -> list[RouterMigration]:
        return [record for record in self._records.values() if not record.is_final]

    # ---- asking

    def dry_run(self, asked: RouterRequest) -> RouterMigration:
        """Return what a migration would be: its steps, or every reason against it.

        Nothing is touched. NotFound for the host or the domain, and what the source tells of.
        """
        record = self._new(asked)
        against = tuple(self._refusals(record))
        if asked.destination == asked.host or asked.destination not in self._hosts.hosts():
            return replace(record, state="refused", refusals=against)
        found = self._begun(record, dry_run=True)
        refusals = (*against, *found.refusals)
        return replace(found, state="refused" if refusals else "planned", refusals=refusals)

    def migrate(self, asked: RouterRequest) -> RouterMigration:
        """Have a router moved, and return the migration as it begins, or why it is refused.

        NotFound, Conflict, LimitExceeded, StoreError, and what the source tells of. If it is
        unclear whether the source has heard of it, it is ``requested``, and that is found out.
        """
        record = self._new(asked)
        against = tuple(self._refusals(record))
        if against:
            return replace(record, state="refused", refusals=against)
        if len(self._open()) >= MAX_OPEN:
            raise LimitExceeded(f"{MAX_OPEN} migrations are under way")
        self._records[record.id] = record
        try:
            self._keep(record)
            told = self._begun(record)
        except (HostAway, HostDeadline) as error:
            if isinstance(error, HostUnreached):
                self._forget(record.id)
                raise
            told = replace(record, silence=str(error))
            self._unheard[record.id] = self._clock()
        except BaseException:
            self._forget(record.id)
            raise
        if told.state == "refused":
            self._forget(record.id)
            return told
        if told.state != "done":
            # The end is taken by whoever follows: the destination is asked first.
            self._set(record.id, told)
        self._follow(record.id)
        return self.get(record.id)

    def abort(self, name: str) -> RouterMigration:
        """Have a migration taken back; Conflict once it is committed or has ended, NotFound."""
        record = self.get(name)
        if record.is_final:
            raise Conflict(f"migration {name} has ended: {record.state}")
        told = told_by(self._hosts.ask(record.asked.host, AbortMigration(name), None, ASK_SECONDS))
        if told.state != "done":
            self._take(name, told)
        return self.get(name)

    def give_up(self, name: str, router_is: Whereabouts | None = None) -> RouterMigration:
        """Have its source end a migration that cannot; Conflict if that is not so, NotFound.

        ``router_is`` says where the router is to be, where only a destination that is away knows.
        """
        record = self.get(name)
        told = self._hosts.ask(
            record.asked.host, GiveUpMigration(name, router_is), None, ASK_SECONDS
        )
        if told.state != "done":
            self._take(name, told_by(told))
        return self.get(name)

    def _new(self, asked: RouterRequest) -> RouterMigration:
        """Return a migration that nobody has heard of; NotFound for the host."""
        domain = domain_of(self._hosts.host(asked.host), asked.domain)
        known = (asked.domain, None) if domain is None else (domain.name, domain.uuid)
        name, uuid = known
        return RouterMigration(
            id=secrets.token_hex(6), asked=asked, name=name, uuid=uuid, started=self._wall()
        )

    def _begun(self, record: RouterMigration, dry_run: bool = False) -> RouterMigration:
        """Return a migration after its source was asked to begin it."""
        asked = record.asked
        body = request_of(record.id, asked, self._hosts.host(asked.destination), dry_run)
        return after(record, told_by(self._hosts.ask(asked.host, body, None, BEGIN_SECONDS)))

    def _refusals(self, record: RouterMigration) -> Iterator[RouterRefusal]:
        """Yield what the controller itself knows against a migration."""
        asked = record.asked
        if asked.destination == asked.host:
            yield RouterRefusal("destination", f"{record.name} is on {asked.host} already")
        elif asked.destination not in self._hosts.hosts():
            yield RouterRefusal("destination", f"no host named {asked.destination} is registered")
        else:
            status = self._hosts.host(asked.destination).status
            if status.state == "away":
                reason = f"host {asked.destination} is away: {status.reason}"
                yield RouterRefusal("destination", reason, is_conflict=True)
        node = self._hosts.host(asked.host).status.node
        if node is not None and not MOVERS.intersection(node.host.capabilities):
            kind = node.host.hypervisor
            yield RouterRefusal(
                "mode", f"host {asked.host} ({kind}) cannot migrate domains, in any mode"
            )
        for other in self._records.values():
            if other.moves(asked.host, record.uuid, record.name):
                reason = f"{record.name} is being migrated already: {other.id}"
                yield RouterRefusal("domain", reason, is_conflict=True)

    # ---- following

    def _follow(self, name: str) -> None:
        self._spawn_loop(
            partial(self._turn, name),
            is_over=lambda: self._is_settled(name),
            # One migration, whatever its hosts answer, is no reason to end the controller.
            terms=LoopTerms(self._longest_turn, is_vital=False),
        )

    def _longest_turn(self) -> float:
        timers = self._hosts.timers
        return PATIENCE + 2 * ASK_SECONDS + 2 * timers.poll_deadline + timers.poll_interval

    def _is_settled(self, name: str) -> bool:
        record = self._records.get(name)
        return record is None or (record.is_final and self._kept.get(name) == record.state)

    def _turn(self, name: str) -> None:
        """Ask once how far a migration is, keep that, and wait until it is to be asked again."""
        record = self.get(name)
        if not record.is_final:
            self._ask(record)
        record = self.get(name)
        if self._kept.get(name) != record.state:
            self._keep(record)
        if not record.is_final:
            is_heard = record.silence is None
            timers = self._hosts.timers
            self._runtime.sleep(
                self._options.migration_interval if is_heard else timers.poll_interval
            )

    def _ask(self, record: RouterMigration) -> None:
        host = record.asked.host
        if host not in self._hosts.hosts():
            lost = f"host {host} is not registered any more: nobody tells what became of it"
            self._set(record.id, ended(record, "failed", lost))
            return
        try:
            told = told_by(self._hosts.ask(host, GetMigration(record.id), None, ASK_SECONDS))
        except NotFound:
            self._unknown(record)
        except HorizonError as error:
            self._set(record.id, replace(self.get(record.id), silence=str(error)))
        else:
            self._unheard.pop(record.id, None)
            if told.state == "done":
                self._confirm(record, told)
            else:
                self._take(record.id, told)

    def _unknown(self, record: RouterMigration) -> None:
        """Take note that the source knows nothing of a migration."""
        host = record.asked.host
        if record.state != "requested":
            lost = f"host {host} does not know it any more"
            self._set(record.id, ended(record, "failed", lost))
        elif self._clock() - self._unheard.setdefault(record.id, self._clock()) >= GRACE:
            never = f"host {host} never heard of it"
            self._set(record.id, ended(record, "rolled_back", never))

    def _confirm(self, record: RouterMigration, told: SourceReport) -> None:
        """Take the end of a migration once the destination was asked whether it has the domain."""
        asked = record.asked
        problem = told.problem
        try:
            self._hosts.ask(asked.destination, GetDomain(told.uuid or told.domain))
        except NotFound as error:
            reason = f"host {asked.host} says that it is done, but {error}"
            told = replace(told, state="failed", problem=reason)
        except HorizonError as error:
            reason = f"whether it is there could not be asked: {error}"
            told = replace(told, problem=reason if problem is None else f"{problem}; {reason}")
        for host in (asked.host, asked.destination):
            # Whoever hears that it is done finds the router where it is now.
            if host in self._hosts.hosts():
                self._hosts.poll(self._hosts.host(host))
        self._take(record.id, told)

    # ---- keeping

    def _take(self, name: str, told: SourceReport) -> None:
        self._set(name, after(self.get(name), told))

    def _set(self, name: str, now: RouterMigration) -> None:
        """Put a record in the place of what was known, and tell what is new of it."""
        before, self._records[name] = self.get(name), now
        tell(self._publish, before, now)
        if before.unsettled != now.unsettled:
            self._told_unsettled(self.unsettled())
        if now.is_final:
            self._unheard.pop(name, None)
            LOG.info("migration %s of %s: %s %s", name, now.name, now.state, now.problem or "")

    def _keep(self, record: RouterMigration) -> None:
        place = int(record.started * 1e6)
        self._store.put_router_migration(record.id, place, record_to_json(record))
        self._kept[record.id] = record.state
        if record.is_final:
            self._tidy()

    def _tidy(self) -> None:
        """Forget the oldest of those that have ended, if they are too many."""
        final = [record.id for record in self._records.values() if record.is_final]
        gone = final[: max(len(final) - self._options.migrations_kept, 0)]
        if gone:
            self._store.forget_router_migrations(gone)
            for name in gone:
                self._records.pop(name, None)
                self._kept.pop(name, None)

    def _forget(self, name: str) -> None:
        """Forget a migration that was not begun."""
        self._records.pop(name, None)
        if self._kept.pop(name, None) is not None:
            self._store.forget_router_migrations([name])
