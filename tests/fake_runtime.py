"""A runtime, as gatherers need one, whose time passes only when somebody waits, or as told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

BEGINNING = 1_700_000_000.0


class FakeRuntime:
    """Each call takes ``cost`` seconds; nothing takes longer in truth."""

    def __init__(self, cost: float = 0.0) -> None:
        self.clock = 100.0
        self.cost = cost
        self.calls: list[Callable[..., Any]] = []

    def now(self) -> float:
        """Return the fake clock."""
        return self.clock

    def wall(self) -> float:
        """Return a wall clock that goes with it."""
        return BEGINNING + self.clock - 100.0

    def sleep_until(self, when: float) -> None:
        """Put the clock forward."""
        self.clock = max(self.clock, when)

    def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Call, and let the cost pass."""
        self.calls.append(function)
        found = function(*args)
        self.clock += self.cost
        return found

    def gather(self, functions: Sequence[Callable[[], T]], at_once: int | None = None) -> list[T]:
        """Run them one after the other, each from the same moment on."""
        begun, ended = self.clock, self.clock
        found: list[T] = []
        errors: list[Exception] = []
        for function in functions:
            self.clock = begun
            try:
                found.append(function())
            except Exception as error:
                errors.append(error)
            ended = max(ended, self.clock)
        self.clock = ended
        if errors:
            raise errors[0]
        return found
