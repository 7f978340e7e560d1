"""Routers with route tables, a journal and claims: what the engine of changes stands on in tests.

No OpenFlow here: a step puts a route into a router's table, or removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from horizon_ryu.changes.engine import Engine, Transaction
from horizon_ryu.changes.ports import EnginePorts, Failure
from horizon_ryu.changes.states import FINAL, State
from horizon_ryu.core.errors import Conflict, HorizonError

Tables = dict[str, dict[str, str]]
DRAIN = 5.0


class Crash(BaseException):
    """The process is killed."""


class Disk(Exception):
    """The journal cannot be written."""


@dataclass(frozen=True)
class Put:
    """Put a route into a router's table (``via`` None: remove it); ``was`` is what it replaces."""

    target: str
    route: str
    via: str | None
    was: str | None = None
    lasts: bool = False

    @property
    def undo(self) -> Put | None:
        return None if self.lasts else Put(self.target, self.route, self.was, self.via, True)

    @property
    def replaces(self) -> bool:
        return self.was is not None


class Wave(NamedTuple):
    """Steps that go out together; none: drain."""

    steps: tuple[Put, ...] = ()


@dataclass(frozen=True)
class Plan:
    """How a route, by its name, becomes another."""

    subject: str
    old: str | None
    new: str | None
    pre_commit: tuple[Wave, ...]
    post_commit: tuple[Wave, ...]

    @property
    def resources(self) -> frozenset[tuple[str, str]]:
        waves = (*self.pre_commit, *self.post_commit)
        return frozenset((step.target, step.route) for wave in waves for step in wave.steps)


@dataclass
class World:
    """Everything that outlives a crash: tables, journal. Claims and sleeps are the process's.

    ``refuse`` tells whether a step is refused, ``before`` and ``after`` are called with the number
    of each call of the applier or the journal.
    """

    tables: Tables = field(default_factory=dict)
    rows: dict[str, tuple[State, Plan]] = field(default_factory=dict)
    results: dict[str, str | None] = field(default_factory=dict)
    claimed: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    trail: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    spawned: list[tuple[Callable[..., Any], tuple[Any, ...]]] = field(default_factory=list)
    refuse: Callable[[Put], bool] = lambda _step: False
    before: Callable[[int], None] = lambda _call: None
    after: Callable[[int], None] = lambda _call: None
    forbidden: HorizonError | None = None
    calls: int = 0
    now: float = 0.0

    # ---- the applier

    def confirm(self, steps: Sequence[Put]) -> list[Failure]:
        with self._call():
            failures = []
            for place, step in enumerate(steps):
                if self.refuse(step):
                    failures.append(Failure(HorizonError(f"{step} refused"), step.target, place))
                    continue
                table = self.tables.setdefault(step.target, {})
                if step.via is None:
                    table.pop(step.route, None)
                else:
                    table[step.route] = step.via
            self.trail.append(f"send {len(steps)}")
            return failures

    # ---- the journal

    def write(self, transactions: Sequence[Transaction[Plan]]) -> None:
        with self._call():
            for one in transactions:
                self.rows[one.plan.subject] = (one.state, one.plan)
                if one.state is State.COMMITTED:
                    self.results[one.plan.subject] = one.plan.new
            self.trail.append(f"write {transactions[0].state.value}")

    def _call(self) -> _Call:
        self.calls += 1
        return _Call(self, self.calls)

    # ---- claims and time

    def claim(self, subject: str, _target: Any, resources: Any) -> None:
        taken = {one for other in self.claimed.values() for one in other}
        if subject in self.claimed or taken & set(resources):
            raise Conflict(f"{subject} is changing")
        self.claimed[subject] = frozenset(resources)

    def release(self, subject: str, result: str | None) -> None:
        del self.claimed[subject]
        self.trail.append(f"release {result}")

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if seconds == DRAIN:
            self.trail.append("drain")

    def engine(self) -> Engine[Plan]:
        """Return the engine of a process that has just started: nothing is claimed."""
        self.claimed = {}
        ports = EnginePorts(
            applier=self,
            journal=self,
            claims=self,
            check=lambda _plan: self.forbidden,
            on_uncertain=self.uncertain.append,
            on_end=lambda _transaction: None,
            reachable=lambda: set(self.tables),
            clock=lambda: self.now,
            sleep=self.sleep,
            spawn=lambda work, *args: self.spawned.append((work, args)),
        )
        return Engine(ports, DRAIN, patience=60.0)

    def recover(self) -> None:
        """Start again after a crash, and bring what the journal has to its end."""
        engine = self.engine()
        open_rows = [row for row in self.rows.values() if row[0] not in FINAL]
        found = [engine.claim(plan, "record", state) for state, plan in open_rows]
        for transaction in found:
            engine.resume(transaction)


class _Call:
    """One call that reaches the outside: killed before it, or after it."""

    def __init__(self, world: World, number: int) -> None:
        self._world, self._number = world, number

    def __enter__(self) -> None:
        self._world.before(self._number)

    def __exit__(self, kind: object, *_error: object) -> None:
        if kind is None:
            self._world.after(self._number)
