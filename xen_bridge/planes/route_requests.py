"""Route requests: changes of one table, packed by hand; all but the address is packed once a way.

A general encoder takes several times as long, and a routing daemon has routes by the hundred
thousand.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from functools import partial

from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    RT_SCOPE_NOWHERE,
    RTM_DELROUTE,
    RTM_NEWROUTE,
    RTPROT_UNSPEC,
)
from xen_bridge.netlink.routes import KernelRoute, replace_route
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.fib import SUFFIX, RouteWay

_ANY = RouteWay(0, RTPROT_UNSPEC, RT_SCOPE_NOWHERE)
_RTMSG_SIZE = 12
_DESTINATION = wire.ATTRIBUTE.size


def set_routes(table: int, way: RouteWay, keys: Iterable[bytes]) -> Iterator[Request]:
    """Yield what puts routes by ``way`` into the table, in place of those with their keys."""
    return _requests(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, table, way, keys)


def delete_routes(table: int, keys: Iterable[bytes]) -> Iterator[Request]:
    """Yield what takes routes out of the table, wherever they lead."""
    return _requests(RTM_DELROUTE, 0, table, _ANY, keys)


def _requests(
    kind: int, flags: int, table: int, way: RouteWay, keys: Iterable[bytes]
) -> Iterator[Request]:
    size = SUFFIX.size
    around: dict[int, dict[bytes, tuple[bytes, bytes]]] = {}
    # Past the parameters of Request: they cost as much as all the rest of a route.
    made = partial(tuple.__new__, Request)
    for key in keys:
        suffix = key[-size:]
        known = around.setdefault(len(key), {})
        if (found := known.get(suffix)) is None:
            found = known[suffix] = _split(table, way, len(key) - size, suffix)
        yield made((kind, flags, found[0] + key[:-size] + found[1]))


def _split(table: int, way: RouteWay, size: int, suffix: bytes) -> tuple[bytes, bytes]:
    """Return what is before and behind the address in the message of a route of such a key."""
    family = socket.AF_INET if size == wire.SIZES[socket.AF_INET] else socket.AF_INET6
    length, tos, metric = SUFFIX.unpack(suffix)
    model = KernelRoute(
        f"{socket.inet_ntop(family, bytes(size))}/{length}",
        way.hops,
        table,
        way.protocol,
        way.scope,
        way.type,
        tos,
        metric,
        None,
        way.nexthop_id,
        way.mtu,
    )
    payload = replace_route(model).payload
    at = _RTMSG_SIZE + _DESTINATION
    return payload[:at], payload[at + size :]
