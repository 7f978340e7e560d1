"""Changes of nexthop objects, which routes name by an id (ip-nexthop(8))."""

from __future__ import annotations

import socket

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NHA_BLACKHOLE,
    NHA_GATEWAY,
    NHA_GROUP,
    NHA_ID,
    NHA_OIF,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    RTM_DELNEXTHOP,
    RTM_NEWNEXTHOP,
    RTNH_F_ONLINK,
)
from xen_bridge.netlink.routes import NEXTHOP_GRP, NHMSG
from xen_bridge.netlink.wire import Request


def replace_way(number: int, family: int, oif: int, gateway: str | None, protocol: int) -> Request:
    """Return what makes ``number`` a way out of ``oif``, whether or not the id was there.

    The gateway is on the link whatever the tables say: they are asked for another router.
    """
    body = wire.attribute(NHA_OIF, wire.u32(wire.index(oif)))
    flags = 0
    if gateway is not None:
        body += wire.attribute(NHA_GATEWAY, wire.address_bytes(family, gateway))
        flags = RTNH_F_ONLINK
    return _replace(number, family, flags, body, protocol)


def replace_blackhole(number: int, family: int, protocol: int) -> Request:
    """Return what makes ``number`` a black hole."""
    return _replace(number, family, 0, wire.attribute(NHA_BLACKHOLE, b""), protocol)


def replace_group(number: int, members: tuple[tuple[int, int], ...], protocol: int) -> Request:
    """Return what makes ``number`` a group of (id, weight); weights are 1 to 256."""
    if any(not 1 <= weight <= 256 for _, weight in members):
        raise InvalidRequest(("weight",), "must be 1 to 256")
    data = b"".join(NEXTHOP_GRP.pack(one, weight - 1, 0, 0) for one, weight in members)
    return _replace(number, socket.AF_UNSPEC, 0, wire.attribute(NHA_GROUP, data), protocol)


def delete_nexthop(number: int) -> Request:
    """Return what deletes an object, and with it the routes that name it."""
    head = NHMSG.pack(socket.AF_UNSPEC, 0, 0, 0)
    return Request(RTM_DELNEXTHOP, 0, head + wire.attribute(NHA_ID, wire.u32(number)))


def _replace(number: int, family: int, flags: int, body: bytes, protocol: int) -> Request:
    head = NHMSG.pack(family, 0, protocol, flags)
    numbered = wire.attribute(NHA_ID, wire.u32(number))
    return Request(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, head + numbered + body)
