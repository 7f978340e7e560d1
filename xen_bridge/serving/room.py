"""Places for the connections of one server, so many in all and so many per address.

A connection is idle while its peer owes the next word: it has said nothing yet, or half of a
request. Where no place is free, the connection that has been idle longest is ended for whoever
comes, so that silence never shuts a server. Who is being served keeps its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class NoPlace(Exception):
    """Everybody inside is being served."""


class Place:
    """The place of one connection; busy until :meth:`idle` is called."""

    def __init__(self, room: Room, host: str) -> None:
        self.host = host
        self._room = room
        self._end: Callable[[], None] | None = None

    def ended_by(self, end: Callable[[], None]) -> None:
        """Have ``end`` called when this place, idle, is given to somebody else; idle from now."""
        self._end = end
        self.idle()

    def idle(self) -> None:
        """Wait for the peer: from now on this place may be given to somebody else."""
        if self._end is not None:
            self._room.waits(self)

    def busy(self) -> None:
        """Keep this place: the peer is being served."""
        self._room.works(self)

    def leave(self) -> None:
        """Free this place; calling it again changes nothing."""
        self._room.left(self)

    def end(self) -> None:
        """End the connection."""
        if self._end is not None:
            self._end()


class Room:
    """All places; ``per_address`` None is as many as there are. Made for one thread."""

    def __init__(self, total: int, per_address: int | None = None) -> None:
        self._most = total
        self._most_of_one = total if per_address is None else per_address
        self._inside: set[Place] = set()
        self._counts: Counter[str] = Counter()
        # Ordered by the time since which they are idle, in all and per address.
        self._idle: dict[Place, None] = {}
        self._idle_of: dict[str, dict[Place, None]] = {}

    @property
    def total(self) -> int:
        """Connections inside."""
        return len(self._inside)

    def enter(self, host: str) -> Place | None:
        """Return a place for a connection from ``host``; None if there is none to be had."""
        if self._counts[host] >= self._most_of_one and not self._end_first(self._idle_of.get(host)):
            return None
        if len(self._inside) >= self._most and not self._end_first(self._idle):
            return None
        place = Place(self, host)
        self._inside.add(place)
        self._counts[host] += 1
        return place

    def full(self) -> NoPlace:
        """Return what tells that there is no place."""
        return NoPlace(f"all {self._most} places are taken")

    def make_room(self) -> bool:
        """End the connection that has been idle longest; False if all are busy."""
        return self._end_first(self._idle)

    def waits(self, place: Place) -> None:
        """Note that ``place`` is idle, from now on."""
        if place in self._inside:
            self.works(place)
            self._idle[place] = None
            self._idle_of.setdefault(place.host, {})[place] = None

    def works(self, place: Place) -> None:
        """Note that ``place`` is not idle."""
        if place in self._idle:
            del self._idle[place]
            of_host = self._idle_of[place.host]
            del of_host[place]
            if not of_host:
                del self._idle_of[place.host]

    def left(self, place: Place) -> None:
        """Note that the connection of ``place`` is over."""
        if place not in self._inside:
            return
        self.works(place)
        self._inside.remove(place)
        self._counts[place.host] -= 1
        if not self._counts[place.host]:
            del self._counts[place.host]

    def _end_first(self, idle: dict[Place, None] | None) -> bool:
        if not idle:
            return False
        place = next(iter(idle))
        # It counts no longer before it is told: the end of a connection takes its time.
        self.left(place)
        place.end()
        return True
