"""Deadline queue: when each of many things is due; a change costs the same whatever their number.

A heap whose entries may be early: who is put off is looked at again when its first time has come,
so that things that are put off again and again stand in the heap once.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Any)


class DeadlineQueue(Generic[Key]):
    """When each key is due; keys can be hashed and ordered."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._queued: dict[Key, float] = {}
        """The earliest entry of each key in the heap; all others are void."""
        self._heap: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: Key, at: float) -> None:
        """Have ``key`` due at ``at``, and at no other time."""
        self._due[key] = at
        if at < self._queued.get(key, float("inf")):
            self._queued[key] = at
            heappush(self._heap, (at, key))

    def discard(self, key: Key) -> None:
        """Have ``key`` due at no time."""
        self._due.pop(key, None)

    def take(self, now: float) -> list[Key]:
        """Return the keys that are due by ``now``, and forget when they were."""
        taken: list[Key] = []
        while (at := self.next()) is not None and at <= now:
            _, key = heappop(self._heap)
            del self._queued[key], self._due[key]
            taken.append(key)
        return taken

    def next(self) -> float | None:
        """Return when the first key is due; None if none is."""
        while self._heap:
            at, key = self._heap[0]
            due = self._due.get(key)
            if self._queued.get(key) == at and due == at:
                return at
            heappop(self._heap)
            if self._queued.get(key) == at:
                del self._queued[key]
                if due is not None:
                    self.set(key, due)
        return None
