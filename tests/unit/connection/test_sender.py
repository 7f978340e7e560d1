from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from eventlet.greenio import GreenSocket
from ryu.lib import hub

from horizon_ryu.openflow.sender import Sender
from xen_bridge.runtime.green import GreenRuntime


class Line:
    """A sender and the other end of its socket."""

    def __init__(self, most: int = 1_000_000, timeout: float = 5.0) -> None:
        near, self.far = socket.socketpair()
        self.far.setblocking(False)
        self.near = GreenSocket(near)
        self.near.settimeout(timeout)
        self.events: list[str] = []
        self.sender = Sender(
            GreenRuntime(),
            self.near,
            most,
            lambda: self.events.append("close"),
            lambda: self._end("stuck"),
        )
        self.greenlet = hub.spawn(self.sender.run)

    def _end(self, event: str) -> None:
        self.events.append(event)
        self.sender.end()

    def read(self, size: int, seconds: float = 30.0) -> bytes:
        data = b""
        deadline = time.monotonic() + seconds
        while len(data) < size and time.monotonic() < deadline:
            hub.sleep(0)
            try:
                data += self.far.recv(65536)
            except BlockingIOError:
                continue
        return data

    def until(self, event: str, seconds: float = 30.0) -> bool:
        deadline = time.monotonic() + seconds
        while event not in self.events and time.monotonic() < deadline:
            hub.sleep(0.01)
        return event in self.events


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.sender.end()
    made.far.close()
    made.near.close()


def test_one_send_per_turn(line: Line) -> None:
    for number in range(3):
        assert line.sender.append(bytes([number]))
    assert line.read(3) == b"\0\1\2"


def test_held_bytes_wait_for_the_flush(line: Line) -> None:
    line.sender.hold()
    line.sender.append(b"held")
    hub.sleep(0.02)
    with pytest.raises(BlockingIOError):
        line.far.recv(10)
    line.sender.flush()
    assert line.far.recv(10) == b"held"


def test_what_does_not_fit_follows_in_order(line: Line) -> None:
    line.near.fd.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    line.sender.hold()
    for number in range(200):
        line.sender.append(bytes([number]) * 1000)
    line.sender.flush()
    line.sender.append(b"last")
    assert line.read(200_004) == b"".join(bytes([n]) * 1000 for n in range(200)) + b"last"


def test_last_words_are_said_before_the_end(line: Line) -> None:
    line.sender.append(b"farewell")
    line.sender.close_when_sent()
    assert not line.sender.append(b"too late")
    assert line.read(8) == b"farewell"
    assert line.until("close")


def test_beyond_the_cap_the_peer_is_stuck() -> None:
    line = Line(most=100)
    line.sender.hold()
    assert line.sender.append(bytes(100))
    assert not line.sender.append(b"x")
    assert line.events == ["stuck"]
    assert not line.sender.append(b"x")


def test_a_peer_that_does_not_read_is_stuck() -> None:
    line = Line(most=10_000_000, timeout=0.2)
    line.sender.append(bytes(5_000_000))
    assert line.until("stuck")


def test_a_peer_that_is_gone_is_closed(line: Line) -> None:
    line.far.close()
    line.sender.append(bytes(100_000))
    assert line.until("close")


def test_a_single_message_leaves_at_once_and_in_order(line: Line) -> None:
    assert line.sender.send(b"first")
    assert line.far.recv(10) == b"first"
    line.sender.append(b"second ")
    assert line.sender.send(b"third")
    assert line.read(12) == b"second third"


def test_a_single_message_waits_for_the_end_of_a_turn(line: Line) -> None:
    line.sender.hold()
    assert line.sender.send(b"held")
    with pytest.raises(BlockingIOError):
        line.far.recv(10)
    line.sender.flush()
    assert line.read(4) == b"held"


def test_what_does_not_fit_at_once_follows_whole() -> None:
    line = Line(most=8_000_000)
    data = bytes(range(256)) * 16_000
    assert line.sender.send(data)
    assert line.sender.send(b"end")
    assert line.read(len(data) + 3) == data + b"end"
    line.sender.end()
    line.far.close()


def test_who_sends_a_single_message_does_not_hear_of_a_broken_socket(line: Line) -> None:
    line.far.close()
    assert line.sender.send(b"lost")
    assert line.sender.send(b"lost")
    assert line.events == []
    assert line.until("close")
    line.sender.end()
    assert not line.sender.send(b"late")
