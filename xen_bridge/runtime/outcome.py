"""Outcome of a function that somebody else runs, and functions run side by side for theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from xen_bridge.runtime.port import Runtime, Task
from xen_bridge.runtime.task_pool import TaskPool

T = TypeVar("T")


class Outcome(Generic[T]):
    """How a function ended."""

    def __init__(self) -> None:
        self._value: T
        self._error: Exception | None = None

    def take(self, function: Callable[..., T], *args: Any) -> None:
        """Run a function; keep its error for whoever asks for the result."""
        try:
            self._value = function(*args)
        except Exception as error:
            self._error = error

    def result(self) -> T:
        """Return what the function returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._value


def gather(runtime: Runtime, functions: Sequence[Callable[[], T]], at_once: int | None) -> list[T]:
    """Do what :meth:`Runtime.gather` says, with ``runtime``'s tasks."""
    outcomes: list[Outcome[T]] = [Outcome() for _ in functions]
    pool = TaskPool(runtime, at_once or max(len(functions), 1))
    tasks: list[Task] = []
    try:
        for outcome, function in zip(outcomes, functions, strict=True):
            tasks.append(pool.spawn(outcome.take, function))
        for task in tasks:
            task.join()
    finally:
        for task in tasks:
            task.kill()
    return [outcome.result() for outcome in outcomes]
