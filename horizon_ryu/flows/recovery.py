"""Recovery of what was under way when the controller ended: taken back, or carried through."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace

from ryu.lib import hub

from horizon_ryu.core.errors import HorizonError, StoreError
from horizon_ryu.core.flows.book import FlowBook
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.migration import Migration, MigrationState
from horizon_ryu.core.flows.plan import Plan, keys_in, plan_change, plan_install
from horizon_ryu.flows.announce import Announcer
from horizon_ryu.flows.changes import Change
from horizon_ryu.flows.executor import Executor, Job
from horizon_ryu.flows.journal import Journal
from horizon_ryu.supervision import Supervisor

LOG = logging.getLogger("horizon.flows")

_POLL = 0.1


class Recovery:
    """Claims unfinished migrations at the start, and ends each when its switches are there."""

    def __init__(
        self,
        book: FlowBook,
        journal: Journal,
        executor: Executor,
        announcer: Announcer,
        connected: Callable[[], Collection[int]],
        clock: Callable[[], float],
        patience: float,
        supervisor: Supervisor,
    ) -> None:
        """``patience``: seconds to wait for switches that are away; then the others are done."""
        self._book = book
        self._journal = journal
        self._executor = executor
        self._announcer = announcer
        self._connected = connected
        self._clock = clock
        self._patience = patience
        self._supervisor = supervisor

    def claim(self) -> tuple[Migration, ...]:
        """Return what was unfinished; the flows concerned count as changing from now on."""
        claimed = []
        for record in self._journal.unfinished():
            plan = _plan_of(record)
            try:
                if plan is not None:
                    self._book.begin(record.new.number, record.new, keys_in(plan))
                    claimed.append(record)
                    continue
            except HorizonError as error:
                LOG.warning("migration %s cannot be finished: %s", record.id, error)
            # The reconciler brings the switches to what the store says.
            try:
                self._journal.write([replace(record, state=MigrationState.FAILED)])
            except StoreError as error:
                # The next start finds it once more.
                LOG.warning("migration %s stays unfinished: %s", record.id, error)
        return tuple(claimed)

    def finish(self, record: Migration) -> None:
        """End one migration, once its switches are there."""
        plan = _plan_of(record)
        if plan is None:
            return
        forward = record.state.goes_forward
        result = record.new if forward else record.old
        try:
            self._await(plan)
            self._carry_out(Job(plan), forward)
        except Exception:
            # The reconciler brings the switches to what the book says.
            self._end(record, MigrationState.FAILED, result)
            raise
        self._end(record, MigrationState.DONE if forward else MigrationState.ROLLED_BACK, result)

    def _carry_out(self, job: Job, forward: bool) -> None:
        if forward:
            self._executor.push_on([job])
            self._executor.finish([job], lambda _jobs: None)
        else:
            job.begun = len(job.early)
            self._executor.take_back([job])

    def look_after(self, change: Change) -> None:
        """Take back what could not be taken back at once, when its switches are there again."""
        record = replace(change.record, state=MigrationState.INSTALLING)
        hub.spawn(self._supervisor.once, self.finish, record)

    def _await(self, plan: Plan) -> None:
        until = self._clock() + self._patience
        while not plan.switches <= set(self._connected()) and self._clock() < until:
            hub.sleep(_POLL)

    def _end(self, record: Migration, state: MigrationState, result: Flow | None) -> None:
        ended = replace(record, state=state)
        # Until it is written the flow counts as changing: a restart would begin this again.
        self._supervisor.until_kept(
            lambda: self._journal.write([ended], [result] if result is not None else [])
        )
        self._book.end(record.new.number, result)
        self._announcer.migration(ended)
        LOG.info("migration %s of an earlier run: %s", record.id, state.value)


def _plan_of(record: Migration) -> Plan | None:
    """Return the plan that was being carried out: the same flows give the same plan."""
    if record.old is None:
        return plan_install(record.new)
    return plan_change(record.old, record.new)
