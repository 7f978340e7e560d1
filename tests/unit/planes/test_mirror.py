"""The mirror against a kernel that is a model: whatever the router does, the tables are equal."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from xen_bridge.netlink.constants import (
    NLM_F_REPLACE,
    RTM_DELNEXTHOP,
    RTM_DELROUTE,
    RTM_NEWNEXTHOP,
    RTM_NEWROUTE,
    RTN_BLACKHOLE,
    RTN_UNICAST,
    RTN_UNREACHABLE,
)
from xen_bridge.netlink.routes import KernelRoute, NextHop, delete_routes_to, replace_route
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.fib import FibChange, Nexthop, RouteReader, RouteWay, key_of, read_nexthop
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.mirror import Mirror
from xen_bridge.planes.withdrawals import Withdrawals

TABLE, IDS = 4_000_001, range(1 << 30, (1 << 30) + 64)
PORTS = {2: 102, 3: 103}
"""Interface 4 of the router is bound to nothing."""
OSPF, KERNEL = 188, 2
KEYS = [key_of(f"10.{number}.0.0/16", 20) for number in range(6)]
KEYS += [key_of(f"2001:db8:{number}::/48", 1024) for number in range(3)]


class TableModel:
    """Domain 0's kernel: what requests make of a table and of nexthop objects."""

    def __init__(self) -> None:
        self.routes: dict[bytes, RouteWay] = {}
        self.objects: dict[int, Nexthop] = {}
        self._reader = RouteReader(TABLE)

    def make(self, requests: Sequence[Request]) -> None:
        for one in requests:
            if one.kind == RTM_NEWROUTE:
                self._route(one)
            elif one.kind == RTM_DELROUTE:
                self._delete_route(one)
            elif one.kind == RTM_NEWNEXTHOP:
                self._object(one)
            else:
                assert one.kind == RTM_DELNEXTHOP
                self._delete_object(one)

    def _route(self, request: Request) -> None:
        found = self._reader.read(request.payload)
        assert found is not None
        key, way = found
        assert way.nexthop_id is None or way.nexthop_id in self.objects
        self.routes[key] = way

    def _delete_route(self, request: Request) -> None:
        for key in self.routes:
            prefix = KernelRoute(_prefix(key), (), TABLE)
            if delete_routes_to(prefix.destination, TABLE).payload[12:] in _bare(request):
                del self.routes[key]
                return
        raise AssertionError("ESRCH")

    def _object(self, request: Request) -> None:
        found = read_nexthop(request.payload)
        assert found is not None
        number, made = found
        assert number in IDS
        assert all(member in self.objects for member, _ in made.group)
        old = self.objects.get(number)
        assert old is None or bool(old.group) == bool(made.group), "EINVAL"
        self.objects[number] = made

    def _delete_object(self, request: Request) -> None:
        found = read_nexthop(request.payload)
        assert found is not None
        number = found[0]
        assert not [way for way in self.routes.values() if way.nexthop_id == number]
        assert not [
            one for one in self.objects.values() if number in [member for member, _ in one.group]
        ]
        del self.objects[number]


def _prefix(key: bytes) -> str:
    family = socket.AF_INET if len(key) == 10 else socket.AF_INET6
    return f"{socket.inet_ntop(family, key[:-6])}/{key[-6]}"


def _bare(request: Request) -> bytes:
    """Return the attributes of a message up to the table's."""
    return request.payload[12:]


def ways_of(way: RouteWay, objects: dict[int, Nexthop]) -> object:
    """Return where a route leads, without the ids that it is told by."""
    if way.nexthop_id is None:
        if way.type != RTN_UNICAST:
            return way.type
        return sorted((hop.oif, hop.gateway or "", hop.weight) for hop in way.hops)
    known = objects[way.nexthop_id]
    if known.is_blackhole:
        return RTN_BLACKHOLE
    members = known.group or ((way.nexthop_id, 1),)
    return sorted((objects[one].oif, objects[one].gateway or "", weight) for one, weight in members)


def expected(way: RouteWay, objects: dict[int, Nexthop]) -> object:
    """Return where a router's way must lead in Domain 0."""
    found = ways_of(way, objects)
    if not isinstance(found, list):
        return found
    bound = [(PORTS[oif], gateway, weight) for oif, gateway, weight in found if oif in PORTS]
    return sorted(bound) or RTN_UNREACHABLE


