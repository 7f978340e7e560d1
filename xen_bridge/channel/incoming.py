"""Incoming channel: what other nodes send unasked, given to its applications once and in order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from xen_bridge.channel.receiver import Event, Receiver
from xen_bridge.errors import Overloaded, RequestUnsupported
from xen_bridge.protocol.documents.channel import Acknowledgement, ChannelMessages

LOG = logging.getLogger(__name__)
MAX_STREAMS = 4096
TURN_SECONDS = 10.0
"""For the document before, of the same stream, to be taken."""

EventHandler = Callable[[str, Event], None]
"""Takes an event of the node with that key; raises Overloaded to be given it again later."""


@dataclass(slots=True)
class _Stream:
    receiver: Receiver
    turn: threading.Lock = field(default_factory=threading.Lock)


class IncomingChannel:
    """The streams of all nodes that send; documents of one stream are taken one at a time."""

    def __init__(self, incarnation: int, handlers: Mapping[int, EventHandler]) -> None:
        """Receive as ``incarnation`` for ``handlers``, by the id of their application."""
        self._incarnation = incarnation
        self._handlers = handlers
        self._streams: dict[tuple[str, int], _Stream] = {}
        self._lock = threading.Lock()
        self.failures = 0
        """Events whose handler failed: they count as taken."""

    def accept(self, node_pk: str, application: int, told: ChannelMessages) -> Acknowledgement:
        """Take what the node ``node_pk`` sent; return what it is to be told.

        Raises RequestUnsupported for an application that nobody here waits for, Overloaded.
        """
        handler = self._handlers.get(application)
        if handler is None:
            raise RequestUnsupported(f"this node takes no messages of application {application}")

        def handle(event: Event) -> None:
            self._handle(handler, node_pk, event)

        stream = self._stream(node_pk, application)
        if not stream.turn.acquire(timeout=TURN_SECONDS):
            raise Overloaded("an earlier document of this stream is still being taken")
        try:
            return stream.receiver.accept(told, handle)
        finally:
            stream.turn.release()

    @property
    def has_streams(self) -> bool:
        """Whether anything came that could be forgotten; does not block."""
        return bool(self._streams)

    def forget_others(self, known: Collection[str]) -> None:
        """Forget the streams of nodes whose keys are not ``known`` any more."""
        with self._lock:
            for key in [key for key in self._streams if key[0] not in known]:
                del self._streams[key]

    def _stream(self, node_pk: str, application: int) -> _Stream:
        with self._lock:
            if (node_pk, application) not in self._streams:
                if len(self._streams) >= MAX_STREAMS:
                    raise Overloaded(f"{MAX_STREAMS} streams are known already")
                self._streams[node_pk, application] = _Stream(Receiver(self._incarnation))
            return self._streams[node_pk, application]

    def _handle(self, handler: EventHandler, node_pk: str, event: Event) -> None:
        try:
            handler(node_pk, event)
        except Overloaded:
            raise
        except Exception:
            # To give it again would fail again, and hold up all that is behind it.
            self.failures += 1
            LOG.exception("an event of a channel was not handled: %s", type(event).__name__)
