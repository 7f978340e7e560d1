"""A node's side of migrations, for tests: it goes on a step when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from xen_bridge.dom0.hypervisor.memory_host import MemoryHost
from xen_bridge.errors import RequestConflict, SubjectNotFound
from xen_bridge.protocol.documents.migration import (
    AbortMigration,
    GetMigration,
    GiveUpMigration,
    ListMigrations,
    MigrateDomain,
    MigrationList,
    MigrationRefusal,
    MigrationStatus,
    MigrationStep,
)
from xen_bridge.server.request_handler import RequestHandler, RequestHandlers

STEPS = ("check", "prepare", "move", "finish", "remove")
COMMIT = "finish"
"""From this step on a migration is not taken back."""


class FakeMover:
    """The migrations of one source; ``refusals`` are what stands against any.

    Each step takes a second. The domain is moved in memory when the migration ends.
    """

    def __init__(self, memory: MemoryHost) -> None:
        self.refusals: tuple[MigrationRefusal, ...] = ()
        self.known: dict[str, MigrationStatus] = {}
        self.asked: list[MigrateDomain] = []
        self.loses_domain = False
        """Whether it says that it is done without having moved anything."""
        self._memory = memory

    def handlers(self) -> RequestHandlers:
        """Return the handlers of the node."""
        handlers: Mapping[type[Any], Callable[[Any], Any]] = {
            MigrateDomain: self._migrate,
            GetMigration: lambda body: self._status(body.id),
            ListMigrations: lambda _body: MigrationList(tuple(self.known.values())),
            AbortMigration: self._abort,
            GiveUpMigration: self._give_up,
        }
        return {form: RequestHandler(handler) for form, handler in handlers.items()}

    def advance(self, *, pause_s: float | None = None, lost: int | None = None) -> str:
        """Go on a step with the only migration that is under way; return the name of that."""
        (status,) = (one for one in self.known.values() if one.state == "running")
        place = sum(1 for step in status.steps if step.state == "done")
        now = float(place)
        steps = list(status.steps)
        steps[place] = replace(steps[place], state="done", ended_s=now + 1)
        if place + 1 < len(steps):
            steps[place + 1] = replace(steps[place + 1], state="running", began_s=now + 1)
        status = replace(
            status,
            steps=tuple(steps),
            duration_s=now + 1,
            is_committed=status.is_committed or steps[place].name == COMMIT,
            pause_s=status.pause_s if pause_s is None else pause_s,
            lost=status.lost if lost is None else lost,
        )
        if place + 1 == len(steps):
            status = self._done(status)
        self.known[status.id] = status
        return steps[place].name

    def finish(self, **measured: Any) -> None:
        """Go on to the end."""
        while any(one.state == "running" for one in self.known.values()):
            self.advance(**measured)

    def fail(self, problem: str) -> None:
        """Have what is under way fail where it is, and be taken back."""
        (status,) = (one for one in self.known.values() if one.state == "running")
        undone = {"running": "failed", "done": "undone", "pending": "pending"}
        steps = tuple(
            replace(step, state=undone[step.state])  # type: ignore[arg-type]
            for step in status.steps
        )
        self.known[status.id] = replace(status, state="rolled_back", problem=problem, steps=steps)

    def _done(self, status: MigrationStatus) -> MigrationStatus:
        if not self.loses_domain:
            self._memory.migrate(status.uuid, f"memory:///{status.destination}")
        return replace(status, state="done")

    def _migrate(self, body: MigrateDomain) -> MigrationStatus:
        self.asked.append(body)
        if body.id in self.known:
            return self.known[body.id]
        domain = self._memory.domain(body.domain)
        is_refused = bool(self.refusals)
        state: Any = "refused" if is_refused else "planned" if body.dry_run else "running"
        steps = [MigrationStep(name) for name in STEPS]
        if state == "running":
            steps[0] = replace(steps[0], state="running", began_s=0.0)
        status = MigrationStatus(
            id=body.id,
            domain=domain.name,
            uuid=domain.uuid,
            destination=body.destination,
            mode=body.mode,
            state=state,
            started=None if state != "running" else 1.75e9,
            duration_s=None if state != "running" else 0.0,
            refusals=self.refusals,
            steps=() if is_refused else tuple(steps),
        )
        if state == "running":
            self.known[body.id] = status
        return status

    def _status(self, name: str) -> MigrationStatus:
        if name not in self.known:
            raise SubjectNotFound(f"no migration {name} began here")
        return self.known[name]

    def _abort(self, body: AbortMigration) -> MigrationStatus:
        status = self._status(body.id)
        if status.state != "running" or status.is_committed:
            raise RequestConflict(f"migration {body.id} is not taken back any more")
        self.known[body.id] = replace(status, state="aborting")
        return self.known[body.id]

    def _give_up(self, body: GiveUpMigration) -> MigrationStatus:
        status = self._status(body.id)
        if status.unsettled is None or body.router_is is None:
            raise RequestConflict("say whether it is here or there")
        self.known[body.id] = replace(
            status, state="rolled_back", unsettled=None, problem="it was given up by hand"
        )
        return self.known[body.id]

    def aborted(self) -> None:
        """End the taking back of what is being aborted."""
        (status,) = (one for one in self.known.values() if one.state == "aborting")
        self.known[status.id] = replace(status, state="running")
        self.fail("aborted as asked")