class Followed(RuleBasedStateMachine):
    """A router changes its FIB, its agent tells, Domain 0 applies: at any moment of rest, equal."""

    def __init__(self) -> None:
        super().__init__()
        self.model = FibModel()
        self.mirror = Mirror(TABLE, IDS, PORTS, Withdrawals(grace=0))
        self.kernel = TableModel()

    @initialize()
    def first(self) -> None:
        self.model.tell_all()

    @rule(
        key=st.sampled_from(KEYS),
        hops=st.lists(
            st.tuples(st.sampled_from([2, 3, 4]), st.integers(1, 9)), min_size=1, max_size=3
        ),
        protocol=st.sampled_from([KERNEL, OSPF]),
    )
    def route_by_hops(self, key: bytes, hops: list[tuple[int, int]], protocol: int) -> None:
        text = "192.0.2.{}" if len(key) == 10 else "2001:db8::{}"
        made = tuple(NextHop(oif, text.format(last)) for oif, last in dict(hops).items())
        self.model.set_route(key, RouteWay(RTN_UNICAST, protocol, 0, None, made), NLM_F_REPLACE)

    @rule(key=st.sampled_from(KEYS), kind=st.sampled_from([RTN_BLACKHOLE, RTN_UNREACHABLE]))
    def route_that_drops(self, key: bytes, kind: int) -> None:
        self.model.set_route(key, RouteWay(kind, OSPF, 0), NLM_F_REPLACE)

    @rule(number=st.integers(1, 4), oif=st.sampled_from([2, 3, 4]), last=st.integers(1, 9))
    def way_object(self, number: int, oif: int, last: int) -> None:
        made = Nexthop(socket.AF_INET, oif, f"192.0.2.{last}")
        self.model.set_nexthop(number, made)

    @precondition(lambda self: any(one < 5 for one in self.model.nexthops))
    @rule(data=st.data(), number=st.integers(5, 7))
    def group_object(self, data: st.DataObject, number: int) -> None:
        ones = sorted(one for one in self.model.nexthops if one < 5)
        members = data.draw(st.lists(st.sampled_from(ones), min_size=1, unique=True))
        group = tuple((one, data.draw(st.integers(1, 4))) for one in members)
        self.model.set_nexthop(number, Nexthop(socket.AF_UNSPEC, group=group))

    @precondition(lambda self: self.model.nexthops)
    @rule(data=st.data(), key=st.sampled_from(KEYS[:6]))
    def route_by_object(self, data: st.DataObject, key: bytes) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.nexthops)))
        self.model.set_route(key, RouteWay(RTN_UNICAST, OSPF, 0, number), NLM_F_REPLACE)

    @precondition(lambda self: self.model.nexthops)
    @rule(data=st.data())
    def object_gone(self, data: st.DataObject) -> None:
        self.model.remove_nexthop(data.draw(st.sampled_from(sorted(self.model.nexthops))))

    @precondition(lambda self: self.model.routes)
    @rule(data=st.data())
    def route_gone(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.routes)))
        self.model.remove_route(key, self.model.routes[key])

    @rule(limit=st.integers(1, 3))
    def told_in_part(self, limit: int) -> None:
        self._tell(self.model.take(limit))

    @rule()
    def domain_0_restarts(self) -> None:
        self.mirror = Mirror(TABLE, IDS, PORTS, Withdrawals(grace=0))
        self.mirror.load(self.kernel.routes.items(), self.kernel.objects)
        self.model.tell_all()

    @rule()
    def told_wholly(self) -> None:
        while (change := self.model.take()) is not None:
            self._tell(change)
        assert self.mirror.wanted == self.model.routes
        found = {key: ways_of(way, self.kernel.objects) for key, way in self.kernel.routes.items()}
        objects = self.model.nexthops
        assert found == {key: expected(way, objects) for key, way in self.model.routes.items()}

    @invariant()
    def what_is_believed_of_the_kernel_is_so(self) -> None:
        assert self.mirror.installed == self.kernel.routes

    def _tell(self, change: FibChange | None) -> None:
        if change is not None:
            self.kernel.make(self.mirror.apply(change, 0.0))


TestFollowed = Followed.TestCase
TestFollowed.settings = settings(
    max_examples=40, stateful_step_count=50, report_multiple_bugs=False
)


def told(mirror: Mirror, model: FibModel, now: float) -> list[Request]:
    requests = []
    while (change := model.take()) is not None:
        requests += mirror.apply(change, now)
    return requests


def by_object(number: int) -> RouteWay:
    return RouteWay(RTN_UNICAST, OSPF, 0, number)


