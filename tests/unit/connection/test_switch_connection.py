"""A connection over a real socket, without Ryu: who is told what, and how it ends."""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from fuzz.wire import OF10, OF13, features10, features13, hello, message, packet_in10, packet_in13
from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.connection import SwitchConnection
from horizon_ryu.openflow.context import ConnectionContext, ConnectionLimits
from horizon_ryu.openflow.counters import ConnectionCounters
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline, PacketInVerdict
from horizon_ryu.openflow.peer_log import PeerLog
from horizon_ryu.wire.messages import PacketIn
from horizon_ryu.wire.session import FailureKind, PendingRequest
from unit.session.sessions import DPID, answer, messages, ports
from xen_bridge.runtime.green import GreenRuntime

SECONDS = 30.0
RUNTIME = GreenRuntime()


class Witness:
    """The observer and the registry of a connection, and a handler of its frames."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.messages: list[bytes] = []
        self.frames: list[PacketIn] = []
        self.takes_frames = True
        self.wants_frames = False
        self.breaks: set[str] = set()

    def _note(self, what: str) -> None:
        self.told.append(what)
        if what in self.breaks:
            raise ValueError(what)

    def connected(self, connection: Any) -> None:
        self._note(f"registry: {connection.id:x} connected")

    def disconnected(self, connection: Any) -> None:
        self._note(f"registry: {connection.id:x} disconnected")

    def negotiated(self, hello: bytes) -> None:
        self._note("negotiated")

    def identified(self, features: bytes) -> None:
        self._note("identified")

    def ready(self) -> None:
        self._note("ready")

    def received(self, message: bytes) -> None:
        self.messages.append(message)
        self._note(f"received {message[1]}")

    def wants_packet_ins(self) -> bool:
        return self.wants_frames

    def gone(self) -> None:
        self._note("gone")

    def frame(self, packet_in: PacketIn, now: float) -> PacketInVerdict:
        self.frames.append(packet_in)
        return PacketInVerdict(self.takes_frames)


class Line:
    """A connection, served by a task, and the switch's end of its socket."""

    def __init__(
        self,
        limits: ConnectionLimits | None = None,
        admission: ConnectionAdmission | None = None,
        **context: Any,
    ) -> None:
        near, self.far = socket.socketpair()
        self.far.setblocking(False)
        self.witness = Witness()
        self.counters = ConnectionCounters()
        pipeline = PacketInPipeline(lambda messages: None, self.counters)
        pipeline.register(1, self.witness.frame)
        made = ConnectionContext(
            packet_in_pipeline=pipeline,
            registry=self.witness,
            runtime=RUNTIME,
            counters=self.counters,
            limits=limits or ConnectionLimits(),
            **context,
        )
        self.admission = admission or ConnectionAdmission(made.limits)
        log = PeerLog(logging.getLogger("test"))
        adopted = RUNTIME.adopt(near)
        adopted.settimeout(5.0)
        self.connection = SwitchConnection(
            adopted, ("192.0.2.1", 1), made, self.admission, log, lambda connection: self.witness
        )
        self.task = RUNTIME.spawn(self.connection.serve)
        self._data = b""

    def send(self, *data: bytes) -> None:
        self.far.sendall(b"".join(data))

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not in time: {what}; {self.witness.told}"
            RUNTIME.sleep(0.001)

    def expect(self, kind: int) -> bytes:
        """Return the next message of type ``kind``; what comes before it is dropped."""
        found: list[bytes] = []

        def came() -> bool:
            with suppress(BlockingIOError):
                self._data += self.far.recv(65536)
            found.extend(one for one in messages(self._data) if one[1] == kind)
            return bool(found)

        self.until(came, f"a message of type {kind}")
        self._data = b""
        return found[0]

    def shake_hands(self, version: int = OF13, auxiliary: int = 0) -> None:
        self.send(hello(version))
        reply = features10(DPID) if version == OF10 else features13(DPID, auxiliary)
        self.send(answer(self.expect(5), reply))
        if version == OF13 and not auxiliary:
            self.send(answer(self.expect(18), ports()))

    def ready(self, version: int = OF13) -> None:
        self.shake_hands(version)
        self.until(lambda: "ready" in self.witness.told, "ready")

    def wait_closed(self) -> None:
        self.until(lambda: self.task.is_over, "the connection has ended")


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    close(made)


def close(*lines: Line) -> None:
    for line in lines:
        line.far.close()
        line.connection.close()
        line.wait_closed()


@pytest.mark.parametrize(
    ("version", "seen"), [(OF10, []), (OF13, ["received 19"])], ids=["1.0", "1.3"]
)
def test_the_registry_hears_of_birth_and_death_before_the_observer(
    line: Line, version: int, seen: list[str]
) -> None:
    line.ready(version)
    line.far.close()
    line.wait_closed()
    assert line.witness.told == [
        "negotiated",
        "identified",
        *seen,
        f"registry: {DPID:x} connected",
        "ready",
        f"registry: {DPID:x} disconnected",
        "gone",
    ]
    assert line.connection.wait_gone(0.0)
    assert (line.counters.refusals, line.counters.violations) == ({}, {})


@pytest.mark.parametrize(("version", "packet_in"), [(OF10, packet_in10), (OF13, packet_in13)])
def test_frames_go_through_the_pipeline(
    line: Line, version: int, packet_in: Callable[[], bytes]
) -> None:
    line.ready(version)
    line.send(packet_in() * 300)
    line.until(lambda: len(line.witness.frames) == 300, "all frames")
    assert {frame.dpid for frame in line.witness.frames} == {DPID}
    assert "received 10" not in line.witness.told


