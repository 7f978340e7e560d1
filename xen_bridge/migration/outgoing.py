"""Outgoing migration: what the source does next, one command at a time, whatever happens.

Pure; ``now`` is in seconds since the migration began, and does not go back. A record is kept before
the command that comes with it is carried out. Commands may be carried out twice: what a kill left
half done is done again, or undone, whether or not it had begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from xen_bridge.migration.commands import (
    Command,
    DoStep,
    Event,
    Locate,
    Located,
    StepDone,
    StepFailed,
    UndoStep,
    Wait,
)
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import CreateDomain, VcpuPins
from xen_bridge.protocol.documents.migration import (
    ENDED,
    MAX_STEPS,
    MAX_TEXT,
    GivenUp,
    MigrateDomain,
    MigrationStatus,
    MigrationStep,
    Mode,
    RouterMigrationState,
    StepState,
    Whereabouts,
)
from xen_bridge.protocol.documents.migration_advise import MAX_FACTS, SiteFact

MOVE, FORGET, FINISH = "move", "forget", "finish"
"""The step that moves the domain, until which all is taken back, and from which nothing is; that
which removes what there is of it here; and that which ends it at the destination."""
GIVEN_UP = "it was given up by hand"
LEFT_THERE = "given up by hand, the router is at the destination"
STEPS: Mapping[Mode, tuple[str, ...]] = {
    "standard": ("prepare", MOVE, FINISH, FORGET),
    "plane-separation": (
        *("prepare", "data_plane", MOVE, "bind", "announce", "drain", FORGET, FINISH),
    ),
}
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds before a step is tried again, twice as many each time."""
MAX_UNDO_ATTEMPTS = 20
"""For what is to be taken back here. What is left at the destination ends with its lease."""
MAX_ATTEMPTS = 720
"""For a step behind the turn: an hour."""
SURE_ATTEMPTS = 7
"""From which on it is believed that a router has ended at the destination, after some six seconds:
one that restarts is gone for a moment."""
ELSEWHERE = frozenset({"prepare"})
"""Steps that are taken back at the destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMigration:
    """A migration as its source keeps it."""

    order: MigrateDomain = document_field()
    definition: CreateDomain = document_field()
    affinity: tuple[VcpuPins, ...] = document_field((), at_most=4096)
    status: MigrationStatus = document_field()
    site: tuple[SiteFact, ...] = document_field((), tag="Fact", at_most=MAX_FACTS)
    lost_here: int | None = document_field(None, least=0)
    """Data packets that were dropped at the source; None: not known."""
    attempts: int = document_field(0, least=0)
    """Of the step that is being done, or taken back."""
    given_up: GivenUp | None = document_field(None)
    """From then on nothing is tried again."""
    stuck: tuple[str, ...] = document_field((), at_most=MAX_STEPS)
    """Steps that were not taken back, and are passed over."""
    ended_there: bool = document_field(False)
    """The router came to the destination, and has ended there: what is left of it is removed."""

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to do."""
        return self.status.state in ENDED

    @property
    def facts(self) -> dict[str, str]:
        """What the destination told of itself."""
        return {fact.name: fact.value for fact in self.site}


Decision: TypeAlias = tuple[OutgoingMigration, Command | None]
"""A record to be kept, and then what to do; None: it has ended."""


def begun(migration: OutgoingMigration) -> Decision:
    """Return a new migration's first step."""
    steps = tuple(MigrationStep(name) for name in STEPS[migration.order.mode])
    status = replace(migration.status, state="running", steps=steps)
    return _do(replace(migration, status=status), 0, 0.0)


def resumed(migration: OutgoingMigration, now: float) -> Decision:
    """Return how a migration goes on that this program began before it was started anew."""
    if migration.has_ended:
        return migration, None
    if migration.status.state == "aborting":
        return _undo_next(migration, now)
    step = _running(migration)
    if migration.given_up is not None and migration.status.is_committed:
        return _leave(migration, now)
    if step is None or migration.status.is_committed:
        return _go_on(migration, now)
    if step.name == MOVE:
        return migration, Locate()
    return aborted(migration, "xen-bridge was started anew at the source", now)


def aborted(migration: OutgoingMigration, reason: str, now: float) -> Decision:
    """Return how a migration is taken back that is not committed, and whose step has ended."""
    running = _running(migration)
    steps = tuple(
        replace(one, state="failed", ended_s=now, detail=reason[:MAX_TEXT])
        if one is running
        else one
        for one in migration.status.steps
    )
    status = replace(
        migration.status,
        state="aborting",
        steps=steps,
        problem=reason[:MAX_TEXT],
        unsettled=None,
        duration_s=now,
    )
    return _undo_next(replace(migration, status=status, attempts=0), now)


def advanced(migration: OutgoingMigration, command: Command, event: Event, now: float) -> Decision:
    """Return what follows when ``command`` has ended with ``event``."""
    migration = replace(migration, status=replace(migration.status, duration_s=now))
    if isinstance(command, Wait):
        return _again(migration, now)
    if isinstance(command, Locate):
        return _located(migration, event, now)
    if isinstance(command, UndoStep):
        return _undone(migration, command.step, event, now)
    return _done(migration, command.step, event, now)


