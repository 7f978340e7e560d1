"""Outcome of a function that somebody else runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Outcome(Generic[T]):
    """How a function ended."""

    def __init__(self) -> None:
        self._value: T
        self._error: BaseException | None = None

    def take(self, function: Callable[..., T], *args: Any) -> None:
        """Run a function; keep its error for whoever asks for the result."""
        try:
            self._value = function(*args)
        except (Exception, SystemExit) as error:
            # A native thread that exits would leave whoever asked waiting for ever.
            self._error = error

    def result(self) -> T:
        """Return what the function returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._value
