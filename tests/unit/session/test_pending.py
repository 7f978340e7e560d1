"""Requests to a peer: answered, refused, late, or cut off."""

from __future__ import annotations

import struct

import pytest

from fuzz.wire import OF10, OF13, features10, message
from horizon_ryu.wire.session import (
    ControllerSession,
    FailureKind,
    PendingRequest,
    SessionEvent,
    TooManyRequests,
)
from horizon_ryu.wire.session.pending import MAX_WAITING
from unit.session.sessions import events, ready, said

ANSWER, MESSAGE = SessionEvent.ANSWER, SessionEvent.MESSAGE
REFUSED = struct.pack("!HH", 5, 1)


class Waiter:
    """A request that notes how often its waiter was woken."""

    def __init__(self, session: ControllerSession, xid: int, **rest: object) -> None:
        self.woken = 0
        self.request = PendingRequest(xid, self._wake, **rest)  # type: ignore[arg-type]
        session.request(self.request)

    def _wake(self) -> None:
        self.woken += 1

    @property
    def failures(self) -> list[FailureKind]:
        return [failure.kind for failure in self.request.failures]


def barrier_reply(xid: int) -> bytes:
    return message(OF13, 21, b"", xid)


def multipart(xid: int, more: bool) -> bytes:
    return message(OF13, 19, struct.pack("!HH4x", 13, more), xid)


def test_a_barrier_is_answered_once() -> None:
    session = ready()
    waiter = Waiter(session, 50)
    assert events(session, barrier_reply(51), barrier_reply(50)) == [MESSAGE, ANSWER]
    assert (waiter.woken, waiter.failures) == (1, [])
    assert events(session, barrier_reply(50)) == [MESSAGE]


def test_the_parts_of_an_answer_are_kept_in_order() -> None:
    session = ready()
    waiter = Waiter(session, 50)
    session.sent(struct.pack("!BBHIHH4x", OF13, 18, 16, 50, 13, 0))
    parts = multipart(50, more=True), multipart(50, more=False)
    assert events(session, parts[0]) == [ANSWER]
    assert waiter.woken == 0
    assert events(session, parts[1]) == [ANSWER]
    assert waiter.woken == 1
    assert waiter.request.pieces == list(parts)


def test_features_of_1_0_answer_a_request_for_them() -> None:
    session = ready(OF10)
    session.sent(message(OF10, 5, b"", 50))
    waiter = Waiter(session, 50)
    reply = features10(session.dpid or 0)
    assert events(session, reply[:4] + struct.pack("!I", 50) + reply[8:]) == [ANSWER]
    assert waiter.woken == 1


def test_refusals_name_the_message_and_only_the_last_ends_the_request() -> None:
    session = ready()
    waiter = Waiter(session, 52, xids={50: 0, 51: 1})
    for _ in range(2):
        events(session, message(OF13, 1, REFUSED, 51))
    assert waiter.woken == 0
    events(session, barrier_reply(52))
    (failure,) = waiter.request.failures
    assert failure.place == 1
    assert failure.kind is FailureKind.REFUSED
    assert "FLOW_MOD_FAILED" in failure.reason
    other = Waiter(session, 53)
    assert events(session, message(OF13, 1, REFUSED, 53)) == [ANSWER]
    assert (other.woken, other.failures) == (1, [FailureKind.REFUSED])


def test_errors_that_concern_no_request_are_messages() -> None:
    session = ready()
    assert events(session, message(OF13, 1, REFUSED, 50)) == [MESSAGE]


def test_a_request_ends_at_its_deadline_and_what_comes_then_is_dropped() -> None:
    session = ready()
    waiter = Waiter(session, 50, deadline=1.5, overdue="no barrier within 1.5 s")
    assert session.next_deadline() == 1.5
    session.tick(1.4)
    assert waiter.woken == 0
    session.tick(1.5)
    assert (waiter.woken, waiter.failures) == (1, [FailureKind.LATE])
    assert waiter.request.failures[0].reason == "no barrier within 1.5 s"
    assert session.next_deadline() == 5.0
    assert events(session, barrier_reply(50)) == [ANSWER]
    assert events(session, barrier_reply(50)) == [MESSAGE]
    session.give_up(waiter.request)
    assert (waiter.woken, waiter.failures) == (1, [FailureKind.LATE])


def test_what_is_pending_ends_with_the_session_and_nothing_begins_after_it() -> None:
    session = ready()
    before = Waiter(session, 50)
    events(session, message(OF10, 2))
    assert session.is_closed
    after = Waiter(session, 51)
    for waiter in (before, after):
        assert (waiter.woken, waiter.failures) == (1, [FailureKind.GONE])


def test_requests_without_end_are_not_taken() -> None:
    session = ready()
    for xid in range(MAX_WAITING):
        Waiter(session, xid)
    with pytest.raises(TooManyRequests):
        Waiter(session, MAX_WAITING)


def test_an_echo_reply_that_was_asked_for_answers_a_challenge() -> None:
    session = ready()
    waiter = Waiter(session, 50)
    assert events(session, message(OF13, 3, b"", 50), message(OF13, 3, b"", 51)) == [
        ANSWER,
        MESSAGE,
    ]
    assert waiter.woken == 1
    assert said(session) == []
