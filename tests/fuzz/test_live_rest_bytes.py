"""Bytes of every kind against the REST port of a real controller."""

from __future__ import annotations

import os
import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import h11
import pytest

from examples import examples
from fuzz.rest_bytes import doubtful, masked, session, upgrade, well_framed
from tools.controller_process import ControllerProcess, wait_until

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("forked_controllers"),
]

SESSIONS = examples(1500, 3000)
AT_ONCE = 30
FRAMED = 600
DOUBTFUL = examples(1500, 3000)
SPARE = 8
"""Descriptors that may be open for a moment more: our own question, and what it waits for."""
CLOSE = b"\x88\x80\0\0\0\0"
READ_SECONDS = 60.0
SEED = int(os.environ.get("HORIZON_FUZZ_SEED", "15"))
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_REFUSED = {b"400", b"431", b"501", b"505"}
"""Statuses of what is not taken for a request at all; a body that is no JSON is 400, too."""
_OURS = {b"500"}
"""Statuses that tell of a fault of ours. 503 and 424 tell of a store or a switch."""


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[ControllerProcess]:
    config = "[guard]\nwatchdog = 8\n"
    with ControllerProcess(tmp_path, ("horizon_ryu.bundle",), config) as running:
        yield running


def test_whatever_is_said_to_rest_it_answers_the_next_one(controller: ControllerProcess) -> None:
    rng = random.Random(SEED)
    faults: list[tuple[bytes, bytes]] = []
    answered, before = 0, _descriptors(controller)
    for _ in range(SESSIONS // AT_ONCE):
        spoken = [session(rng) for _ in range(AT_ONCE)]
        for said, answer in zip(spoken, _all(controller.rest_port, spoken), strict=True):
            statuses = _STATUS.findall(answer)
            answered += bool(statuses)
            faults += [(said, answer)] if _OURS & set(statuses) else []
        assert controller.get("/v1/health")["status"]
    wait_until(lambda: _descriptors(controller) <= before + SPARE, 60, "no descriptor is left")
    assert faults == []
    assert answered > SESSIONS / 3
    assert "Traceback" not in controller.log()
    assert controller.stop() == 0


def test_no_more_requests_are_served_than_another_reader_sees(
    controller: ControllerProcess,
) -> None:
    """The other reader (h11) keeps to RFC 9112, and shares nothing with ours."""
    rng = random.Random(SEED)
    hidden, seen_twice = [], 0
    for _ in range(DOUBTFUL // AT_ONCE):
        spoken = [doubtful(rng) for _ in range(AT_ONCE)]
        for said, answer in zip(spoken, _all(controller.rest_port, spoken), strict=True):
            seen = _requests_in(said)
            served = [status for status in _STATUS.findall(answer) if status not in _REFUSED]
            hidden += [(said, answer)] if len(served) > seen else []
            seen_twice += len(served) == 2
    assert hidden == []
    assert seen_twice > DOUBTFUL / 100
    assert controller.get("/v1/health")["status"]


def _requests_in(said: bytes) -> int:
    """Return how many whole requests h11 finds, the last of which may lack some of its body."""
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(said)
    reader.receive_data(b"")
    count = 0
    try:
        while True:
            event = reader.next_event()
            count += isinstance(event, h11.Request)
            if isinstance(event, h11.EndOfMessage):
                reader.send(h11.Response(status_code=204, headers=[]))
                reader.send(h11.EndOfMessage())
                reader.start_next_cycle()
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return count
    except h11.ProtocolError:
        return count


def _descriptors(controller: ControllerProcess) -> int:
    return len(os.listdir(f"/proc/{controller.pid}/fd"))


def test_whatever_frames_come_events_go_on(controller: ControllerProcess) -> None:
    rng = random.Random(SEED)
    before = _descriptors(controller)
    for _ in range(FRAMED // AT_ONCE):
        _all(controller.rest_port, [_frames(rng) for _ in range(AT_ONCE)], upgrade())
        # Who keeps to the rules is told of the end, with a pong before for each ping.
        ping = masked(rng, 9, rng.randint(0, 125), True)
        (answer,) = _all(controller.rest_port, [ping + well_framed(rng) + CLOSE], upgrade())
        assert b"\x8a" in answer
    wait_until(lambda: _descriptors(controller) <= before + SPARE, 60, "no descriptor is left")
    assert controller.get("/v1/health")["status"]
    assert "Traceback" not in controller.log()
    assert controller.stop() == 0


def _frames(rng: random.Random) -> bytes:
    """Return frames of a client that keeps to the rules, until it does not."""
    kept = b"".join(well_framed(rng) for _ in range(rng.randint(0, 3)))
    opcode, size = rng.randint(0, 15), rng.choice((0, 1, 125, 126, 127, 70_000))
    faulty = masked(rng, opcode | rng.choice((0, 0x10, 0x20, 0x40)), min(size, 65_535), False)
    return kept + faulty[: rng.randint(0, len(faulty))]


def _all(port: int, spoken: list[bytes], first: bytes = b"") -> list[bytes]:
    """Say all of it at once, each on a connection of its own, and return what was answered.

    If there is something to be said ``first``, nothing else is until that is answered (RFC 6455,
    4.1: a client has to wait).
    """
    links = [socket.create_connection(("127.0.0.1", port), READ_SECONDS) for _ in spoken]
    try:
        for link in links if first else ():
            link.sendall(first)
            assert link.recv(1 << 16).startswith(b"HTTP/1.1 101")
        for link, said in zip(links, spoken, strict=True):
            _say(link, said)
        return [_heard(link) for link in links]
    finally:
        for link in links:
            link.close()


def _say(link: socket.socket, said: bytes) -> None:
    try:
        link.sendall(said)
        link.shutdown(socket.SHUT_WR)
    except OSError:
        # It was closed for what it had said already.
        return


def _heard(link: socket.socket) -> bytes:
    heard = []
    try:
        while got := link.recv(1 << 16):
            heard.append(got)
    except OSError:
        # A reset, or a WebSocket that lives: what came until then counts.
        return b"".join(heard)
    return b"".join(heard)
