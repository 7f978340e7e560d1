"""FPM feed: what FRR's zebra tells by its Forwarding Plane Manager stream, made a FIB model's.

Pure; ``now`` is in seconds of a clock that does not go back. A frame is a header (version, type,
length, as fpm/fpm.h of FRR has them) and messages of netlink, which may be split and joined at any
byte. There is one route to a prefix: a new one takes the place of that which was there, and a
withdrawal names no way. After a connection was lost all is told again, but not what was withdrawn
meanwhile, and nobody says where the end of it is: what has not been told when the stream has been
silent for a while is gone.
"""

from __future__ import annotations

import struct

from xen_bridge.errors import InvalidRequest, Overloaded, Unparsable
from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NLM_F_REPLACE,
    RT_TABLE_MAIN,
    RTM_DELNEXTHOP,
    RTM_DELROUTE,
    RTM_NEWNEXTHOP,
    RTM_NEWROUTE,
)
from xen_bridge.netlink.routes import read_route
from xen_bridge.netlink.wire import HEADER, NetlinkReply
from xen_bridge.planes.fib import SUFFIX, RouteReader, key_of, read_nexthop
from xen_bridge.planes.fib_model import FibModel

FRAME = struct.Struct("!BBH")
"""Version, type, length with this header."""
VERSION, NETLINK = 1, 1
SETTLE, LONGEST_TELLING, GRACE = 2.0, 60.0, 60.0
"""Seconds of silence after which all was told; after which it was in any case; and for which all
stays while nobody tells anything."""
MAX_ROUTES, MAX_NEXTHOPS = 1_000_000, 1 << 16


class FpmFeed:
    """Reads one stream after the other into ``model``. Not for several threads at once."""

    def __init__(
        self,
        model: FibModel,
        table: int = RT_TABLE_MAIN,
        max_routes: int = MAX_ROUTES,
        max_nexthops: int = MAX_NEXTHOPS,
        settle: float = SETTLE,
    ) -> None:
        """All was told when nothing came for ``settle`` seconds."""
        self._settle = settle
        self.model = model
        self.is_whole = False
        """Whether all was told once."""
        self._table = table
        self._limits = max_routes, max_nexthops
        self._reader = RouteReader(table)
        self._waiting = b""
        self._keys: dict[bytes, bytes] = {}
        """The key of the route to each prefix."""
        self._unseen: tuple[set[bytes], set[int]] | None = None
        """Prefixes and ids of nexthops that have not been told since the stream began."""
        self._began = self._heard = 0.0
        self._lost: float | None = None

    def begin(self, now: float) -> None:
        """Take in that a stream begins: whatever was, is told again, or gone."""
        self._waiting = b""
        self._unseen = set(self._keys), set(self.model.nexthops)
        self._began = self._heard = now
        self._lost = None

    def lose(self, now: float) -> None:
        """Take in that the stream has ended: all stays for GRACE seconds."""
        self._waiting = b""
        self._unseen = None
        self._lost = now

    def feed(self, data: bytes, now: float) -> None:
        """Take in what came. Raises Unparsable, Overloaded: then the stream is to be closed."""
        self._heard = now
        data = self._waiting + data
        at = 0
        while at + FRAME.size <= len(data):
            version, kind, length = FRAME.unpack_from(data, at)
            if version != VERSION or length < FRAME.size:
                raise Unparsable(f"a frame of version {version} and {length} bytes is none of FPM")
            if kind != NETLINK:
                raise Unparsable(f"a frame of type {kind}: zebra must tell netlink (dplane_fpm_nl)")
            if at + length > len(data):
                break
            self._take_frame(data[at + FRAME.size : at + length])
            at += length
        self._waiting = data[at:]

    def next_due(self) -> float | None:
        """Return when :meth:`due` has something to do."""
        if self._lost is not None:
            return self._lost + GRACE
        if self._unseen is None:
            return None
        return min(self._heard + self._settle, self._began + LONGEST_TELLING)

    def due(self, now: float) -> None:
        """Forget what was not told, once its time is over."""
        when = self.next_due()
        if when is None or now < when:
            return
        if self._lost is not None:
            self._unseen = set(self._keys), set(self.model.nexthops)
            self._lost = None
        prefixes, numbers = self._unseen or (set(), set())
        self._unseen = None
        for prefix in prefixes:
            self._withdraw(prefix)
        for number in sorted(numbers):
            self.model.remove_nexthop(number)
            # The routes that named it went with it.
        self._forget_gone()
        self.is_whole = True

    # ---- messages

    def _take_frame(self, payload: bytes) -> None:
        end = 0
        for message in wire.answers(payload):
            end += (HEADER.size + len(message.payload) + 3) & ~3
            try:
                self._take(message)
            except InvalidRequest as error:
                raise Unparsable(f"a route or nexthop of FPM is none: {error}") from error
        if end < len(payload):
            raise Unparsable("a frame of FPM holds what is no message of netlink")

    def _take(self, message: NetlinkReply) -> None:
        if message.kind == RTM_NEWROUTE:
            self._set_route(message.payload)
        elif message.kind == RTM_DELROUTE:
            prefix = self._prefix(message.payload)
            if prefix is not None:
                self._withdraw(prefix)
        elif message.kind in (RTM_NEWNEXTHOP, RTM_DELNEXTHOP):
            self._take_nexthop(message)

    def _set_route(self, payload: bytes) -> None:
        found = self._reader.read(payload)
        if found is None:
            return
        key, way = found
        prefix = _prefix_of(key)
        old = self._keys.get(prefix)
        if old is None and len(self._keys) >= self._limits[0]:
            raise Overloaded(f"a router may have {self._limits[0]} routes")
        if old is not None and old != key:
            self._withdraw(prefix)
        self._keys[prefix] = key
        if self._unseen is not None:
            self._unseen[0].discard(prefix)
        self.model.set_route(key, way, NLM_F_REPLACE)

    def _prefix(self, payload: bytes) -> bytes | None:
        """Return what a withdrawal names: it has neither a way nor a type."""
        route = read_route(payload)
        if route is None or route.table != self._table:
            return None
        return _prefix_of(key_of(route.destination))

    def _withdraw(self, prefix: bytes) -> None:
        key = self._keys.pop(prefix, None)
        way = None if key is None else self.model.routes.get(key)
        if key is not None and way is not None:
            self.model.remove_route(key, way)
        if self._unseen is not None:
            self._unseen[0].discard(prefix)

    def _take_nexthop(self, message: NetlinkReply) -> None:
        found = read_nexthop(message.payload)
        if found is None:
            return
        number, nexthop = found
        if self._unseen is not None:
            self._unseen[1].discard(number)
        if message.kind == RTM_DELNEXTHOP:
            self.model.remove_nexthop(number)
            self._forget_gone()
            return
        if number not in self.model.nexthops and len(self.model.nexthops) >= self._limits[1]:
            raise Overloaded(f"a router may have {self._limits[1]} nexthop objects")
        self.model.set_nexthop(number, nexthop)

    def _forget_gone(self) -> None:
        """Forget the prefixes whose routes went with their nexthop."""
        routes = self.model.routes
        if len(routes) == len(self._keys):
            return
        for prefix in [prefix for prefix, key in self._keys.items() if key not in routes]:
            del self._keys[prefix]


def _prefix_of(key: bytes) -> bytes:
    """Return address and prefix length of a key, without TOS and metric."""
    return key[: 1 - SUFFIX.size]
