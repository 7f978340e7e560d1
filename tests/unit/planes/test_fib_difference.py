"""FIB difference: applied to the one FIB it makes the other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.netlink.constants import RTN_UNICAST
from xen_bridge.netlink.routes import NextHop
from xen_bridge.planes.fib import FibChange, Nexthop, RouteWay, difference, key_of
from xen_bridge.planes.mirror import Mirror

PORTS = {2: 102, 3: 103}
KEYS = [key_of(f"10.{number}.0.0/16") for number in range(4)]
OBJECTS = [
    Nexthop(2, 2, "10.0.2.9"),
    Nexthop(2, 3, "10.0.3.9"),
    Nexthop(2, is_blackhole=True),
    Nexthop(0, group=((1, 1),)),
    Nexthop(0, group=((1, 2), (2, 1))),
]
WAYS = [RouteWay(RTN_UNICAST, 3, 0, number) for number in (1, 2, 3)] + [
    RouteWay(RTN_UNICAST, 3, 0, None, (NextHop(2, f"10.0.2.{one}"),)) for one in (7, 8)
]
fibs = st.tuples(
    st.fixed_dictionaries({}, optional={one: st.sampled_from(WAYS) for one in KEYS}),
    st.fixed_dictionaries(
        {1: st.sampled_from(OBJECTS[:3]), 2: st.sampled_from(OBJECTS[:3])},
        optional={3: st.sampled_from(OBJECTS[3:])},
    ),
)


def told(routes: dict[bytes, RouteWay], objects: dict[int, Nexthop]) -> tuple[FibChange, ...]:
    used = {key: way for key, way in routes.items() if way.nexthop_id in (None, *objects)}
    each = tuple((way, (key,)) for key, way in used.items())
    return (FibChange(True, (), tuple(objects.items()), each, (), True),)


def mirror(*changes: FibChange) -> Mirror:
    made = Mirror(200, range(1 << 20, (1 << 20) + 64), PORTS)
    for change in changes:
        made.apply(change, 0.0)
    return made


def seen(made: Mirror) -> Any:
    (whole,) = made.whole()
    return dict(made.wanted), dict(whole.nexthops)


@given(fibs, fibs)
def test_one_fib_becomes_the_other(before: Any, after: Any) -> None:
    old, new = told(*before), told(*after)
    changed = difference(old, new)
    made = mirror(*old, *(() if changed is None else (changed,)))
    assert seen(made) == seen(mirror(*new))


def test_the_same_is_no_difference() -> None:
    fib = told(dict.fromkeys(KEYS, WAYS[3]), {1: OBJECTS[0]})
    assert difference(fib, fib) is None
    assert difference((), ()) is None
