"""Routes and nexthop objects: what a machine forwards by, and changes of it (rtnetlink(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NHA_BLACKHOLE,
    NHA_GATEWAY,
    NHA_GROUP,
    NHA_ID,
    NHA_OIF,
    NLA_F_NESTED,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RT_SCOPE_LINK,
    RT_SCOPE_NOWHERE,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_COMPAT,
    RT_TABLE_MAIN,
    RTA_DST,
    RTA_GATEWAY,
    RTA_METRICS,
    RTA_MULTIPATH,
    RTA_NH_ID,
    RTA_OIF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_TABLE,
    RTA_VIA,
    RTAX_MTU,
    RTM_DELROUTE,
    RTM_F_CLONED,
    RTM_NEWROUTE,
    RTN_UNICAST,
    RTNH_F_ONLINK,
    RTPROT_STATIC,
    RTPROT_UNSPEC,
)
from xen_bridge.netlink.wire import Request

RTMSG = struct.Struct("=BBBBBBBBI")
"""Family, destination and source length, TOS, table, protocol, scope, type, flags."""
RTNEXTHOP = struct.Struct("=HBBi")
"""Length, flags, hops (weight - 1), index."""
NHMSG = struct.Struct("=BBBxI")
"""Family, scope, protocol, flags."""
NEXTHOP_GRP = struct.Struct("=IBBH")
"""Id, weight - 1, reserved twice."""
_FAMILY = struct.Struct("=H")


@dataclass(frozen=True, slots=True)
class NextHop:
    """One way of a route; a gateway may be of the other family (RFC 5549)."""

    oif: int | None = None
    gateway: str | None = None
    weight: int = 1
    onlink: bool = False


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """A route to ``destination`` (192.0.2.0/24).

    It goes by ``nexthops`` or, where it names one, by the object ``nexthop_id``; one that throws
    away (``type`` RTN_BLACKHOLE and the like) has neither. ``mtu`` is in bytes.
    """

    destination: str
    nexthops: tuple[NextHop, ...] = ()
    table: int = RT_TABLE_MAIN
    protocol: int = RTPROT_STATIC
    scope: int = RT_SCOPE_UNIVERSE
    type: int = RTN_UNICAST
    tos: int = 0
    priority: int = 0
    source: str | None = None
    nexthop_id: int | None = None
    mtu: int | None = None

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        return wire.family_of(self.destination)


@dataclass(frozen=True, slots=True)
class NexthopObject:
    """A nexthop that routes name by its id: one way, a group of (id, weight), or a black hole."""

    id: int
    nexthop: NextHop | None
    group: tuple[tuple[int, int], ...] = ()
    is_blackhole: bool = False


# ---- reading


def routes_of(table: int) -> bytes:
    """Return the body of a request for the routes of one table; an old kernel tells all."""
    head = RTMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0)
    return head + wire.attribute(RTA_TABLE, wire.u32(table))


def read_route(data: bytes) -> KernelRoute | None:
    """Return the route that a message tells of; None for an entry of a cache, or none."""
    if len(data) < RTMSG.size:
        return None
    family, length, _, tos, table, protocol, scope, kind, flags = RTMSG.unpack_from(data)
    if family not in wire.SIZES or flags & RTM_F_CLONED:
        return None
    found = wire.attributes(data, RTMSG.size)
    nothing = bytes(wire.SIZES[family])
    destination = wire.address_text(family, found.get(RTA_DST, nothing))
    if destination is None:
        return None
    nexthop_id = wire.optional_number(found.get(RTA_NH_ID))
    return KernelRoute(
        destination=f"{destination}/{length}",
        # The kernel spells out, for old programs, what an object says.
        nexthops=_nexthops(family, found, flags) if nexthop_id is None else (),
        table=wire.number(found[RTA_TABLE]) if RTA_TABLE in found else table,
        protocol=protocol,
        scope=scope,
        type=kind,
        tos=tos,
        priority=wire.number(found.get(RTA_PRIORITY)),
        source=wire.address_text(family, found.get(RTA_PREFSRC)),
        nexthop_id=nexthop_id,
        mtu=wire.optional_number(wire.attributes(found.get(RTA_METRICS, b"")).get(RTAX_MTU)),
    )


def _nexthops(family: int, found: Mapping[int, bytes], flags: int) -> tuple[NextHop, ...]:
    if RTA_MULTIPATH in found:
        return _multipath(family, found[RTA_MULTIPATH])
    oif, gateway = wire.optional_number(found.get(RTA_OIF)), _gateway(family, found)
    if oif is None and gateway is None:
        return ()
    return (NextHop(oif, gateway, 1, bool(flags & RTNH_F_ONLINK)),)


def _multipath(family: int, data: bytes) -> tuple[NextHop, ...]:
    hops = []
    at = 0
    while at + RTNEXTHOP.size <= len(data):
        length, flags, weight, oif = RTNEXTHOP.unpack_from(data, at)
        if length < RTNEXTHOP.size or at + length > len(data):
            break
        found = wire.attributes(data[at : at + length], RTNEXTHOP.size)
        onlink = bool(flags & RTNH_F_ONLINK)
        hops.append(NextHop(oif, _gateway(family, found), weight + 1, onlink))
        at += (length + 3) & ~3
    return tuple(hops)


def _gateway(family: int, found: Mapping[int, bytes]) -> str | None:
    via = found.get(RTA_VIA)
    if via is not None and len(via) > _FAMILY.size:
        return wire.address_text(_FAMILY.unpack_from(via)[0], via[_FAMILY.size :])
    return wire.address_text(family, found.get(RTA_GATEWAY))


def read_nexthop(data: bytes) -> NexthopObject | None:
    """Return the nexthop object that a message tells of; None if it tells of none."""
    if len(data) < NHMSG.size:
        return None
    family, _, _, flags = NHMSG.unpack_from(data)
    found = wire.attributes(data, NHMSG.size)
    number = wire.optional_number(found.get(NHA_ID))
    if number is None:
        return None
    oif = wire.optional_number(found.get(NHA_OIF))
    gateway = wire.address_text(family, found.get(NHA_GATEWAY))
    is_way = oif is not None or gateway is not None
    return NexthopObject(
        number,
        NextHop(oif, gateway, 1, bool(flags & RTNH_F_ONLINK)) if is_way else None,
        _group(found.get(NHA_GROUP, b"")),
        NHA_BLACKHOLE in found,
    )


def _group(data: bytes) -> tuple[tuple[int, int], ...]:
    whole = len(data) - len(data) % NEXTHOP_GRP.size
    return tuple((one[0], one[1] + 1) for one in NEXTHOP_GRP.iter_unpack(data[:whole]))


# ---- changes


def add_route(route: KernelRoute) -> Request:
    """Return what adds a route; refused (EEXIST) if the table has it."""
    return _change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route)


def replace_route(route: KernelRoute) -> Request:
    """Return what puts a route into the table in place of that to the same destination."""
    return _change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route)


def delete_route(route: KernelRoute) -> Request:
    """Return what takes a route out of its table; refused (ESRCH) if it is not there."""
    return _change(RTM_DELROUTE, 0, route)


def delete_routes_to(destination: str, table: int) -> Request:
    """Return what deletes a route to ``destination``, whatever its way, protocol and scope."""
    any_way = KernelRoute(destination, (), table, RTPROT_UNSPEC, RT_SCOPE_NOWHERE, 0)
    return _change(RTM_DELROUTE, 0, any_way)


def _change(kind: int, how: int, route: KernelRoute) -> Request:
    family = route.family
    destination, length = wire.prefix_bytes(family, route.destination)
    table = wire.u32(route.table)
    small = route.table if route.table < 256 else RT_TABLE_COMPAT
    onlink = len(route.nexthops) == 1 and route.nexthops[0].onlink
    head = RTMSG.pack(
        family,
        length,
        0,
        _byte(route.tos, "tos"),
        small,
        _byte(route.protocol, "protocol"),
        _scope(route),
        _byte(route.type, "type"),
        RTNH_F_ONLINK if onlink else 0,
    )
    parts = [head, wire.attribute(RTA_DST, destination), wire.attribute(RTA_TABLE, table)]
    if route.priority:
        parts.append(wire.attribute(RTA_PRIORITY, wire.u32(route.priority)))
    if route.source is not None:
        parts.append(wire.attribute(RTA_PREFSRC, wire.address_bytes(family, route.source)))
    if route.mtu is not None:
        metrics = wire.attribute(RTAX_MTU, wire.u32(route.mtu))
        parts.append(wire.attribute(RTA_METRICS | NLA_F_NESTED, metrics))
    parts.append(_way(family, route))
    return Request(kind, how, b"".join(parts))


def _byte(value: int, field: str) -> int:
    if not 0 <= value <= 0xFF:
        raise InvalidRequest((field,), f"{value} does not fit into 8 bits")
    return value


def _scope(route: KernelRoute) -> int:
    """Return the scope of a route: to what is on the link itself, unless a gateway is named.

    The kernel refuses (EINVAL) an IPv4 route without a gateway whose scope is wider.
    """
    is_way = bool(route.nexthops) and route.type == RTN_UNICAST
    if route.scope == RT_SCOPE_UNIVERSE and route.family == socket.AF_INET and is_way:
        return route.scope if any(hop.gateway for hop in route.nexthops) else RT_SCOPE_LINK
    return _byte(route.scope, "scope")


def _way(family: int, route: KernelRoute) -> bytes:
    if route.nexthop_id is not None:
        return wire.attribute(RTA_NH_ID, wire.u32(route.nexthop_id))
    if not route.nexthops:
        return b""
    if len(route.nexthops) == 1:
        hop = route.nexthops[0]
        oif = b"" if hop.oif is None else wire.attribute(RTA_OIF, wire.u32(hop.oif))
        return oif + _via(family, hop)
    hops = b"".join(_hop(family, hop) for hop in route.nexthops)
    return wire.attribute(RTA_MULTIPATH | NLA_F_NESTED, hops)


def _hop(family: int, hop: NextHop) -> bytes:
    if not 1 <= hop.weight <= 256:
        raise InvalidRequest(("weight",), "must be 1 to 256")
    way = _via(family, hop)
    flags = RTNH_F_ONLINK if hop.onlink else 0
    oif = 0 if hop.oif is None else wire.index(hop.oif)
    return RTNEXTHOP.pack(RTNEXTHOP.size + len(way), flags, hop.weight - 1, oif) + way


def _via(family: int, hop: NextHop) -> bytes:
    if hop.gateway is None:
        return b""
    other = wire.family_of(hop.gateway)
    address = wire.address_bytes(other, hop.gateway)
    if other == family:
        return wire.attribute(RTA_GATEWAY, address)
    return wire.attribute(RTA_VIA, _FAMILY.pack(other) + address)
