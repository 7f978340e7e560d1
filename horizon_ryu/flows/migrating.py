"""The fourth primitive: migrate flows, one or many at a time (report 3.2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ryu.lib import hub

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.migration import Cause, Migration
from horizon_ryu.core.flows.plan import Plan, plan_install
from horizon_ryu.core.flows.wish import Meant, Wish, resolve
from horizon_ryu.core.topology import TopologyView
from horizon_ryu.flows.changes import Outcome
from horizon_ryu.flows.service import FlowService

_SLICE = 32
"""Migrations planned before other greenlets get their turn."""


class Dry(NamedTuple):
    """What a migration would be: its record, and every message of it."""

    record: Migration
    plan: Plan


class Migrator:
    """Turns wishes into plans, and has them carried out."""

    def __init__(self, service: FlowService, view: Callable[[], TopologyView]) -> None:
        self._service = service
        self._view = view

    def migrate(self, wishes: Sequence[Wish]) -> tuple[Outcome, ...]:
        """Migrate flows together, and return what became of each.

        Unless all can be planned, nothing is touched and the first reason is raised: NotFound,
        InvalidInput, NoRoute, Conflict, SwitchAway.
        """
        started = self._service.changes.now()
        plans: list[Plan] = []
        try:
            for place, wish in enumerate(wishes):
                with _placed(place, len(wishes)):
                    plans.append(self._service.changes.begin(self._plan(wish)))
                if place % _SLICE == _SLICE - 1:
                    hub.sleep(0)
        except BaseException:
            self._service.changes.cancel(plans)
            raise
        outcomes = self._service.changes.run(plans, Cause.REQUEST, started)
        for record, error in outcomes:
            if error is None and record.old is None:
                self._service.announcer.flow("flow_add", record.new)
        return outcomes

    def rehearse(self, wishes: Sequence[Wish]) -> tuple[Dry, ...]:
        """Return what :meth:`migrate` would do, and touch nothing."""
        found = []
        for place, wish in enumerate(wishes):
            with _placed(place, len(wishes)):
                plan = self._plan(wish)
                self._service.check_claim(plan)
                found.append(Dry(_planned(plan), plan))
        return tuple(found)

    def migrations(self) -> tuple[Migration, ...]:
        """Return every migration that is remembered, oldest first."""
        return self._service.journal.all()

    def migration(self, name: str) -> Migration:
        """Return one migration; NotFound."""
        return self._service.journal.get(name)

    def _plan(self, wish: Wish) -> Plan:
        meant: Meant = resolve(wish, self._service.book, self._view())
        if meant.old is None:
            return plan_install(self._service.draft(meant.spec))
        return self._service.draft_change(meant.old, meant.spec)


def _planned(plan: Plan) -> Migration:
    if plan.new is None:
        raise TypeError("a removal is no migration")
    return Migration(id=secrets.token_hex(6), old=plan.old, new=plan.new)


@contextmanager
def _placed(place: int, count: int) -> Iterator[None]:
    """Name the place of a wish among several in the errors that refuse it."""
    try:
        yield
    except InvalidInput as error:
        if count == 1:
            raise
        raise InvalidInput((place, *error.loc), error.msg) from error
