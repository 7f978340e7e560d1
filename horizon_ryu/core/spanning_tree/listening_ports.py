"""Listening ports: those still undecided, since nobody knows what is at their other end.

A port that has just appeared, come up or lost its link is held closed until Discovery finds a
link at it or the hold time is over (report 3.5, second timer): then it leads to hosts. A port
that a switch already had open when it was taken over from an earlier controller stays open for
the same time: to close it would cut hosts off, and to decide by it would make loops.
"""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core.topology import PortRef


class ListeningPorts:
    """The undecided ports and when each is decided without further news."""

    def __init__(self) -> None:
        self._closed: dict[PortRef, float] = {}
        self._open: dict[PortRef, float] = {}

    def hold(self, ref: PortRef, until: float) -> None:
        """Keep ``ref`` closed until ``until`` at the latest."""
        self._open.pop(ref, None)
        self._closed[ref] = until

    def adopt(self, ref: PortRef, until: float) -> None:
        """Keep ``ref`` open until ``until`` at the latest."""
        self._closed.pop(ref, None)
        self._open[ref] = until

    def decide(self, ref: PortRef) -> bool:
        """Forget ``ref``: its role is known, or it is gone; tell whether it was undecided."""
        held = self._closed.pop(ref, None) is not None
        return self._open.pop(ref, None) is not None or held

    def decide_all(self, refs: Iterable[PortRef]) -> None:
        """Forget each of ``refs``."""
        for ref in refs:
            self.decide(ref)

    def expire(self, now: float) -> bool:
        """Decide the ports whose time is over; tell whether there were any."""
        over = [ref for table in (self._closed, self._open) for ref in table if table[ref] <= now]
        self.decide_all(over)
        return bool(over)

    def is_undecided(self, ref: PortRef) -> bool:
        """Tell whether it is not known yet where ``ref`` leads."""
        return ref in self._closed or ref in self._open

    def undecided(self) -> frozenset[PortRef]:
        """Return all undecided ports."""
        return frozenset(self._closed) | frozenset(self._open)

    @property
    def held(self) -> Iterable[PortRef]:
        """The ports kept closed."""
        return self._closed.keys()

    @property
    def adopted(self) -> Iterable[PortRef]:
        """The ports kept open though nobody knows yet where they lead."""
        return self._open.keys()

    def next_due(self) -> float | None:
        """Return when the next port is decided by time; None if all are decided."""
        times = [time for table in (self._closed, self._open) for time in table.values()]
        return min(times, default=None)
