"""Host ageing: when each station was heard last, whom to ask, and who is gone.

Frames of stations that talk along flow entries never come here, so silence alone says nothing:
a station that was not heard for ``idle`` seconds is asked, some times, and goes when it stays
silent. So many are asked per second, whoever invented how many.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

ASKED = 3
"""Questions to a silent station before it counts as gone."""
BATCH = 64
"""Stations asked at one time."""


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """Seconds without a frame before a station is asked, 0 for never; and between two questions."""

    idle: float = 300.0
    pause: float = 1.0


class HostAgeing:
    """The stations by their keys, those unheard longest first."""

    def __init__(self, limits: AgeLimits) -> None:
        self._limits = limits
        self._heard: OrderedDict[bytes, float] = OrderedDict()
        self._asked: OrderedDict[bytes, tuple[float, int]] = OrderedDict()
        """When each silent station was asked last, and how often."""
        self._next_batch = 0.0

    def heard(self, key: bytes, now: float) -> None:
        """Take note of a frame of a station at its place."""
        if not self._limits.idle:
            return
        if self._asked:
            self._asked.pop(key, None)
        self._heard[key] = now
        self._heard.move_to_end(key)

    def forget(self, key: bytes) -> None:
        """Watch a station no more: it is gone, or pinned."""
        self._heard.pop(key, None)
        self._asked.pop(key, None)

    def gone(self, now: float) -> list[bytes]:
        """Return the stations that were asked and stayed silent, and watch them no more."""
        silent = [
            key
            for key, (asked, times) in self._first_asked(now)
            if times >= ASKED and asked + self._limits.pause <= now
        ]
        for key in silent:
            self.forget(key)
        return silent

    def to_ask(self, now: float) -> list[bytes]:
        """Return the stations to be asked now: at most one batch per pause."""
        if now < self._next_batch:
            return []
        again = [key for key, (_, times) in self._first_asked(now) if times < ASKED]
        chosen = again[:BATCH]
        for key, at in self._heard.items():
            if len(chosen) >= BATCH or at + self._limits.idle > now:
                break
            if key not in self._asked:
                chosen.append(key)
        for key in chosen:
            self._asked[key] = now, self._asked.get(key, (now, 0))[1] + 1
            self._asked.move_to_end(key)
        if chosen:
            self._next_batch = now + self._limits.pause / 2
        return chosen

    def next_due(self) -> float | None:
        """Return when the next station is to be asked, or is gone; None if none ever is."""
        times = []
        if self._asked:
            times.append(next(iter(self._asked.values()))[0] + self._limits.pause)
        first = next((at for key, at in self._heard.items() if key not in self._asked), None)
        if first is not None:
            times.append(max(first + self._limits.idle, self._next_batch))
        return min(times, default=None)

    def _first_asked(self, now: float) -> Iterator[tuple[bytes, tuple[float, int]]]:
        """Yield those whose time to answer the last question is over."""
        for key, (asked, times) in self._asked.items():
            if asked + self._limits.pause > now:
                return
            yield key, (asked, times)
