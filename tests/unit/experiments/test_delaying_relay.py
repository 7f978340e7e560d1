"""The relay that stands between switches and a controller far away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from experiments.delaying_relay import DelayingRelay, delayed


@pytest.fixture
def echo() -> Iterator[int]:
    """Give the port of somebody who answers with what he hears, and closes when told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(link,), daemon=True).start()

    def answer(link: socket.socket) -> None:
        with link:
            while data := link.recv(1 << 16):
                link.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def connected(relay: DelayingRelay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), 10)


def read(link: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        data = link.recv(1 << 16)
        if not data:
            break
        found += data
    return found


def test_everything_arrives_in_order_and_later(echo: int) -> None:
    with DelayingRelay(echo) as relay, delayed(relay, 0.05):
        with socket.create_connection(("127.0.0.1", relay.port), 10) as link:
            begun = time.monotonic()
            link.sendall(b"hello")
            assert read(link, 5) == b"hello"
            assert time.monotonic() - begun >= 0.1
            data = bytes(range(256)) * 4096
            sender = threading.Thread(target=link.sendall, args=(data,))
            sender.start()
            assert read(link, len(data)) == data
            sender.join(10)
        assert relay.delay == 0.05
    assert relay.delay == 0


def test_an_end_that_closes_closes_the_other(echo: int) -> None:
    with DelayingRelay(echo) as relay, connected(relay) as link:
        link.sendall(b"x")
        assert read(link, 1) == b"x"
        link.shutdown(socket.SHUT_WR)
        assert link.recv(1) == b""


def test_nobody_behind_it_is_told_by_closing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with DelayingRelay(free) as relay, connected(relay) as link:
        assert link.recv(1) == b""
