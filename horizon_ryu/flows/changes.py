"""Changes of flows that lie on switches: journalled, turned without loss, cleaned up.

Used for migrations, for what PATCH sets, and for moving around failures: all change a path or
its entries the same way.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from horizon_ryu.core.errors import StoreError, SwitchError
from horizon_ryu.core.flows.book import FlowBook
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.migration import Cause, Migration, MigrationState
from horizon_ryu.core.flows.plan import Plan, keys_in
from horizon_ryu.flows.announce import Announcer
from horizon_ryu.flows.executor import Executor, Job
from horizon_ryu.flows.journal import Journal

LOG = logging.getLogger("horizon.flows")


class Clocks(NamedTuple):
    """``monotonic`` measures, in seconds; ``wall`` dates, in seconds since 1970."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


@dataclass(slots=True, eq=False)
class Change:
    """A job and its record, as it goes on."""

    job: Job
    record: Migration

    def advance(self, state: MigrationState) -> Migration:
        """Note a new state and return the record."""
        self.record = replace(self.record, state=state)
        return self.record


class Outcome(NamedTuple):
    """What became of a change; ``error`` says why it was taken back."""

    record: Migration
    error: SwitchError | None


def raise_failure(outcomes: Sequence[Outcome]) -> None:
    """Raise the error of the first change that failed."""
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error


