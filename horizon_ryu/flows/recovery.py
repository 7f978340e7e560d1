"""Recovery of what was under way when the controller ended: taken back, or carried through."""

from __future__ import annotations

import logging

from horizon_ryu.changes.engine import Engine, Transaction
from horizon_ryu.changes.states import State
from horizon_ryu.core.errors import HorizonError, StoreError
from horizon_ryu.core.flows.migration import Migration
from horizon_ryu.core.flows.plan import FlowPlan, plan_change, plan_install
from horizon_ryu.flows.journal import FlowJournal

LOG = logging.getLogger("horizon.flows")


class Recovery:
    """Claims unfinished migrations at the start, and ends each when its switches are there."""

    def __init__(self, engine: Engine[FlowPlan], journal: FlowJournal) -> None:
        self._engine = engine
        self._journal = journal

    def claim(self) -> tuple[Transaction[FlowPlan], ...]:
        """Return what was unfinished; the flows concerned count as changing from now on."""
        claimed = (self._claim(record) for record in self._journal.unfinished())
        return tuple(transaction for transaction in claimed if transaction is not None)

    def _claim(self, record: Migration) -> Transaction[FlowPlan] | None:
        plan = _plan_of(record)
        try:
            if plan is not None:
                return self._engine.claim(plan, record, State(record.state.value))
        except HorizonError as error:
            LOG.warning("migration %s cannot be finished: %s", record.id, error)
        # The reconciler brings the switches to what the store says.
        try:
            self._journal.give_up(record)
        except StoreError as error:
            # The next start finds it once more.
            LOG.warning("migration %s stays unfinished: %s", record.id, error)
        return None

    def finish(self, transaction: Transaction[FlowPlan]) -> None:
        """End one migration, once its switches are there."""
        self._engine.resume(transaction)


def _plan_of(record: Migration) -> FlowPlan | None:
    """Return the plan that was being carried out: the same flows give the same plan."""
    if record.old is None:
        return plan_install(record.new)
    return plan_change(record.old, record.new)
