"""An HTTP server on eventlet's protocol that no client can keep for itself.

Eventlet reads what has arrived without ever giving way: requests in a row on one connection, or
a body in tiny chunks, hold the hub for as long as the client likes. It waits for ever for a
client that says nothing, takes so many connections and then none, and its accept loop ends at
the first error that it does not know.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from eventlet import Timeout, wsgi
from eventlet.websocket import WebSocketWSGI

from xen_bridge.runtime.port import Runtime
from xen_bridge.serving.accepting import accepted, host_of
from xen_bridge.serving.chunk_lines import ChunkLines
from xen_bridge.serving.client_files import READERS_PER_TURN, PacedFile, YieldingFile
from xen_bridge.serving.request_head import MAX_FIELDS, HeadFault, fault_of
from xen_bridge.serving.room import Place, Room

LOG = logging.getLogger(__name__)

REQUESTS_PER_TURN = 4
"""Requests of all connections together in one turn of the hub."""
_EMPTY_LINE = (b"\r\n", b"\n")
_HANDSHAKE = b"\x16"
"""How TLS begins (RFC 8446, 5.1): no line would ever end, and who says https would wait for it."""
_AUTHORITY_ENDS = re.compile(r"[/?#]")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class HttpLimits:
    """Seconds that a client has, and what is read of a body that nobody wanted."""

    first_byte: float = 10.0
    """From the connection to the first byte of the first request."""
    headers: float = 10.0
    """From the first byte of a request to the end of its headers."""
    keep_alive: float = 60.0
    """From one request to the first byte of the next one."""
    one_operation: float = 30.0
    """For any other byte to come, or to leave."""
    least_rate: int = 16 * 1024
    """Bytes per second that a client must read of an answer, after the time of one operation."""
    discard: float = 2.0
    """For the rest of a body that was not read, or else the connection is closed."""
    discard_bytes: int = 1 << 20


DEFAULT_LIMITS = HttpLimits()


class PoliteProtocol(wsgi.HttpProtocol):  # type: ignore[misc]  # eventlet ships no types
    """One connection: its requests one after another, each in its time and in its turn."""

    def __init__(self, conn_state: list[Any], server: _Server) -> None:
        self._place: Place = conn_state[3]
        self._deadline: Any = None
        self._is_first = True
        self.path = ""
        super().__init__(conn_state, server)

    def setup(self) -> None:
        """Prepare to read and write."""
        super().setup()
        runtime, limits = self.server.runtime, self.server.limits
        self.rfile: Any = YieldingFile(self.rfile, runtime, self._place, self.server.readers)
        pace = limits.one_operation, limits.least_rate
        self.wfile: Any = PacedFile(self.wfile, runtime, self._place, *pace)

    def handle_one_request(self) -> None:
        """Wait for a request, wait for its turn, then answer it."""
        limits: HttpLimits = self.server.limits
        self._place.idle()
        if not self._begins(limits.first_byte if self._is_first else limits.keep_alive):
            self.close_connection = True
            return
        if self._is_first and self.rfile.peek(1).startswith(_HANDSHAKE):
            self.wfile.begin()
            self._refuse(HeadFault(HTTPStatus.BAD_REQUEST, "plain HTTP is spoken here, not TLS"))
            return
        self._is_first = False
        self.wfile.begin()
        # So many at a time wait for the next turn: the others wait for them, in order.
        with self.server.gate:
            self.server.runtime.checkpoint()
        self._deadline = Timeout(limits.headers, TimeoutError("headers came too slowly"))
        try:
            super().handle_one_request()
        finally:
            self._deadline.cancel()

    def _begins(self, seconds: float) -> bool:
        """Tell whether a byte comes within ``seconds``; False too if the client hung up."""
        self.connection.settimeout(None)
        try:
            with self.server.runtime.timeout(seconds, TimeoutError("silent")):
                return bool(self.rfile.peek(1))
        except (OSError, EOFError, ValueError):
            return False
        finally:
            self.connection.settimeout(self.server.socket_timeout)

    def _read_request_line(self) -> bytes:
        """Return the line; nothing if it was too long, which is then answered."""
        line: bytes = super()._read_request_line()
        if len(line) < self.server.url_length_limit:
            return line
        self._refuse(
            HeadFault(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"a request line has less than {self.server.url_length_limit} bytes",
            )
        )
        return b""

    def parse_request(self) -> bool:
        """Read the headers; what the application then does takes its own time."""
        fault, lines = self._read_head()
        self._deadline.cancel()
        self._place.busy()
        if fault is not None:
            self._refuse(fault)
            return False
        self.rfile = io.BytesIO(b"".join(lines))
        parsed: bool = super().parse_request()
        if parsed:
            self._take_absolute_target()
            self._leave_out_what_is_new()
        return parsed

    def _read_head(self) -> tuple[HeadFault | None, list[bytes]]:
        """Return what is wrong with the head of the request, and its lines after the first."""
        lines: list[bytes] = []
        try:
            while len(lines) <= MAX_FIELDS + 1:
                lines.append(self.rfile.readline())
                if lines[-1] in (b"", *_EMPTY_LINE):
                    break
        except (wsgi.HeaderLineTooLong, wsgi.HeadersTooLarge):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            return HeadFault(status, "the header fields are too large"), lines
        return fault_of(self.raw_requestline, lines), lines

    def _take_absolute_target(self) -> None:
        """Split a target with scheme and host: the host counts (RFC 9112, section 3.2.2)."""
        scheme, colon, rest = self.path.partition("://")
        if colon and scheme.lower() in ("http", "https"):
            host = _AUTHORITY_ENDS.split(rest, maxsplit=1)[0]
            del self.headers["Host"]
            self.headers["Host"] = host
            path = rest[len(host) :]
            self.path = path if path.startswith("/") else f"/{path}"

    def _leave_out_what_is_new(self) -> None:
        """Do not hear what HTTP/1.0 does not know (RFC 9110, 7.8 and 10.1.1).

        Such a client takes "100 Continue" for the answer, and knows no other protocol.
        """
        if self.request_version == "HTTP/1.0":
            for name in ("Expect", "Upgrade"):
                del self.headers[name]

    def _refuse(self, fault: HeadFault) -> None:
        """Answer with a problem document (RFC 9457), and close: nobody knows what comes next."""
        status = fault.status
        problem = {"title": status.phrase, "status": status.value, "detail": fault.detail}
        body = json.dumps(problem).encode()
        LOG.debug("%s: refused with %d: %s", host_of(self.client_address), status, fault.detail)
        self.close_connection = True
        self.wfile.writelines(
            [
                f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode(),
                b"Content-Type: application/problem+json\r\nConnection: close\r\n",
                b"Content-Length: %d\r\n\r\n" % len(body),
                body,
            ]
        )
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what the standard library refuses, as we do."""
        del explain
        status = HTTPStatus(code)
        self._refuse(HeadFault(status, message or status.description))

    def log_message(self, format: str, *args: Any) -> None:
        """Log what the standard library would write to stderr, whatever a stranger sent."""
        LOG.debug("%s: %r", host_of(self.client_address), format % args)

    def get_environ(self) -> dict[str, Any]:
        """Return the environment of a request."""
        environ: dict[str, Any] = super().get_environ()
        body = environ["eventlet.input"]
        if body.chunked_input:
            body.rfile = ChunkLines(body.rfile)
        # Eventlet would read to the end, however much it is and however long it takes.
        body.discard = lambda *_: _discard(body, self.server.limits, self.server.runtime)
        environ["eventlet.set_idle"] = self._upgraded
        return environ

    def _upgraded(self) -> None:
        """Let a WebSocket be silent for as long as it likes; eventlet calls this."""
        self.conn_state[2] = wsgi.STATE_IDLE
        self.connection.settimeout(None)


