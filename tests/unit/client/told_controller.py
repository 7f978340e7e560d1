"""A controller for the client library's tests: a socket that answers as it is told, events too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Thread
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

Script = Callable[[ServerConnection], None]


@dataclass
class ToldController:
    """Answers GETs with ``answers`` (status, body) by path; each stream has a script of its own."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cursor: str | None = None
    scripts: list[Script] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    url: str = ""

    def _process(self, _connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request.path)
        self.tokens.append(request.headers.get("Authorization"))
        path = request.path.partition("?")[0]
        if path == "/v1/events" and path not in self.answers:
            return None
        status, body = self.answers.get(path, (200, {}))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = Headers({"Content-Length": str(len(data)), "Connection": "close"})
        for name, value in self.headers.items():
            headers[name] = value
        if self.cursor is not None:
            headers["Horizon-Cursor"] = self.cursor
        return Response(status, HTTPStatus(status).phrase, headers, data)

    def _stream(self, connection: ServerConnection) -> None:
        try:
            self.scripts.pop(0)(connection)
        except ConnectionClosed:
            return

    @contextmanager
    def serving(self) -> Iterator[ToldController]:
        """Serve while the block runs."""
        server: Server
        with serve(
            self._stream,
            "127.0.0.1",
            0,
            process_request=self._process,
            subprotocols=[Subprotocol("horizon.events.v1")],
        ) as server:
            self.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
            Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()


def event(seq: int, kind: str = "link_add", **data: Any) -> str:
    """Return an event as a controller sends it."""
    return json.dumps({"seq": seq, "at": 1.5, "kind": kind, "data": data})


def sends(*texts: str) -> Script:
    """Return a stream that sends these, and ends."""

    def script(connection: ServerConnection) -> None:
        for text in texts:
            connection.send(text)

    return script
