"""Ports of the engine: who confirms steps, keeps the journal, holds claims, and lets time pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol

from horizon_ryu.changes.plan import P
from horizon_ryu.changes.transaction import Transaction
from horizon_ryu.core.errors import HorizonError


class Failure(NamedTuple):
    """Why a step was not confirmed: the one at ``place``, or (None) any of those to ``target``."""

    error: HorizonError
    target: Hashable
    place: int | None = None


class Applier(Protocol):
    """Who carries steps to their targets."""

    def confirm(self, steps: Sequence[Any]) -> Sequence[Failure]:
        """Send ``steps`` and return what went wrong, once all targets answered or had time to."""


class Journal(Protocol[P]):
    """What a later run finds."""

    def write(self, transactions: Sequence[Transaction[P]]) -> None:
        """Keep the state of ``transactions``, and the result of those that are COMMITTED.

        All together or, raising, none. Of those without a record only the result is kept.
        """


class NothingKept:
    """The journal of changes that a later run finds out about by itself."""

    def write(self, transactions: Sequence[Transaction[Any]]) -> None:
        """Keep nothing."""


class Claims(Protocol):
    """Who may change what: one change of one thing at a time."""

    def claim(self, subject: Any, target: Any, resources: Collection[Any]) -> None:
        """Note that ``subject`` is becoming ``target`` (None: it goes); Conflict."""

    def release(self, subject: Any, result: Any) -> None:
        """Note that the change is over, and what is there now (None: nothing)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports(Generic[P]):
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
    on_end: Callable[[Transaction[P]], None]
    reachable: Callable[[], Collection[Any]]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    spawn: Callable[..., Any]