def _discard(body: Any, limits: HttpLimits, runtime: Runtime) -> None:
    """Read the rest of a body, or raise the OSError for which eventlet closes the connection."""
    left = limits.discard_bytes
    with runtime.timeout(limits.discard, TimeoutError("the rest of a body did not come")):
        while left > 0:
            data = body.read(16 * 1024)
            if not data:
                break
            left -= len(data)
    if left <= 0:
        raise OSError("too much of a body that nobody wanted")
    if isinstance(body.rfile, ChunkLines) and body.rfile.is_broken:
        # Eventlet takes it for read: its end was told, only not by the client.
        raise OSError("a body whose end nobody knows")


class _Log:
    """Where eventlet logs: what an application raised is an error, all else is detail.

    A client that hangs up raises too, and is none.
    """

    def debug(self, text: str, *arguments: Any) -> None:
        LOG.debug(text, *arguments)

    def info(self, text: str, *arguments: Any) -> None:
        raised = sys.exc_info()[1]
        failed = raised is not None and not isinstance(raised, OSError)
        LOG.log(logging.ERROR if failed else logging.DEBUG, text, *arguments)

    def error(self, text: str, *arguments: Any) -> None:
        LOG.debug(text, *arguments)


class _Server(wsgi.Server):  # type: ignore[misc]
    """What the connections of one server share."""

    def __init__(
        self, runtime: Runtime, limits: HttpLimits, *arguments: Any, **options: Any
    ) -> None:
        self.runtime = runtime
        self.limits = limits
        self.gate = runtime.semaphore(REQUESTS_PER_TURN)
        self.readers = runtime.semaphore(READERS_PER_TURN)
        super().__init__(*arguments, socket_timeout=limits.one_operation, **options)
        self.log = _Log()


