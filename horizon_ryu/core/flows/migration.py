"""The record of one change of a flow: what it was, what it becomes, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from horizon_ryu.core.flows.flow import Flow


class MigrationState(StrEnum):
    """How far a change has come; each state is on disk before the messages that follow it.

    ``planned`` is never on disk: nothing has been sent, and nothing is lost with it.

    Until ``committing`` a controller that starts again takes the change back; from then on it
    carries it through, since every switch but the ingress is known to have the new path.
    """

    PLANNED = "planned"
    INSTALLING = "installing"
    COMMITTING = "committing"
    COMMITTED = "committed"
    DRAINING = "draining"
    DONE = "done"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class Cause(StrEnum):
    """Why a flow changes: it was asked to migrate, a link failed, or it was set otherwise."""

    REQUEST = "request"
    FAILURE = "failure"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Migration:
    """One change of one flow.

    ``old`` is None where no flow of ours was there: the traffic went by entries of others.
    ``started`` is in seconds since 1970, for people; ``duration_ms`` is the time from the request
    until the switches confirmed that the traffic has turned. ``waves`` counts those sent by then.
    ``error`` says what went wrong, ``switch`` at which switch.
    """

    id: str
    old: Flow | None
    new: Flow
    state: MigrationState = MigrationState.PLANNED
    cause: Cause = Cause.REQUEST
    started: float = 0.0
    duration_ms: float | None = None
    waves: int = 0
    error: str | None = None
    switch: int | None = None
