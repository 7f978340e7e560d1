"""Withdrawals: which routes that a router took back are taken out at once, later, or not at all.

Pure; times are seconds of a clock that does not go back. A routing daemon that ends or starts anew
withdraws all it had, one route after the other, and has them back soon: to follow it would empty
the data plane. So what a daemon withdraws waits until it has been silent for ``settle`` seconds.
Was it half of that protocol's routes or more, they are held for ``grace`` seconds; else they go.
What the kernel or an administrator put there goes at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from xen_bridge.netlink.constants import RTPROT_STATIC

SETTLE, LONGEST_BURST, GRACE = 0.3, 10.0, 60.0


@dataclass(slots=True)
class _Burst:
    began: float
    last: float
    had: int
    keys: dict[bytes, None] = field(default_factory=dict)


class Withdrawals:
    """The routes of one router that were withdrawn and are still in its table."""

    def __init__(self, grace: float = GRACE, settle: float = SETTLE) -> None:
        """Hold for ``grace`` seconds (0: never)."""
        self._grace = grace
        self._settle = settle
        self._bursts: dict[int, _Burst] = {}
        self._held: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._held) + sum(len(burst.keys) for burst in self._bursts.values())

    def __contains__(self, key: bytes) -> bool:
        return key in self._held or any(key in burst.keys for burst in self._bursts.values())

    def withdrawn(self, key: bytes, protocol: int, had: int, now: float) -> bool:
        """Take in a withdrawal; return whether the route stays for now.

        ``had`` is how many routes of its protocol there were, this one among them.
        """
        if protocol <= RTPROT_STATIC or self._grace <= 0:
            return False
        if key not in self._held:
            burst = self._bursts.setdefault(protocol, _Burst(now, now, had))
            burst.last = now
            burst.keys[key] = None
        return True

    def waiting(self) -> list[bytes]:
        """Return all that were withdrawn and are still in the table."""
        return [*self._held, *(key for burst in self._bursts.values() for key in burst.keys)]

    def hold(self, keys: Iterable[bytes], now: float) -> None:
        """Take in that these were withdrawn and are held."""
        self._held |= dict.fromkeys(keys, now + self._grace)

    def returned(self, keys: Iterable[bytes]) -> None:
        """Take in that these routes are there again."""
        if not self:
            return
        for key in keys:
            self._held.pop(key, None)
            for burst in self._bursts.values():
                burst.keys.pop(key, None)

    def next_due(self) -> float | None:
        """Return when :meth:`due` has something to decide."""
        times = [self._ends(burst) for burst in self._bursts.values()]
        times += [min(self._held.values())] if self._held else []
        return min(times, default=None)

    def due(self, now: float) -> list[bytes]:
        """Return the routes to take out now."""
        gone: list[bytes] = []
        for protocol, burst in list(self._bursts.items()):
            if self._ends(burst) > now:
                continue
            del self._bursts[protocol]
            if 2 * len(burst.keys) >= burst.had:
                self._held |= dict.fromkeys(burst.keys, now + self._grace)
            else:
                gone += burst.keys
        over = [key for key, until in self._held.items() if until <= now]
        for key in over:
            del self._held[key]
        return gone + over

    def _ends(self, burst: _Burst) -> float:
        return min(burst.last + self._settle, burst.began + LONGEST_BURST)
