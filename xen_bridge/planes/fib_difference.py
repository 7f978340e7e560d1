"""FIB difference: what makes of one whole FIB another, as a router would have told it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from xen_bridge.planes.fib import FibChange, Nexthop, RouteWay


def difference(before: Iterable[FibChange], after: Iterable[FibChange]) -> FibChange | None:
    """Return what changed from one FIB, told whole, to another; None if nothing has."""
    old_routes, old_objects = _flat(before)
    new_routes, new_objects = _flat(after)
    by_way: dict[RouteWay, list[bytes]] = {}
    for key, way in new_routes.items():
        if old_routes.get(key) != way:
            by_way.setdefault(way, []).append(key)
    changed = FibChange(
        forgotten=tuple(number for number in old_objects if number not in new_objects),
        nexthops=tuple(one for one in new_objects.items() if old_objects.get(one[0]) != one[1]),
        routes=tuple((way, tuple(keys)) for way, keys in by_way.items()),
        removed=tuple(key for key in old_routes if key not in new_routes),
    )
    return None if changed == FibChange() else changed


def _flat(told: Iterable[FibChange]) -> tuple[dict[bytes, RouteWay], dict[int, Nexthop]]:
    routes: dict[bytes, RouteWay] = {}
    objects: dict[int, Nexthop] = {}
    for change in told:
        objects.update(change.nexthops)
        for way, keys in change.routes:
            routes.update(dict.fromkeys(keys, way))
    return routes, objects
