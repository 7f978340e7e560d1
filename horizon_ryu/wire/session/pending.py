"""Pending requests: what was asked of one peer and waits for answers, told apart by xid."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import NamedTuple

from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.ofp13 import OFPT

MAX_WAITING = 1024
"""Requests at once per peer: one that never answers must not fill our memory.

As many are remembered whose time is over.
"""
_ERROR = int(OFPT.ERROR)
_XID = struct.Struct("!I")


class TooManyRequests(Exception):
    """MAX_WAITING requests wait for an answer already."""


class FailureKind(Enum):
    """How a request can fail."""

    REFUSED = "refused"
    """The peer answered with an error."""
    LATE = "late"
    """It did not answer in time."""
    GONE = "gone"
    """The session is closed."""


class RequestFailure(NamedTuple):
    """What went wrong: ``place`` is that of a message among those that were sent together."""

    kind: FailureKind
    reason: str
    place: int | None = None


@dataclass(slots=True, eq=False)
class PendingRequest:
    """One exchange with a peer: done when its last answer, its refusal or its end has come.

    ``last`` is the xid that is answered; ``xids`` are the messages before it whose errors belong
    to it, each with its place among them. ``wake`` is called once, when the request is done, and
    must neither wait nor raise. ``deadline`` (a time of the caller's clock) ends it with the
    reason ``overdue``. ``pieces`` are the raw answers.
    """

    last: int
    wake: Callable[[], None]
    xids: Mapping[int, int] = field(default_factory=dict)
    deadline: float = inf
    overdue: str = "no answer in time"
    pieces: list[bytes] = field(default_factory=list)
    failures: list[RequestFailure] = field(default_factory=list)
    done: bool = False

    def fail(self, kind: FailureKind, reason: str, place: int | None = None) -> None:
        """Note what went wrong."""
        self.failures.append(RequestFailure(kind, reason, place))

    def finish(self) -> None:
        """Wake whoever asked, once."""
        if not self.done:
            self.done = True
            self.wake()

    def all_xids(self) -> Iterator[int]:
        """Yield every xid that belongs to it."""
        yield from self.xids
        yield self.last


class PendingRequests:
    """The requests to one peer, by every transaction id that belongs to them."""

    def __init__(self) -> None:
        self._by_xid: dict[int, PendingRequest] = {}
        self._waiting: set[PendingRequest] = set()
        self._late: dict[int, None] = {}
        self._abandoned = False

    def open(self, request: PendingRequest) -> None:
        """Take note of ``request``, which is about to be sent; TooManyRequests.

        When all was abandoned already it fails at once.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyRequests(f"{MAX_WAITING} requests wait for an answer already")
        if self._abandoned:
            self._gone(request)
            return
        self._waiting.add(request)
        for xid in request.all_xids():
            self._by_xid[xid] = request

    def next_deadline(self) -> float:
        """Return when the next request is late; infinity if none ever is."""
        return min((request.deadline for request in self._waiting), default=inf)

    def expire(self, now: float) -> None:
        """End every request whose deadline has come."""
        for request in [one for one in self._waiting if one.deadline <= now]:
            self.give_up(request)

    def give_up(self, request: PendingRequest) -> None:
        """End ``request`` as late; what still comes for it is taken and dropped.

        Who would get it otherwise may be slow: Ryu's parser holds up everybody for 40 ms per
        thousand flow entries, and it is large tables that are late.
        """
        if request.done:
            return
        request.fail(FailureKind.LATE, request.overdue)
        self.drop(request.last)
        self._forget(request)
        request.finish()

    def drop(self, xid: int) -> None:
        """Take and drop what comes for a request that nobody waits for."""
        self._late[xid] = None
        if len(self._late) > MAX_WAITING:
            del self._late[next(iter(self._late))]

    def take(self, codec: Codec, message: bytes) -> bool:
        """Take ``message`` if it answers a request or refuses one; False if nobody asked."""
        kind = message[1]
        if kind == _ERROR:
            return self._refused(xid_of(message), codec.error_name(message))
        if kind in codec.replies:
            return self._answered(xid_of(message), message, codec.has_more(message))
        return False

    def _answered(self, xid: int, message: bytes, more: bool) -> bool:
        if xid in self._late:
            if not more:
                del self._late[xid]
            return True
        request = self._by_xid.get(xid)
        if request is None or xid != request.last:
            return False
        request.pieces.append(message)
        if not more:
            self._forget(request)
            request.finish()
        return True

    def _refused(self, xid: int, reason: str) -> bool:
        """Take an error; it ends a request only if what is refused is the last message.

        One error per message: a peer that repeats itself must not fill our memory.
        """
        if xid in self._late:
            del self._late[xid]
            return True
        request = self._by_xid.get(xid)
        if request is None:
            return False
        request.fail(FailureKind.REFUSED, reason, request.xids.get(xid))
        del self._by_xid[xid]
        if xid == request.last:
            self._forget(request)
            request.finish()
        return True

    def abandon(self) -> None:
        """End every request, now and later: nobody answers any more."""
        self._abandoned = True
        for request in tuple(self._waiting):
            self._forget(request)
            self._gone(request)

    def _gone(self, request: PendingRequest) -> None:
        request.fail(FailureKind.GONE, "not connected")
        request.finish()

    def _forget(self, request: PendingRequest) -> None:
        self._waiting.discard(request)
        for xid in request.all_xids():
            if self._by_xid.get(xid) is request:
                del self._by_xid[xid]


def xid_of(message: bytes) -> int:
    """Return the transaction id of a whole message."""
    xid: int = _XID.unpack_from(message, 4)[0]
    return xid
