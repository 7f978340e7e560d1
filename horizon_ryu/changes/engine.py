"""Engine of changes: carries them through the state table, many at a time.

:class:`Transaction` is one change; :class:`Batch` carries several together: what they send at one
time costs one round trip, their commits go out in one wave, and one drain is waited for by all.
:class:`Engine` begins batches, and takes up what was left unfinished. Nothing is decided here that
the table does not say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, Generic, TypeAlias

from horizon_ryu.changes.plan import P, Part, targets_of, undo_of
from horizon_ryu.changes.ports import EnginePorts, Failure, Progress
from horizon_ryu.changes.states import FINAL, TABLE, Action, ChangeEvent, State
from horizon_ryu.core.errors import (
    HorizonError,
    HostAway,
    HostDeadline,
    SwitchAway,
    SwitchDeadline,
)

LOG = logging.getLogger("horizon.changes")

_TURN = 32
"""Changes claimed before other tasks get their turn."""
_LOGGED = 3
"""Steps of one change that are logged when nobody confirmed them; a change may have thousands."""
_POLL = 0.1
"""Seconds between two looks whether targets can be reached again."""
_QUIET = (SwitchAway, SwitchDeadline, HostAway, HostDeadline)
"""What passes by itself."""


@dataclass(slots=True, eq=False)
class Transaction(Generic[P]):
    """One change; no I/O, no clock.

    ``record`` is what its journal entry is made of; None: only its result is kept. ``error`` is
    why it was taken back. ``begun`` counts the waves before the commit that were sent.
    ``committed_at``: when all confirmed that the traffic has turned; None while they have not.
    ``unconfirmed`` counts the steps after the commit, or of the way back, that somebody has to
    repair.
    """

    plan: P
    record: Any = None
    requested_at: float = 0.0
    state: State = State.CLAIMED
    todo: tuple[Action, ...] = ()
    parts: list[Part] = field(default_factory=list)
    begun: int = 0
    resumed: bool = False
    error: HorizonError | None = None
    committed_at: float | None = None
    unconfirmed: int = 0

    def advance(self, event: ChangeEvent) -> None:
        """Go where the table says, and on as long as nothing is to be done there."""
        before = self.state
        self.state, self.todo = TABLE[before, event]
        if self.state is not before:
            self._load()
        if not self.todo:
            self.advance(self._what_is_left())

    def succeeded(self) -> None:
        """Go on after an action."""
        self.todo = self.todo[1:]
        if not self.todo and self.state not in FINAL:
            self.advance(self._what_is_left())

    def failed(self, error: HorizonError) -> None:
        """Go on after a part that must not fail."""
        self.error = self.error or error
        self.advance(ChangeEvent.LEFT if self.resumed else ChangeEvent.REFUSED)

    def unrecorded(self) -> None:
        """Go on after the journal failed; decided is what it has a record of up to the commit."""
        is_end = self.state in FINAL or self.state is State.DRAINING
        decided = is_end or (self.state is State.COMMITTED and self.record is not None)
        self.advance(ChangeEvent.OVERDUE if decided else ChangeEvent.UNRECORDED)

    @property
    def can_be_abandoned(self) -> bool:
        """Whether it is not committed yet; it is once its result is written."""
        if self.state is State.COMMITTED:
            return self.todo[:1] == (Action.WRITE,)
        return self.state in (State.INSTALLING, State.COMMITTING)

    def resume(self) -> None:
        """Take up what an earlier run, or an earlier attempt, has begun."""
        self.resumed = True
        self.begun = len(self.plan.pre_commit)
        self.advance(ChangeEvent.RESUMED)

    def _what_is_left(self) -> ChangeEvent:
        if self.parts:
            return ChangeEvent.NEXT if self.parts[0].steps else ChangeEvent.PAUSE
        if self.state is State.INSTALLING:
            return ChangeEvent.READY if self.plan.pre_commit else ChangeEvent.BARE
        return ChangeEvent.THROUGH

    def _load(self) -> None:
        """Put the parts of the state that was entered before it; DRAINING goes on with the rest."""
        before, after = self.plan.pre_commit, self.plan.post_commit
        if self.state is State.INSTALLING:
            self.parts = [Part(wave.steps, must=True) for wave in before[:-1]]
        elif self.state is State.COMMITTING:
            self.parts = [Part(wave.steps, must=True) for wave in before[-1:]]
        elif self.state is State.COMMITTED:
            self.parts = [Part(wave.steps) for wave in after]
        elif self.state is State.ROLLING_FORWARD:
            self.parts = [Part(wave.steps) for wave in before]
        elif self.state is State.ROLLING_BACK:
            self.parts = undo_of(before, self.begun).parts()


_Resume: TypeAlias = Callable[[Transaction[P]], None]


class Batch(Generic[P]):
    """Changes that are carried out together: a context manager, which gives back what was not run.

    ``all_or_none``: unless all can be committed, none is.
    """

    def __init__(
        self, ports: EnginePorts[P], drain: float, all_or_none: bool, resume: _Resume[P]
    ) -> None:
        self._ports = ports
        self._drain_time = drain
        self._all_or_none = all_or_none
        self._resume = resume
        self._started = ports.clock()
        self._members: list[Transaction[P]] = []
        self._trouble: Exception | None = None
        self._carry: Mapping[Action, Callable[[Sequence[Transaction[P]]], None]] = MappingProxyType(
            {
                Action.WRITE: self._write,
                Action.SEND: self._send,
                Action.CHECK: self._check,
                Action.DRAIN: self._drain,
                Action.RELEASE: self._release,
                Action.RETRY: self._retry,
            }
        )

    def __enter__(self) -> Batch[P]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for member in self._members:
            if member.state is State.CLAIMED:
                self._ports.claims.release(member.plan.subject, member.plan.old)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, plan: P, record: Any = None) -> None:
        """Claim what ``plan`` changes; Conflict if another change has it."""
        self._ports.claims.claim(plan.subject, plan.new, plan.resources)
        self._members.append(Transaction(plan, record, self._started))
        if len(self._members) % _TURN == 0:
            self._ports.sleep(0)

    def run(self) -> tuple[Transaction[P], ...]:
        """Carry all out and return them: DONE, or ROLLED_BACK or FAILED with the error.

        An exception that is none of Horizon's, as of a journal that cannot be written, is raised
        when all have come to an end.
        """
        for member in self._members:
            member.advance(ChangeEvent.START)
        self.carry(self._members)
        return tuple(self._members)

    def carry(self, members: Sequence[Transaction[P]]) -> None:
        """Do what ``members`` have to do until nothing is left."""
        while True:
            actions = [member.todo[0] for member in members if member.todo]
            if not actions:
                break
            now = min(actions)
            self._carry[now]([member for member in members if member.todo[:1] == (now,)])
            if self._all_or_none:
                _abandon_all_if_one_failed(members)
        if self._trouble is not None:
            raise self._trouble

    # ---- actions

    def _write(self, members: Sequence[Transaction[P]]) -> None:
        now = self._ports.clock()
        for member in members:
            if member.state is State.COMMITTED and not member.resumed:
                member.committed_at = now
        kept = [
            member
            for member in members
            if member.record is not None or member.state is State.COMMITTED
        ]
        try:
            if kept:
                self._ports.journal.write(kept)
        except Exception as error:
            self._trouble = self._trouble or error
            for member in members:
                member.unrecorded()
            return
        for member in members:
            member.succeeded()

    def _send(self, members: Sequence[Transaction[P]]) -> None:
        steps: list[Any] = []
        owners: list[Transaction[P]] = []
        for member in members:
            part = member.parts[0].steps
            steps += part
            owners += [member] * len(part)
            member.begun += member.state in (State.INSTALLING, State.COMMITTING)
        failures = self._confirm(steps)
        failed: dict[int, HorizonError] = {}
        for owner, failure in _by_owner(failures, steps, owners) if failures else ():
            failed.setdefault(id(owner), failure.error)
            if not owner.parts[0].must or owner.state is State.ROLLING_BACK:
                self._report(owner, failure)
        for member in members:
            must = member.parts.pop(0).must
            if must and id(member) in failed:
                member.failed(failed[id(member)])
            else:
                member.succeeded()

    def _confirm(self, steps: Sequence[Any]) -> Sequence[Failure]:
        """Send ``steps``; if whoever carries them breaks down, nothing of them is confirmed."""
        try:
            return self._ports.applier.confirm(steps)
        except Exception as error:
            self._trouble = self._trouble or error
            reason = HorizonError(f"not confirmed: {error!r}")
            return [Failure(reason, step.target, place) for place, step in enumerate(steps)]

    def _report(self, owner: Transaction[P], failure: Failure) -> None:
        owner.unconfirmed += 1
        if owner.unconfirmed <= _LOGGED:
            quiet = isinstance(failure.error, _QUIET)
            LOG.log(logging.INFO if quiet else logging.WARNING, "to be repaired: %s", failure.error)
        self._ports.on_uncertain(failure.target)

    def _check(self, members: Sequence[Transaction[P]]) -> None:
        for member in members:
            try:
                member.error = self._ports.check(member.plan)
            except Exception as error:
                self._trouble = self._trouble or error
                member.error = HorizonError(f"not checked: {error!r}")
            member.advance(ChangeEvent.ALLOWED if member.error is None else ChangeEvent.FORBIDDEN)

    def _drain(self, members: Sequence[Transaction[P]]) -> None:
        self._ports.sleep(self._drain_time)
        for member in members:
            member.parts.pop(0)
            member.succeeded()

    def _release(self, members: Sequence[Transaction[P]]) -> None:
        for member in members:
            plan = member.plan
            result = plan.new if member.state is State.DONE else plan.old
            self._ports.claims.release(plan.subject, result)
            self._ports.on_end(member)
            member.succeeded()

    def _retry(self, members: Sequence[Transaction[P]]) -> None:
        """Leave them claimed; what could not be undone is tried again when targets are back."""
        for member in members:
            member.succeeded()
            self._ports.on_end(member)
            again = Transaction(member.plan, member.record, state=member.state, error=member.error)
            self._ports.spawn(self._resume, again)


class Engine(Generic[P]):
    """Carries changes out; see :class:`Batch`."""

    def __init__(self, ports: EnginePorts[P], drain: float, patience: float) -> None:
        """``drain``: seconds that packets under way need to leave. ``patience``: seconds to wait
        for targets that are away before a change is resumed; then the others are done.
        """
        self._ports = ports
        self._drain = drain
        self._patience = patience

    def batch(self, all_or_none: bool = False) -> Batch[P]:
        """Return a batch to which plans are added; the time counts from now on."""
        return Batch(self._ports, self._drain, all_or_none, self.resume)

    def claim(self, plan: P, record: Any, state: State) -> Transaction[P]:
        """Claim what an earlier run was changing when the journal had ``state``; Conflict.

        :meth:`resume` then brings it to its end.
        """
        self._ports.claims.claim(plan.subject, plan.new, plan.resources)
        return Transaction(plan, record, state=state)

    def resume(self, transaction: Transaction[P]) -> None:
        """Bring a change to its end once its targets are there: back, or forward."""
        self._await(transaction)
        transaction.resume()
        self.batch().carry([transaction])

    def _await(self, transaction: Transaction[P]) -> None:
        until = self._ports.clock() + self._patience
        targets = targets_of(transaction.plan)
        while not targets <= set(self._ports.reachable()) and self._ports.clock() < until:
            self._ports.sleep(_POLL)


def _abandon_all_if_one_failed(members: Sequence[Transaction[P]]) -> None:
    if any(member.state in _BACKWARDS for member in members):
        for member in members:
            if member.can_be_abandoned:
                member.advance(ChangeEvent.ABANDONED)


_BACKWARDS = (State.ROLLING_BACK, State.ROLLED_BACK, State.FAILED)


def _by_owner(
    failures: Iterable[Failure], steps: Sequence[Any], owners: Sequence[Transaction[P]]
) -> Iterable[tuple[Transaction[P], Failure]]:
    """Yield whose failures they are; one without a place concerns all who spoke to its target."""
    for failure in failures:
        if failure.place is not None:
            yield owners[failure.place], failure
            continue
        concerned = {
            id(owner): owner
            for owner, step in zip(owners, steps, strict=True)
            if step.target == failure.target
        }
        for owner in concerned.values():
            yield owner, failure


def raise_first(ended: Iterable[Progress[P]]) -> None:
    """Raise the error of the first change that was taken back, if one was."""
    for change in ended:
        if change.error is not None:
            raise change.error