def thousand(model: FibModel) -> list[bytes]:
    """Let a router have 1,000 routes of OSPF by the group 9 of the objects 1 and 2."""
    model.set_nexthop(1, Nexthop(socket.AF_INET, 2, "192.0.2.1"))
    model.set_nexthop(2, Nexthop(socket.AF_INET, 3, "192.0.2.9"))
    model.set_nexthop(9, Nexthop(socket.AF_UNSPEC, group=((1, 1), (2, 1))))
    keys = [key_of(f"10.{n >> 8}.{n & 255}.0/24", 20) for n in range(1000)]
    for key in keys:
        model.set_route(key, by_object(9))
    return keys


def test_a_link_that_fails_under_a_thousand_routes_is_one_request() -> None:
    model, mirror = FibModel(), Mirror(TABLE, IDS, PORTS)
    thousand(model)
    assert len(told(mirror, model, 0.0)) == 1003
    model.set_nexthop(9, Nexthop(socket.AF_UNSPEC, group=((2, 1),)))
    assert [one.kind for one in told(mirror, model, 1.0)] == [RTM_NEWNEXTHOP]


def test_a_daemon_that_starts_anew_leaves_the_table_as_it_was() -> None:
    model, mirror, kernel = FibModel(), Mirror(TABLE, IDS, PORTS), TableModel()
    keys = thousand(model)
    kernel.make(told(mirror, model, 0.0))
    before = {key: ways_of(way, kernel.objects) for key, way in kernel.routes.items()}
    for turn, key in enumerate(keys):
        model.remove_route(key, by_object(9))
        kernel.make(told(mirror, model, turn / 1000))
    for number in (9, 1, 2):
        model.remove_nexthop(number)
    kernel.make(told(mirror, model, 1.0) + mirror.due(5.0))
    assert {key: ways_of(way, kernel.objects) for key, way in kernel.routes.items()} == before
    thousand(model)
    kernel.make(told(mirror, model, 6.0) + mirror.due(1000.0))
    assert {key: ways_of(way, kernel.objects) for key, way in kernel.routes.items()} == before
    assert len(kernel.objects) == 3
    assert len(mirror.withdrawals) == 0


def test_what_is_held_for_a_daemon_that_starts_anew_goes_along_to_another_host() -> None:
    model, here = FibModel(), Mirror(TABLE, IDS, PORTS)
    keys, kernel = thousand(model), TableModel()
    static, single, none = KEYS[5], key_of("198.51.100.0/24"), key_of("203.0.113.0/24")
    model.set_route(static, RouteWay(RTN_UNICAST, 4, 0, None, (NextHop(2, "192.0.2.1"),)))
    model.set_route(single, by_object(1))
    model.set_nexthop(5, Nexthop(socket.AF_INET, is_blackhole=True))
    model.set_route(none, by_object(5))
    kernel.make(told(here, model, 0.0))
    for key in (*keys, single):
        model.remove_route(key, by_object(9 if key in keys else 1))
    model.remove_route(none, by_object(5))
    for number in (9, 1, 2, 5):
        model.remove_nexthop(number)
    kernel.make(told(here, model, 1.0) + here.due(5.0))
    # The other host has other devices for the same interfaces.
    ports = {index: device + 500 for index, device in PORTS.items()}
    there, far = Mirror(TABLE, IDS, ports), TableModel()
    for change in here.handed_over():
        far.make(there.take_over(change, 7.0))
    assert there.is_whole
    assert set(there.wanted) == {static}
    assert len(far.routes) == 1003

    def ends(table: TableModel, key: bytes, shift: int) -> object:
        way = table.routes[key]
        one = table.objects.get(way.nexthop_id or 0)
        found = [one] if one is not None and not one.group else []
        found += [table.objects[number] for number, _ in one.group] if one is not None else []
        hops = [(one.oif, one.gateway) for one in found] or [
            (one.oif, one.gateway) for one in way.hops
        ]
        return sorted(((oif or 0) - shift, gateway) for oif, gateway in hops)

    for key in (static, single, keys[0], keys[999]):
        assert ends(far, key, 500) == ends(kernel, key, 0)
    assert far.routes[none].type == RTN_BLACKHOLE
    assert len(there.withdrawals) == 1002
    far.make(there.due(66.9))
    assert len(far.routes) == 1003
    far.make(there.due(67.0))
    assert set(far.routes) == {static}


