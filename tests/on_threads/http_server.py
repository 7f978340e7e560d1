"""HTTP for the trial on native threads: what a node's application needs, from the standard library.

It has no limits of its own but for silence: xen_bridge/serving/http.py, which stands on eventlet's
protocol, is what serves strangers.
"""

from __future__ import annotations

import io
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from xen_bridge.runtime.port import Runtime
from xen_bridge.server.tls_listener import TlsListener
from xen_bridge.server.web import AFTER, CLOSE, PEER, BridgeApplication
from xen_bridge.serving.accepting import accepted
from xen_bridge.trust.identity import node_pk_of

IDLE_SECONDS = 60.0
MAX_LINE = 64 * 1024


class Body(io.RawIOBase):
    """The body of a request, with a length or in chunks."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler
        self._file = handler.rfile
        self._is_chunked = handler.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self._left = 0 if self._is_chunked else int(handler.headers.get("Content-Length") or 0)
        self._is_over = not self._is_chunked and not self._left
        self.should_send_hundred_continue = (
            handler.headers.get("Expect", "").lower() == "100-continue"
        )

    def read(self, size: int = -1) -> bytes:
        """Return some of it; nothing at its end."""
        if self.should_send_hundred_continue:
            self.should_send_hundred_continue = False
            self._handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._is_over or (self._is_chunked and not self._left and not self._next_chunk()):
            return b""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        if not data:
            raise OSError("the body ended early")
        self._left -= len(data)
        if not self._left:
            self._ended()
        return data

    def _ended(self) -> None:
        if self._is_chunked:
            self._file.readline(MAX_LINE)
        else:
            self._is_over = True

    def _next_chunk(self) -> bool:
        self._left = int(self._file.readline(MAX_LINE).partition(b";")[0], 16)
        if not self._left:
            self._file.readline(MAX_LINE)
            self._is_over = True
        return not self._is_over

    def discard(self) -> bool:
        """Read the rest, if it is not much; tell whether it came to an end."""
        if self.should_send_hundred_continue:
            return False
        for _ in range(16):
            if self._is_over:
                return True
            self.read(64 * 1024)
        return self._is_over


class Handler(BaseHTTPRequestHandler):
    """One connection: its requests one after another."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1

    def __init__(self, application: BridgeApplication, connection: Any, address: Any) -> None:
        self._application = application
        super().__init__(connection, address, None)  # type: ignore[arg-type]

    def handle_expect_100(self) -> bool:
        """Leave it to whoever reads the body."""
        return True

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def version_string(self) -> str:
        """Say nothing of what runs here."""
        return "xen-bridge"

    def _serve(self) -> None:
        body = Body(self)
        environ = self._environ(body)
        pieces = self._application(environ, self._start)
        for piece in pieces:
            self.wfile.write(piece)
        self.wfile.flush()
        for hook, arguments, words in environ[AFTER]:
            hook(environ, *arguments, **words)
        if not body.discard():
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _serve

    def _environ(self, body: Body) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        return {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "node",
            "SERVER_PORT": "0",
            "SERVER_PROTOCOL": self.request_version,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": self.headers.get("Content-Length", ""),
            "wsgi.url_scheme": "https",
            "wsgi.input": body,
            PEER: node_pk_of(self.connection.getpeercert(binary_form=True)),
            CLOSE: self._close_after_answer,
        }

    def _close_after_answer(self) -> None:
        self.close_connection = True

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        number, _, reason = status.partition(" ")
        self.send_response(int(number), reason)
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def serve(runtime: Runtime, peers: TlsListener, application: BridgeApplication) -> None:
    """Serve ``application`` to ``peers``, each in a thread of its own."""
    room = runtime.semaphore(peers.max_connections)
    for connection, address in accepted(runtime, peers, peers.failed):
        room.acquire()
        serving = runtime.spawn(_converse, application, connection, address, connection=connection)
        serving.link(partial(_over, room, connection))


def _converse(application: BridgeApplication, connection: Any, address: Any) -> None:
    try:
        Handler(application, connection, address)
    except (OSError, ValueError):
        return


def _over(room: Any, connection: Any) -> None:
    room.release()
    connection.close()
