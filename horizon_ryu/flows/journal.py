"""Journal of flow changes: the store holds each state before the messages that follow it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from horizon_ryu.changes.ports import Progress
from horizon_ryu.changes.states import FINAL, State
from horizon_ryu.core.errors import InvalidInput, NotFound, StoreError, SwitchError
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.migration import Cause, Migration, MigrationState
from horizon_ryu.core.flows.plan import Change, FlowPlan, Move
from horizon_ryu.core.flows.record import flow_to_json, migration_from_json, migration_to_json
from horizon_ryu.store import Row, Store
from xen_bridge.runtime.port import Semaphore

LOG = logging.getLogger("horizon.flows")
K = TypeVar("K")
V = TypeVar("V")

_TIDY_EVERY = 100
"""Final records between two tidyings of the table."""
_DECIDED = (State.DRAINING, State.DONE, State.ROLLED_BACK)
"""What is so, whatever the store can do; COMMITTED is, too, if COMMITTING was written."""


def record_of(transaction: Progress[FlowPlan]) -> Migration:
    """Return the record of a migration as its transaction stands."""
    record: Migration = transaction.record
    return replace(record, state=MigrationState(transaction.state.value), **_found(transaction))


def _found(transaction: Progress[FlowPlan]) -> dict[str, Any]:
    """Return what a record has learned since the migration was begun."""
    found: dict[str, Any] = {}
    if transaction.committed_at is not None:
        seconds = transaction.committed_at - transaction.requested_at
        found |= {"duration_ms": 1000 * seconds, "waves": len(transaction.plan.pre_commit)}
    error = transaction.error
    if isinstance(error, SwitchError):
        found |= {"error": error.msg, "switch": error.dpid}
    elif error is not None:
        found["error"] = str(error)
    return found


class FlowJournal:
    """Writes flows and migrations, and finds them again.

    What has happened already and cannot be written is owed: it is written with the next record,
    or by :meth:`write_overdue`. The store then says "committing" meanwhile, or "installing" for
    what was taken back: a restart ends both as they ended.
    """

    def __init__(
        self,
        store: Store,
        kept: int,
        until_kept: Callable[[Callable[[], object]], None],
        wall: Callable[[], float],
        turn: Semaphore,
    ) -> None:
        """``kept``: how many final migrations are remembered. ``until_kept`` writes patiently.

        ``wall`` dates records, in seconds since 1970. ``turn`` is a lock of this journal's own,
        first come, first served: what is decided first is written first, though the store takes
        its time.
        """
        self._turn = turn
        self._store = store
        self._kept = kept
        self._until_kept = until_kept
        self._wall = wall
        self._final = 0
        self._open: dict[str, Mapping[str, Any]] = {}
        """The migrations that the store has as unfinished, as JSON values."""
        self._overdue_records: dict[str, Row] = {}
        self._overdue_flows: dict[int, Flow] = {}

    def begun(self, plan: Move, cause: Cause) -> Migration:
        """Return the record of a migration that begins now; nothing is written."""
        name, now = secrets.token_hex(6), self._wall()
        return Migration(id=name, old=plan.old, new=plan.new, cause=cause, started=now)

    def followed(self, plan: Move, cause: Cause) -> Migration | None:
        """Return the record of a change; None of an installation, whose result alone is kept."""
        return self.begun(plan, cause) if isinstance(plan, Change) else None

    # ---- what the engine of changes writes

    def write(self, transactions: Sequence[Progress[FlowPlan]]) -> None:
        """Keep the states of ``transactions`` and the flows that the committed ones leave.

        StoreError, and nothing of them is kept, if one of them can still be taken back.
        """
        records = {row["id"]: row for row in map(self._row, transactions) if row is not None}
        results = [each for each in transactions if each.state is State.COMMITTED]
        flows = {each.plan.subject: each.plan.new for each in results if each.plan.new is not None}
        gone = [each.plan.subject for each in results if each.plan.new is None]
        if all(each.resumed for each in transactions):
            # Until it is written the flow counts as changing: a restart would begin this again.
            self._until_kept(lambda: self._keep(records, flows, gone))
            return
        try:
            self._keep(records, flows, gone)
        except Exception as error:
            has_all = self._owe(transactions, records)
            if not has_all or not isinstance(error, StoreError):
                raise

    def _row(self, transaction: Progress[FlowPlan]) -> Row | None:
        """Return what the store is to have of a migration; None of what it need not know."""
        record = transaction.record
        if record is None:
            return None
        known = self._open.get(record.id)
        if known is None:
            if transaction.state is State.ROLLED_BACK:
                # What the journal never knew needs no end.
                return None
            known = migration_to_json(record)
        # Its flows, the most of it, stay what they are.
        data = {**known, "state": transaction.state.value, **_found(transaction)}
        return _row_of(record, data, transaction.state in FINAL)

    def _owe(self, transactions: Iterable[Progress[FlowPlan]], records: dict[str, Row]) -> bool:
        """Take note of what has happened all the same; tell whether that is all of it."""
        has_all = True
        for each in transactions:
            committed = each.state is State.COMMITTED and each.record is not None
            if not committed and each.state not in _DECIDED:
                has_all = False
            elif each.record is not None and each.record.id in records:
                self._overdue_records[each.record.id] = records[each.record.id]
                if committed and each.plan.new is not None:
                    self._overdue_flows[each.plan.subject] = each.plan.new
        return has_all

    def _keep(self, records: dict[str, Row], flows: dict[int, Flow], gone: Sequence[int]) -> None:
        with self._turn:
            if records:
                self._keep_records(records, flows, gone)
            elif flows or gone:
                self._store.put_flows(list(map(flow_to_json, flows.values())), gone)
            for number in gone:
                # What is owed must not bring back a flow that was deleted.
                self._overdue_flows.pop(number, None)

    def _keep_records(
        self, records: dict[str, Row], flows: dict[int, Flow], gone: Sequence[int]
    ) -> None:
        overdue, overdue_flows = dict(self._overdue_records), dict(self._overdue_flows)
        records = overdue | records
        kept = list(map(flow_to_json, (overdue_flows | flows).values()))
        new = [row for row in records.values() if row["id"] not in self._open]
        known = [row for row in records.values() if row["id"] in self._open]
        self._store.write_migrations(new, known, kept, gone)
        # Meanwhile more may have become overdue.
        _remove(overdue, self._overdue_records)
        _remove(overdue_flows, self._overdue_flows)
        for row in records.values():
            if row["is_final"]:
                self._open.pop(row["id"], None)
                self._final += 1
            else:
                self._open[row["id"]] = row["data"]
        if self._final >= _TIDY_EVERY:
            self._tidy()

    def _tidy(self) -> None:
        self._final = 0
        try:
            self._store.forget_migrations(self._kept)
        except StoreError as error:
            # What was to be written is: this can wait for as many again.
            LOG.debug("the journal is tidied later: %s", error)

    # ---- what others write

    @property
    def is_overdue(self) -> bool:
        """Whether something is owed to the store."""
        return bool(self._overdue_records)

    def write_overdue(self) -> None:
        """Write what the store has refused; StoreError if it still does."""
        with self._turn:
            self._keep_overdue()

    def _keep_overdue(self) -> None:
        if self._overdue_records:
            self._keep_records({}, {}, ())

    def keep(self, flow: Flow) -> None:
        """Keep a flow whose state alone has changed; StoreError, and nothing has."""
        with self._turn:
            # What is overdue may be an older state of it.
            self._keep_overdue()
            self._store.put_flows([flow_to_json(flow)])

    def give_up(self, record: Migration) -> None:
        """Note that an unfinished migration cannot be taken up: what the store says holds."""
        failed = migration_to_json(replace(record, state=MigrationState.FAILED))
        with self._turn:
            self._keep_records({record.id: _row_of(record, failed, is_final=True)}, {}, ())

    # ---- what is found again

    def unfinished(self) -> tuple[Migration, ...]:
        """Return what was under way when the controller ended; unreadable rows are logged."""
        found = _readable(self._store.migrations(unfinished=True))
        self._open |= {record.id: migration_to_json(record) for record in found}
        return found

    def all(self) -> tuple[Migration, ...]:
        """Return every migration that is remembered, oldest first."""
        return _readable(self._store.migrations())

    def get(self, name: str) -> Migration:
        """Return one migration; NotFound."""
        row = self._store.migration(name)
        if row is None:
            raise NotFound(f"no migration {name}")
        return migration_from_json(row)


def _remove(written: Mapping[K, object], owed: dict[K, V]) -> None:
    """Take out what was written; what has become newer since is owed still."""
    for key, value in written.items():
        if owed.get(key) is value:
            del owed[key]


def _row_of(record: Migration, data: Mapping[str, Any], is_final: bool) -> Row:
    place = int(record.started * 1e6)
    return {"id": record.id, "place": place, "is_final": is_final, "data": data}


def _readable(rows: Sequence[object]) -> tuple[Migration, ...]:
    found = []
    for row in rows:
        try:
            found.append(migration_from_json(row if isinstance(row, dict) else {}))
        except InvalidInput as error:
            LOG.error("the journal has a row that cannot be read: %s", error)
    return tuple(found)
