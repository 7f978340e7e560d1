"""Events as they happen (``WS /v1/events``): one JSON text message per event.

``?since=CURSOR`` begins with what came after that event, ``?kinds=a,b`` chooses. What a client
sends is read and ignored, but it has to answer pings: who does not for a minute is gone. A page of
another site is refused (a browser tells the page's origin), and so is compression: it would let a
few bytes cost us megabytes.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints
from webob import Request, Response

from horizon_ryu.core.event_cursor import CURSOR_PATTERN, Cursor, cursor_from_text
from horizon_ryu.core.event_kinds import check_kinds
from horizon_ryu.http.client_frames import ClientGone, read_frames
from horizon_ryu.http.event_log import PROBE, EventLog, EventSubscription
from horizon_ryu.http.problem import (
    FORBIDDEN,
    LIMIT_EXCEEDED,
    UPGRADE_REQUIRED,
    ProblemError,
)
from horizon_ryu.http.resource import Call, Resource, Versioned, operation, resources_of
from horizon_ryu.rest.model import Model, optional
from xen_bridge.runtime.port import Runtime
from xen_bridge.serving.http import can_upgrade, upgrading

SUBPROTOCOL = "horizon.events.v1"
SEND_SECONDS = 5.0
"""For one message; a client that takes longer is gone."""
PING_SECONDS = 30.0
"""Between two pings; a client from which nothing came in between is gone."""
KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
TRY_AGAIN_LATER = 1013
"""Close code of RFC 6455's registry for a client that was too slow."""
GOING_AWAY = 1001
USUAL_LIMIT = 100
_TO_500 = "^([1-9][0-9]?|[1-4][0-9]{2}|500)$"
_CLOSE, _PING, _PONG = 8, 9, 10

_KEY = re.compile("[A-Za-z0-9+/]{22}==")
"""16 bytes in base64 (RFC 6455, 4.2.1)."""
_KINDS = "^[^,]{0,40}(,[^,]{0,40}){0,127}$"
"""Which of them there are is told by the log."""


class EventsQuery(Model):
    """Which events a client wants."""

    since: Annotated[str, StringConstraints(pattern=CURSOR_PATTERN)] = optional(
        description="Begin with what came after this event: a number, or EPOCH-NUMBER as the "
        "header Horizon-Cursor tells it, so that another run of the controller is recognised"
    )
    kinds: Annotated[str, StringConstraints(pattern=_KINDS), Field(examples=["link_add"])] = (
        optional(description="Kinds of events, separated by commas")
    )


class RecentQuery(EventsQuery):
    """Which of the events that are kept a client wants."""

    about: Annotated[str, StringConstraints(min_length=1, max_length=120)] = optional(
        description="A dpid, a MAC address, or the id or name of something, that is in their data"
    )
    limit: Annotated[str, StringConstraints(pattern="^([1-9][0-9]?|[1-4][0-9]{2}|500)$")] = (
        optional(description=f"At most so many, the newest; {USUAL_LIMIT} by default, 500 at most")
    )


class EventModel(Model):
    """An event as it came through the WebSocket; ``at`` is in seconds since 1970."""

    seq: int
    at: float
    kind: str
    data: dict[str, Any]


class RecentEvents(Model):
    """Events, oldest first; ``complete`` is false where some since then are no longer kept.

    ``seq`` is the newest of all, whether it is told or not.
    """

    epoch: str | None
    seq: int
    oldest: int
    complete: bool
    events: tuple[EventModel, ...]


class EventOperations:
    """Operation that follows an event log."""

    tag = "events"

    def __init__(self, log: EventLog, runtime: Runtime) -> None:
        self._log = log
        self._runtime = runtime

    @operation("GET", "/v1/events", status=101, problems=(UPGRADE_REQUIRED, LIMIT_EXCEEDED))
    def events(self, call: Call, query: EventsQuery) -> Response:
        """Receive events through a WebSocket."""
        _check_upgrade(call.http)
        since, kinds = self._asked(query)
        subscription = self._log.subscribe(since, kinds, call.http.remote_addr)
        return _WebSocketAnswer(subscription, self._runtime)

    @operation("GET", "/v1/events/recent")
    def recent(self, _call: Call, query: RecentQuery) -> Versioned[RecentEvents]:
        """List events that are kept, without a WebSocket."""
        self._asked(query)
        return Versioned((self._log.last_seq,), lambda _: self._recent(query))

    def _recent(self, query: RecentQuery) -> bytes:
        """Return the document; its events are the texts that were sent."""
        since, kinds = self._asked(query)
        complete, found = self._log.recent(since, kinds, query.about)
        told = found[-int(query.limit or USUAL_LIMIT) :]
        is_all = complete and len(told) == len(found)
        head = {"epoch": self._log.epoch, "seq": self._log.last_seq, "oldest": self._log.oldest}
        frame = json.dumps({**head, "complete": is_all}, separators=(",", ":"))
        return f'{frame[:-1]},"events":[{",".join(event.text for event in told)}]}}'.encode()

    def _asked(self, query: EventsQuery) -> tuple[Cursor | None, frozenset[str] | None]:
        """Return from where on which kinds are wanted; InvalidInput."""
        since = None if query.since is None else cursor_from_text(query.since)
        if query.kinds is None:
            return since, None
        return since, check_kinds(query.kinds.split(","), self._log.published)