def test_what_a_daemon_does_not_bring_back_is_swept_after_the_grace_period() -> None:
    model, mirror, kernel = FibModel(), Mirror(TABLE, IDS, PORTS), TableModel()
    for key in thousand(model):
        kernel.make(told(mirror, model, 0.0))
        model.remove_route(key, by_object(9))
    kernel.make(told(mirror, model, 0.0) + mirror.due(0.3) + mirror.due(60.2))
    assert len(kernel.routes) == 1000
    assert mirror.next_due() == 60.3
    kernel.make(mirror.due(60.3))
    assert kernel.routes == {}


def test_a_few_routes_that_are_withdrawn_go_when_the_daemon_is_silent() -> None:
    model, mirror, kernel = FibModel(), Mirror(TABLE, IDS, PORTS), TableModel()
    for key in thousand(model)[:3]:
        kernel.make(told(mirror, model, 0.0))
        model.remove_route(key, by_object(9))
    kernel.make(told(mirror, model, 1.0) + mirror.due(1.2))
    assert len(kernel.routes) == 1000
    kernel.make(mirror.due(1.3))
    assert len(kernel.routes) == 997


def test_a_route_of_an_administrator_goes_at_once() -> None:
    model, mirror, kernel = FibModel(), Mirror(TABLE, IDS, PORTS), TableModel()
    static = RouteWay(RTN_BLACKHOLE, 4, 0)
    model.set_route(KEYS[0], static)
    kernel.make(told(mirror, model, 0.0))
    model.remove_route(KEYS[0], static)
    kernel.make(told(mirror, model, 0.0))
    assert kernel.routes == {}


def test_a_router_has_no_more_routes_than_it_may() -> None:
    model, mirror = FibModel(), Mirror(TABLE, IDS, PORTS, max_routes=600)
    thousand(model)
    told(mirror, model, 0.0)
    assert len(mirror.installed) == 600
    assert mirror.refused == 400


def test_an_interface_that_is_bound_later_has_its_routes_then() -> None:
    model, mirror, kernel = FibModel(), Mirror(TABLE, IDS, {3: 103}), TableModel()
    model.set_nexthop(1, Nexthop(socket.AF_INET, 2, "192.0.2.1"))
    model.set_route(KEYS[0], by_object(1))
    kernel.make(told(mirror, model, 0.0))
    assert kernel.routes[KEYS[0]].type == RTN_UNREACHABLE
    kernel.make(mirror.bind(PORTS))
    assert ways_of(kernel.routes[KEYS[0]], kernel.objects) == [(102, "192.0.2.1", 1)]
    kernel.make(mirror.bind({3: 103}))
    assert kernel.routes[KEYS[0]].type == RTN_UNREACHABLE
    assert kernel.objects == {}


def test_a_member_that_comes_to_lead_somewhere_brings_its_group_along() -> None:
    model, mirror, kernel = FibModel(), Mirror(TABLE, IDS, PORTS), TableModel()
    model.set_nexthop(1, Nexthop(socket.AF_INET, 4, "192.0.2.1"))
    model.set_nexthop(9, Nexthop(socket.AF_UNSPEC, group=((1, 1),)))
    model.set_route(KEYS[0], by_object(9))
    kernel.make(told(mirror, model, 0.0))
    assert kernel.routes[KEYS[0]].type == RTN_UNREACHABLE
    model.set_nexthop(1, Nexthop(socket.AF_INET, 2, "192.0.2.1"))
    kernel.make(told(mirror, model, 0.0))
    assert ways_of(kernel.routes[KEYS[0]], kernel.objects) == [(102, "192.0.2.1", 1)]
    model.set_nexthop(1, Nexthop(socket.AF_INET, 4, "192.0.2.1"))
    kernel.make(told(mirror, model, 0.0))
    assert kernel.routes[KEYS[0]].type == RTN_UNREACHABLE


@given(st.integers(0, 32), st.integers(0, 255), st.integers(0, 0xFFFFFFFF))
def test_a_route_is_read_the_same_the_slow_way_and_the_fast(
    length: int, tos: int, metric: int
) -> None:
    reader, slow = RouteReader(TABLE), RouteReader(TABLE)
    for address in ("10.0.0.0", "192.0.2.0", "10.0.0.0"):
        route = KernelRoute(
            f"{address}/{length}", (NextHop(2, "192.0.2.1"),), TABLE, 188, tos=tos, priority=metric
        )
        payload = replace_route(route).payload
        assert reader.read(payload) == slow._read(payload)
        found = reader.read(payload)
        assert found is not None
        assert found[0] == key_of(route.destination, metric, tos)
