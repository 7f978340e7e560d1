"""FIB: the routes of one table and the nexthop objects they name, in a form that compares fast.

A key is what makes a route another one: prefix, TOS and metric. A way is all the rest, and mostly
shared: a hundred thousand routes have a handful of ways.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NHA_BLACKHOLE,
    NHA_GATEWAY,
    NHA_GROUP,
    NHA_ID,
    NHA_OIF,
    RTA_ENCAP,
    RTN_BLACKHOLE,
    RTN_PROHIBIT,
    RTN_THROW,
    RTN_UNICAST,
    RTN_UNREACHABLE,
)
from xen_bridge.netlink.routes import NEXTHOP_GRP, NHMSG, RTMSG, NextHop, read_route

SUFFIX = struct.Struct(">BBI")
"""What follows the address in a key: prefix length, TOS, metric."""
FORWARDING = frozenset(
    {RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW},
)
"""Types of routes that say where a packet goes on, or that it does not."""
MAX_SHAPES = 10_000
_IPV4_DESTINATION = struct.pack("=HH", 8, 1)
_IPV6_DESTINATION = struct.pack("=HH", 20, 1)
_EIGHT_BYTES = struct.pack("=H", 8)


class RouteWay(NamedTuple):
    """Where a route leads: by ``nexthop_id``, by ``hops``, or (a ``type`` that drops) nowhere."""

    type: int
    protocol: int
    scope: int
    nexthop_id: int | None = None
    hops: tuple[NextHop, ...] = ()
    mtu: int | None = None


class Nexthop(NamedTuple):
    """What a nexthop object is: one way out, a group of (id, weight), or a black hole."""

    family: int
    oif: int | None = None
    gateway: str | None = None
    group: tuple[tuple[int, int], ...] = ()
    is_blackhole: bool = False


@dataclass(frozen=True, slots=True)
class FibChange:
    """A piece of what changed, to be applied in the order of its fields.

    ``begins`` says that the whole FIB is told from here on, ``ends`` that it has been: what was
    not told in between is not there. An id that is ``forgotten`` and among the ``nexthops`` is
    another object than the one before.
    """

    begins: bool = False
    forgotten: tuple[int, ...] = ()
    nexthops: tuple[tuple[int, Nexthop], ...] = ()
    routes: tuple[tuple[RouteWay, tuple[bytes, ...]], ...] = ()
    removed: tuple[bytes, ...] = ()
    ends: bool = False


def difference(before: Iterable[FibChange], after: Iterable[FibChange]) -> FibChange | None:
    """Return what changed from one FIB, told whole, to another; None if nothing has.

    What such a one takes back again is held, and no part of it.
    """
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
        for key in change.removed:
            routes.pop(key, None)
    return routes, objects


def key_of(prefix: str, metric: int = 0, tos: int = 0) -> bytes:
    """Return the key of the route to ``prefix`` (192.0.2.0/24); InvalidRequest if it is none."""
    address, length = wire.prefix_bytes(wire.family_of(prefix), prefix)
    return address + SUFFIX.pack(length, tos, metric)


class RouteReader:
    """Reads the kernel's route messages of one table; messages alike but for the address, fast."""

    def __init__(self, table: int) -> None:
        self._table = table
        self._shapes: dict[bytes, tuple[bytes, RouteWay] | None] = {}

    def read(self, payload: bytes) -> tuple[bytes, RouteWay] | None:
        """Return key and way; None for another table's, a cache's, or none that forwards."""
        split = self._address_end(payload)
        if split is None:
            return self._read(payload)
        shape = payload[:20] + payload[split:]
        if split == 40 and payload[24] >= 0xFE:
            return self._read(payload)
        try:
            found = self._shapes[shape]
        except KeyError:
            found = self._learned(shape, payload)
        return None if found is None else (payload[24:split] + found[0], found[1])

    @staticmethod
    def _address_end(payload: bytes) -> int | None:
        """Return where the destination ends, if it is the second attribute, behind a short one."""
        if payload[12:14] != _EIGHT_BYTES:
            return None
        start = payload[20:24]
        if start == _IPV4_DESTINATION and len(payload) >= 28:
            return 28
        return 40 if start == _IPV6_DESTINATION and len(payload) >= 40 else None

    def _learned(self, shape: bytes, payload: bytes) -> tuple[bytes, RouteWay] | None:
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
        whole = self._read(payload)
        found = None if whole is None else (whole[0][-SUFFIX.size :], whole[1])
        self._shapes[shape] = found
        return found

    def _read(self, payload: bytes) -> tuple[bytes, RouteWay] | None:
        route = read_route(payload)
        if route is None or route.table != self._table or route.type not in FORWARDING:
            return None
        if route.family == socket.AF_INET6 and _is_of_a_link(route.destination):
            return None
        # Of an IPv6 route that drops, the kernel says that it leads to the loopback.
        hops = route.nexthops if route.type == RTN_UNICAST else ()
        way = RouteWay(route.type, route.protocol, route.scope, route.nexthop_id, hops, route.mtu)
        if RTA_ENCAP in wire.attributes(payload, RTMSG.size):
            # A packet without its label would go where nobody meant it to.
            way = RouteWay(RTN_UNREACHABLE, route.protocol, route.scope)
        return key_of(route.destination, route.priority, route.tos), way


def _is_of_a_link(destination: str) -> bool:
    """Tell whether packets to an IPv6 prefix never leave their link: no router forwards them."""
    start = wire.prefix_bytes(socket.AF_INET6, destination)[0]
    return start[0] == 0xFF or (start[0] == 0xFE and start[1] & 0xC0 == 0x80)


def read_nexthop(payload: bytes) -> tuple[int, Nexthop] | None:
    """Return id and definition of the object that a message tells of; None if it tells of none."""
    if len(payload) < NHMSG.size:
        return None
    family = NHMSG.unpack_from(payload)[0]
    found = wire.attributes(payload, NHMSG.size)
    number = wire.optional_number(found.get(NHA_ID))
    if number is None:
        return None
    data = found.get(NHA_GROUP, b"")
    whole = data[: len(data) - len(data) % NEXTHOP_GRP.size]
    group = tuple((one[0], one[1] + 1) for one in NEXTHOP_GRP.iter_unpack(whole))
    if group:
        return number, Nexthop(socket.AF_UNSPEC, group=group)
    if NHA_BLACKHOLE in found:
        return number, Nexthop(family, is_blackhole=True)
    oif = wire.optional_number(found.get(NHA_OIF))
    return number, Nexthop(family, oif, wire.address_text(family, found.get(NHA_GATEWAY)))