def can_upgrade(environ: dict[str, Any]) -> bool:
    """Tell whether a request came by way of this server, so that :func:`upgrading` can answer."""
    return "eventlet.input" in environ


def upgrading(serve: Callable[[Any], None], subprotocol: str) -> Application:
    """Return what turns its request into a WebSocket, which ``serve`` is given."""
    handshake = WebSocketWSGI(serve)
    handshake.supported_protocols = [subprotocol]
    made: Application = handshake
    return made


class HttpServer:
    """Serves ``application`` on a listening socket; ``failed`` is told when accepting fails.

    The socket may be what stands in for one: it has ``accept``, ``fileno`` and ``getsockname``.
    """

    def __init__(
        self,
        runtime: Runtime,
        listening: Any,
        application: Application,
        room: Room,
        failed: Callable[[Exception], None],
        protocol: type[PoliteProtocol] = PoliteProtocol,
        limits: HttpLimits = DEFAULT_LIMITS,
        party_of: Callable[[Any, Any], str] = lambda _connection, address: host_of(address),
    ) -> None:
        """``party_of`` tells from a connection and its address whose place it takes."""
        self.server = listening
        self._runtime = runtime
        self._room = room
        self._failed = failed
        self._party_of = party_of
        self._shared = _Server(
            runtime,
            limits,
            listening,
            listening.getsockname(),
            application,
            protocol=protocol,
            log_output=False,
            log_x_forwarded_for=False,
            debug=False,
        )

    def serve_forever(self) -> None:
        """Accept connections until the socket is closed, or this task killed."""
        for connection, address in accepted(
            self._runtime, self.server, self._failed, self._room.make_room
        ):
            place = self._room.enter(self._party_of(connection, address))
            if place is None:
                self._failed(self._room.full())
                connection.close()
            else:
                self.converse(connection, address, place)

    def converse(self, connection: Any, address: Any, place: Place) -> None:
        """Serve one connection, which has ``place``, in a task of its own."""
        connection.settimeout(self._shared.socket_timeout)
        state = [address, connection, wsgi.STATE_IDLE, place]
        serving = self._runtime.spawn(self._serve, state, connection=connection)
        serving.link(partial(_over, connection, place))
        place.ended_by(serving.kill)

    def _serve(self, state: list[Any]) -> None:
        try:
            self._shared.process_request(state)
        except OSError as error:
            LOG.debug("%s: connection ended: %s", host_of(state[0]), error)
        except Exception:
            LOG.exception("%s: connection ended by an error of ours", host_of(state[0]))


def _over(connection: Any, place: Place) -> None:
    # A task that is killed before its first turn runs no finally clause.
    place.leave()
    connection.close()
