"""Ports of the engine: who confirms steps, keeps the journal, holds claims, and lets time pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from horizon_ryu.changes.plan import P, Plan
from horizon_ryu.changes.states import State
from horizon_ryu.core.errors import HorizonError

P_co = TypeVar("P_co", bound=Plan, covariant=True)
P_contra = TypeVar("P_contra", bound=Plan, contravariant=True)


class Progress(Protocol[P_co]):
    """One change as others see it: what is changed, and how far it has come."""

    @property
    def plan(self) -> P_co:
        """How it is changed."""

    @property
    def record(self) -> Any:
        """What its journal entry is made of; None: only its result is kept."""

    @property
    def state(self) -> State:
        """Where it stands."""

    @property
    def resumed(self) -> bool:
        """Whether it was begun by an earlier run, or failed before."""

    @property
    def error(self) -> HorizonError | None:
        """Why it was taken back."""

    @property
    def requested_at(self) -> float:
        """When it was asked for, in monotonic seconds."""

    @property
    def committed_at(self) -> float | None:
        """When all confirmed that the traffic has turned; None while they have not."""

    @property
    def unconfirmed(self) -> int:
        """How many steps after the commit, or of the way back, somebody has to repair."""


class Failure(NamedTuple):
    """Why a step was not confirmed: the one at ``place``, or (None) any of those to ``target``."""

    error: HorizonError
    target: Hashable
    place: int | None = None


class Applier(Protocol):
    """Who carries steps to their targets."""

    def confirm(self, steps: Sequence[Any]) -> Sequence[Failure]:
        """Send ``steps`` and return what went wrong, once all targets answered or had time to."""


class Journal(Protocol[P_contra]):
    """What a later run finds."""

    def write(self, transactions: Sequence[Progress[P_contra]]) -> None:
        """Keep the state of ``transactions``, and the result of those that are COMMITTED.

        All together or, raising, none. Of those without a record only the result is kept.
        """


class NothingKept:
    """The journal of changes that a later run finds out about by itself."""

    def write(self, transactions: Sequence[Progress[Any]]) -> None:
        """Keep nothing."""


class Claims(Protocol):
    """Who may change what: one change of one thing at a time."""

    def claim(self, subject: Any, target: Any, resources: Collection[Any]) -> None:
        """Note that ``subject`` is becoming ``target`` (None: it goes); Conflict."""

    def release(self, subject: Any, result: Any) -> None:
        """Note that the change is over, and what is there now (None: nothing)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnginePorts(Generic[P]):
    """What the engine stands on.

    ``check`` tells, right before a commit, why it must not be. ``on_uncertain`` is told of each
    target that may hold something else than it should, ``on_end`` of each change that is over;
    neither waits. ``reachable`` tells which targets answer now. ``clock`` is monotonic, in
    seconds; ``spawn`` runs a function beside all others.
    """

    applier: Applier
    journal: Journal[P]
    claims: Claims
    check: Callable[[P], HorizonError | None]
    on_uncertain: Callable[[Any], None]
    on_end: Callable[[Progress[P]], None]
    reachable: Callable[[], Collection[Any]]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    spawn: Callable[..., Any]
