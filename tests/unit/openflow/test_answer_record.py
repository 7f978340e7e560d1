"""Kinds of requests that a switch never answers: found out, told, tried again, and taken back."""

from __future__ import annotations

import pytest
from ryu.lib import hub

from horizon_ryu.core.errors import RequestUnanswered, SwitchDeadline
from horizon_ryu.openflow.answer_record import RETRY_SECONDS, AnswerRecord
from horizon_ryu.openflow.registry import SwitchRegistry
from horizon_ryu.wire.messages import Outgoing
from unit.openflow.test_registry import ENTRY, FakeConnection, join, message, xid_of
from xen_bridge.runtime.green import GreenRuntime


class Told:
    """A registry, and what it told of limits."""

    def __init__(self) -> None:
        self.limits: list[tuple[int, tuple[str, ...]]] = []
        self.registry = SwitchRegistry(GreenRuntime(), lambda *told: self.limits.append(told))

    def silent(self, dpid: int, lives: bool) -> FakeConnection:
        """Connect a switch that answers echo requests only, if it ``lives``."""
        connection = FakeConnection(dpid)
        connection.lives = lives
        self.registry.connected(connection)
        return connection


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_switch_that_lives_and_tells_no_flows_is_told_of_once(told: Told) -> None:
    told.silent(1, lives=True)
    for _ in range(2):
        with pytest.raises(RequestUnanswered, match="flows"):
            told.registry.flow_entries(1, deadline=0.01)
    assert told.limits == [(1, ("flows",))]


def test_a_switch_that_does_not_live_is_late_as_ever(told: Told) -> None:
    told.silent(1, lives=False)
    with pytest.raises(SwitchDeadline) as caught:
        told.registry.flow_entries(1, deadline=0.01)
    assert not isinstance(caught.value, RequestUnanswered)
    assert told.limits == []


def test_what_is_never_answered_is_not_asked_again_at_once(told: Told) -> None:
    connection = told.silent(1, lives=True)
    for _ in range(3):
        with pytest.raises(RequestUnanswered):
            told.registry.flow_entries(1, deadline=0.01)
    assert len(connection.sent) == 1


def test_a_switch_that_has_answered_before_is_slow_not_limited(told: Told) -> None:
    connection = join(told.registry, 1)
    connection.lives = True
    assert told.registry.confirm([Outgoing(1, ENTRY)]) == ()
    connection.reply = lambda _data: None
    (error,) = told.registry.confirm([Outgoing(1, ENTRY)], deadline=0.01)
    assert not isinstance(error, RequestUnanswered)
    assert told.limits == []


def test_a_refused_request_is_an_unanswered_one(told: Told) -> None:
    connection = told.silent(1, lives=True)

    def refuse(data: bytes) -> None:
        connection.received(message(4, 1, xid_of(data), b"\0\1\0\2" + data))

    connection.reply = refuse
    with pytest.raises(RequestUnanswered, match="groups"):
        told.registry.flood_group(1)
    assert told.limits == [(1, ("groups",))]


def test_a_refused_entry_says_nothing_of_barriers(told: Told) -> None:
    connection = join(told.registry, 1, refuse=14)
    connection.lives = True
    (error,) = told.registry.confirm([Outgoing(1, ENTRY)])
    assert not isinstance(error, RequestUnanswered)
    assert told.limits == []


def test_without_barriers_the_messages_are_sent_all_the_same(told: Told) -> None:
    connection = told.silent(1, lives=True)
    for _ in range(2):
        (error,) = told.registry.confirm([Outgoing(1, ENTRY)], deadline=0.01)
        assert isinstance(error, RequestUnanswered)
    assert [data[1] for data in connection.sent] == [14, 20, 14, 20]


def test_an_answer_takes_the_limit_back(told: Told) -> None:
    connection = told.silent(1, lives=True)
    told.registry.confirm([Outgoing(1, ENTRY)], deadline=0.01)
    connection.reply = lambda data: (
        connection.received(message(4, 21, xid_of(data))) and None if data[1] == 20 else None
    )
    assert told.registry.confirm([Outgoing(1, ENTRY)]) == ()
    assert told.limits == [(1, ("barrier",)), (1, ())]


def test_who_leaves_has_no_limits(told: Told) -> None:
    connection = told.silent(1, lives=True)
    told.registry.confirm([Outgoing(1, ENTRY)], deadline=0.01)
    told.registry.disconnected(connection)
    hub.sleep(0)
    assert told.limits[-1] == (1, ())


def test_polls_are_given_up_after_some() -> None:
    record = AnswerRecord()
    assert [record.missed("ports", 0.0) for _ in range(3)] == [False, True, False]
    assert record.unanswered == ("ports",)
    assert record.answered("ports")
    assert record.unanswered == ()
    assert not any(record.missed("ports", 0.0) for _ in range(5))


def test_what_was_given_up_is_waited_for_again_after_a_while() -> None:
    record = AnswerRecord()
    record.give_up("flows", 10.0)
    assert record.is_given_up("flows", 10.0 + RETRY_SECONDS / 2)
    assert not record.is_given_up("flows", 10.0 + RETRY_SECONDS)
    assert record.unanswered == ("flows",)
