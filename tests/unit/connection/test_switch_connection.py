"""A connection over a real socket, without Ryu: who is told what, and how it ends."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from fuzz.wire import OF10, OF13, ask, features13, hello, message, packet_in10, packet_in13
from horizon_ryu.core.dpid_claims import DpidClaim, DpidPins
from horizon_ryu.openflow.context import ConnectionLimits
from horizon_ryu.wire.known_answer import KnownAnswer
from horizon_ryu.wire.session import FailureKind, PendingRequest, RepeatedQuestion, Repetition
from unit.connection.served_connection import RUNTIME, SECONDS, ServedConnection, close
from unit.session.sessions import DPID, answer


@pytest.fixture
def line() -> Iterator[ServedConnection]:
    made = ServedConnection()
    yield made
    close(made)


@pytest.mark.parametrize(
    ("version", "seen"), [(OF10, []), (OF13, ["received 19"])], ids=["1.0", "1.3"]
)
def test_the_registry_hears_of_birth_and_death_before_the_observer(
    line: ServedConnection, version: int, seen: list[str]
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
    line: ServedConnection, version: int, packet_in: Callable[[], bytes]
) -> None:
    line.ready(version)
    line.send(packet_in() * 300)
    line.until(lambda: len(line.witness.frames) == 300, "all frames")
    assert {frame.dpid for frame in line.witness.frames} == {DPID}
    assert "received 10" not in line.witness.told


def test_frames_that_nobody_takes_are_for_the_observer_if_it_wants_them(
    line: ServedConnection,
) -> None:
    line.ready()
    line.witness.takes_frames = False
    line.send(packet_in13(), message(OF13, 2))
    line.until(lambda: "received 2" in line.witness.told, "the echo request")
    assert "received 10" not in line.witness.told
    line.witness.wants_frames = True
    line.send(packet_in13())
    line.until(lambda: "received 10" in line.witness.told, "the frame")


def test_an_answer_is_for_whoever_asked(line: ServedConnection) -> None:
    line.ready()
    answered = RUNTIME.event()
    request = PendingRequest(line.connection.next_xid(), answered.set)
    line.connection.request(request)
    line.connection.write(line.connection.codec.encode_barrier(request.last))
    line.send(answer(line.expect(20), message(OF13, 21)))
    assert answered.wait(SECONDS)
    assert request.failures == []
    assert "received 21" not in line.witness.told


def test_who_waits_is_told_when_the_connection_ends(line: ServedConnection) -> None:
    line.ready()
    answered = RUNTIME.event()
    request = PendingRequest(line.connection.next_xid(), answered.set)
    line.connection.request(request)
    line.send(message(OF10, 2))
    assert answered.wait(SECONDS)
    assert [failure.kind for failure in request.failures] == [FailureKind.GONE]
    line.wait_closed()
    assert line.counters.violations == {"version": 1}


def test_what_an_observer_or_the_registry_fails_at_costs_no_connection(
    line: ServedConnection,
) -> None:
    line.witness.breaks = {"negotiated", f"registry: {DPID:x} connected", "received 2"}
    line.ready()
    line.send(message(OF13, 2, b"there?"))
    assert line.expect(3)[8:] == b"there?"
    assert sorted(line.counters.handler_failures) == [
        "ConnectionWitness.connected",
        "ConnectionWitness.negotiated",
        "ConnectionWitness.received",
    ]


def test_a_handshake_that_never_ends_is_ended() -> None:
    line = ServedConnection(ConnectionLimits(handshake_seconds=0.05))
    line.wait_closed()
    assert line.counters.refusals == {"handshake_deadline": 1}
    assert line.witness.told == ["gone"]


def test_a_silent_switch_is_closed() -> None:
    line = ServedConnection(
        ConnectionLimits(handshake_seconds=0.1, echo_interval=0.02, unanswered_echoes=2)
    )
    line.shake_hands()
    line.wait_closed()
    assert line.counters.refusals == {"no_echo": 1}


def test_the_reason_of_a_failed_hello_is_sent_before_the_end(line: ServedConnection) -> None:
    line.send(hello(2))
    assert line.expect(1)[8:12] == struct.pack("!HH", 0, 0)
    line.wait_closed()
    assert line.counters.refusals == {"hello_failed": 1}


def test_last_words_are_said_before_the_end(line: ServedConnection) -> None:
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
        ({"certificates": DpidPins({DPID: frozenset({"00"})})}, 0, "wrong_certificate"),
        ({}, 1, "auxiliary_connection"),
    ],
)
def test_who_is_not_believed_is_turned_away(
    context: dict[str, Any], auxiliary: int, reason: str
) -> None:
    line = ServedConnection(**context)
    line.send(hello(OF13))
    line.send(answer(line.expect(5), features13(DPID, auxiliary)))
    line.wait_closed()
    assert line.counters.refusals == {reason: 1}
    assert line.witness.told == ["negotiated", "gone"]


def test_the_holder_of_a_dpid_that_answers_keeps_it(line: ServedConnection) -> None:
    line.ready()
    second = ServedConnection(admission=line.admission)
    second.send(hello(OF13))
    second.send(answer(second.expect(5), features13(DPID)))
    line.send(answer(line.expect(2), message(OF13, 3)))
    second.wait_closed()
    assert second.counters.refusals == {"dpid_in_use": 1}
    assert not line.connection.is_closed


def test_claims_of_a_dpid_that_somebody_has_are_told(line: ServedConnection) -> None:
    line.ready()
    told: list[DpidClaim] = []
    second = ServedConnection(admission=line.admission, claimed=told.append)
    second.send(hello(OF13))
    second.send(answer(second.expect(5), features13(DPID)))
    line.send(answer(line.expect(2), message(OF13, 3)))
    second.wait_closed()
    assert told == [DpidClaim(DPID, "192.0.2.1", "192.0.2.1", "dpid_in_use")]


def test_a_switch_that_is_slow_for_a_moment_is_not_evicted() -> None:
    """One that was held up for 1.3 s lost its dpid to a stranger."""
    limits = ConnectionLimits()
    assert 1.3 < limits.challenge_seconds < limits.handshake_seconds / 2


def test_the_eviction_of_a_holder_is_told() -> None:
    told: list[DpidClaim] = []
    limits = ConnectionLimits(challenge_seconds=0.05)
    first = ServedConnection(limits)
    first.ready()
    second = ServedConnection(limits, first.admission, claimed=told.append)
    second.ready()
    assert [claim.outcome for claim in told] == ["replaced"]
    close(second)


def test_who_may_not_be_a_dpid_is_told() -> None:
    told: list[DpidClaim] = []
    pins = DpidPins({DPID: frozenset({"00"})})
    line = ServedConnection(certificates=pins, claimed=told.append)
    line.send(hello(OF13))
    line.send(answer(line.expect(5), features13(DPID)))
    line.wait_closed()
    assert told == [DpidClaim(DPID, "192.0.2.1", None, "wrong_certificate")]


def test_the_holder_of_a_dpid_that_is_dead_makes_room() -> None:
    limits = ConnectionLimits(challenge_seconds=0.05)
    first = ServedConnection(limits)
    first.ready()
    second = ServedConnection(limits, first.admission)
    second.ready()
    first.wait_closed()
    assert first.counters.refusals == {"challenge_failed": 1}
    assert first.witness.told[-2:] == [f"registry: {DPID:x} disconnected", "gone"]
    close(second)


def test_a_switch_that_does_not_read_is_stuck() -> None:
    line = ServedConnection(replace(ConnectionLimits(), output_bytes=1000))
    line.ready()
    assert not line.connection.write(bytes(1001))
    line.wait_closed()
    assert line.counters.refusals == {"output_stuck": 1}


def test_only_the_versions_given_are_spoken() -> None:
    line = ServedConnection(ConnectionLimits(versions=frozenset({OF10})))
    assert line.expect(0)[0] == OF10
    line.ready(OF10)
    assert line.connection.version == OF10
    close(line)


OURS = bytes(range(60))


@pytest.mark.parametrize(("version", "packet_in"), [(OF10, packet_in10), (OF13, packet_in13)])
def test_frames_that_are_expected_never_come_to_the_pipeline(
    line: ServedConnection, version: int, packet_in: Callable[..., bytes]
) -> None:
    """Whatever they come with: other frames, in pieces, or in a switch's buffer."""
    seen: list[tuple[int, int, bytes]] = []

    def expects(*frame: Any) -> bool:
        if frame[2] == OURS:
            seen.append(frame[:3])
        return frame[2] == OURS

    line.pipeline.expect(expects)
    line.ready(version)
    ours, other = packet_in(OURS), packet_in()
    buffered = ours[:8] + bytes(4) + ours[12:]
    for count, chunks in enumerate(
        ((ours, ours, other, ours), (ours[:20], ours[20:] + other), (buffered, other)), 1
    ):
        for chunk in chunks:
            line.send(chunk)
            RUNTIME.sleep(0.001)
        line.until(lambda: _others(line) == count, "the other frame")  # noqa: B023
    assert set(seen) == {(DPID, 3, OURS)}
    # The frame that came after another one, in the same chunk or not, may go either way.
    ways = [frame.data == OURS for frame in line.witness.frames]
    assert len(seen) + sum(ways) == 5
    assert len(seen) >= 2
    assert (line.counters.refusals, line.counters.violations) == ({}, {})


def _others(line: ServedConnection) -> int:
    return sum(frame.data != OURS for frame in line.witness.frames)


def test_what_was_answered_so_before_is_taken_before_anybody_sees_it(
    line: ServedConnection,
) -> None:
    line.ready()
    told: list[bool] = []

    def groups(xid: int) -> bytes:
        return message(OF13, 19, struct.pack("!HH4x", 7, 0), xid)

    def again(*xids: int) -> None:
        known = KnownAnswer(groups(0))
        line.connection.repeat(
            Repetition(
                {xid: RepeatedQuestion(ask(OF13, 7, xid), known) for xid in xids}, told.append
            )
        )

    again(500, 501)
    assert line.expect(18) == ask(OF13, 7, 500)
    line.send(groups(501) + groups(500))
    line.until(lambda: told == [True], "the same answers")
    # After a frame that the pipeline takes, or of which a part has come already.
    for sent in ((packet_in13() + groups(502),), (groups(502)[:9], groups(502)[9:])):
        again(502)
        for piece in sent:
            line.send(piece)
            RUNTIME.sleep(0.001)
        line.until(lambda: len(told) >= 2, "the same answer")
        assert told.pop() is True
    again(503)
    line.connection.close()
    assert told == [True, False]
