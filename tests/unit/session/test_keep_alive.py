"""Whether the peer lives: echo requests, their replies, and their absence."""

from __future__ import annotations

from math import inf

import pytest

from fuzz.wire import OF10, OF13, message
from horizon_ryu.wire.session import PendingRequest, ProtocolSession, SessionLimits, SessionStage
from unit.session.sessions import LIMITS, events, ready, said, to_controller


def asked(session: ProtocolSession, now: float) -> list[int]:
    """Let ``now`` be, and return the xids of the echo requests that are sent then."""
    session.tick(now)
    return [int.from_bytes(one[4:8], "big") for one in said(session) if one[1] == 2]


@pytest.mark.parametrize("version", [OF10, OF13])
def test_whoever_answers_is_asked_again_and_again(version: int) -> None:
    session = ready(version)
    assert session.next_deadline() == LIMITS.handshake_seconds
    now = LIMITS.handshake_seconds
    for _ in range(10):
        (xid,) = asked(session, now)
        events(session, message(version, 3, b"", xid))
        assert session.next_deadline() == now + LIMITS.echo_interval
        assert asked(session, now + LIMITS.echo_interval - 0.1) == []
        now += LIMITS.echo_interval
    assert session.stage is SessionStage.READY


def test_who_leaves_more_unanswered_than_it_may_is_dead() -> None:
    session = ready()
    for now in (5.0, 7.0, 9.0):
        assert len(asked(session, now)) == 1
    assert session.stage is SessionStage.READY
    session.tick(11.0)
    assert session.end is not None
    assert session.end.reason == "no_echo"
    assert session.next_deadline() == inf
    session.tick(13.0)
    assert said(session) == []


def test_one_late_reply_is_enough_to_live() -> None:
    session = ready()
    (first,) = asked(session, 5.0)
    for now in (7.0, 9.0):
        asked(session, now)
    events(session, message(OF13, 3, b"", first), message(OF13, 3, b"", 9999))
    assert len(asked(session, 11.0)) == 1


def answered_others(session: ProtocolSession, xid: int) -> None:
    """Have the peer answer an echo request that somebody else has sent."""
    session.request(PendingRequest(xid, lambda: None))
    events(session, message(OF13, 3, b"", xid))


def test_who_answers_others_need_not_be_asked() -> None:
    session = ready()
    for now in (5.0, 7.0, 9.0, 11.0, 13.0, 15.0):
        answered_others(session, 70_000 + int(now))
        assert asked(session, now) == []
        assert session.next_deadline() == now + LIMITS.echo_interval
    assert session.stage is SessionStage.READY
    assert len(asked(session, 17.0)) == 1


@pytest.mark.parametrize("has_answered", [False, True])
def test_who_has_answered_others_is_found_dead_as_soon_as_who_has_not(has_answered: bool) -> None:
    session = ready()
    (xid,) = asked(session, 5.0)
    events(session, message(OF13, 3, b"", xid))
    if has_answered:
        answered_others(session, 70_000)
    for now in (7.0, 9.0, 11.0):
        session.tick(now)
        assert session.stage is SessionStage.READY
    session.tick(13.0)
    assert session.end is not None
    assert session.end.reason == "no_echo"


def test_a_reply_outweighs_the_requests_that_were_spared() -> None:
    session = ready()
    for now in (5.0, 9.0, 13.0, 17.0):
        answered_others(session, 70_000 + int(now))
        assert asked(session, now) == []
        (xid,) = asked(session, now + 2)
        events(session, message(OF13, 3, b"", xid))
    assert session.stage is SessionStage.READY


def test_nobody_is_asked_where_no_echo_may_stay_unanswered() -> None:
    session = ready(limits=SessionLimits(handshake_seconds=1.0, unanswered_echoes=0))
    session.tick(1.0)
    assert said(session) == []
    assert session.next_deadline() == inf


def test_a_switch_asks_its_controller_too() -> None:
    session = to_controller()
    events(session, message(OF13, 0), message(OF13, 5))
    said(session)
    (xid,) = asked(session, 5.0)
    events(session, message(OF13, 3, b"", xid))
    assert session.stage is SessionStage.READY
