"""Pace of what a machine is given that has just come: no faster than it takes it.

Xen's netback drops what waits in it for ten seconds (rx_drain_timeout_msecs), and holds thousands
of short frames before it says that it is full: a machine that is slow to go on would lose most of
what was kept for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

WINDOW = 16
"""Frames that may wait in the kernel at a time."""
LONGEST = 20.0
"""Seconds without one that is taken after which frames are held back no more: a counter may not
mean what it should."""
TURN = 0.002
_TX_PACKETS = 9
"""Place of the counter among those of an interface in /proc/net/dev (proc(5))."""


def taken_by(interface: str, table: Path = Path("/proc/thread-self/net/dev")) -> int | None:
    """Return how many frames an interface has passed on to its other end; None if unknown."""
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, counters = line.partition(":")
        words = counters.split()
        if name.strip() == interface and len(words) > _TX_PACKETS:
            return int(words[_TX_PACKETS])
    return None


class DeliveryPace:
    """Lets frames go by one interface; for one caller."""

    def __init__(
        self,
        taken: Callable[[], int | None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._taken, self._clock, self._sleep = taken, clock, sleep
        self._room = WINDOW
        self._given = 0
        self._first = self._last = taken()
        self._over = clock() + LONGEST

    def admit(self) -> None:
        """Return when the next frame may go."""
        while not self._room:
            seen = self._taken()
            if seen != self._last:
                self._last, self._over = seen, self._clock() + LONGEST
            if self._first is None or seen is None or self._clock() > self._over:
                self._room = WINDOW
                break
            self._room = max(WINDOW - (self._given - (seen - self._first)), 0)
            if not self._room:
                self._sleep(TURN)
        self._room = min(self._room, WINDOW) - 1
        self._given += 1