def resources(log: EventLog, runtime: Runtime) -> list[Resource]:
    """Return the resource of ``log``."""
    return resources_of(EventOperations(log, runtime))


def _check_upgrade(request: Request) -> None:
    """Refuse what is no WebSocket handshake (RFC 6455, 4.2.1), or comes from another site."""
    environ = request.environ
    connection = environ.get("HTTP_CONNECTION", "").lower().replace(" ", "").split(",")
    is_handshake = (
        request.method == "GET"
        and "upgrade" in connection
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == "13"
        and _KEY.fullmatch(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""))
        and not _has_body(environ)
        and can_upgrade(environ)
    )
    if not is_handshake:
        raise ProblemError(
            UPGRADE_REQUIRED,
            "Ask for an upgrade to WebSocket, version 13.",
            headers={"Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        )
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise ProblemError(FORBIDDEN, "The page is of another site.")


def _has_body(environ: dict[str, Any]) -> bool:
    """Tell whether a request has a body: its bytes would be taken for frames."""
    return environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ


class _WebSocketAnswer(Response):
    """An answer that turns the connection into a WebSocket and lasts as long as that does."""

    def __init__(self, subscription: EventSubscription, runtime: Runtime) -> None:
        super().__init__(status=101)
        self.subscription = subscription
        self.runtime = runtime
        self._ping_at = runtime.now() + PING_SECONDS
        self._is_silent = False
        self._code = GOING_AWAY

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve the socket; the server knows that the answer is then already given."""
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        try:
            answer = upgrading(self._serve, SUBPROTOCOL)(environ, start_response)
        finally:
            self.subscription.close()
        return answer

    def _serve(self, websocket: Any) -> None:
        keep_alive(websocket.socket)
        reader = self.runtime.spawn(self._read, websocket, connection=websocket.socket)
        try:
            self._write(websocket)
        finally:
            reader.kill()

    def _read(self, websocket: Any) -> None:
        """Read until the client is gone, then let the writer know."""
        try:
            pong = partial(self._pong, websocket)
            read_frames(self.runtime, websocket.socket, pong, self._heard)
        except TimeoutError:
            self.subscription.drop()
        except ClientGone as gone:
            self._code = gone.code
            self.subscription.close()
        except OSError:
            self.subscription.close()

    def _pong(self, websocket: Any, payload: bytes) -> None:
        """Answer a ping; TimeoutError if the client does not take the answer."""
        with self.runtime.timeout(SEND_SECONDS, TimeoutError("the client reads nothing")):
            websocket.send(payload, control_code=_PONG)

    def _heard(self) -> None:
        self._is_silent = False
        self.subscription.heard()

    def _ping(self, websocket: Any, at_once: bool) -> None:
        """Send a ping when it is time to; TimeoutError if the one before had no answer."""
        if self.subscription.closed or not (at_once or self.runtime.now() >= self._ping_at):
            return
        if self._is_silent and not at_once:
            raise TimeoutError("the client answers no ping")
        websocket.send(b"", control_code=_PING)
        self._is_silent = True
        self._ping_at = self.runtime.now() + PING_SECONDS
        self.subscription.asked()

    def _write(self, websocket: Any) -> None:
        """Send events until the client is gone or was too slow, then close.

        A stalled client is not told: sending would wait for it, so the socket is just shut.
        """
        subscription, timeout = self.subscription, self.runtime.timeout
        try:
            while not subscription.closed:
                event = subscription.next(max(self._ping_at - self.runtime.now(), 0.001))
                with timeout(SEND_SECONDS):
                    if event is not None and event is not PROBE:
                        websocket.send(event.text)
                    self._ping(websocket, event is PROBE)
            with timeout(SEND_SECONDS):
                code = TRY_AGAIN_LATER if subscription.dropped else self._code
                websocket.send(code.to_bytes(2, "big"), control_code=_CLOSE)
        except OSError as error:
            if isinstance(error, TimeoutError):
                subscription.drop()
            _shut(websocket.socket)
        # The server would otherwise send a closing frame of its own, and wait.
        websocket.websocket_closed = True


def keep_alive(connection: Any) -> None:
    """Have the kernel notice a client that vanished without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _shut(connection: Any) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is gone already, which is what was wanted.
        return
