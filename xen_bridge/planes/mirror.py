"""Mirror: a router's FIB in a table of Domain 0, kept equal to what the router's agent tells.

Pure: what is to be changed in the kernel is returned as requests, in the order in which they must
be made. Ways are rewritten: interfaces to the devices bound to them, nexthop objects to ids of the
router's own range. What leads out of an interface that is bound to nothing is unreachable, and so
is what leads by an object out of one without a carrier.

What the router leads by hops is led so here, too. One object for all routes of a way would take a
third less time to write, but the kernel drops it, and all of them, with the carrier of its device;
routes by hops outlast a cable that is out for a moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from xen_bridge.netlink.constants import (
    RT_SCOPE_UNIVERSE,
    RTN_BLACKHOLE,
    RTN_UNICAST,
    RTN_UNREACHABLE,
)
from xen_bridge.netlink.routes import NextHop
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.fib import FibChange, Nexthop, RouteWay
from xen_bridge.planes.nexthop_ids import NexthopIds
from xen_bridge.planes.route_requests import delete_routes, set_routes
from xen_bridge.planes.withdrawals import Withdrawals

MAX_ROUTES = 1_000_000


class Mirror:
    """The table of one router. Not for several threads at once."""

    def __init__(
        self,
        table: int,
        ids: range,
        ports: Mapping[int, int],
        withdrawals: Withdrawals | None = None,
        max_routes: int = MAX_ROUTES,
    ) -> None:
        """Keep ``table``; ``ports`` gives Domain 0's interface to each of the router's."""
        self.table = table
        self.installed: dict[bytes, RouteWay] = {}
        """What is in the kernel, in terms of Domain 0."""
        self.wanted: dict[bytes, RouteWay] = {}
        """What the router told, in its own terms."""
        self.refused = 0
        """Routes and nexthop objects beyond what one router may have."""
        self.withdrawals = Withdrawals() if withdrawals is None else withdrawals
        self._ids = NexthopIds(ids)
        self._nexthops: dict[int, Nexthop] = {}
        self._ports = dict(ports)
        self._max_routes = max_routes
        # As many again may be left of before, while routes still name them.
        self._max_nexthops = len(ids) // 2
        self._by_protocol: Counter[int] = Counter()
        self._unseen: set[bytes] | None = None
        self.is_whole = False
        """Whether the router told its whole FIB, and all that changed of it since."""
        self.no_carrier: frozenset[int] = frozenset()
        """Domain 0's interfaces that have none: its kernel has no nexthop objects of those."""

    @property
    def nexthops(self) -> int:
        """How many nexthop objects the router has."""
        return len(self._nexthops)

    def whole(self) -> tuple[FibChange, ...]:
        """Return all that the router told, as it would tell it anew."""
        by_way: dict[RouteWay, list[bytes]] = {}
        for key, way in self.wanted.items():
            by_way.setdefault(way, []).append(key)
        # Members before the groups that they are in.
        objects = sorted(self._nexthops.items(), key=lambda one: bool(one[1].group))
        routes = tuple((way, tuple(keys)) for way, keys in by_way.items())
        return (FibChange(True, (), tuple(objects), routes, (), True),)

    def handed_over(self) -> tuple[FibChange, ...]:
        """Return all that the router told, and what it withdrew and is held, told and taken back.

        Of these it has perhaps no nexthop objects any more: they lead by what those were.
        """
        (whole,) = self.whole()
        held = [key for key in self.withdrawals.waiting() if key in self.installed]
        if not held:
            return (whole,)
        by_way: dict[RouteWay, list[bytes]] = {}
        for key in held:
            by_way.setdefault(self.installed[key], []).append(key)
        more = tuple((self._as_told(way), tuple(keys)) for way, keys in by_way.items())
        first = replace(whole, routes=(*whole.routes, *more), ends=False)
        return first, FibChange(removed=tuple(held), ends=True)

    def take_over(self, change: FibChange, now: float) -> list[Request]:
        """Return what makes a piece of what :meth:`handed_over` returned one of the table."""
        requests = self.apply(replace(change, removed=()), now)
        for key in change.removed:
            way = self.wanted.pop(key, None)
            if way is not None:
                self._by_protocol[way.protocol] -= 1
        self.withdrawals.hold((key for key in change.removed if key in self.installed), now)
        return requests

    def load(
        self, routes: Iterable[tuple[bytes, RouteWay]], objects: Mapping[int, Nexthop]
    ) -> None:
        """Take in what the kernel has of this router, from before a restart of this program.

        It stays until the router has told its whole FIB.
        """
        self.installed = dict(routes)
        self._ids.load(objects)
        self._ids.uses = Counter(
            way.nexthop_id for way in self.installed.values() if way.nexthop_id is not None
        )

    def apply(self, change: FibChange, now: float) -> list[Request]:
        """Return what makes a change of the router one of the table."""
        requests: list[Request] = []
        if change.begins:
            self.is_whole = False
            self._unseen = set(self.wanted)
            self._nexthops.clear()
            self._ids.forget_all()
        for number in change.forgotten:
            self._nexthops.pop(number, None)
            self._ids.forget(number)
        requests += self._define(self._admitted_nexthops(change.nexthops))
        for way, keys in change.routes:
            requests += self._set(way, keys)
        gone = self._withdraw(change.removed, now)
        if change.ends:
            gone += self._end_telling(now)
            self.is_whole = True
        requests += self._delete(dict.fromkeys(gone))
        if change.ends or change.forgotten or gone:
            requests += self._ids.sweep()
        return requests

    def bind(self, ports: Mapping[int, int]) -> list[Request]:
        """Return what rewrites the table for other bindings of the router's interfaces."""
        self._ports = dict(ports)
        requests = self._define(tuple(self._nexthops.items()))
        return requests + self._rewrite_all() + self._ids.sweep()

    def next_due(self) -> float | None:
        """Return when :meth:`due` has something to do."""
        return self.withdrawals.next_due()

    def due(self, now: float) -> list[Request]:
        """Return what takes out the routes whose time is over."""
        gone = [key for key in self.withdrawals.due(now) if key not in self.wanted]
        return [*self._delete(gone), *self._ids.sweep()] if gone else []

    # ---- nexthop objects

    def _define(self, told: Iterable[tuple[int, Nexthop]]) -> list[Request]:
        requests: list[Request] = []
        told = tuple(told)
        known = {number for number, _ in told if number in self._nexthops}
        self._nexthops.update(told)
        moved = self._define_each(told, requests)
        if moved:
            # A member that came to lead somewhere, or nowhere, makes its groups others.
            groups = [one for one in self._nexthops.items() if moved & {m for m, _ in one[1].group}]
            again = self._define_each(groups, requests)
            moved |= again
            known |= again
        return requests + self._rewrite_all() if moved & known else requests

    def _admitted_nexthops(
        self, told: tuple[tuple[int, Nexthop], ...]
    ) -> tuple[tuple[int, Nexthop], ...]:
        """Return those for which there is room; a route by another leads nowhere."""
        room = self._max_nexthops - len(self._nexthops)
        if len(told) <= room:
            return told
        new = dict.fromkeys(number for number, _ in told if number not in self._nexthops)
        out = set(list(new)[max(room, 0) :])
        self.refused += len(out)
        return tuple(one for one in told if one[0] not in out)

    def _define_each(
        self, told: Iterable[tuple[int, Nexthop]], requests: list[Request]
    ) -> set[int]:
        """Define objects, adding to ``requests``; return those that have another real id now."""
        moved = set()
        for number, nexthop in told:
            wanted = self._rendered_nexthop(nexthop)
            before = self._ids.get(number)
            if wanted is None:
                self._ids.forget(number)
            else:
                requests += self._ids.define(number, wanted)
            if self._ids.get(number) != before:
                moved.add(number)
        return moved

    def _rendered_nexthop(self, nexthop: Nexthop) -> Nexthop | None:
        """Return an object in terms of Domain 0; None if it leads nowhere there."""
        if nexthop.is_blackhole:
            return nexthop
        if not nexthop.group:
            port = self._ports.get(nexthop.oif or 0)
            is_way = port is not None and port not in self.no_carrier
            return nexthop._replace(oif=port) if is_way else None
        members = [(self._ids.get(number), weight) for number, weight in nexthop.group]
        group = tuple((number, weight) for number, weight in members if number is not None)
        return nexthop._replace(group=group) if group else None

    # ---- routes

    def _set(self, way: RouteWay, keys: tuple[bytes, ...]) -> list[Request]:
        rendered = self._rendered(way)
        wanted, unseen, counts = self.wanted, self._unseen, self._by_protocol
        keys = self._admitted(keys)
        for key in keys:
            known = wanted.get(key)
            if known is not None:
                counts[known.protocol] -= 1
            wanted[key] = way
        counts[way.protocol] += len(keys)
        if unseen is not None:
            unseen.difference_update(keys)
        self.withdrawals.returned(keys)
        return self._install(rendered, keys)

    def _admitted(self, keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return those for which the router's table has room."""
        room = self._max_routes - len(self.wanted)
        if len(keys) <= room:
            return keys
        known = tuple(key for key in keys if key in self.wanted)
        new = tuple(key for key in dict.fromkeys(keys) if key not in self.wanted)
        self.refused += max(len(new) - max(room, 0), 0)
        return known + new[: max(room, 0)]

    def _install(self, rendered: RouteWay, keys: Iterable[bytes]) -> list[Request]:
        installed, uses = self.installed, self._ids.uses
        different = [key for key in keys if installed.get(key) != rendered]
        for key in different:
            old = installed.get(key)
            if old is not None and old.nexthop_id is not None:
                uses[old.nexthop_id] -= 1
            installed[key] = rendered
        if rendered.nexthop_id is not None:
            uses[rendered.nexthop_id] += len(different)
        return list(set_routes(self.table, rendered, different))

    def _rewrite_all(self) -> list[Request]:
        by_way: dict[RouteWay, list[bytes]] = {}
        for key, way in self.wanted.items():
            by_way.setdefault(way, []).append(key)
        requests: list[Request] = []
        for way, keys in by_way.items():
            requests += self._install(self._rendered(way), keys)
        return requests

    def _rendered(self, way: RouteWay) -> RouteWay:
        """Return a way in terms of Domain 0."""
        if way.nexthop_id is not None:
            number = self._ids.get(way.nexthop_id)
            return _nowhere(way) if number is None else way._replace(nexthop_id=number)
        if not way.hops:
            return way
        hops = tuple(
            replace(hop, oif=self._ports[hop.oif or 0], onlink=hop.gateway is not None)
            for hop in way.hops
            if hop.oif in self._ports
        )
        return way._replace(hops=hops) if hops else _nowhere(way)

    def _as_told(self, way: RouteWay) -> RouteWay:
        """Return a way of Domain 0 in terms of the router, by hops."""
        hops = way.hops
        if way.nexthop_id is not None:
            real = self._ids.real
            found = real[way.nexthop_id]
            members = [(real[number], weight) for number, weight in found.group]
            if found.is_blackhole:
                return RouteWay(RTN_BLACKHOLE, way.protocol, RT_SCOPE_UNIVERSE)
            hops = tuple(
                NextHop(one.oif, one.gateway, weight)
                for one, weight in members or [(found, 1)]
                if not one.is_blackhole
            )
        back = {port: index for index, port in self._ports.items()}
        told = tuple(replace(hop, oif=back[hop.oif or 0]) for hop in hops if hop.oif in back)
        if way.type == RTN_UNICAST and not told:
            return _nowhere(way)
        return way._replace(nexthop_id=None, hops=told)

    def _withdraw(self, keys: Iterable[bytes], now: float) -> list[bytes]:
        """Take in that the router has these no more; return which are to go at once."""
        gone = []
        for key in keys:
            way = self.wanted.pop(key, None)
            if self._unseen is not None:
                self._unseen.discard(key)
            if way is None:
                continue
            had = self._by_protocol[way.protocol]
            self._by_protocol[way.protocol] -= 1
            if not self.withdrawals.withdrawn(key, way.protocol, had, now):
                gone.append(key)
        return gone

    def _end_telling(self, now: float) -> list[bytes]:
        """Sweep what was not told; return which of it is to go at once."""
        unseen, self._unseen = self._unseen, None
        gone = self._withdraw(unseen or (), now)
        left = [key for key in self.installed if key not in self.wanted]
        had = Counter(way.protocol for way in self.installed.values())
        for key in left:
            if key not in self.withdrawals:
                protocol = self.installed[key].protocol
                if not self.withdrawals.withdrawn(key, protocol, had[protocol], now):
                    gone.append(key)
        return gone

    def _delete(self, keys: Iterable[bytes]) -> list[Request]:
        there = [key for key in keys if key in self.installed]
        for key in there:
            old = self.installed.pop(key)
            if old.nexthop_id is not None:
                self._ids.uses[old.nexthop_id] -= 1
        return list(delete_routes(self.table, there))


def _nowhere(way: RouteWay) -> RouteWay:
    return RouteWay(RTN_UNREACHABLE, way.protocol, RT_SCOPE_UNIVERSE)
