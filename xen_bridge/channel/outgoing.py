"""Outgoing channel: what this node sends another one unasked, over its connection, until taken.

One native thread for each node that is sent to, whatever the node's runtime is: documents come
from threads of all kinds, and :class:`xen_bridge.client.BridgeClient` blocks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from lxml import etree

from xen_bridge.channel.incarnation import above
from xen_bridge.channel.sender import ChannelSender, SenderLimits
from xen_bridge.errors import BridgeError, InvalidRequest
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.applications import Application, unasked_application_of
from xen_bridge.protocol.documents.channel import Acknowledgement, ChannelMessages

LOG = logging.getLogger(__name__)
EXCHANGE_SECONDS = 30.0
"""For a document to be taken; a receiver whose handlers are slow has less in each."""
FAULT_SECONDS = 5.0
"""After a fault of our own, before the next attempt."""


class ChannelConnection(Protocol):
    """A connection to a node, as :class:`xen_bridge.client.BridgeClient` is one."""

    def ask(
        self,
        body: Any,
        router: str | None = None,
        seconds: float | None = None,
        application: Application | None = None,
    ) -> Any:
        """Send a request, return the body of the answer; raises a BridgeError."""

    def close(self) -> None:
        """End the connection."""


PeerResetHandler = Callable[[Application], None]
"""Told that the other node holds nothing of an application's any more: send all state anew."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a channel fares: messages not yet acknowledged, sent again, replaced; the last trouble.

    ``trouble`` is empty while the other node answers.
    """

    pending: int
    resent: int
    replaced: int
    trouble: str


class OutgoingChannel:
    """A channel to one node: a stream for each application that has something to say."""

    def __init__(
        self,
        name: str,
        connection: ChannelConnection,
        incarnation: int,
        reset: PeerResetHandler,
        limits: SenderLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send to the node ``name`` over ``connection``, which is this channel's alone.

        ``reset`` is called in the channel's own thread.
        """
        self._name = name
        self._connection = connection
        self._incarnation = incarnation
        self._reset = reset
        self._limits = limits
        self._clock = clock
        self._changed = threading.Condition()
        self._streams: dict[Application, ChannelSender] = {}
        self._trouble = ""
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"channel {name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def send(self, body: Any, key: Hashable | None = None) -> None:
        """Take a document to be sent, after all that its application sent before.

        One that still waits under the same ``key`` is replaced by it. Raises InvalidRequest for
        values out of range or what no channel carries, TooLarge, Overloaded when too many wait.
        """
        document_schema.check(body)
        try:
            application = unasked_application_of(body)
        except KeyError:
            raise InvalidRequest((type(body).__name__,), "is not sent unasked") from None
        size = len(etree.tostring(document_schema.to_element(body)))
        with self._changed:
            self._stream(application).offer(body, key, size)
            self._changed.notify()

    def retry_now(self) -> None:
        """Send again at once what waits: the other node was heard of."""
        with self._changed:
            for sender in self._streams.values():
                sender.retry_now()
            self._changed.notify()

    def status(self) -> ChannelStatus:
        """Return how it fares."""
        with self._changed:
            senders = self._streams.values()
            return ChannelStatus(
                sum(one.pending for one in senders),
                sum(one.resent for one in senders),
                sum(one.replaced for one in senders),
                self._trouble,
            )

    def close(self) -> tuple[Any, ...]:
        """End it; return the documents that were not acknowledged, which may be lost.

        Waits for an exchange that is under way, EXCHANGE_SECONDS at most.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._connection.close()
        return tuple(body for one in self._streams.values() for body in one.abandon())

    # ---- the thread

    def _stream(self, application: Application) -> ChannelSender:
        if application not in self._streams:
            self._streams[application] = ChannelSender(self._incarnation, above, self._limits)
        return self._streams[application]

    def _run(self) -> None:
        while (due := self._next()) is not None:
            try:
                self._exchange(*due)
            except Exception:
                LOG.exception("the channel to %s failed", self._name)
                self._tell_trouble("a fault of this node: see its log")
                self._pause(FAULT_SECONDS)

    def _next(self) -> tuple[Application, ChannelMessages] | None:
        """Wait for something to send, and return it; None when the channel is closed."""
        with self._changed:
            while not self._is_closed:
                now = self._clock()
                for application, sender in self._streams.items():
                    told = sender.poll(now)
                    if told is not None:
                        return application, told
                self._changed.wait(self._seconds_to_next(now))
        return None

    def _seconds_to_next(self, now: float) -> float | None:
        due = [at for one in self._streams.values() if (at := one.next_due()) is not None]
        return max(min(due) - now, 0.0) if due else None

    def _exchange(self, application: Application, told: ChannelMessages) -> None:
        try:
            answer = self._connection.ask(told, None, EXCHANGE_SECONDS, application)
        except BridgeError as error:
            self._tell_trouble(str(error))
            return
        self._tell_trouble("")
        self._acknowledged(application, answer)

    def _acknowledged(self, application: Application, answer: Acknowledgement) -> None:
        with self._changed:
            reset = self._streams[application].acknowledged(answer, self._clock())
        if reset is not None:
            LOG.info("%s began anew: %s is told anew", self._name, application.name)
            self._reset(application)

    def _tell_trouble(self, trouble: str) -> None:
        if trouble and not self._trouble:
            LOG.warning("the channel to %s waits: %s", self._name, trouble)
        elif self._trouble and not trouble:
            LOG.warning("the channel to %s goes on", self._name)
        self._trouble = trouble

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, seconds)