# ---- by hand


def given_up(migration: OutgoingMigration, where: Whereabouts | None, now: float) -> Decision:
    """Return how a migration ends, whoever is away: by what can be done here, tried once each.

    Also one that has failed, which may have left something here. ``where`` is the router's place
    for who has to be told.
    """
    status = replace(migration.status, unsettled=None, duration_s=now)
    migration = replace(migration, status=status, given_up=where or "unsaid", attempts=0, stuck=())
    if status.is_committed:
        return _leave(migration, now)
    step = _running(migration)
    if status.state == "aborting" or step is None:
        return _undo_next(replace(migration, status=replace(status, state="aborting")), now)
    if step.name == MOVE:
        return replace(migration, status=replace(status, state="running")), Locate()
    return aborted(migration, GIVEN_UP, now)


def _leave(migration: OutgoingMigration, now: float) -> Decision:
    """Forget here a router that is at the destination."""
    status = migration.status
    steps = tuple(
        replace(one, state="failed", ended_s=now) if one.state == "running" else one
        for one in status.steps
    )
    problem = status.problem or ""
    if not problem.startswith(LEFT_THERE):
        problem = f"{LEFT_THERE}: {problem}" if problem else LEFT_THERE
    left = replace(status, state="running", steps=steps, problem=problem[:MAX_TEXT])
    names = [one.name for one in steps]
    return _do(replace(migration, status=left), names.index(FORGET), now)


def _forgotten(migration: OutgoingMigration, event: Event, now: float) -> Decision:
    """End a migration that was given up, when what there is of it here was to be removed."""
    status = migration.status
    reason = "" if isinstance(event, StepDone) else f"; and {FORGET} failed: {_told(event)}"
    ended: StepState = "failed" if reason else "done"
    steps = _with_end(status.steps, FORGET, ended, now)
    problem = f"{status.problem or ''}{reason}"[:MAX_TEXT]
    status = replace(status, state="failed", steps=steps, problem=problem, duration_s=now)
    return replace(migration, status=status), None


# ---- forward


def _do(migration: OutgoingMigration, index: int, now: float) -> Decision:
    steps = list(migration.status.steps)
    steps[index] = replace(steps[index], state="running", began_s=now, ended_s=None, detail=None)
    status = replace(migration.status, steps=tuple(steps), unsettled=None)
    made = replace(migration, status=status, attempts=0)
    return made, DoStep(steps[index].name)


def _done(migration: OutgoingMigration, step: str, event: Event, now: float) -> Decision:
    if migration.given_up is not None and step == FORGET:
        return _forgotten(migration, event, now)
    if isinstance(event, StepDone):
        return _go_on(_with_success(migration, step, event, now), now)
    reason = _told(event)
    if step == MOVE and not migration.status.is_committed:
        # Whoever moves it may have come to the end of it all the same.
        status = replace(migration.status, problem=reason[:MAX_TEXT])
        return replace(migration, status=status), Locate()
    if not migration.status.is_committed:
        return aborted(migration, reason, now)
    if isinstance(event, StepFailed) and event.has_ended and _is_sure(migration):
        return _ended_there(migration, step, reason, now)
    return _later(migration, step, reason, MAX_ATTEMPTS, now)


def _is_sure(migration: OutgoingMigration) -> bool:
    return migration.ended_there or migration.attempts + 1 >= SURE_ATTEMPTS


def _ended_there(migration: OutgoingMigration, step: str, reason: str, now: float) -> Decision:
    """Have removed what there is of a router that is nowhere any more."""
    # A destination that is told to end it has done so before it says that.
    state: StepState = "done" if step == FINISH else "failed"
    steps = tuple(
        replace(one, state=state, ended_s=now, detail=reason[:MAX_TEXT])
        if one.name == step
        else one
        for one in migration.status.steps
    )
    status = replace(migration.status, steps=steps, unsettled=None)
    return _go_on(replace(migration, status=status, ended_there=True), now)


def _with_success(
    migration: OutgoingMigration, step: str, event: StepDone, now: float
) -> OutgoingMigration:
    steps = tuple(
        replace(one, state="done", ended_s=now, detail=event.detail) if one.name == step else one
        for one in migration.status.steps
    )
    status = replace(migration.status, steps=steps, problem=None)
    if event.pause_s is not None:
        status = replace(status, pause_s=event.pause_s)
    if step == MOVE:
        status = replace(status, is_committed=True)
    here = migration.lost_here if event.lost_here is None else event.lost_here
    if here is not None and event.lost_there is not None:
        status = replace(status, lost=here + event.lost_there)
    site = migration.site if event.site is None else event.site
    return replace(migration, status=status, site=site, lost_here=here)


