"""Dispatcher: from the bytes of a message to those of its answer, the one way in.

Every message is checked here and nowhere else: who sent it, whether it is one, which service it
is for. Whatever is wrong becomes an error document, and nothing has changed then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xen_bridge.errors import (
    BridgeError,
    Deadline,
    Forbidden,
    Overloaded,
    RequestUnsupported,
    TooLarge,
)
from xen_bridge.protocol import messages
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents.channel import ChannelMessages
from xen_bridge.protocol.documents.hello import RouterHello
from xen_bridge.protocol.documents.measures import MeasuresAnswer
from xen_bridge.protocol.documents.topology import ConsolidatedNode
from xen_bridge.protocol.endpoint import MAX_ANSWER
from xen_bridge.protocol.messages import Message
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.runtime.port import Runtime
from xen_bridge.server.request_handler import READ_SECONDS, Origin, RequestHandler, RequestHandlers

LOG = logging.getLogger(__name__)
MAX_IN_FLIGHT = 256
ROUTERS_IN_FLIGHT = 4
"""Requests of one virtual router: what it asks beyond is refused."""
LARGE = 32 * 1024
"""Bytes from which a message is parsed in a thread: it would hold up the event loop."""

FROM_ROUTERS = (RouterHello, ChannelMessages)
"""What a virtual router may send, whose key is in no other list."""

Forward = Callable[[Message, float], Any]
"""Hands a request to a virtual router, returns the body of its answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status and a message."""

    status: int
    data: bytes


class Dispatcher:
    """Answers messages for one node."""

    def __init__(
        self,
        node_pk: str,
        authorized: Callable[[], Mapping[str, str]],
        handlers: RequestHandlers,
        runtime: Runtime,
        blocking: ThreadLimiter,
        parsing: ThreadLimiter,
        forward: Forward | None = None,
        routers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """Answer with ``handlers`` who is ``authorized``; ``forward`` reaches virtual routers.

        ``routers`` are the keys of virtual routers, which may say Hello and tell their routes.
        Handlers that are blocking run in threads of ``blocking``.
        """
        self._node_pk = node_pk
        self._authorized = authorized
        self._handlers = handlers
        self._runtime = runtime
        self._blocking = blocking
        self._parsing = parsing
        self._forward = forward
        self._routers = routers
        self._of_routers: Counter[str] = Counter()
        self.in_flight = 0
        """Requests that are being carried out."""

    def answer(self, data: bytes, sender: str) -> Reply:
        """Return the answer to ``data``, which came over TLS from the key ``sender``."""
        application = int(Application.NONE)
        try:
            message = self._read(data, sender)
            LOG.info("%s: %s", self._name(sender), type(message.body).__name__)
            application = message.application
            return self._written(message, self._carry_out(message))
        except BridgeError as error:
            LOG.info("%s: %d, %s", self._name(sender), error.status, str(error)[:300])
            return self.refusal(error, application)
        except Exception:
            LOG.exception("%s: a message of application %d", self._name(sender), application)
            return self.refusal(BridgeError("the node failed; its log says why"), application)

    def refusal(self, error: BridgeError, application: int = Application.NONE) -> Reply:
        """Return the answer that tells of ``error``."""
        refused = messages.refusal(self._node_pk, application, error)
        return Reply(error.status, messages.write(refused))

    def _name(self, sender: str) -> str:
        return self._authorized().get(sender) or self._routers().get(sender) or sender

    def _read(self, data: bytes, sender: str) -> Message:
        is_known = sender in self._authorized()
        if not is_known and sender not in self._routers():
            raise Forbidden("this key is not in the list of this node")
        if len(data) > LARGE:
            message = self._parsing.call(30.0, messages.read, data)
        else:
            message = messages.read(data)
        if message.node_pk != sender:
            raise Forbidden("NodePK is not the key of the certificate that brought the message")
        if not is_known and (message.router or not isinstance(message.body, FROM_ROUTERS)):
            raise Forbidden("a virtual router may say Hello and tell its routes, and nothing else")
        return message

    def _carry_out(self, message: Message) -> Any:
        if self.in_flight >= MAX_IN_FLIGHT:
            raise Overloaded(f"{MAX_IN_FLIGHT} requests are in flight already")
        if isinstance(message.body, FROM_ROUTERS):
            return self._carry_out_fairly(message)
        return self._carry_out_now(message)

    def _carry_out_fairly(self, message: Message) -> Any:
        """Carry out what a router asks: there are many, each of which may be hostile."""
        mine = self._of_routers
        if mine[message.node_pk] >= ROUTERS_IN_FLIGHT:
            raise Overloaded(f"{ROUTERS_IN_FLIGHT} requests of this node are in flight already")
        mine[message.node_pk] += 1
        try:
            return self._carry_out_now(message)
        finally:
            mine[message.node_pk] -= 1
            if not mine[message.node_pk]:
                del mine[message.node_pk]

    def _carry_out_now(self, message: Message) -> Any:
        self.in_flight += 1
        try:
            handler = self._handler(message)
            seconds = handler.deadline(message.body)
            given = [message.body]
            if handler.needs_origin:
                given.append(Origin(message.node_pk, message.application))
            if handler.blocking:
                # One node that asks much, or what hangs, leaves threads to the others.
                return self._blocking.call_for(message.node_pk, seconds, handler.carry_out, *given)
            with self._runtime.timeout(seconds, Deadline(f"no answer in {seconds:g} s")):
                return handler.carry_out(*given)
        finally:
            self.in_flight -= 1

    def _handler(self, message: Message) -> RequestHandler[Any]:
        found = self._handlers.get(type(message.body))
        if message.router is not None:
            return self._forwarding(message, found)
        if found is None:
            raise RequestUnsupported(f"this node has no {type(message.body).__name__}")
        return found

    def _forwarding(
        self, message: Message, found: RequestHandler[Any] | None
    ) -> RequestHandler[Any]:
        forward = self._forward
        if forward is None:
            raise RequestUnsupported("this node has no virtual routers")
        if isinstance(message.body, ChannelMessages):
            raise RequestUnsupported(
                "what is sent unasked is for the node itself, not for a router of it"
            )
        seconds = found.deadline(message.body) if found is not None else READ_SECONDS

        def carry_out(_body: Any) -> Any:
            return forward(message, seconds)

        return RequestHandler(carry_out, seconds + 5.0, blocking=False)

    def _written(self, message: Message, body: Any) -> Reply:
        made = Message(self._node_pk, message.application, body)
        if isinstance(body, (MeasuresAnswer, ConsolidatedNode)):
            data = self._parsing.call(60.0, messages.write, made)
        else:
            data = messages.write(made)
        if len(data) > MAX_ANSWER:
            raise TooLarge(
                f"the answer would have {len(data)} bytes, at most {MAX_ANSWER} are sent: "
                "ask for fewer iterations"
            )
        return Reply(200, data)
