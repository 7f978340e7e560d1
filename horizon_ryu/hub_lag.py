"""Measures how late the event loop runs: what every other task feels when one is greedy."""

from __future__ import annotations

from collections.abc import Callable

from xen_bridge.runtime.port import Runtime

INTERVAL = 0.25
"""Seconds between two measurements."""
WINDOW = 10.0
"""Seconds for which the worst is remembered, at least; twice that at most."""


class HubLag:
    """The worst lateness of the last seconds; :meth:`measure` is one turn of a loop."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float] | None = None) -> None:
        """``clock`` is the runtime's unless given."""
        self._runtime = runtime
        self._clock = clock = clock or runtime.now
        self._window_ends = clock() + WINDOW
        self._worst = 0.0
        self._former = 0.0

    @property
    def seconds(self) -> float:
        """Return the worst lateness of the last 10 to 20 seconds."""
        return max(self._worst, self._former)

    def measure(self) -> None:
        """Measure once."""
        before = self._clock()
        self._runtime.sleep(INTERVAL)
        self.note(self._clock() - before - INTERVAL)

    def note(self, late: float) -> None:
        """Take in one measurement, in seconds."""
        now = self._clock()
        if now >= self._window_ends:
            self._former, self._worst = self._worst, 0.0
            self._window_ends = now + WINDOW
        self._worst = max(self._worst, late)
