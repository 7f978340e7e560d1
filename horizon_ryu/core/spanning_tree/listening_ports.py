"""Listening ports: those still undecided, since nobody knows what is at their other end.

A port that has just appeared, come up or lost its link is held closed until Discovery finds a
link at it or the hold time is over (report 3.5, second timer): then it leads to hosts. A port
that a switch already had open when it was taken over from an earlier controller stays open for
the same time: to close it would cut hosts off, and to decide by it would make loops.

Time alone opens nothing: of many ports, some may not have been probed when their time is over.

A large network holds tens of thousands of ports, so nothing here reads them all for the sake of
one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from horizon_ryu.core.deadline_queue import DeadlineQueue
from horizon_ryu.core.topology import PortRef

AGAIN = 1.0
"""Seconds for which a port is closed on that nobody has looked at yet."""


class ListeningPorts:
    """The undecided ports and when each is decided without further news."""

    def __init__(self) -> None:
        self._open: dict[PortRef, bool] = {}
        """Whether each undecided port is open meanwhile."""
        self._due: DeadlineQueue[PortRef] = DeadlineQueue()
        self._numbers: dict[int, set[int]] = {}
        self._adopted: Counter[int] = Counter()
        self._changed: set[PortRef] = set()

    def __bool__(self) -> bool:
        return bool(self._open)

    def hold(self, ref: PortRef, until: float) -> None:
        """Keep ``ref`` closed until ``until`` at the latest."""
        self._add(ref, until, False)

    def adopt(self, ref: PortRef, until: float) -> None:
        """Keep ``ref`` open until ``until`` at the latest."""
        self._add(ref, until, True)

    def _add(self, ref: PortRef, until: float, is_open: bool) -> None:
        self.decide(ref)
        self._open[ref] = is_open
        self._due.set(ref, until)
        self._numbers.setdefault(ref.dpid, set()).add(ref.port_no)
        self._adopted[ref.dpid] += is_open
        self._changed.add(ref)

    def decide(self, ref: PortRef) -> bool:
        """Forget ``ref``: its role is known, or it is gone; tell whether it was undecided."""
        was_open = self._open.pop(ref, None)
        if was_open is None:
            return False
        self._due.discard(ref)
        self._numbers[ref.dpid].discard(ref.port_no)
        self._adopted[ref.dpid] -= was_open
        if not self._numbers[ref.dpid]:
            del self._numbers[ref.dpid], self._adopted[ref.dpid]
        self._changed.add(ref)
        return True

    def decide_all(self, refs: Iterable[PortRef]) -> None:
        """Forget each of ``refs``."""
        for ref in refs:
            self.decide(ref)

    def expire(self, now: float, is_looked_for: Callable[[PortRef, float], bool]) -> bool:
        """Decide the ports whose time is over; tell whether there were any.

        A closed one by which no probe has left stays so until one has.
        """
        over = self._due.take(now)
        early = {ref for ref in over if self.is_held(ref) and not is_looked_for(ref, now)}
        for ref in early:
            self._due.set(ref, now + AGAIN)
        self.decide_all([ref for ref in over if ref not in early])
        return len(over) > len(early)

    def is_undecided(self, ref: PortRef) -> bool:
        """Tell whether it is not known yet where ``ref`` leads."""
        return ref in self._open

    def is_held(self, ref: PortRef) -> bool:
        """Tell whether ``ref`` is kept closed."""
        return self._open.get(ref) is False

    def held(self) -> list[PortRef]:
        """Return all ports that are kept closed."""
        return [ref for ref, is_open in self._open.items() if not is_open]

    def undecided_of(self, dpid: int) -> Collection[int]:
        """Return the numbers of the undecided ports of a switch."""
        return self._numbers.get(dpid, frozenset())

    def adopting(self) -> frozenset[int]:
        """Return the switches with ports that are open though nobody knows where they lead."""
        return frozenset(dpid for dpid, ports in self._adopted.items() if ports)

    @property
    def changed(self) -> Collection[PortRef]:
        """The ports held, adopted or decided since :meth:`take_changed`."""
        return self._changed

    def take_changed(self) -> set[PortRef]:
        """Return the ports held, adopted or decided since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def next_due(self) -> float | None:
        """Return when the next port is decided by time; None if all are decided."""
        return self._due.next()
