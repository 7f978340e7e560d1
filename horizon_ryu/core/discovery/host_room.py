"""Host room: how many stations a port, a switch and the network may have, and who gives way.

Whoever invents addresses fills the room of its own port and switch. Where a switch or the network
is full, the newest station of its fullest port gives way to one at a port that has fewer: so
strangers take room from each other, and never all of it from somebody elsewhere.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from horizon_ryu.core.topology import PortRef


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """Stations in all, per switch, and per port."""

    hosts: int
    per_switch: int
    per_port: int


class Admitted(NamedTuple):
    """Whether a station may be learned, and which other one is to be forgotten for it first.

    ``crowded`` is the port that has too many, None while there is room.
    """

    may_enter: bool
    evicted: bytes | None = None
    crowded: PortRef | None = None


class _Ranking:
    """Counts of things, and at any time one that has the most; each step costs the same."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._having: dict[int, dict[int, None]] = {}
        self._top = 0

    def __getitem__(self, one: int) -> int:
        return self._counts.get(one, 0)

    def add(self, one: int, difference: int) -> None:
        """Change the count of ``one`` by 1 or -1; who has none is forgotten."""
        before = self._counts.pop(one, 0)
        after = before + difference
        if before:
            del self._having[before][one]
            if not self._having[before]:
                del self._having[before]
        if after:
            self._counts[one] = after
            self._having.setdefault(after, {})[one] = None
        if after > self._top or (before == self._top and before not in self._having):
            self._top = after

    def fullest(self) -> tuple[int, int]:
        """Return one that has most, and how many; (0, 0) if there is none."""
        return next(iter(self._having[self._top])) if self._top else 0, self._top


_YES = Admitted(True)


class HostRoom:
    """The stations at each port by their keys, the newest last."""

    def __init__(self, limits: RoomLimits) -> None:
        self._limits = limits
        self._at_port: dict[PortRef, dict[bytes, None]] = {}
        self._on_switch = _Ranking()
        self._on_port: dict[int, _Ranking] = {}
        self._total = 0
        self.refused: Counter[str] = Counter()
        """Stations that were not learned, or gave way, by what was full."""

    def enter(self, key: bytes, ref: PortRef) -> None:
        """Take note of a station that was admitted."""
        here = self._at_port.setdefault(ref, {})
        if key not in here:
            here[key] = None
            self._count(ref, 1)

    def leave(self, key: bytes, ref: PortRef) -> None:
        """Take note of a station that is gone from a port."""
        here = self._at_port.get(ref, {})
        if key in here:
            del here[key]
            self._count(ref, -1)
            if not here:
                del self._at_port[ref]

    def _count(self, ref: PortRef, difference: int) -> None:
        self._total += difference
        self._on_switch.add(ref.dpid, difference)
        self._on_port.setdefault(ref.dpid, _Ranking()).add(ref.port_no, difference)
        if not self._on_switch[ref.dpid]:
            del self._on_port[ref.dpid]

    def at(self, ref: PortRef) -> tuple[bytes, ...]:
        """Return the stations at a port, the newest last."""
        return tuple(self._at_port.get(ref, ()))

    def admit(self, ref: PortRef) -> Admitted:
        """Tell whether one more station may be at ``ref``; one that is evicted must leave first."""
        mates = len(self._at_port.get(ref, ()))
        if mates >= self._limits.per_port:
            self.refused["port"] += 1
            return Admitted(False, crowded=ref)
        if self._on_switch[ref.dpid] >= self._limits.per_switch:
            return self._crowd_out("switch", ref.dpid, mates)
        if self._total < self._limits.hosts:
            return _YES
        fullest, count = self._on_switch.fullest()
        if count <= self._on_switch[ref.dpid] + 1:
            return self._crowd_out("network", ref.dpid, mates)
        return self._crowd_out("network", fullest, 0)

    def _crowd_out(self, what: str, dpid: int, mates: int) -> Admitted:
        """Evict the newest station of the fullest port of a switch, for a port with fewer."""
        self.refused[what] += 1
        port_no, count = self._on_port[dpid].fullest() if dpid in self._on_port else (0, 0)
        crowded = PortRef(dpid, port_no)
        if count <= mates + (1 if mates else 0):
            return Admitted(False, crowded=crowded)
        return Admitted(True, next(reversed(self._at_port[crowded])), crowded)