class Changes:
    """Carries changes out. While it does, the book has their flows as changing."""

    def __init__(
        self,
        book: FlowBook,
        journal: Journal,
        executor: Executor,
        announcer: Announcer,
        clocks: Clocks,
    ) -> None:
        self._book = book
        self._journal = journal
        self._executor = executor
        self._announcer = announcer
        self._clocks = clocks
        self._overdue: list[tuple[Migration, Flow | None]] = []
        """Ends that could not be written, and the flows they left: a restart must not take them
        for unfinished."""
        self.unclean: Callable[[Change], None] = self.settle
        """What to do with a change that could not be taken back for sure."""

    def run(
        self, plans: Sequence[Plan], cause: Cause, started: float | None = None
    ) -> tuple[Outcome, ...]:
        """Carry ``plans``, whose flows :meth:`begin` has claimed, out together.

        ``started`` is when the request came (monotonic seconds; None: now). Returns what became
        of each: ``done``, or ``rolled_back`` or ``failed`` with its error.
        """
        if started is None:
            started = self._clocks.monotonic()
        changes = [Change(Job(plan), self._record(plan, cause)) for plan in plans]
        by_job = {id(change.job): change for change in changes}
        self._turn(changes, by_job)
        self._conclude(changes, 1000 * (self._clocks.monotonic() - started), by_job)
        for change in changes:
            self._announcer.migration(change.record)
        return tuple(Outcome(change.record, change.job.error) for change in changes)

    def _turn(self, changes: Sequence[Change], by_job: dict[int, Change]) -> None:
        """Turn the traffic; if the journal cannot be written, take back what was sent."""
        try:
            self._write(changes, MigrationState.INSTALLING)
            self._executor.turn(
                [change.job for change in changes],
                lambda jobs: self._write(_of(by_job, jobs), MigrationState.COMMITTING),
            )
        except Exception:
            try:
                self._executor.take_back([change.job for change in changes])
            finally:
                for change in changes:
                    # What the journal never knew needs no end.
                    if self._journal.knows(change.record.id):
                        self._owe(change.advance(MigrationState.ROLLED_BACK))
                    self.settle(change)
            raise

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return self._clocks.monotonic()

    def begin(self, plan: Plan) -> Plan:
        """Claim the flow and the entries of ``plan``; Conflict if another has them."""
        flow = plan.new or plan.old
        if flow is not None:
            self._book.begin(flow.number, plan.new, keys_in(plan))
        return plan

    def cancel(self, plans: Sequence[Plan]) -> None:
        """Give claims back: nothing was sent."""
        for plan in plans:
            flow = plan.new or plan.old
            if flow is not None:
                self._book.end(flow.number, plan.old)

    def settle(self, change: Change) -> None:
        """Take the old flow for what should be there: the reconciler does the rest."""
        old, new = change.job.plan.old, change.record.new
        self._book.end(new.number, old)

    def _conclude(
        self, changes: Sequence[Change], elapsed_ms: float, by_job: dict[int, Change]
    ) -> None:
        turned = [change for change in changes if change.job.error is None]
        for change in turned:
            change.record = replace(
                change.record, duration_ms=elapsed_ms, waves=len(change.job.early)
            )
        try:
            self._clean_up(turned, by_job)
        except Exception:
            for change in turned:
                self._owe(change.advance(MigrationState.DONE), change.record.new)
            raise
        finally:
            # Whatever the journal can do: the traffic has turned.
            for change in turned:
                self._book.end(change.record.new.number, change.record.new)
            for change in changes:
                if change.job.error is not None:
                    self._give_up(change)

    def _clean_up(self, turned: Sequence[Change], by_job: dict[int, Change]) -> None:
        self._write_or_owe(turned, MigrationState.COMMITTED)
        self._executor.finish(
            [change.job for change in turned],
            lambda jobs: self._write_or_owe(_of(by_job, jobs), MigrationState.DRAINING),
        )
        self._write_or_owe(turned, MigrationState.DONE)

    def _give_up(self, change: Change) -> None:
        """Record why a change was taken back; what is not surely undone is looked after later."""
        error = change.job.error
        if error is not None:
            change.record = replace(change.record, error=error.msg, switch=error.dpid)
            LOG.warning("migration %s was taken back: %s", change.record.id, error)
        if change.job.is_clean:
            self.settle(change)
            self._write_or_owe([change], MigrationState.ROLLED_BACK)
        else:
            # The journal goes on saying "installing": a restart would take it back as well.
            change.record = replace(change.record, state=MigrationState.FAILED)
            self.unclean(change)

    def write_overdue(self) -> None:
        """Write what the store has refused; StoreError if it still does."""
        if self._overdue:
            self._write((), MigrationState.DONE)

    def forget(self, numbers: Collection[int]) -> None:
        """Let flows go that have been deleted: what is overdue must not bring them back."""
        self._overdue = [
            (record, None if flow is not None and flow.number in numbers else flow)
            for record, flow in self._overdue
        ]

    def _owe(self, record: Migration, flow: Flow | None = None) -> None:
        self._overdue.append((record, flow))

    def _write_or_owe(self, changes: Sequence[Change], state: MigrationState) -> None:
        """Write what is so already, now or when the store works again.

        The journal then says "committing" meanwhile: after a restart that is carried through.
        """
        committed = state is MigrationState.COMMITTED
        flows = [change.record.new for change in changes] if committed else []
        try:
            self._write(changes, state, flows)
        except StoreError:
            for change in changes:
                self._owe(change.record, change.record.new if committed else None)

    def _write(
        self, changes: Sequence[Change], state: MigrationState, flows: Sequence[Flow] = ()
    ) -> None:
        records = [change.advance(state) for change in changes]
        overdue = {record.id: record for record, _ in self._overdue}
        left = {flow.number: flow for _, flow in self._overdue if flow is not None}
        left |= {flow.number: flow for flow in flows}
        overdue |= {record.id: record for record in records}
        self._journal.write(tuple(overdue.values()), tuple(left.values()))
        self._overdue.clear()

    def _record(self, plan: Plan, cause: Cause) -> Migration:
        if plan.new is None:
            raise TypeError("a removal is no migration")
        return Migration(
            id=secrets.token_hex(6),
            old=plan.old,
            new=plan.new,
            cause=cause,
            started=self._clocks.wall(),
        )


def _of(by_job: dict[int, Change], jobs: Sequence[Job]) -> list[Change]:
    return [by_job[id(job)] for job in jobs]
