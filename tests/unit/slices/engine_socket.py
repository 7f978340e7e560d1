"""An engine's control socket, served by a thread: what it answers is what the test says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from horizon_ryu.core.slicing.control_frames import control_frame

Answer = Callable[[dict[str, Any]], dict[str, Any] | bytes | None]
"""Returns the answer to a request, bytes to be sent as they are, or None to end the connection."""


class EngineSocket:
    """Listens until it is closed; serves one client after the other."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._answer = answer
        self._path = path
        self._client: socket.socket | None = None
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Accept no more, and end the connection that there is."""
        self._path.unlink()
        for one in (self._listening, self._client):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def tell(self, event: str, **about: Any) -> None:
        """Send an event."""
        if self._client is not None:
            self._client.sendall(control_frame({"event": event, "about": about}))

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._client, _ = self._listening.accept()
                self.accepted += 1
                with self._client:
                    self._talk(self._client)

    def _talk(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError):
            while True:
                size = int.from_bytes(_exactly(client, 4), "big")
                request = json.loads(_exactly(client, size))
                answer = self._answer(request)
                if answer is None:
                    return
                if isinstance(answer, dict):
                    answer = control_frame({"id": request["id"], **answer})
                client.sendall(answer)


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
