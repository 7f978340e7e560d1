"""The state table of a change.

::

    CLAIMED                                      RESUMED (the journal says: committing or later)
       │ START                                                  │
       ▼            refused, forbidden, abandoned,              ▼
    INSTALLING ───────────────── or not recorded ──┐    ROLLING_FORWARD
       │    │ wave by wave                         │            │ every wave once more
       │    ▼                                      ▼            │
       │  (check) ──▶ COMMITTING ─────────▶ ROLLING_BACK ─┐     │
       │                  │ confirmed         │    ▲      │     │
       │ nothing          ▼                   │    │      ▼     │
       └─ to turn ──▶ COMMITTED ◀─────────────┼────┼── FAILED   │
                       │  │   ◀───────────────┼────┼────────────┘
            finish,    │  │ (drain)           │    └ RESUMED: in the background, or by the
            delete     │  ▼                   ▼      next run (the journal says: installing)
                       │ DRAINING        ROLLED_BACK
                       ▼  ▼
                       DONE

Each state is in the journal before the steps that follow it (ROLLING_BACK, ROLLING_FORWARD and
FAILED never are: a crash leaves what was written before). Before COMMITTED every failure rolls
back; from then on failures are reported, and the change goes forward. A change whose steps on
the way are not journalled (it has no record) is decided when its result is: with COMMITTED.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum, auto
from types import MappingProxyType
from typing import TypeAlias


class State(StrEnum):
    """How far a change has come."""

    CLAIMED = "claimed"
    INSTALLING = "installing"
    COMMITTING = "committing"
    COMMITTED = "committed"
    DRAINING = "draining"
    DONE = "done"
    ROLLING_BACK = "rolling_back"
    ROLLING_FORWARD = "rolling_forward"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class ChangeEvent(IntEnum):
    """What happened; the first four are what is left to do once an action has succeeded."""

    NEXT = auto()
    """A wave is to be sent."""
    PAUSE = auto()
    """What is under way has to drain."""
    READY = auto()
    """All is confirmed but the commit."""
    THROUGH = auto()
    """Nothing is left in this state."""
    BARE = auto()
    """There is nothing to install, and nothing to turn."""

    START = auto()
    ALLOWED = auto()
    """The check before the commit has passed."""
    FORBIDDEN = auto()
    """It has not."""
    REFUSED = auto()
    """A step was refused, or not confirmed."""
    LEFT = auto()
    """The same, when it was tried before: somebody else repairs it."""
    ABANDONED = auto()
    """Another change failed without which this one shall not be."""
    UNRECORDED = auto()
    """The journal failed before the decision."""
    OVERDUE = auto()
    """The journal failed after it: it is told again later."""
    RESUMED = auto()
    """A change that had not come to its end is taken up again."""


class Action(IntEnum):
    """What the carrier does next. In a batch those of the lowest number go first, all together:
    commits wait for each other, and one drain is waited for by all.
    """

    WRITE = 0
    RELEASE = 1
    SEND = 2
    CHECK = 3
    DRAIN = 4
    RETRY = 5


Cell: TypeAlias = tuple[State, tuple[Action, ...]]
"""Where to go, and what to do there; no action: go on with what is left."""

_BACK: Cell = (State.ROLLING_BACK, ())
_END_BACK: Cell = (State.ROLLED_BACK, (Action.WRITE, Action.RELEASE))
_END: Cell = (State.DONE, (Action.WRITE, Action.RELEASE))

TABLE: Mapping[tuple[State, ChangeEvent], Cell] = MappingProxyType(
    {
        (State.CLAIMED, ChangeEvent.START): (State.INSTALLING, (Action.WRITE,)),
        # ---- until the commit
        (State.INSTALLING, ChangeEvent.NEXT): (State.INSTALLING, (Action.SEND,)),
        (State.INSTALLING, ChangeEvent.READY): (State.INSTALLING, (Action.CHECK,)),
        (State.INSTALLING, ChangeEvent.ALLOWED): (State.COMMITTING, (Action.WRITE,)),
        (State.INSTALLING, ChangeEvent.BARE): (State.COMMITTED, (Action.WRITE,)),
        (State.INSTALLING, ChangeEvent.FORBIDDEN): _BACK,
        (State.INSTALLING, ChangeEvent.REFUSED): _BACK,
        (State.INSTALLING, ChangeEvent.ABANDONED): _BACK,
        (State.INSTALLING, ChangeEvent.UNRECORDED): _BACK,
        (State.INSTALLING, ChangeEvent.RESUMED): _BACK,
        # ---- the commit
        (State.COMMITTING, ChangeEvent.NEXT): (State.COMMITTING, (Action.SEND,)),
        (State.COMMITTING, ChangeEvent.THROUGH): (State.COMMITTED, (Action.WRITE,)),
        (State.COMMITTING, ChangeEvent.REFUSED): _BACK,
        (State.COMMITTING, ChangeEvent.ABANDONED): _BACK,
        (State.COMMITTING, ChangeEvent.UNRECORDED): _BACK,
        (State.COMMITTING, ChangeEvent.RESUMED): (State.ROLLING_FORWARD, ()),
        # ---- after it
        (State.COMMITTED, ChangeEvent.NEXT): (State.COMMITTED, (Action.SEND,)),
        (State.COMMITTED, ChangeEvent.PAUSE): (State.DRAINING, (Action.WRITE,)),
        (State.COMMITTED, ChangeEvent.THROUGH): _END,
        (State.COMMITTED, ChangeEvent.ABANDONED): _BACK,
        (State.COMMITTED, ChangeEvent.UNRECORDED): _BACK,
        (State.COMMITTED, ChangeEvent.OVERDUE): (State.COMMITTED, ()),
        (State.COMMITTED, ChangeEvent.RESUMED): (State.ROLLING_FORWARD, ()),
        (State.DRAINING, ChangeEvent.NEXT): (State.DRAINING, (Action.SEND,)),
        (State.DRAINING, ChangeEvent.PAUSE): (State.DRAINING, (Action.DRAIN,)),
        (State.DRAINING, ChangeEvent.THROUGH): _END,
        (State.DRAINING, ChangeEvent.OVERDUE): (State.DRAINING, ()),
        (State.DRAINING, ChangeEvent.RESUMED): (State.ROLLING_FORWARD, ()),
        (State.DONE, ChangeEvent.OVERDUE): (State.DONE, (Action.RELEASE,)),
        # ---- back
        (State.ROLLING_BACK, ChangeEvent.NEXT): (State.ROLLING_BACK, (Action.SEND,)),
        (State.ROLLING_BACK, ChangeEvent.PAUSE): (State.ROLLING_BACK, (Action.DRAIN,)),
        (State.ROLLING_BACK, ChangeEvent.THROUGH): _END_BACK,
        (State.ROLLING_BACK, ChangeEvent.REFUSED): (State.FAILED, (Action.RETRY,)),
        (State.ROLLING_BACK, ChangeEvent.LEFT): _END_BACK,
        (State.ROLLED_BACK, ChangeEvent.OVERDUE): (State.ROLLED_BACK, (Action.RELEASE,)),
        (State.FAILED, ChangeEvent.RESUMED): _BACK,
        # ---- forward, by another run
        (State.ROLLING_FORWARD, ChangeEvent.NEXT): (State.ROLLING_FORWARD, (Action.SEND,)),
        (State.ROLLING_FORWARD, ChangeEvent.THROUGH): (State.COMMITTED, (Action.WRITE,)),
    }
)

FINAL = frozenset((State.DONE, State.ROLLED_BACK, State.FAILED))
"""States in which the engine leaves a change."""
