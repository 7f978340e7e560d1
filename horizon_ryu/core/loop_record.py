"""Loop record: when a loop turned last, and whether it can be believed to go on.

Seconds are those of the clock whose ``now`` is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

IDLE_TURN = 15.0
"""Seconds after which a loop that waits for something turns all the same: so it is seen to live."""
PATIENCE = 60.0
"""Seconds that a turn may take unless its loop says otherwise."""
LONGEST_REST = PATIENCE / 4
"""Seconds that a loop rests after a turn that took long, at most."""
ALL_SWITCHES = 600.0
"""Seconds for a turn that asks every switch, though many answer late or not at all."""
FAILING = 3
"""Turns that must fail in a row before a loop counts as one that fails."""
HOPELESS, HOPELESS_FAILURES = 60.0, 10
"""Seconds without a good turn, and turns that failed in them, after which nothing will mend it."""
MAX_RESTARTS = 3
"""Of a loop that does not turn, before it is given up."""


def rest_after(work: float, times: int) -> float:
    """Return the seconds to rest after ``work`` seconds: so many times as long, within bounds.

    A loop that rests for as long as its patience lasts would be taken for one that hangs.
    """
    return min(times * work, LONGEST_REST)


def _patience() -> float:
    return PATIENCE


@dataclass(frozen=True, slots=True)
class LoopTerms:
    """What is expected of a loop.

    ``longest`` tells how many seconds a turn may take, waiting included. Without a loop that
    ``is_vital`` the controller does not do what it is there for: it ends, to be started again.
    One that is ``is_patient`` waits for what no new task would get sooner: it is not begun again.
    """

    longest: Callable[[], float] = _patience
    is_vital: bool = True
    is_patient: bool = False


TERMS = LoopTerms()
ASKING = LoopTerms(lambda: ALL_SWITCHES)
AUXILIARY = LoopTerms(is_vital=False)
ON_DISK = LoopTerms(is_vital=False, is_patient=True)


class LoopRecord:
    """What is known of one loop."""

    def __init__(self, name: str, now: float, terms: LoopTerms = TERMS) -> None:
        self.name = name
        self.failures = 0
        """Turns that failed in a row."""
        self.restarts = 0
        """How often it was begun again since its last good turn."""
        self.is_idle = False
        """Whether it has nothing to do: then it need not turn."""
        self._terms = terms
        self._seen = now
        self._good = now

    def turned(self, now: float) -> None:
        """Take note of a turn that ended well."""
        self._seen = self._good = now
        self.failures = self.restarts = 0

    def failed(self, now: float) -> None:
        """Take note of a turn that raised."""
        self._seen = now
        self.failures += 1

    def begins(self, now: float) -> None:
        """Take note that there is something to do."""
        self._seen, self.is_idle = now, False

    def restarted(self, now: float) -> None:
        """Take note that it was begun again, since it did not turn."""
        self._seen = now
        self.restarts += 1

    def excuse(self, now: float) -> None:
        """Count silence from now on only: nothing has run until now."""
        self._seen = self._good = now

    def age(self, now: float) -> float:
        """Return how long ago the last turn ended, well or not."""
        return now - self._seen

    def is_stalled(self, now: float) -> bool:
        """Tell whether it should have turned long ago."""
        return not self.is_idle and self.age(now) > self._terms.longest()

    def wants_restart(self, now: float) -> bool:
        """Tell whether a new task might turn where the one there is does not."""
        return self.is_stalled(now) and not self._terms.is_patient

    def is_hopeless(self, now: float) -> bool:
        """Tell whether the controller cannot go on with it: its process had better end."""
        if not self._terms.is_vital:
            return False
        fails = self.failures >= HOPELESS_FAILURES and now - self._good >= HOPELESS
        return fails or (self.restarts >= MAX_RESTARTS and self.is_stalled(now))

    def trouble(self, now: float) -> str | None:
        """Return what is wrong with it, as what comes after its name; None if nothing is."""
        if self.is_stalled(now):
            return f"has not turned for {self.age(now):.0f} s"
        # One that is idle has run since, and had nothing to do.
        is_past = self.is_idle and self.age(now) > HOPELESS
        if self.failures >= FAILING and not is_past:
            return f"has failed {self.failures} times in a row"
        if self.restarts:
            return "was begun again, since it did not turn"
        return None
