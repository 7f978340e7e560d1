"""Engine of changes: claims them, carries them out in batches, and takes up unfinished ones."""

from __future__ import annotations

from typing import Any, Generic

from horizon_ryu.changes.plan import P, targets_of
from horizon_ryu.changes.ports import Ports
from horizon_ryu.changes.states import State
from horizon_ryu.changes.transaction import Batch, Transaction

_POLL = 0.1
"""Seconds between two looks whether targets can be reached again."""


class Engine(Generic[P]):
    """Carries changes out; see :class:`Batch`."""

    def __init__(self, ports: Ports[P], drain: float, patience: float) -> None:
        """``drain``: seconds that packets under way need to leave. ``patience``: seconds to wait
        for targets that are away before a change is resumed; then the others are done.
        """
        self._ports = ports
        self._drain = drain
        self._patience = patience

    def batch(self, all_or_none: bool = False) -> Batch[P]:
        """Return a batch to which plans are added; the time counts from now on."""
        return Batch(self._ports, self._drain, all_or_none, self.resume)

    def claim(self, plan: P, record: Any, state: State) -> Transaction[P]:
        """Claim what an earlier run was changing when the journal had ``state``; Conflict.

        :meth:`resume` then brings it to its end.
        """
        self._ports.claims.claim(plan.subject, plan.new, plan.resources)
        return Transaction(plan, record, state=state)

    def resume(self, transaction: Transaction[P]) -> None:
        """Bring a change to its end once its targets are there: back, or forward."""
        self._await(transaction)
        transaction.resume()
        self.batch().carry([transaction])

    def _await(self, transaction: Transaction[P]) -> None:
        until = self._ports.clock() + self._patience
        targets = targets_of(transaction.plan)
        while not targets <= set(self._ports.reachable()) and self._ports.clock() < until:
            self._ports.sleep(_POLL)