def test_frames_that_nobody_takes_are_for_the_observer_if_it_wants_them(line: Line) -> None:
    line.ready()
    line.witness.takes_frames = False
    line.send(packet_in13(), message(OF13, 2))
    line.until(lambda: "received 2" in line.witness.told, "the echo request")
    assert "received 10" not in line.witness.told
    line.witness.wants_frames = True
    line.send(packet_in13())
    line.until(lambda: "received 10" in line.witness.told, "the frame")


def test_an_answer_is_for_whoever_asked(line: Line) -> None:
    line.ready()
    answered = RUNTIME.event()
    request = PendingRequest(line.connection.next_xid(), answered.set)
    line.connection.request(request)
    line.connection.write(line.connection.codec.encode_barrier(request.last))
    line.send(answer(line.expect(20), message(OF13, 21)))
    assert answered.wait(SECONDS)
    assert request.failures == []
    assert "received 21" not in line.witness.told


def test_who_waits_is_told_when_the_connection_ends(line: Line) -> None:
    line.ready()
    answered = RUNTIME.event()
    request = PendingRequest(line.connection.next_xid(), answered.set)
    line.connection.request(request)
    line.send(message(OF10, 2))
    assert answered.wait(SECONDS)
    assert [failure.kind for failure in request.failures] == [FailureKind.GONE]
    line.wait_closed()
    assert line.counters.violations == {"version": 1}


def test_what_an_observer_or_the_registry_fails_at_costs_no_connection(line: Line) -> None:
    line.witness.breaks = {"negotiated", f"registry: {DPID:x} connected", "received 2"}
    line.ready()
    line.send(message(OF13, 2, b"there?"))
    assert line.expect(3)[8:] == b"there?"
    assert sorted(line.counters.handler_failures) == [
        "Witness.connected",
        "Witness.negotiated",
        "Witness.received",
    ]


def test_a_handshake_that_never_ends_is_ended() -> None:
    line = Line(ConnectionLimits(handshake_seconds=0.05))
    line.wait_closed()
    assert line.counters.refusals == {"handshake_deadline": 1}
    assert line.witness.told == ["gone"]


def test_a_silent_switch_is_closed() -> None:
    line = Line(ConnectionLimits(handshake_seconds=0.1, echo_interval=0.02, unanswered_echoes=2))
    line.shake_hands()
    line.wait_closed()
    assert line.counters.refusals == {"no_echo": 1}


def test_the_reason_of_a_failed_hello_is_sent_before_the_end(line: Line) -> None:
    line.send(hello(2))
    assert line.expect(1)[8:12] == struct.pack("!HH", 0, 0)
    line.wait_closed()
    assert line.counters.refusals == {"hello_failed": 1}


def test_last_words_are_said_before_the_end(line: Line) -> None:
    line.ready()
    assert line.connection.send(message(OF13, 20), close_socket=True)
    assert not line.connection.send(message(OF13, 20))
    line.expect(20)
    line.wait_closed()
    assert line.counters.refusals == {}


@pytest.mark.parametrize(
    ("context", "auxiliary", "reason"),
    [
        ({"allowed_dpids": frozenset({DPID + 1})}, 0, "dpid_not_allowed"),
        ({"certificates": {DPID: frozenset({"00"})}}, 0, "wrong_certificate"),
        ({}, 1, "auxiliary_connection"),
    ],
)
def test_who_is_not_believed_is_turned_away(
    context: dict[str, Any], auxiliary: int, reason: str
) -> None:
    line = Line(**context)
    line.send(hello(OF13))
    line.send(answer(line.expect(5), features13(DPID, auxiliary)))
    line.wait_closed()
    assert line.counters.refusals == {reason: 1}
    assert line.witness.told == ["negotiated", "gone"]


def test_the_holder_of_a_dpid_that_answers_keeps_it(line: Line) -> None:
    line.ready()
    second = Line(admission=line.admission)
    second.send(hello(OF13))
    second.send(answer(second.expect(5), features13(DPID)))
    line.send(answer(line.expect(2), message(OF13, 3)))
    second.wait_closed()
    assert second.counters.refusals == {"dpid_in_use": 1}
    assert not line.connection.is_closed


def test_the_holder_of_a_dpid_that_is_dead_makes_room() -> None:
    limits = ConnectionLimits(challenge_seconds=0.05)
    first = Line(limits)
    first.ready()
    second = Line(limits, first.admission)
    second.ready()
    first.wait_closed()
    assert first.counters.refusals == {"challenge_failed": 1}
    assert first.witness.told[-2:] == [f"registry: {DPID:x} disconnected", "gone"]
    close(second)


def test_a_switch_that_does_not_read_is_stuck() -> None:
    line = Line(replace(ConnectionLimits(), output_bytes=1000))
    line.ready()
    assert not line.connection.write(bytes(1001))
    line.wait_closed()
    assert line.counters.refusals == {"output_stuck": 1}


def test_only_the_versions_given_are_spoken() -> None:
    line = Line(ConnectionLimits(versions=frozenset({OF10})))
    assert line.expect(0)[0] == OF10
    line.ready(OF10)
    assert line.connection.version == OF10
    close(line)
