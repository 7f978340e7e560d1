"""The synchronous way of a packet-in: from the bytes of the switch to the answer, no queue.

Queues, switches of tasks and one send per message are three quarters of what a packet-in costs
in Ryu. The lane calls its handlers in the receive task of the connection instead; what they
return is encoded and buffered, and leaves once per received chunk. So a handler never waits.
"""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from horizon_ryu.openflow.counters import Counters
from horizon_ryu.wire.messages import Outgoing, PacketIn

LOG = logging.getLogger(__name__)


class PacketInVerdict(NamedTuple):
    """``consumed``: nobody after this handler sees the frame. ``messages`` are sent either way."""

    consumed: bool
    messages: Sequence[Outgoing] = ()


PASSED = PacketInVerdict(False)
"""The answer of a handler that leaves the frame to the others."""

Handler: TypeAlias = Callable[[PacketIn, float], PacketInVerdict]


ExpectedFrame: TypeAlias = Callable[[int, int, bytes, float], bool]
"""Takes a frame (dpid, port, frame, time) if it is one that is expected, to the last byte.

Called in the hub: never waits, and has nothing to send.
"""


class _Place(NamedTuple):
    order: int
    serial: int
    handler: Handler


class PacketInPipeline:
    """Calls the handlers of a packet-in in rising order until one consumes it."""

    def __init__(self, send: Callable[[Iterable[Outgoing]], None], counters: Counters) -> None:
        self._send = send
        self._counters = counters
        self._places: list[_Place] = []
        self._handlers: tuple[Handler, ...] = ()
        self._serial = 0
        self._reported: set[Handler] = set()
        self._expects: ExpectedFrame | None = None

    def register(self, order: int, handler: Handler) -> None:
        """Call ``handler`` at its place in ``order``; of equals, the first registered first."""
        self._serial += 1
        insort(self._places, _Place(order, self._serial, handler))
        self._handlers = tuple(place.handler for place in self._places)

    def expect(self, expects: ExpectedFrame) -> None:
        """Offer every frame that a switch keeps no part of to ``expects`` first."""
        self._expects = expects

    def is_expected(self, dpid: int, in_port: int, frame: bytes, now: float) -> bool:
        """Take a frame that is expected; False, and nothing has happened, for all others."""
        if self._expects is None:
            return False
        try:
            return self._expects(dpid, in_port, frame, now)
        except Exception:
            self._expects = None
            self._counters.handler_failed("expected frames")
            LOG.exception("expected frames cannot be told any more; all are handled as others")
            return False

    def unregister(self, handler: Handler) -> None:
        """Call ``handler`` no more; unknown handlers are ignored."""
        self._places = [place for place in self._places if place.handler != handler]
        self._handlers = tuple(place.handler for place in self._places)
        self._reported.discard(handler)

    def dispatch(self, packet_in: PacketIn, now: float) -> bool:
        """Offer ``packet_in`` to the handlers, send what they return; tell whether one consumed it.

        A handler that raises counts as one that passed: the frame of a stranger must never cost
        a switch its connection.
        """
        for handler in self._handlers:
            try:
                consumed, messages = handler(packet_in, now)
                if messages:
                    self._send(messages)
            except Exception:
                self._failed(handler)
                continue
            if consumed:
                return True
        return False

    def _failed(self, handler: Handler) -> None:
        name = getattr(handler, "__qualname__", type(handler).__name__)
        self._counters.handler_failed(name)
        # A frame that breaks a handler can come a thousand times a second: one traceback each.
        if handler not in self._reported:
            self._reported.add(handler)
            LOG.exception("packet-in handler %s failed; further failures are only counted", name)
