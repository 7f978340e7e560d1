"""Schedule of the audits of switches: who is compared next, and how soon again."""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush

INTERVAL = 3.0
"""Seconds between two audits of a switch; what others did is undone within 5 s all the same."""
AGAIN = 0.5
"""Seconds after which it is looked whether a restoration has lasted."""
PATIENCE = 7
"""Audits in a row that may find a difference before it is said that one always does."""
RARER_AFTER = 14
"""Audits in a row that may find a difference before they become rarer: as many as a switch has base
entries, which somebody may spoil one after the other."""
LONGEST = 64.0
"""Seconds between two audits, at most."""
_PARTS = 16
"""Into how many parts of the interval the first audits of switches are spread."""


class AuditSchedule:
    """Tells which switches are due, each by itself; one at a time per switch.

    A switch that never is as it should be (it tells otherwise than it was told, or does not
    answer) is audited ever more rarely, so that it costs the others nothing.
    """

    def __init__(self) -> None:
        self._due: dict[int, float] = {}
        self._turns: list[tuple[float, int]] = []
        """A heap of these times; one that is no longer that of its switch is void."""
        self._busy: set[int] = set()
        self._strikes: dict[int, int] = {}

    def follow(self, dpids: Collection[int], now: float) -> None:
        """Take the switches that are there; new ones are due within an interval."""
        if self._due.keys() == dpids:
            return
        for dpid in self._due.keys() - dpids:
            del self._due[dpid]
            self._strikes.pop(dpid, None)
        for dpid in dpids:
            if dpid not in self._due:
                self._set_due(dpid, now + INTERVAL * (1 + dpid % _PARTS) / _PARTS)

    def _set_due(self, dpid: int, at: float) -> None:
        self._due[dpid] = at
        heappush(self._turns, (at, dpid))

    def take_due(self, now: float) -> list[int]:
        """Return the switches to audit now, the longest overdue first; each until :meth:`done`."""
        due = []
        while self._turns and self._turns[0][0] <= now:
            at, dpid = heappop(self._turns)
            if self._due.get(dpid) == at and dpid not in self._busy:
                self._busy.add(dpid)
                due.append(dpid)
        return due

    def done(self, dpid: int, is_fine: bool, now: float) -> None:
        """Take note that a switch was audited; ``is_fine``: nothing differed."""
        self._busy.discard(dpid)
        if dpid not in self._due:
            return
        strikes = 0 if is_fine else self._strikes.get(dpid, 0) + 1
        self._strikes[dpid] = strikes
        pause = AGAIN * 2.0 ** min(max(0, strikes - RARER_AFTER), 10) if strikes else INTERVAL
        self._set_due(dpid, now + min(pause, LONGEST))

    def strikes(self, dpid: int) -> int:
        """Return how many audits in a row have found a difference."""
        return self._strikes.get(dpid, 0)
