"""Migration of a virtual router between two Xen hosts: its record, and what of it is news.

The source's Domain 0 carries it out and tells how far it is; what is recorded here is what the
controller asked for and what it was told last. Nobody is believed that takes back an end, or tells
of other steps than before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias, get_args

from horizon_ryu.core.errors import InvalidInput

Mode: TypeAlias = Literal["plane-separation", "standard"]
State: TypeAlias = Literal[
    "requested",
    "planned",
    "refused",
    "installing",
    "committed",
    "aborting",
    "done",
    "rolled_back",
    "failed",
]
"""``requested`` until the source has said that it began; ``installing`` until it is committed: from
then on it is not taken back. ``planned`` and ``refused`` are what dry runs find."""
StepState: TypeAlias = Literal["pending", "running", "done", "failed", "undone"]

FINAL: frozenset[State] = frozenset({"planned", "refused", "done", "rolled_back", "failed"})
_RANKS: Mapping[str, int] = {"pending": 0, "running": 1, "done": 2, "failed": 2, "undone": 3}


@dataclass(frozen=True, slots=True)
class StepView:
    """One step; its times are seconds since the migration began, None until then."""

    name: str
    state: StepState = "pending"
    began_s: float | None = None
    ended_s: float | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class RouterRefusal:
    """A reason why a migration is not begun, and the field of the request that it is about.

    ``is_conflict`` where the state of things forbids it, which may pass.
    """

    field: str
    reason: str
    is_conflict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterRequest:
    """What was asked for. Seconds; None for no limit, and for no lengthening of the standstill.

    ``tunnels``: bridges that the destination has not are made there, with a tunnel home.
    """

    host: str
    domain: str
    destination: str
    mode: Mode
    abort_if_pause_over_s: float | None = None
    pause_s: float | None = None
    tunnels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What the source told of a migration; the fields are those of :class:`RouterMigration`."""

    state: State
    domain: str
    uuid: str | None
    duration_ms: float | None = None
    pause_ms: float | None = None
    lost: int | None = None
    problem: str | None = None
    unsettled: str | None = None
    refusals: tuple[RouterRefusal, ...] = ()
    steps: tuple[StepView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterMigration:
    """One migration of one router.

    ``name`` is its domain's, ``uuid`` None until the source has told it. ``started`` is in seconds
    since 1970, for people. ``pause_ms`` is how long the domain stood still, ``lost`` how many data
    packets were dropped; None where nobody knows. ``silence`` says why the source does not tell how
    far it is, None while it does. ``unsettled`` is what the source tries again, how often it was in
    vain, and why; None if nothing is.
    """

    id: str
    asked: RouterRequest
    name: str
    uuid: str | None = None
    state: State = "requested"
    started: float = 0.0
    duration_ms: float | None = None
    pause_ms: float | None = None
    lost: int | None = None
    problem: str | None = None
    silence: str | None = None
    unsettled: str | None = None
    refusals: tuple[RouterRefusal, ...] = ()
    steps: tuple[StepView, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether it has ended, or was never begun."""
        return self.state in FINAL

    def moves(self, host: str, uuid: str | None, name: str) -> bool:
        """Tell whether it moves that domain of a host, and has not ended."""
        is_same = self.name == name if None in (uuid, self.uuid) else self.uuid == uuid
        return not self.is_final and self.asked.host == host and is_same


def after(record: RouterMigration, told: SourceReport) -> RouterMigration:
    """Return a record after its source has told of it; one that has ended stays as it is."""
    if record.is_final:
        return record
    values = {item.name: getattr(told, item.name) for item in fields(told)}
    name = values.pop("domain")
    values["steps"] = _further(record.steps, told.steps)
    return replace(record, name=name, silence=None, **values)


def _further(old: tuple[StepView, ...], new: tuple[StepView, ...]) -> tuple[StepView, ...]:
    """Return ``new``, none of it less far than it was; ``old`` if those are other steps."""
    if [step.name for step in new[: len(old)]] != [step.name for step in old]:
        return old
    known = zip(old, new, strict=False)
    kept = [before if _is_back(before, now) else now for before, now in known]
    return (*kept, *new[len(old) :])


def _is_back(old: StepView, new: StepView) -> bool:
    return _RANKS[new.state] < _RANKS[old.state]


def ended(record: RouterMigration, state: State, problem: str) -> RouterMigration:
    """Return a record that has ended without its source saying so, or otherwise than it says."""
    return replace(record, state=state, problem=problem, silence=None, unsettled=None)


def step_news(before: tuple[StepView, ...], now: tuple[StepView, ...]) -> Iterator[StepView]:
    """Yield the steps that are further than they were; each is told at most once per state."""
    for place, step in enumerate(now):
        known = _RANKS[before[place].state] if place < len(before) else 0
        if _RANKS[step.state] > known:
            yield step


# ---- as a JSON value, for the store


def record_to_json(record: RouterMigration) -> dict[str, Any]:
    """Return a record as a JSON value."""
    return asdict(record)


def record_from_json(value: object) -> RouterMigration:
    """Return the record that ``value`` describes; InvalidInput if it describes none."""
    try:
        row = dict(value)  # type: ignore[call-overload]
        row["asked"] = RouterRequest(**row["asked"])
        row["refusals"] = tuple(RouterRefusal(**one) for one in row["refusals"])
        row["steps"] = tuple(StepView(**one) for one in row["steps"])
        found = RouterMigration(**row)
        if found.state not in get_args(State) or not isinstance(found.id, str):
            raise ValueError(found.state)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(("migration",), f"not a stored migration: {error!r}") from error
    return found
