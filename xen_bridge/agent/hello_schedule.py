"""Hello schedule: when a router says Hello to which Domain 0, and when it tells all its routes.

Pure; times are seconds of a clock that does not go back. Hello is said until it is answered, to
one Domain 0 after the other where several are known: the router may have moved. Then it is said
again now and then, since an answer also tells whether Domain 0 still has what it was told.
"""

from __future__ import annotations

from collections.abc import Sequence

from xen_bridge.protocol.documents.hello import HelloAnswer

REPEAT = 5.0
FIRST_RETRY, LONGEST_RETRY = 0.5, 10.0


class HelloSchedule:
    """The Hellos of one router. Not for several threads, but for :meth:`say_now`."""

    def __init__(self) -> None:
        self.number = 0
        """How often Hello was said."""
        self.is_separated = False
        self.must_tell = False
        """Whether all routes are to be told anew."""
        self._due = 0.0
        self._is_urgent = False
        self._failures = 0
        self._generation: int | None = None

    def say_now(self) -> None:
        """Say Hello at the next turn: Domain 0 began anew, or there is news; any thread."""
        self._is_urgent = True

    def is_due(self, now: float) -> bool:
        """Tell whether Hello is to be said."""
        return self._is_urgent or now >= self._due

    def begins(self) -> int:
        """Return the number of the Hello that is said now."""
        self._is_urgent = False
        self.number += 1
        return self.number

    def answered(self, answer: HelloAnswer, now: float) -> None:
        """Take an answer."""
        self._failures = 0
        self._due = now + REPEAT
        self.is_separated = answer.state == "separated"
        if not self.is_separated:
            self._generation = None
        elif answer.generation != self._generation:
            self._generation = answer.generation
            self.must_tell = True

    def failed(self, now: float, homes: int) -> bool:
        """Take that nobody answered; return whether the next of ``homes`` is to be asked.

        While the one that is asked had our routes it is given some time to come back.
        """
        self._failures += 1
        rounds = self._failures // max(homes, 1)
        wait = min(FIRST_RETRY * 2 ** min(rounds, 16), LONGEST_RETRY)
        self._due = now + wait
        return homes > 1

    def moved(self) -> None:
        """Take that another Domain 0 is asked from now on: it knows nothing of us."""
        self.is_separated = False
        self._generation = None


def next_of(names: Sequence[str], name: str | None) -> str | None:
    """Return who comes after ``name``, the first after the last; None if there is nobody."""
    if not names:
        return None
    if name not in names:
        return names[0]
    return names[(names.index(name) + 1) % len(names)]
