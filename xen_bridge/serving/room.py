"""Places for the connections of one server, so many in all and so many per address.

A connection is idle while its peer owes the next word: it has said nothing yet, or half of a
request, or it does not read its answer. Where no place is free, the connection that has been idle
longest is ended for whoever comes, so that silence never shuts a server. Who is being served keeps
its place, unless it is doubtful who that is: when nobody is idle, the doubtful one that came last
gives way.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

IPV6_PREFIX = 64
"""Bits of an address by which one party is told from another: who has one has all the rest."""


class NoPlace(Exception):
    """Everybody inside is being served."""


def party_of(host: str) -> str:
    """Return who counts as one: an IPv4 address, or an IPv6 network; other names stay."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))


class Place:
    """The place of one connection; busy until :meth:`idle` is called."""

    def __init__(self, room: Room, host: str) -> None:
        self.host = host
        self.party = party_of(host)
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

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for a peer that is being served: until then this place may be given away."""
        was_busy = self._end is not None and not self._room.is_idle(self)
        if was_busy:
            self.idle()
        try:
            yield
        finally:
            if was_busy:
                self.busy()

    def doubtful(self, end: Callable[[], None]) -> None:
        """Keep this place from who comes later, unless nobody is idle; then ``end`` is called."""
        self._end = end
        self._room.doubts(self)

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
        # Ordered by the time of their coming.
        self._doubtful: dict[Place, None] = {}

    @property
    def total(self) -> int:
        """Connections inside."""
        return len(self._inside)

    def enter(self, host: str) -> Place | None:
        """Return a place for a connection from ``host``; None if there is none to be had."""
        place = Place(self, host)
        party = place.party
        if self._counts[party] >= self._most_of_one and not (
            self._end_first(self._idle_of.get(party)) or self._end_last_doubtful(party)
        ):
            return None
        if len(self._inside) >= self._most and not (
            self._end_first(self._idle) or self._end_last_doubtful(None)
        ):
            return None
        self._inside.add(place)
        self._counts[party] += 1
        return place

    def full(self) -> NoPlace:
        """Return what tells that there is no place."""
        return NoPlace(f"all {self._most} places are taken")

    def make_room(self) -> bool:
        """End the connection that has been idle longest; False if all are busy."""
        return self._end_first(self._idle)

    def is_idle(self, place: Place) -> bool:
        """Tell whether ``place`` may be given to somebody else."""
        return place in self._idle

    def doubts(self, place: Place) -> None:
        """Note that ``place`` is not idle, and that it is doubtful who has it."""
        if place in self._inside:
            self.works(place)
            self._doubtful[place] = None

    def waits(self, place: Place) -> None:
        """Note that ``place`` is idle, from now on."""
        if place in self._inside:
            self.works(place)
            self._idle[place] = None
            self._idle_of.setdefault(place.party, {})[place] = None

    def works(self, place: Place) -> None:
        """Note that ``place`` is not idle, nor doubtful."""
        self._doubtful.pop(place, None)
        if place in self._idle:
            del self._idle[place]
            of_party = self._idle_of[place.party]
            del of_party[place]
            if not of_party:
                del self._idle_of[place.party]

    def left(self, place: Place) -> None:
        """Note that the connection of ``place`` is over."""
        if place not in self._inside:
            return
        self.works(place)
        self._inside.remove(place)
        self._counts[place.party] -= 1
        if not self._counts[place.party]:
            del self._counts[place.party]

    def _end_first(self, idle: dict[Place, None] | None) -> bool:
        if not idle:
            return False
        self._end(next(iter(idle)))
        return True

    def _end_last_doubtful(self, party: str | None) -> bool:
        """End the doubtful one that came last, of ``party`` if that is given."""
        last_first = reversed(self._doubtful)
        found = next((one for one in last_first if party in (None, one.party)), None)
        if found is not None:
            self._end(found)
        return found is not None

    def _end(self, place: Place) -> None:
        # It counts no longer before it is told: the end of a connection takes its time.
        self.left(place)
        place.end()
