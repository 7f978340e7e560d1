"""The HTTP server under clients that want it for themselves."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import eventlet
import pytest
from eventlet import tpool

from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.serving import http as serving_http
from xen_bridge.serving.accepting import listen
from xen_bridge.serving.client_files import READS_PER_TURN
from xen_bridge.serving.http import REQUESTS_PER_TURN, HttpLimits, HttpServer
from xen_bridge.serving.room import Room

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
WAIT_SECONDS = 30.0


class Turns:
    """Counts the turns of the hub, and how much happens in one of them at most."""

    def __init__(self) -> None:
        self.count = 0
        self.most = 0
        self._now = 0
        self._counting = eventlet.spawn(self._run)

    def _run(self) -> None:
        while True:
            self.count += 1
            self._now = 0
            eventlet.sleep(0)

    def happens(self) -> None:
        self._now += 1
        self.most = max(self.most, self._now)

    def stop(self) -> None:
        self._counting.kill()


class Served:
    """A server in this process whose application answers "ok", and can be told to read."""

    def __init__(self, **limits: Any) -> None:
        # Only what a test shortens ends a connection before its client gives up.
        limits = dict.fromkeys(("first_byte", "headers", "one_operation"), 1000.0) | limits
        self.turns = Turns()
        self.reads = False
        self.large = 0
        self.blocks: Any = None
        self.read_turns = 0
        self.answered = 0
        self.failures: list[Exception] = []
        self.room = Room(3)
        self.listening = listen(GreenRuntime(), ("127.0.0.1", 0), 64)
        self._server = HttpServer(
            GreenRuntime(),
            self.listening,
            self._answer,
            self.room,
            self.failures.append,
            limits=HttpLimits(**limits),
        )
        self._serving: Any = None

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.turns.happens()
        self.answered += 1
        if self.blocks is not None:
            self.blocks.wait()
        if self.reads:
            before = self.turns.count
            environ["wsgi.input"].read(1 << 20)
            self.read_turns = self.turns.count - before
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"ok", bytes(self.large)] if self.large else [b"ok"]

    def connect(self, data: bytes = b"") -> socket.socket:
        """Connect and send, though nobody may accept yet."""
        link = _native.create_connection(self.listening.getsockname(), WAIT_SECONDS)
        link.sendall(data)
        return link

    def begin(self) -> None:
        self._serving = eventlet.spawn(self._server.serve_forever)

    def stop(self) -> None:
        if self._serving is not None:
            self._serving.kill()
        self.listening.close()
        self.turns.stop()


_native = eventlet.patcher.original("socket")


def rest(link: socket.socket) -> bytes:
    """Return all that comes until the server closes; waits in a thread of the system."""

    def read() -> bytes:
        pieces = []
        try:
            while piece := link.recv(65536):
                pieces.append(piece)
        except ConnectionError:
            pass
        link.close()
        return b"".join(pieces)

    got: bytes = tpool.execute(read)
    return got


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        eventlet.sleep(0.01)


@pytest.fixture
def make() -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def start(**limits: float) -> Served:
        made.append(Served(**limits))
        return made[-1]

    yield start
    for served in made:
        served.stop()


@pytest.mark.parametrize("connections", [1, 3])
def test_requests_in_a_row_are_answered_few_in_a_turn(
    make: Callable[..., Served], connections: int
) -> None:
    served = make()
    links = [served.connect(GET * 99 + LAST) for _ in range(connections)]
    served.begin()
    for link in links:
        assert rest(link).count(b"200 OK") == 100
    assert served.turns.most <= REQUESTS_PER_TURN


def test_a_body_in_tiny_chunks_lets_others_have_their_turn(make: Callable[..., Served]) -> None:
    served = make()
    served.reads = True
    chunks = 4000
    link = served.connect(
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"1\r\nx\r\n" * chunks
        + b"0\r\n\r\n"
    )
    served.begin()
    assert b"200 OK" in rest(link)
    # Two lines and one piece are read for each chunk.
    assert served.read_turns >= 3 * chunks // READS_PER_TURN


def test_bodies_in_tiny_chunks_on_many_connections_share_the_turns(
    make: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_http, "READERS_PER_TURN", 1)
    served = make()
    served.reads = True
    chunks, count = 2000, 3
    head = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    links = [served.connect(head + b"1\r\nx\r\n" * chunks + b"0\r\n\r\n") for _ in range(count)]
    served.begin()
    for link in links:
        assert b"200 OK" in rest(link)
    # The last of them had waited for all others.
    assert served.read_turns >= (count - 1) * 3 * chunks // READS_PER_TURN


def test_a_line_without_end_is_not_gathered(make: Callable[..., Served]) -> None:
    served = make()
    served.reads = True
    link = served.connect(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    served.begin()
    tpool.execute(_send_until_closed, link, b"x" * 65536)
    assert b" 500 " in rest(link)[:20]


def _send_until_closed(link: socket.socket, data: bytes) -> None:
    try:
        for _ in range(4):
            link.sendall(data)
    except ConnectionError:
        return


@pytest.mark.parametrize(
    "said", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n"]
)
def test_silence_and_half_a_header_are_closed(make: Callable[..., Served], said: bytes) -> None:
    served = make(first_byte=0.1, headers=0.1)
    link = served.connect(said)
    served.begin()
    assert rest(link) == b""
    until(lambda: served.room.total == 0)
    assert served.answered == 0


def test_a_pause_between_requests_may_last_longer_than_the_first_silence(
    make: Callable[..., Served],
) -> None:
    served = make(first_byte=0.1, keep_alive=1000.0)
    link = served.connect(GET)
    served.begin()
    until(lambda: served.answered == 1)
    assert rest(served.connect()) == b""  # As long as this one was given.
    link.sendall(LAST)
    assert rest(link).count(b"200 OK") == 2


def test_a_connection_that_pauses_too_long_is_closed(make: Callable[..., Served]) -> None:
    served = make(keep_alive=0.1)
    link = served.connect(GET)
    served.begin()
    assert rest(link).count(b"200 OK") == 1


def test_a_body_that_nobody_wanted_and_that_does_not_come_is_closed(
    make: Callable[..., Served],
) -> None:
    served = make(discard=0.1)
    link = served.connect(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\nx")
    served.begin()
    assert rest(link).count(b"200 OK") == 1


def test_silent_connections_give_way_to_new_ones(make: Callable[..., Served]) -> None:
    served = make()
    served.begin()
    silent = [served.connect() for _ in range(10)]
    assert b"200 OK" in rest(served.connect(LAST))
    assert served.room.total <= 3
    for link in silent[:7]:
        assert rest(link) == b""
    for link in silent[7:]:
        link.close()
    until(lambda: served.room.total == 0)


def test_a_connection_between_two_requests_gives_way_too(make: Callable[..., Served]) -> None:
    served = make()
    served.begin()
    kept = [served.connect(GET) for _ in range(3)]
    until(lambda: served.answered == 3)
    assert b"200 OK" in rest(served.connect(LAST))
    assert rest(kept[0]).count(b"200 OK") == 1
    assert served.room.total <= 3
    for link in kept[1:]:
        link.close()


def test_who_comes_while_all_are_served_is_closed_and_it_is_told(
    make: Callable[..., Served],
) -> None:
    served = make()
    served.blocks = eventlet.Event()
    served.begin()
    links = [served.connect(LAST) for _ in range(3)]
    until(lambda: served.answered == 3)
    assert rest(served.connect()) == b""
    assert [str(error) for error in served.failures] == ["all 3 places are taken"]
    served.blocks.send(None)
    for link in links:
        assert b"200 OK" in rest(link)


def test_no_descriptor_left_ends_who_is_silent_not_the_server(make: Callable[..., Served]) -> None:
    served = make()
    real, full = served.listening.accept, [True]

    def accept() -> Any:
        if served.room.total == 2 and full[0]:
            raise OSError(errno.EMFILE, "Too many open files")
        return real()

    served.listening.accept = accept
    silent = [served.connect(), served.connect()]
    served.begin()
    assert rest(silent[0]) == b""
    full[0] = False
    assert b"200 OK" in rest(served.connect(LAST))
    numbers = {error.errno for error in served.failures if isinstance(error, OSError)}
    assert numbers == {errno.EMFILE}
    silent[1].close()


def test_half_sent_bodies_give_way(make: Callable[..., Served]) -> None:
    served = make()
    served.reads = True
    half = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf"
    links = [served.connect(half) for _ in range(3)]
    served.begin()
    until(lambda: served.answered == 3)
    served.reads = False
    assert b"200 OK" in rest(served.connect(LAST))
    for link in links:
        link.close()


def test_clients_that_do_not_read_give_way(make: Callable[..., Served]) -> None:
    served = make()
    served.large = 32 << 20
    links = [served.connect(GET) for _ in range(3)]
    served.begin()
    until(lambda: served.answered == 3)
    served.large = 0
    assert b"200 OK" in rest(served.connect(LAST))
    for link in links:
        link.close()


def test_a_client_that_reads_too_slowly_is_closed(make: Callable[..., Served]) -> None:
    served = make(one_operation=0.3, least_rate=1 << 30)
    served.large = 256 << 20
    link = served.connect(GET)
    served.begin()

    def sip() -> int:
        """Read some, a thousand times a second at most, until the server has had enough."""
        got = 0
        try:
            while piece := link.recv(4096):
                got += len(piece)
                time.sleep(0.001)
        except ConnectionError:
            pass
        return got

    assert tpool.execute(sip) < served.large
    until(lambda: served.room.total == 0)


def test_who_says_https_to_plain_http_is_told_at_once(make: Callable[..., Served]) -> None:
    """No line would end: the client would wait until its time was over."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    served = make()
    link = served.connect(hello)
    served.begin()
    told = rest(link)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"not TLS" in told
