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


class Event(IntEnum):
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

TABLE: Mapping[tuple[State, Event], Cell] = MappingProxyType(
    {
        (State.CLAIMED, Event.START): (State.INSTALLING, (Action.WRITE,)),
        # ---- until the commit
        (State.INSTALLING, Event.NEXT): (State.INSTALLING, (Action.SEND,)),
        (State.INSTALLING, Event.READY): (State.INSTALLING, (Action.CHECK,)),
        (State.INSTALLING, Event.ALLOWED): (State.COMMITTING, (Action.WRITE,)),
        (State.INSTALLING, Event.BARE): (State.COMMITTED, (Action.WRITE,)),
        (State.INSTALLING, Event.FORBIDDEN): _BACK,
        (State.INSTALLING, Event.REFUSED): _BACK,
        (State.INSTALLING, Event.ABANDONED): _BACK,
        (State.INSTALLING, Event.UNRECORDED): _BACK,
        (State.INSTALLING, Event.RESUMED): _BACK,
        # ---- the commit
        (State.COMMITTING, Event.NEXT): (State.COMMITTING, (Action.SEND,)),
        (State.COMMITTING, Event.THROUGH): (State.COMMITTED, (Action.WRITE,)),
        (State.COMMITTING, Event.REFUSED): _BACK,
        (State.COMMITTING, Event.ABANDONED): _BACK,
        (State.COMMITTING, Event.UNRECORDED): _BACK,
        (State.COMMITTING, Event.RESUMED): (State.ROLLING_FORWARD, ()),
        # ---- after it
        (State.COMMITTED, Event.NEXT): (State.COMMITTED, (Action.SEND,)),
        (State.COMMITTED, Event.PAUSE): (State.DRAINING, (Action.WRITE,)),
        (State.COMMITTED, Event.THROUGH): _END,
        (State.COMMITTED, Event.ABANDONED): _BACK,
        (State.COMMITTED, Event.UNRECORDED): _BACK,
        (State.COMMITTED, Event.OVERDUE): (State.COMMITTED, ()),
        (State.COMMITTED, Event.RESUMED): (State.ROLLING_FORWARD, ()),
        (State.DRAINING, Event.NEXT): (State.DRAINING, (Action.SEND,)),
        (State.DRAINING, Event.PAUSE): (State.DRAINING, (Action.DRAIN,)),
        (State.DRAINING, Event.THROUGH): _END,
        (State.DRAINING, Event.OVERDUE): (State.DRAINING, ()),
        (State.DRAINING, Event.RESUMED): (State.ROLLING_FORWARD, ()),
        (State.DONE, Event.OVERDUE): (State.DONE, (Action.RELEASE,)),
        # ---- back
        (State.ROLLING_BACK, Event.NEXT): (State.ROLLING_BACK, (Action.SEND,)),
        (State.ROLLING_BACK, Event.PAUSE): (State.ROLLING_BACK, (Action.DRAIN,)),
        (State.ROLLING_BACK, Event.THROUGH): _END_BACK,
        (State.ROLLING_BACK, Event.REFUSED): (State.FAILED, (Action.RETRY,)),
        (State.ROLLING_BACK, Event.LEFT): _END_BACK,
        (State.ROLLED_BACK, Event.OVERDUE): (State.ROLLED_BACK, (Action.RELEASE,)),
        (State.FAILED, Event.RESUMED): _BACK,
        # ---- forward, by another run
        (State.ROLLING_FORWARD, Event.NEXT): (State.ROLLING_FORWARD, (Action.SEND,)),
        (State.ROLLING_FORWARD, Event.THROUGH): (State.COMMITTED, (Action.WRITE,)),
    }
)

FINAL = frozenset((State.DONE, State.ROLLED_BACK, State.FAILED))
"""States in which the engine leaves a change."""
