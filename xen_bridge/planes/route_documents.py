"""Route documents: changes of a FIB as they are told over the wire, and back.

Pure. What is read was sent by a virtual router, which may be hostile: it is one of the forms by
then, and here every text in it is checked; what names another's interface or object names nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink import constants as c
from xen_bridge.netlink import wire
from xen_bridge.netlink.routes import NextHop
from xen_bridge.planes.fib import SUFFIX, FibChange, Nexthop, RouteWay
from xen_bridge.protocol.documents.route_change import (
    MAX_HOPS,
    Family,
    GroupMember,
    NexthopDefinition,
    RouteChange,
    RouteHop,
    RoutesRemoved,
    RoutesSet,
    RouteType,
)

DOCUMENT_TEXT = 192 * 1024
"""Characters that a document has, about: a channel's document carries some of them."""
PREFIXES_TEXT = 48 * 1024
_ELEMENT, _HOP, _PREFIX = 320, 110, 8
"""Characters around a set of routes or an object, for a hop, and around a prefix's address."""
_TYPES: Mapping[RouteType, int] = MappingProxyType(
    {
        "unicast": c.RTN_UNICAST,
        "blackhole": c.RTN_BLACKHOLE,
        "unreachable": c.RTN_UNREACHABLE,
        "prohibit": c.RTN_PROHIBIT,
        "throw": c.RTN_THROW,
    }
)
_TYPE_NAMES: Mapping[int, RouteType] = MappingProxyType({one: name for name, one in _TYPES.items()})
_FAMILIES: Mapping[Family, int] = MappingProxyType(
    {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
)
_FAMILY_NAMES: Mapping[int, Family] = MappingProxyType({n: name for name, n in _FAMILIES.items()})


# ---- to documents


@dataclass(slots=True)
class _Piece:
    size: int = 0
    forgotten: list[int] = field(default_factory=list)
    nexthops: list[NexthopDefinition] = field(default_factory=list)
    routes: list[RoutesSet] = field(default_factory=list)
    removed: list[RoutesRemoved] = field(default_factory=list)

    def document(self, begins: bool, ends: bool) -> RouteChange:
        return RouteChange(
            begins,
            tuple(self.forgotten),
            tuple(self.nexthops),
            tuple(self.routes),
            tuple(self.removed),
            ends,
        )


def documents_of(change: FibChange) -> list[RouteChange]:
    """Return a change as documents, each small enough to be sent, to be applied in their order."""
    pieces = [_Piece()]

    def room(size: int) -> _Piece:
        if pieces[-1].size and pieces[-1].size + size > DOCUMENT_TEXT:
            pieces.append(_Piece())
        pieces[-1].size += size
        return pieces[-1]

    for number in change.forgotten:
        room(_ELEMENT // 8).forgotten.append(number)
    for number, nexthop in change.nexthops:
        room(_ELEMENT + _HOP * len(nexthop.group)).nexthops.append(_definition(number, nexthop))
    for way, keys in change.routes:
        for (tos, metric), text in _texts(keys):
            size = _ELEMENT + _HOP * len(way.hops) + len(text)
            room(size).routes.append(_set_of(way, tos, metric, text))
    for (tos, metric), text in _texts(change.removed):
        gone = RoutesRemoved(tos=tos, metric=metric, prefixes=text)
        room(_ELEMENT + len(text)).removed.append(gone)
    last = len(pieces) - 1
    return [
        piece.document(change.begins and number == 0, change.ends and number == last)
        for number, piece in enumerate(pieces)
    ]


def _texts(keys: Iterable[bytes]) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the prefixes of keys as texts, by type of service and metric."""
    size = SUFFIX.size
    found: dict[tuple[int, int], list[str]] = {}
    for key in keys:
        length, tos, metric = SUFFIX.unpack(key[-size:])
        family = socket.AF_INET if len(key) == 4 + size else socket.AF_INET6
        prefix = f"{socket.inet_ntop(family, key[:-size])}/{length}"
        found.setdefault((tos, metric), []).append(prefix)
    most = PREFIXES_TEXT // 20
    for way, prefixes in found.items():
        for first in range(0, len(prefixes), most):
            yield way, " ".join(prefixes[first : first + most])


def _set_of(way: RouteWay, tos: int, metric: int, prefixes: str) -> RoutesSet:
    return RoutesSet(
        type=_TYPE_NAMES.get(way.type, "unreachable"),
        protocol=way.protocol,
        scope=way.scope,
        tos=tos,
        metric=metric,
        mtu=way.mtu,
        nexthop=way.nexthop_id,
        # A kernel may have more; what is told forwards all the same.
        hops=tuple(map(_hop, [hop for hop in way.hops if hop.oif][:MAX_HOPS])),
        prefixes=prefixes,
    )


def _hop(hop: NextHop) -> RouteHop:
    return RouteHop(hop.oif or 0, hop.gateway, hop.weight)


def _definition(number: int, nexthop: Nexthop) -> NexthopDefinition:
    if nexthop.group:
        members = tuple(GroupMember(*member) for member in nexthop.group[:MAX_HOPS])
        return NexthopDefinition(number, None, None, members)
    family = _FAMILY_NAMES.get(nexthop.family)
    if nexthop.is_blackhole or nexthop.oif is None:
        return NexthopDefinition(number, family)
    return NexthopDefinition(number, family, RouteHop(nexthop.oif, nexthop.gateway))


# ---- from documents


def change_of(document: RouteChange) -> FibChange:
    """Return the change that a document tells of; InvalidRequest names what is wrong with it."""
    return FibChange(
        document.begins,
        document.forgotten,
        tuple((one.id, _nexthop_of(one)) for one in document.nexthops),
        tuple((_way_of(one), _keys(one.prefixes, one.tos, one.metric)) for one in document.routes),
        tuple(key for one in document.removed for key in _keys(one.prefixes, one.tos, one.metric)),
        document.ends,
    )


def _nexthop_of(told: NexthopDefinition) -> Nexthop:
    if told.members:
        if any(member.id == told.id for member in told.members):
            raise InvalidRequest(("nexthops", str(told.id)), "is a member of itself")
        return Nexthop(socket.AF_UNSPEC, group=tuple((one.id, one.weight) for one in told.members))
    family = _FAMILIES.get(told.family or "ipv4", socket.AF_INET)
    if told.hop is None:
        return Nexthop(family, is_blackhole=True)
    if told.hop.gateway is not None:
        _check_gateway(told.hop.gateway, family)
    return Nexthop(family, told.hop.interface, told.hop.gateway)


def _way_of(told: RoutesSet) -> RouteWay:
    kind = _TYPES[told.type]
    if told.nexthop is not None:
        return RouteWay(kind, told.protocol, told.scope, told.nexthop, (), told.mtu)
    is_way = kind == c.RTN_UNICAST
    if is_way and not told.hops:
        raise InvalidRequest(("routes", "hops"), "are missing: such a route leads somewhere")
    hops = []
    for hop in told.hops if is_way else ():
        if hop.gateway is not None:
            _check_gateway(hop.gateway, wire.family_of(hop.gateway))
        hops.append(NextHop(hop.interface, hop.gateway, hop.weight))
    return RouteWay(kind, told.protocol, told.scope, None, tuple(hops), told.mtu)


def _check_gateway(gateway: str, family: int) -> None:
    data = wire.address_bytes(family, gateway)
    is_multicast = data[0] == 0xFF if family == socket.AF_INET6 else data[0] >= 0xE0
    if is_multicast or not any(data):
        raise InvalidRequest(("gateway",), f"{gateway[:60]!r} is no machine's address")


def _keys(text: str, tos: int, metric: int) -> tuple[bytes, ...]:
    return tuple(_key(prefix, tos, metric) for prefix in text.split())


def _key(prefix: str, tos: int, metric: int) -> bytes:
    family = wire.family_of(prefix)
    address, length = wire.prefix_bytes(family, prefix)
    if int.from_bytes(address, "big") & ((1 << (8 * len(address) - length)) - 1):
        raise InvalidRequest(("prefixes",), f"{prefix[:60]!r} has more bits than its length says")
    return address + SUFFIX.pack(length, tos, metric)
