"""Nexthop ids: the objects of one router in Domain 0, under numbers of a range of its own.

Pure. Domain 0 has one space of ids for itself and all routers. An object that the router has no
more stays while a route of the table names it; one that is wanted anew and is the same as such a
left one is that again, so that after a restart all ids are those in the kernel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from xen_bridge.errors import Overloaded
from xen_bridge.netlink import nexthops
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.fib import Nexthop

PROTOCOL = 72
"""Who put it there (rtm_protocol, nh_protocol, FRA_PROTOCOL): numbers from 5 on are free to use."""


class NexthopIds:
    """The objects of one router, by their real ids and by the router's own."""

    def __init__(self, ids: range) -> None:
        self._ids = ids
        self._next = ids.start
        self.real: dict[int, Nexthop] = {}
        """What is in the kernel; members of groups by their real ids."""
        self._of: dict[int, int] = {}
        self.uses: Counter[int] = Counter()
        """How many routes of the table name a real id."""

    def load(self, found: Mapping[int, Nexthop]) -> None:
        """Take in what the kernel has in the range."""
        self.real = {number: one for number, one in found.items() if number in self._ids}
        self._of.clear()

    def get(self, number: int) -> int | None:
        """Return the real id of the router's object ``number``; None if it has none."""
        return self._of.get(number)

    def forget(self, number: int) -> None:
        """Take in that the router has no such object any more."""
        self._of.pop(number, None)

    def forget_all(self) -> None:
        """Take in that nobody knows which objects the router has."""
        self._of.clear()

    def define(self, number: int, wanted: Nexthop) -> list[Request]:
        """Return what makes the router's object ``number`` (in terms of Domain 0) ``wanted``.

        Raises Overloaded when the range is used up.
        """
        real = self._of.get(number)
        if real is not None and self.real[real] == wanted:
            return []
        if real is not None and bool(self.real[real].group) == bool(wanted.group):
            self.real[real] = wanted
            return [_request(real, wanted)]
        real = self._left_like(wanted)
        self._of[number] = real if real is not None else self._free()
        if real is not None:
            return []
        self.real[self._of[number]] = wanted
        return [_request(self._of[number], wanted)]

    def sweep(self) -> list[Request]:
        """Return what deletes the objects that nobody names any more, groups first."""
        kept = set(self._of.values())
        kept.update(number for number, count in self.uses.items() if count > 0)
        for number in tuple(kept):
            kept.update(member for member, _ in self.real[number].group)
        gone = [number for number in self.real if number not in kept]
        gone.sort(key=lambda number: not self.real[number].group)
        for number in gone:
            del self.real[number]
            self.uses.pop(number, None)
        return [nexthops.delete_nexthop(number) for number in gone]

    def _left_like(self, wanted: Nexthop) -> int | None:
        taken = set(self._of.values())
        return next(
            (one for one, known in self.real.items() if known == wanted and one not in taken), None
        )

    def _free(self) -> int:
        for _ in range(len(self._ids)):
            number = self._next
            self._next = number + 1 if number + 1 in self._ids else self._ids.start
            if number not in self.real:
                return number
        raise Overloaded(f"a router may have {len(self._ids)} nexthop objects")


def _request(number: int, wanted: Nexthop) -> Request:
    if wanted.group:
        return nexthops.replace_group(number, wanted.group, PROTOCOL)
    if wanted.is_blackhole or wanted.oif is None:
        return nexthops.replace_blackhole(number, wanted.family, PROTOCOL)
    return nexthops.replace_way(number, wanted.family, wanted.oif, wanted.gateway, PROTOCOL)
