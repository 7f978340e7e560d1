"""Simulated time: nothing happens between events, and equal times keep their order."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Clock:
    """A heap of things to do; ``now`` is in seconds and only moves when they are done."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Do ``action`` when ``delay`` seconds have passed."""
        self._count += 1
        heapq.heappush(self._heap, (self.now + delay, self._count, action))

    def run(self, duration: float) -> None:
        """Let ``duration`` seconds pass."""
        end = self.now + duration
        while self._heap and self._heap[0][0] <= end:
            self.now, _, action = heapq.heappop(self._heap)
            action()
        self.now = end

    def run_while(self, condition: Callable[[], bool], limit: float, step: float = 0.05) -> bool:
        """Let time pass while ``condition`` holds, at most ``limit``; tell whether it ended."""
        end = self.now + limit
        while condition():
            if self.now >= end:
                return False
            self.run(step)
        return True
