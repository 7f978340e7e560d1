"""Commands of an outgoing migration: what its source is to do next, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from xen_bridge.protocol.documents.migration_advise import SiteFact


@dataclass(frozen=True, slots=True)
class DoStep:
    """Carry out a step."""

    step: str


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Take back a step, which may have been done, half done, or not."""

    step: str


@dataclass(frozen=True, slots=True)
class Locate:
    """Find out where the domain is, and make that whole: what was half moved is here or there."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds."""

    seconds: float


Command: TypeAlias = DoStep | UndoStep | Locate | Wait
"""What is to be done next."""


@dataclass(frozen=True, slots=True)
class StepDone:
    """The command was carried out; what there is to be known of it."""

    site: tuple[SiteFact, ...] | None = None
    pause_s: float | None = None
    detail: str | None = None
    lost_here: int | None = None
    lost_there: int | None = None


@dataclass(frozen=True, slots=True)
class StepFailed:
    """The command failed, or nobody knows what became of it.

    ``has_ended``: the destination says that the router has come, and has ended there.
    """

    reason: str
    has_ended: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """Where the domain is."""

    is_there: bool


Event: TypeAlias = StepDone | StepFailed | Located
"""What became of a command."""
