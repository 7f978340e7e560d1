"""Who may come in: connections per address, and one living connection per dpid."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from horizon_ryu.openflow.context import ConnectionLimits


class Holder(Protocol):
    """A connection as the door sees it."""

    def answers(self, seconds: float) -> bool:
        """Send an echo request and wait for its reply; False after ``seconds`` or if it died."""

    def abort(self, reason: str) -> None:
        """Close it."""

    def wait_gone(self, seconds: float) -> bool:
        """Wait until its applications were told that it is dead; False after ``seconds``."""


class Door:
    """Counts who is in and keeps the first connection of each dpid while it lives.

    CVE-2018-1000155: a controller that believes any dpid and closes the OLD connection lets an
    attacker evict the real switch. Here the newcomer waits until the holder was asked.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._inside: Counter[str] = Counter()
        self._total = 0
        self._holders: dict[int, Holder] = {}
        self._challenged: set[int] = set()

    @property
    def total(self) -> int:
        """Connections inside."""
        return self._total

    def enter(self, host: str) -> bool:
        """Count one more connection from ``host``; False, and it is not counted, if too many."""
        limits = self._limits
        if self._total >= limits.connections or (
            self._inside[host] >= limits.connections_per_address
        ):
            return False
        self._inside[host] += 1
        self._total += 1
        return True

    def leave(self, host: str) -> None:
        """Count one connection less from ``host``."""
        self._total -= 1
        self._inside[host] -= 1
        if self._inside[host] <= 0:
            del self._inside[host]

    def claim(self, dpid: int, newcomer: Holder) -> bool:
        """Make ``newcomer`` the connection of ``dpid``; False if another one lives.

        Waits up to twice the challenge time in the greenlet of the newcomer, who is suspect.
        Whoever comes while a challenge is under way is refused at once.
        """
        if dpid in self._challenged:
            return False
        holder = self._holders.get(dpid)
        if holder is newcomer:
            return True
        if holder is not None and not self._evict(dpid, holder):
            return False
        self._holders[dpid] = newcomer
        return True

    def _evict(self, dpid: int, holder: Holder) -> bool:
        """Tell whether the place of ``dpid`` is free now, after asking its holder."""
        seconds = self._limits.challenge_seconds
        self._challenged.add(dpid)
        try:
            if holder.answers(seconds):
                return False
            holder.abort("challenge_failed")
            return holder.wait_gone(seconds)
        finally:
            self._challenged.discard(dpid)

    def release(self, dpid: int, holder: Holder) -> None:
        """Free the place of ``dpid`` if ``holder`` has it."""
        if self._holders.get(dpid) is holder:
            del self._holders[dpid]
