"""Tables of the kernel: links, addresses, neighbors, routes, rules and nexthop objects."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from xen_bridge.netlink import constants as c
from xen_bridge.netlink.addresses import IFADDRMSG, LinkAddress, read_address
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.netlink.links import IFINFOMSG, KernelLink, read_link
from xen_bridge.netlink.neighbors import NDMSG, KernelNeighbor, names_a_machine, read_neighbor
from xen_bridge.netlink.routes import (
    NHMSG,
    RTMSG,
    KernelRoute,
    NexthopObject,
    read_nexthop,
    read_route,
    routes_of,
)
from xen_bridge.netlink.rules import FIB_RULE_HDR, Rule, read_rule

Item = TypeVar("Item")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Table(Generic[Item]):
    """How one table is asked for, and how its rows and changes are told (RTM_…, RTNLGRP_…)."""

    get: int
    body: bytes
    new: int
    delete: int
    groups: tuple[int, ...]
    read: Callable[[bytes], Item | None]


LINKS: Table[KernelLink] = Table(
    c.RTM_GETLINK,
    IFINFOMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0),
    c.RTM_NEWLINK,
    c.RTM_DELLINK,
    (c.RTNLGRP_LINK,),
    read_link,
)
ADDRESSES: Table[LinkAddress] = Table(
    c.RTM_GETADDR,
    IFADDRMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0),
    c.RTM_NEWADDR,
    c.RTM_DELADDR,
    (c.RTNLGRP_IPV4_IFADDR, c.RTNLGRP_IPV6_IFADDR),
    read_address,
)
NEIGHBORS: Table[KernelNeighbor] = Table(
    c.RTM_GETNEIGH,
    NDMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0),
    c.RTM_NEWNEIGH,
    c.RTM_DELNEIGH,
    (c.RTNLGRP_NEIGH,),
    read_neighbor,
)
ROUTES: Table[KernelRoute] = Table(
    c.RTM_GETROUTE,
    RTMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0),
    c.RTM_NEWROUTE,
    c.RTM_DELROUTE,
    (c.RTNLGRP_IPV4_ROUTE, c.RTNLGRP_IPV6_ROUTE),
    read_route,
)
RULES: Table[Rule] = Table(
    c.RTM_GETRULE,
    FIB_RULE_HDR.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0),
    c.RTM_NEWRULE,
    c.RTM_DELRULE,
    (c.RTNLGRP_IPV4_RULE, c.RTNLGRP_IPV6_RULE),
    read_rule,
)
NEXTHOPS: Table[NexthopObject] = Table(
    c.RTM_GETNEXTHOP,
    NHMSG.pack(socket.AF_UNSPEC, 0, 0, 0),
    c.RTM_NEWNEXTHOP,
    c.RTM_DELNEXTHOP,
    (c.RTNLGRP_NEXTHOP,),
    read_nexthop,
)


class Netlink:
    """The tables of the kernel; may be asked by several threads. Raises BridgeError."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket()

    def rows(self, table: Table[Row]) -> list[Row]:
        """Return all rows of a table."""
        return self._read(table, table.body)

    def _read(self, table: Table[Row], body: bytes) -> list[Row]:
        found = (table.read(data) for data in self._socket.dump(table.get, body))
        return [row for row in found if row is not None]

    def links(self) -> list[KernelLink]:
        """Return all interfaces with their counters, up or down."""
        return self.rows(LINKS)

    def addresses(self) -> list[LinkAddress]:
        """Return the IPv4 and IPv6 addresses of all interfaces."""
        return self.rows(ADDRESSES)

    def neighbors(self) -> list[KernelNeighbor]:
        """Return who was seen beside the interfaces: unicast addresses that answered once.

        Left out is what :func:`~xen_bridge.netlink.neighbors.names_a_machine` says.
        """
        return [one for one in self.rows(NEIGHBORS) if names_a_machine(one)]

    def routes(self, table: int | None = None) -> list[KernelRoute]:
        """Return the routes of one table (RT_TABLE_…), or of all."""
        if table is None:
            return self.rows(ROUTES)
        return [one for one in self._read(ROUTES, routes_of(table)) if one.table == table]

    def rules(self) -> list[Rule]:
        """Return the IPv4 and IPv6 rules."""
        return self.rows(RULES)

    def close(self) -> None:
        """Close the sockets."""
        self._socket.close()


def links_by_name() -> dict[str, KernelLink]:
    """Return the links in the network namespace of the calling thread. Raises BridgeError."""
    netlink = Netlink()
    try:
        return {one.name: one for one in netlink.links()}
    finally:
        netlink.close()
