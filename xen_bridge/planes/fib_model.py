"""FIB model: a router's FIB as its kernel told it, and what of it has yet to be told onward.

Pure. A key or an id that changed is noted, not how: what is told onward is its state at that
time, so of many changes of one route the last is told, and what waits is bounded by the FIB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xen_bridge.netlink.constants import NLM_F_APPEND, NLM_F_REPLACE
from xen_bridge.planes.fib import SUFFIX, FibChange, Nexthop, RouteWay

IPV4_KEY = 4 + SUFFIX.size
ROUTES_OF_A_CHANGE = 5000


class FibModel:
    """A FIB, changed by events of its kernel. Not for several threads at once."""

    def __init__(self) -> None:
        self.routes: dict[bytes, RouteWay] = {}
        """Those that forward."""
        self.nexthops: dict[int, Nexthop] = {}
        self.is_doubtful = False
        """Whether an event did not fit what is known: only a whole reading tells the truth."""
        self._behind: dict[bytes, list[RouteWay]] = {}
        """IPv4 routes with the key of another, which come into force when that goes."""
        self._users: dict[int, set[bytes]] = {}
        self._changed_routes: dict[bytes, None] = {}
        self._changed_nexthops: dict[int, None] = {}
        self._forgotten: dict[int, None] = {}
        self._begins = False
        self._ends = False

    # ---- what the kernel tells

    def set_route(self, key: bytes, way: RouteWay, flags: int = NLM_F_REPLACE) -> None:
        """Take in that a route is there; ``flags`` are NLM_F_… of the message."""
        known = self.routes.get(key)
        if known is None or len(key) != IPV4_KEY or flags & NLM_F_REPLACE:
            self._put(key, way)
        elif way != known and way not in self._behind.get(key, ()):
            others = self._behind.setdefault(key, [])
            if flags & NLM_F_APPEND:
                others.append(way)
            else:
                others.insert(0, known)
                self._put(key, way)

    def remove_route(self, key: bytes, way: RouteWay) -> None:
        """Take in that the route of ``key`` that leads by ``way`` is gone."""
        known = self.routes.get(key)
        others = self._behind.get(key, [])
        if known is None:
            return
        if way in others and way != known:
            others.remove(way)
        elif way == known or self._leads_by_id(known, way):
            self._put(key, others.pop(0) if others else None)
        else:
            self._remove_hop(key, known, way)
        if not others:
            self._behind.pop(key, None)

    def set_nexthop(self, number: int, nexthop: Nexthop) -> None:
        """Take in that an object is there, new or in place of what had its id."""
        if self.nexthops.get(number) != nexthop:
            self.nexthops[number] = nexthop
            self._changed_nexthops[number] = None

    def remove_nexthop(self, number: int) -> None:
        """Take in that an object is gone, and with it the routes that named it."""
        if self.nexthops.pop(number, None) is None:
            return
        self._forgotten[number] = None
        self._changed_nexthops.pop(number, None)
        # The kernel takes them out without a word (fib_flush).
        for key in tuple(self._users.get(number, ())):
            if key in self._behind:
                self.is_doubtful = True
            self._put(key, None)
        for other, nexthop in tuple(self.nexthops.items()):
            left = tuple(one for one in nexthop.group if one[0] != number)
            if left != nexthop.group and left:
                self.set_nexthop(other, nexthop._replace(group=left))
            elif left != nexthop.group:
                self.remove_nexthop(other)

    def read_whole(
        self, routes: Iterable[tuple[bytes, RouteWay]], nexthops: Mapping[int, Nexthop]
    ) -> None:
        """Take in the whole FIB, in the kernel's order; what differs from before has changed."""
        for number in [one for one in self.nexthops if one not in nexthops]:
            self.remove_nexthop(number)
        for number, nexthop in nexthops.items():
            self.set_nexthop(number, nexthop)
        self._behind.clear()
        seen: set[bytes] = set()
        for key, way in routes:
            if key not in seen:
                seen.add(key)
                self._put(key, way)
            else:
                self._behind.setdefault(key, []).append(way)
        if len(seen) != len(self.routes):
            for key in [one for one in self.routes if one not in seen]:
                self._put(key, None)
        self.is_doubtful = False

    # ---- what is told onward

    @property
    def has_news(self) -> bool:
        """Tell whether something has yet to be told."""
        return bool(self._changed_routes or self._changed_nexthops or self._forgotten or self._ends)

    def tell_all(self) -> None:
        """Tell everything anew: who is told holds nothing of it, or nobody knows what."""
        self._forgotten.clear()
        self._changed_nexthops = dict.fromkeys(self.nexthops)
        self._changed_routes = dict.fromkeys(self.routes)
        self._begins = self._ends = True

    def take(self, limit: int = ROUTES_OF_A_CHANGE) -> FibChange | None:
        """Return the next piece of news, of at most ``limit`` routes; None if there is none."""
        if not self.has_news:
            return None
        keys = list(self._changed_routes)[:limit] if limit < len(self._changed_routes) else None
        begins, self._begins = self._begins, False
        forgotten, self._forgotten = tuple(self._forgotten), {}
        numbers, self._changed_nexthops = self._changed_nexthops, {}
        if keys is None:
            keys, self._changed_routes = list(self._changed_routes), {}
        else:
            for key in keys:
                del self._changed_routes[key]
        ends = self._ends and not self._changed_routes
        self._ends = self._ends and not ends
        grouped, removed = self._grouped(keys)
        defined = [(one, self.nexthops[one]) for one in numbers]
        defined.sort(key=lambda one: bool(one[1].group))
        return FibChange(begins, forgotten, tuple(defined), grouped, removed, ends)

    def _grouped(
        self, keys: list[bytes]
    ) -> tuple[tuple[tuple[RouteWay, tuple[bytes, ...]], ...], tuple[bytes, ...]]:
        by_way: dict[int, tuple[RouteWay, list[bytes]]] = {}
        removed = []
        for key in keys:
            way = self.routes.get(key)
            if way is None:
                removed.append(key)
            elif id(way) in by_way:
                by_way[id(way)][1].append(key)
            else:
                by_way[id(way)] = (way, [key])
        return tuple((way, tuple(ones)) for way, ones in by_way.values()), tuple(removed)

    # ---- inside

    @staticmethod
    def _leads_by_id(known: RouteWay, way: RouteWay) -> bool:
        return known.nexthop_id is not None and known.nexthop_id == way.nexthop_id

    def _remove_hop(self, key: bytes, known: RouteWay, way: RouteWay) -> None:
        """Take one way out of several: so the kernel tells it of IPv6."""
        left = tuple(hop for hop in known.hops if hop not in way.hops)
        if len(key) == IPV4_KEY or not left or len(left) == len(known.hops):
            self.is_doubtful = True
        else:
            self._put(key, known._replace(hops=left))

    def _put(self, key: bytes, way: RouteWay | None) -> None:
        known = self.routes.get(key)
        if known is way or known == way:
            return
        if known is not None and known.nexthop_id is not None:
            self._users[known.nexthop_id].discard(key)
        if way is None:
            del self.routes[key]
        else:
            self.routes[key] = way
            if way.nexthop_id is not None:
                self._users.setdefault(way.nexthop_id, set()).add(key)
        self._changed_routes[key] = None
