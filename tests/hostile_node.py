"""A node of the Xen side that knows who asks, and answers as no node does: without an end."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

from xen_bridge.protocol.messages import CONTENT_TYPE
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.tls import prepare

_HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\n".encode()
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_MANY = 2000
ENDLESS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * _MANY),
    "fields of an interim answer": (b"HTTP/1.1 100 Continue\r\n", b"A: b\r\n" * _MANY),
    "chunks of one byte": (_CHUNKED, b"1\r\n \r\n" * _MANY),
    "trailers": (_CHUNKED + b"1\r\n \r\n0\r\n", b"A: b\r\n" * _MANY),
}
"""How an answer begins, and what follows for ever."""
TRICKLES = {
    "a first line": b"HTTP/1.1 200 " + b"O" * 60_000,
    "fields": _HEAD + b"A: " + b"b" * 60_000,
    "a body": _HEAD + b"Content-Length: 60000\r\n\r\n" + b" " * 60_000,
    "the length of a chunk": _CHUNKED + b"0" * 60_000,
}
"""Answers of which each byte comes alone, long before anybody waits too long for it."""
_PAUSE = 0.05


class HostileNode:
    """Serves until it is closed; a context manager. ``asked`` counts connections."""

    def __init__(self, folder: Path, client_pk: str, how: str) -> None:
        self.identity = identity = Identity.load_or_create(folder)
        self._how = how
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context = prepare(context, identity, [client_pk])
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.asked = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> HostileNode:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _begin(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._begin(self._serve, self._listening.accept()[0])

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError):
            plain.settimeout(1.0)
            with self._context.wrap_socket(plain, server_side=True) as peer:
                peer.recv(65_536)
                self.asked += 1
                self._answer(peer)

    def _answer(self, peer: ssl.SSLSocket) -> None:
        if self._how in ENDLESS:
            first, then = ENDLESS[self._how]
            peer.sendall(first)
            while not self._is_over.is_set():
                peer.sendall(then)
            return
        for byte in TRICKLES[self._how]:
            peer.sendall(bytes((byte,)))
            if self._is_over.wait(_PAUSE):
                return
