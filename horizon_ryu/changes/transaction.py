"""Transaction: one change under way, where it stands in the state table, and what is left to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic

from horizon_ryu.changes.plan import P, Part, undo_of
from horizon_ryu.changes.states import FINAL, TABLE, Action, Event, State
from horizon_ryu.core.errors import HorizonError


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

    def advance(self, event: Event) -> None:
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
        self.advance(Event.LEFT if self.resumed else Event.REFUSED)

    def unrecorded(self) -> None:
        """Go on after the journal failed; decided is what it has a record of up to the commit."""
        is_end = self.state in FINAL or self.state is State.DRAINING
        decided = is_end or (self.state is State.COMMITTED and self.record is not None)
        self.advance(Event.OVERDUE if decided else Event.UNRECORDED)

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
        self.advance(Event.RESUMED)

    def _what_is_left(self) -> Event:
        if self.parts:
            return Event.NEXT if self.parts[0].steps else Event.PAUSE
        if self.state is State.INSTALLING:
            return Event.READY if self.plan.pre_commit else Event.BARE
        return Event.THROUGH

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
