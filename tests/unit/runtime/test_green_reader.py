"""The green reader: one registration with the hub, which goes only while nobody reads."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import eventlet.hubs
import pytest

from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.port import Reader

LONG = 60.0
RUNTIME = GreenRuntime()


class Reading:
    """A task that reads one end of a pair of sockets; ``go`` lets it take each chunk."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.taken: list[bytes] = []
        self.takes = 0
        self.reader: Reader = RUNTIME.reader(RUNTIME.adopt(self.near), self._at_once)
        self.chunks: list[bytes] = []
        self.go = RUNTIME.event()
        self.go.set()
        self.error: OSError | None = None
        self.task = RUNTIME.spawn(self._run)

    def _at_once(self, chunk: bytes) -> int:
        """Take so many bytes of a chunk, at most."""
        self.taken.append(chunk[: self.takes])
        return len(self.taken[-1])

    def _run(self) -> None:
        try:
            self._read_all()
        except OSError as error:
            self.error = error

    def _read_all(self) -> None:
        while chunk := self.reader.read(100):
            self.chunks.append(chunk)
            self.go.wait()
        self.chunks.append(b"")

    def expect(self, *chunks: bytes) -> None:
        with RUNTIME.timeout(LONG):
            while self.chunks != list(chunks):
                RUNTIME.sleep(0.001)

    @property
    def is_registered(self) -> bool:
        return self.near.fileno() in eventlet.hubs.get_hub().listeners["read"]


@pytest.fixture
def reading() -> Iterator[Reading]:
    made = Reading()
    yield made
    made.reader.close()
    assert made.task.join(LONG)
    made.near.close()
    made.far.close()


@pytest.fixture
def registrations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors of each change of what the hub waits for, as they come."""
    hub, seen = eventlet.hubs.get_hub(), []
    register = hub.register

    def counted(number: int, new: bool = False) -> None:
        seen.append(number)
        register(number, new=new)

    monkeypatch.setattr(hub, "register", counted)
    return seen


def test_many_reads_are_one_registration(reading: Reading, registrations: list[int]) -> None:
    sent = []
    for number in range(10):
        sent.append(bytes([number]))
        reading.far.sendall(sent[-1])
        reading.expect(*sent)
    assert registrations.count(reading.near.fileno()) == 1


def test_who_does_not_read_keeps_the_hub_from_spinning(reading: Reading) -> None:
    reading.go.clear()
    reading.far.sendall(b"first")
    reading.expect(b"first")
    reading.far.sendall(b"second")
    with RUNTIME.timeout(LONG):
        while reading.is_registered:
            RUNTIME.sleep(0.001)
    assert reading.chunks == [b"first"]
    reading.go.set()
    reading.expect(b"first", b"second")
    assert reading.is_registered


def test_the_end_is_told_once_to_who_waits_for_it(reading: Reading) -> None:
    reading.far.sendall(b"last")
    reading.far.close()
    reading.expect(b"last", b"")
    assert reading.task.join(LONG)


def test_who_waits_has_the_end_when_the_reader_is_closed(reading: Reading) -> None:
    reading.far.sendall(b"one")
    reading.expect(b"one")
    reading.reader.close()
    reading.expect(b"one", b"")
    assert reading.task.join(LONG)
    assert not reading.is_registered
    assert reading.reader.read(100) == b""


def test_a_task_that_is_killed_while_it_reads_ends(reading: Reading) -> None:
    reading.far.sendall(b"one")
    reading.expect(b"one")
    reading.task.kill()
    assert reading.task.is_over


def test_a_socket_whose_number_somebody_else_has_is_at_its_end(reading: Reading) -> None:
    reading.far.sendall(b"one")
    reading.expect(b"one")
    eventlet.hubs.notify_opened(reading.near.fileno())
    # The hub tells it in its next turn, for which it may wait until a timer is due.
    with RUNTIME.timeout(LONG):
        while not reading.task.is_over:
            RUNTIME.sleep(0.001)
    assert isinstance(reading.error, OSError)


def test_what_is_taken_at_once_is_not_read(reading: Reading) -> None:
    reading.takes = 3
    for chunk, rest in ((b"one", b""), (b"2", b""), (b"three", b"ee")):
        reading.far.sendall(chunk)
        with RUNTIME.timeout(LONG):
            while b"".join(reading.taken[-1:]) != chunk[:3]:
                RUNTIME.sleep(0.001)
        reading.expect(*[rest] if rest else [])
    assert reading.taken == [b"one", b"2", b"thr"]
    reading.far.close()
    reading.expect(b"ee", b"")


def test_an_error_of_the_socket_comes_to_who_reads(reading: Reading) -> None:
    reading.far.sendall(b"one")
    reading.expect(b"one")
    native = reading.reader._native  # type: ignore[attr-defined]
    broken = OSError("broken")

    class Broken:
        def fileno(self) -> int:
            return native.fileno()

        def recv(self, _most: int) -> bytes:
            raise broken

    reading.reader._native = Broken()  # type: ignore[attr-defined]
    reading.far.sendall(b"two")
    assert reading.task.join(LONG)
    assert reading.error is broken