def _go_on(migration: OutgoingMigration, now: float) -> Decision:
    """Do the first step that is not done, of those that there still is reason for."""
    for index, step in enumerate(migration.status.steps):
        if step.state != "done" and (not migration.ended_there or step.name in (FORGET, FINISH)):
            return _do(migration, index, now)
    status = replace(migration.status, state="done", duration_s=now)
    if migration.ended_there:
        problem = f"{status.domain} came to {status.destination}, and has ended there"
        status = replace(status, state="failed", problem=problem[:MAX_TEXT])
    return replace(migration, status=status, attempts=0), None


def _located(migration: OutgoingMigration, event: Event, now: float) -> Decision:
    if not isinstance(event, Located):
        why = f"where the domain is cannot be told: {_told(event)}"
        return _later(migration, MOVE, why, MAX_ATTEMPTS, now)
    if event.is_there:
        made = _with_success(migration, MOVE, StepDone(), now)
        return _go_on(made, now) if made.given_up is None else _leave(made, now)
    reason = migration.status.problem or "the move was interrupted"
    return aborted(migration, reason, now)


def _told(event: Event) -> str:
    return event.reason if isinstance(event, StepFailed) else "nobody knows what became of it"


def _later(migration: OutgoingMigration, what: str, reason: str, most: int, now: float) -> Decision:
    """Try the command again after a while; fail after so many attempts, or when given up."""
    attempts = migration.attempts + 1
    status = replace(migration.status, problem=reason[:MAX_TEXT], unsettled=None)
    if attempts >= most or migration.given_up is not None:
        failed = replace(status, state="failed", duration_s=now)
        return replace(migration, status=failed, attempts=attempts), None
    seconds = min(FIRST_WAIT * 2.0 ** min(attempts - 1, 10), LONGEST_WAIT)
    often = f"{attempts} time{'s' if attempts > 1 else ''} in vain"
    status = replace(status, unsettled=f"{what}, {often}: {reason}"[:MAX_TEXT])
    return replace(migration, status=status, attempts=attempts), Wait(seconds)


def _again(migration: OutgoingMigration, now: float) -> Decision:
    if migration.status.state == "aborting":
        return _undo_next(migration, now)
    step = _running(migration)
    if step is None:
        return _go_on(migration, now)
    if step.name == MOVE and not migration.status.is_committed:
        return migration, Locate()
    return migration, DoStep(step.name)


# ---- back


def _undo_next(migration: OutgoingMigration, now: float) -> Decision:
    """Take back the last step that was begun and is not taken back yet."""
    for step in reversed(migration.status.steps):
        if step.state in ("running", "done", "failed") and step.name not in migration.stuck:
            return migration, UndoStep(step.name)
    state: RouterMigrationState = "failed" if migration.stuck else "rolled_back"
    status = replace(migration.status, state=state, duration_s=now)
    return replace(migration, status=status, attempts=0), None


def _undone(migration: OutgoingMigration, step: str, event: Event, now: float) -> Decision:
    if not isinstance(event, StepDone):
        if step not in ELSEWHERE and migration.given_up is not None:
            return _passed_over(migration, step, _told(event), now)
        if step not in ELSEWHERE:
            return _later_back(migration, step, _told(event), now)
        # The router need not wait for it: a destination ends by itself what nobody asks for.
    steps = _with_end(migration.status.steps, step, "undone", now)
    status = replace(migration.status, steps=steps, unsettled=None)
    if isinstance(event, StepDone) and event.lost_here is not None:
        status = replace(status, lost=event.lost_here)
    return _undo_next(replace(migration, status=status, attempts=0), now)


def _later_back(migration: OutgoingMigration, step: str, reason: str, now: float) -> Decision:
    known = migration.status.problem
    made, command = _later(migration, f"{step} is not taken back", reason, MAX_UNDO_ATTEMPTS, now)
    # What it is taken back for is told, until it is known that it cannot be.
    told = known if command is not None else _not_taken_back(migration, step, reason)
    return replace(made, status=replace(made.status, problem=told)), command


def _passed_over(migration: OutgoingMigration, step: str, reason: str, now: float) -> Decision:
    """Leave a step that cannot be taken back as it is, and take back those before it."""
    steps = _with_end(migration.status.steps, step, "failed", now)
    problem = _not_taken_back(migration, step, reason)
    status = replace(migration.status, steps=steps, problem=problem)
    return _undo_next(replace(migration, status=status, stuck=(*migration.stuck, step)), now)


def _not_taken_back(migration: OutgoingMigration, step: str, reason: str) -> str:
    return f"{_reason(migration)}; and {step} is not taken back: {reason}"[:MAX_TEXT]


def _with_end(
    steps: tuple[MigrationStep, ...], name: str, state: StepState, now: float
) -> tuple[MigrationStep, ...]:
    """Return steps of which one has ended."""
    return tuple(
        replace(one, state=state, ended_s=now) if one.name == name else one for one in steps
    )


def _reason(migration: OutgoingMigration) -> str:
    return migration.status.problem or "it was to be aborted"


def _running(migration: OutgoingMigration) -> MigrationStep | None:
    """Return the step that was begun and has not ended."""
    return next((one for one in migration.status.steps if one.state == "running"), None)
