"""Follower: a router's FIB read from the kernel, and then every change of it, into a FIB model.

One socket for routes, nexthop objects, links and addresses: the kernel's order among them is kept.
An interface that goes down takes IPv4 routes and nexthop objects with it without a word; then, and
when changes came faster than they were read (ENOBUFS), the whole FIB is read anew.
"""

from __future__ import annotations

import errno
import socket

from xen_bridge.errors import BridgeError
from xen_bridge.netlink import constants as c
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.netlink.routes import routes_of
from xen_bridge.netlink.subscription import joined, told
from xen_bridge.netlink.tables import NEXTHOPS, ROUTES
from xen_bridge.netlink.wire import NetlinkReply
from xen_bridge.planes.fib import Nexthop, RouteReader, RouteWay, read_nexthop
from xen_bridge.planes.fib_model import FibModel

RECEIVE_BUFFER = 32 << 20
"""Bytes: some 40,000 routes, told at once."""
MAX_DATAGRAMS = 4096
"""Taken in one turn, so that a storm of changes is told onward in pieces."""
_GROUPS = (
    c.RTNLGRP_NEXTHOP,
    c.RTNLGRP_IPV4_ROUTE,
    c.RTNLGRP_IPV6_ROUTE,
    c.RTNLGRP_LINK,
    c.RTNLGRP_IPV4_IFADDR,
    c.RTNLGRP_IPV6_IFADDR,
)
_TAKES_ROUTES_ALONG = (c.RTM_NEWLINK, c.RTM_DELLINK, c.RTM_DELADDR)


def read_fib(
    dumps: NetlinkSocket, table: int
) -> tuple[list[tuple[bytes, RouteWay]], dict[int, Nexthop]]:
    """Return the routes of ``table`` that forward, and all nexthop objects. Raises BridgeError."""
    objects = dict(filter(None, map(read_nexthop, dumps.dump(NEXTHOPS.get, NEXTHOPS.body))))
    reader = RouteReader(table)
    routes = filter(None, map(reader.read, dumps.dump(ROUTES.get, routes_of(table))))
    return list(routes), objects


class FibFollower:
    """Keeps ``model`` equal to a table of the namespace of the thread that reads."""

    def __init__(
        self,
        model: FibModel,
        table: int = c.RT_TABLE_MAIN,
        receive_buffer: int = RECEIVE_BUFFER,
    ) -> None:
        self.model = model
        self.overflows = 0
        """How often changes were missed."""
        self._table = table
        self._reader = RouteReader(table)
        self._receive_buffer = receive_buffer
        self._dumps = NetlinkSocket()
        self._connection: socket.socket | None = None
        self._is_stale = True

    @property
    def is_whole(self) -> bool:
        """Whether it may be told onward: a reading is of the whole table."""
        return True

    def read(self, seconds: float) -> None:
        """Take in what there is to take, after ``seconds`` perhaps nothing. Raises BridgeError."""
        try:
            if self._connection is None:
                self._connection = self._subscribed()
            elif not self._is_stale:
                self._take(self._connection, seconds)
        except OSError as error:
            # What waits in the old socket is older than the next reading.
            self._disconnect()
            if error.errno != errno.ENOBUFS:
                raise BridgeError(f"the kernel tells no changes: {error.strerror}") from error
            self.overflows += 1
            self._connection = self._subscribed()
        if self._is_stale or self.model.is_doubtful:
            # Events that arrive meanwhile are told again by the socket, and change nothing then.
            self.model.read_whole(*read_fib(self._dumps, self._table))
            self._is_stale = False

    def close(self) -> None:
        """End it; another read begins anew."""
        self._disconnect()
        self._dumps.close()

    def _disconnect(self) -> None:
        self._is_stale = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _subscribed(self) -> socket.socket:
        connection = joined(_GROUPS, self._receive_buffer)
        self._is_stale = True
        return connection

    def _take(self, connection: socket.socket, seconds: float) -> None:
        for answer in told(connection, seconds, MAX_DATAGRAMS):
            self._heed(answer)

    def _heed(self, answer: NetlinkReply) -> None:
        if answer.kind in (c.RTM_NEWROUTE, c.RTM_DELROUTE):
            route = self._reader.read(answer.payload)
            if route is not None and answer.kind == c.RTM_NEWROUTE:
                self.model.set_route(*route, answer.flags)
            elif route is not None:
                self.model.remove_route(*route)
        elif answer.kind in (c.RTM_NEWNEXTHOP, c.RTM_DELNEXTHOP):
            found = read_nexthop(answer.payload)
            if found is not None and answer.kind == c.RTM_NEWNEXTHOP:
                self.model.set_nexthop(*found)
            elif found is not None:
                self.model.remove_nexthop(found[0])
        elif answer.kind in _TAKES_ROUTES_ALONG:
            self._is_stale = True
