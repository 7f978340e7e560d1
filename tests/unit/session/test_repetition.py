"""Questions asked again: the same answer is taken unread, any other as if it were the first."""

from __future__ import annotations

import struct

import pytest

from fuzz.wire import OF10, OF13, ask, features10, features_request, message
from horizon_ryu.wire.known_answer import KnownAnswer
from horizon_ryu.wire.session import (
    ControllerSession,
    RepeatedQuestion,
    Repetition,
    SessionEvent,
    TooManyRequests,
)
from horizon_ryu.wire.session.pending import MAX_WAITING
from unit.session.sessions import events, ready

ANSWER, MESSAGE = SessionEvent.ANSWER, SessionEvent.MESSAGE
REFUSED = struct.pack("!HH", 1, 6)


def groups(xid: int, body: bytes = b"", more: bool = False) -> bytes:
    """Part of an answer about groups, without any."""
    return message(OF13, 19, struct.pack("!HH4x", 7, more) + body, xid)


class Asked:
    """Two questions about groups, asked again of a 1.3 switch that is ready."""

    def __init__(self, *xids: int) -> None:
        self.session: ControllerSession = ready()
        self.told: list[bool] = []
        self.repetition = Repetition(
            {xid: RepeatedQuestion(ask(OF13, 7, xid), KnownAnswer(groups(0))) for xid in xids},
            self.told.append,
        )
        self.session.repeat(self.repetition)

    def come(self, *messages: bytes) -> list[SessionEvent]:
        return events(self.session, *messages)


def test_the_same_answers_are_told_once_and_nobody_sees_them() -> None:
    asked = Asked(50, 51)
    assert asked.repetition.message() == ask(OF13, 7, 50) + ask(OF13, 7, 51)
    assert asked.come(groups(51)) == []
    assert asked.told == []
    assert asked.come(groups(50)) == []
    assert asked.told == [True]
    asked.session.end_repetition(asked.repetition)
    assert asked.told == [True]


def test_an_answer_comes_once() -> None:
    asked = Asked(50, 51)
    asked.come(groups(50), groups(50))
    assert asked.session.end is not None
    assert asked.session.end.reason == "unrequested"
    assert asked.told == [False]


def test_another_answer_is_judged_as_any_and_dropped_and_so_is_what_follows() -> None:
    asked = Asked(50, 51)
    changed = groups(50, struct.pack("!HBxI", 8, 0, 9), more=True)
    assert asked.come(changed) == [ANSWER]
    assert asked.told == [False]
    assert asked.come(groups(50), groups(51)) == [ANSWER, ANSWER]
    assert asked.told == [False]
    assert not asked.session.is_closed


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (groups(50, struct.pack("!HBxI", 7, 0, 9)), "element_length"),
        (message(OF13, 19, struct.pack("!HH4x", 0, 0) + bytes(1056), 50), "unrequested"),
    ],
)
def test_another_answer_that_is_none_is_a_violation(reply: bytes, reason: str) -> None:
    asked = Asked(50)
    asked.come(reply)
    assert asked.session.end is not None
    assert asked.session.end.reason == reason
    assert asked.told == [False]


def test_a_refusal_is_no_answer_and_is_dropped() -> None:
    asked = Asked(50, 51)
    assert asked.come(message(OF13, 1, REFUSED, 51)) == [ANSWER]
    assert asked.told == [False]
    assert asked.come(groups(50)) == [ANSWER]


def test_what_is_late_is_dropped() -> None:
    asked = Asked(50)
    asked.session.end_repetition(asked.repetition)
    assert asked.told == [False]
    assert asked.come(groups(50)) == [ANSWER]
    assert asked.told == [False]


def test_the_end_of_the_session_is_no_answer() -> None:
    asked = Asked(50)
    asked.session.close()
    assert asked.told == [False]
    asked.repetition.open[52] = RepeatedQuestion(ask(OF13, 7, 52), KnownAnswer(groups(0)))
    asked.session.repeat(asked.repetition)
    assert asked.told == [False, False]


def test_features_of_1_0_can_be_asked_for_again() -> None:
    session = ready(OF10)
    told: list[bool] = []
    question = features_request(OF10)
    for reply, outcome, seen in ((features10(), True, []), (features10(0xD2), False, None)):
        known = KnownAnswer(features10())
        session.repeat(Repetition({7: RepeatedQuestion(question, known)}, told.append))
        seen_now = events(session, reply)
        assert told[-1] is outcome
        assert seen is None or seen_now == seen
    assert session.end is not None
    assert session.end.reason == "identity"


def test_questions_without_end_are_not_taken() -> None:
    asked = Asked(*range(100, 100 + MAX_WAITING))
    one = Repetition({7: RepeatedQuestion(ask(OF13, 7), KnownAnswer(groups(0)))}, asked.told.append)
    with pytest.raises(TooManyRequests):
        asked.session.repeat(one)
