"""A chunk that is one message: what it is by the short way, and by the long one."""

from __future__ import annotations

import random

import pytest

from fuzz.wire import OF10, OF13, hello, message, packet_in10, packet_in13
from horizon_ryu.wire.session import ProtocolSession, SessionEvent, SessionStage
from unit.session.sessions import ready, said, to_controller

_PACKET_INS = {OF10: packet_in10, OF13: packet_in13}


def to_ready_controller(version: int) -> ProtocolSession:
    session = to_controller()
    said(session)
    list(session.receive(hello(version) + message(version, 5)))
    said(session)
    assert session.stage is SessionStage.READY
    return session


def test_a_packet_in_that_comes_alone_is_taken_by_the_short_way() -> None:
    for version, packet_in in _PACKET_INS.items():
        assert ready(version).only_message(packet_in()) is SessionEvent.PACKET_IN


def test_what_a_session_has_to_do_with_is_left_to_the_long_way() -> None:
    session = ready(OF10)
    assert session.only_message(message(OF10, 2, b"echo")) is None, "an echo is answered"
    assert session.only_message(message(OF10, 1, bytes(4))) is None, "an error may be an answer"
    assert session.only_message(packet_in10() * 2) is None, "two messages"
    assert session.only_message(packet_in10()[:-1]) is None, "not whole"
    assert session.stage is SessionStage.READY


def test_a_message_behind_the_beginning_of_another_is_not_taken_for_itself() -> None:
    session = ready(OF10)
    whole = packet_in10()
    assert not list(session.receive(whole[:20]))
    assert session.only_message(whole) is None
    assert [event for event, _ in session.receive(whole[20:])] == [SessionEvent.PACKET_IN]


def test_before_a_session_is_ready_nothing_is_taken_by_the_short_way() -> None:
    session = to_controller()
    assert session.only_message(hello(OF10)) is None
    assert session.stage is SessionStage.OPENED


@pytest.mark.parametrize("version", [OF10, OF13])
@pytest.mark.parametrize("of_switch", [True, False])
def test_both_ways_say_the_same_of_whatever_comes(version: int, of_switch: bool) -> None:
    rng = random.Random(version * 2 + of_switch)
    taken = ended = 0
    for _ in range(3_000):
        make = ready if of_switch else to_ready_controller
        body = rng.randbytes(rng.choice((0, 4, 10, 16, 40, 64, 72)))
        data = message(rng.choice((version, version, version, 5)), rng.randrange(32), body)
        if rng.random() < 0.1:
            data = data[:2] + rng.randbytes(2) + data[4:]
        short, long = make(version), make(version)
        event = short.only_message(data)
        by_long = [event for event, _ in long.receive(data)]
        if event is not None:
            assert by_long == [event]
            taken += 1
        else:
            assert [event for event, _ in short.receive(data)] == by_long
        assert short.stage is long.stage
        assert str(short.end) == str(long.end)
        assert short.take_output() == long.take_output()
        ended += short.is_closed
    assert taken
    assert ended


def test_many_messages_in_one_chunk_are_what_they_are_one_by_one() -> None:
    rng = random.Random(3)
    ended = 0
    for _ in range(500):
        version = rng.choice((OF10, OF13))
        make = rng.choice((ready, to_ready_controller))
        said_alone = [_any_message(rng, version) for _ in range(rng.randrange(2, 9))]
        stream, at = b"".join(said_alone), rng.randrange(8, 20)
        together, apart, cut = make(version), make(version), make(version)
        by_one = [taken for data in said_alone for taken in apart.receive(data)]
        assert list(together.receive(stream)) == by_one
        assert [*cut.receive(stream[:at]), *cut.receive(stream[at:])] == by_one
        assert str(together.end) == str(apart.end) == str(cut.end)
        assert together.take_output() == apart.take_output() == cut.take_output()
        ended += apart.is_closed
    assert 0 < ended < 500


def _any_message(rng: random.Random, version: int) -> bytes:
    if rng.random() < 0.7:
        return _PACKET_INS[version]() if rng.random() < 0.6 else message(version, 2, b"echo")
    return message(version, rng.randrange(32), rng.randbytes(rng.choice((0, 4, 10, 64))))
