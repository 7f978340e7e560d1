"""Migrations: the fourth primitive, of one flow or of many at a time (report 3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from horizon_ryu.changes.engine import Engine
from horizon_ryu.core.errors import HorizonError, InvalidInput
from horizon_ryu.core.flows.migrate_command import MigrateFlow
from horizon_ryu.core.flows.migration import Cause, Migration
from horizon_ryu.core.flows.plan import FlowPlan, Move
from horizon_ryu.core.flows.planner import FlowPlanner
from horizon_ryu.flows.journal import FlowJournal, record_of


class MigrationOutcome(NamedTuple):
    """What became of a migration; ``error`` says why it was taken back."""

    record: Migration
    error: HorizonError | None


class DryRun(NamedTuple):
    """What a migration would be: its record, and every message of it."""

    record: Migration
    plan: Move


class FlowMigrations:
    """Turns commands into plans, and has them carried out."""

    def __init__(
        self,
        planner: FlowPlanner,
        engine: Engine[FlowPlan],
        journal: FlowJournal,
    ) -> None:
        self._planner = planner
        self._engine = engine
        self._journal = journal

    def migrate(self, commands: Sequence[MigrateFlow]) -> tuple[MigrationOutcome, ...]:
        """Migrate flows together, and return what became of each, other directions after theirs.

        Unless all can be planned, nothing is touched and the first reason is raised: NotFound,
        InvalidInput, NoRoute, Conflict, SwitchAway.
        """
        with self._engine.batch() as batch:
            for plan in self._plans(commands):
                batch.add(plan, self._journal.begun(plan, Cause.REQUEST))
            ended = batch.run()
        return tuple(MigrationOutcome(record_of(each), each.error) for each in ended)

    def dry_run(self, commands: Sequence[MigrateFlow]) -> tuple[DryRun, ...]:
        """Return what :meth:`migrate` would do, and touch nothing."""
        found = []
        for plan in self._plans(commands):
            with self._engine.batch() as batch:
                # What could not be claimed is a Conflict.
                batch.add(plan)
            planned = replace(self._journal.begun(plan, Cause.REQUEST), started=0.0)
            found.append(DryRun(planned, plan))
        return tuple(found)

    def migrations(self) -> tuple[Migration, ...]:
        """Return every migration that is remembered, oldest first."""
        return self._journal.all()

    def migration(self, name: str) -> Migration:
        """Return one migration; NotFound."""
        return self._journal.get(name)

    def _plans(self, commands: Sequence[MigrateFlow]) -> Iterator[Move]:
        """Yield the plans of commands; an error names the place among several."""
        for place, command in enumerate(commands):
            try:
                yield from self._planner.migrations(command)
            except InvalidInput as error:
                if len(commands) == 1:
                    raise
                raise InvalidInput((place, *error.loc), error.msg) from error
