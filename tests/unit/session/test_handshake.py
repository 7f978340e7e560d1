"""Handshakes of both roles: versions, identities, and how they end."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.corpus import VALID
from fuzz.malformed import HELLOS, ROWS
from fuzz.wire import (
    OF10,
    OF13,
    ask,
    bitmap,
    features10,
    features13,
    hello,
    message,
    packet_in10,
    packet_in13,
)
from horizon_ryu.wire.guard import AnswerLimits
from horizon_ryu.wire.session import (
    ControllerSession,
    ProtocolSession,
    SessionEvent,
    SessionLimits,
    SessionStage,
    VersionOffer,
)
from unit.session.sessions import (
    DPID,
    BackToBack,
    answer,
    events,
    kinds,
    ports,
    ready,
    said,
    to_controller,
    to_switch,
)

Make = Callable[[], ProtocolSession]
MESSAGE, PACKET_IN = SessionEvent.MESSAGE, SessionEvent.PACKET_IN
NEGOTIATED, IDENTIFIED, READY = (
    SessionEvent.NEGOTIATED,
    SessionEvent.IDENTIFIED,
    SessionEvent.READY,
)


def speaking(*versions: int, listed: bool = False) -> SessionLimits:
    return SessionLimits(offer=VersionOffer(frozenset(versions), listed))


def reason(session: ProtocolSession) -> str:
    assert session.end is not None
    return session.end.reason


def test_a_1_3_switch_is_ready_when_it_has_told_its_ports() -> None:
    session = to_switch()
    assert said(session) == [hello(OF13)[:4] + bytes([0, 0, 0, 1])]
    assert events(session, hello(OF13)) == [NEGOTIATED]
    (asked,) = said(session)
    assert asked[:2] == bytes([OF13, 5])
    assert events(session, answer(asked, features13(DPID))) == [IDENTIFIED]
    assert (session.stage, session.dpid) == (SessionStage.IDENTIFIED, DPID)
    (asked,) = said(session)
    assert asked[1] == 18
    assert events(session, answer(asked, ports(more=True))) == [MESSAGE]
    assert events(session, answer(asked, ports())) == [MESSAGE, READY]
    assert session.stage is SessionStage.READY


def test_a_1_0_switch_is_ready_when_it_has_told_its_features() -> None:
    session = to_switch()
    said(session)
    assert events(session, hello(OF10)) == [NEGOTIATED]
    assert session.version == session.codec.version == OF10
    (asked,) = said(session)
    assert events(session, answer(asked, features10(DPID))) == [IDENTIFIED, READY]
    assert (session.dpid, kinds(session)) == (DPID, [])


def test_whoever_doubts_a_dpid_ends_the_session_before_more_is_asked() -> None:
    session = to_switch()
    said(session)
    events(session, hello(OF13))
    (asked,) = said(session)
    for event, _ in session.receive(answer(asked, features13(DPID)) + message(OF13, 2)):
        assert event is IDENTIFIED
        session.close("dpid_in_use")
    assert (reason(session), kinds(session)) == ("dpid_in_use", [])


@pytest.mark.parametrize("version", [OF10, OF13])
def test_a_controller_is_told_our_features(version: int) -> None:
    session = to_controller()
    assert [one[:2] for one in said(session)] == [bytes([OF13, 0])]
    assert events(session, hello(version)) == [NEGOTIATED]
    assert events(session, message(version, 5)) == [READY]
    (reply,) = said(session)
    assert reply[:2] == bytes([version, 6])
    assert reply[4:16] == struct.pack("!IQ", 7, DPID)
    assert (session.stage, session.dpid) == (SessionStage.READY, DPID)
    assert events(session, message(version, 5)) == [MESSAGE]
    assert kinds(session) == [6]


@pytest.mark.parametrize(
    ("ours", "theirs", "spoken"),
    [
        (speaking(OF10, OF13), hello(OF10), OF10),
        (speaking(OF10, OF13), hello(5), OF13),
        (speaking(OF10, OF13), hello(6, bitmap(1, 4, 5, 6)), OF13),
        (speaking(OF10, OF13), hello(6, bitmap(1)), OF10),
        (speaking(OF10, OF13, listed=True), hello(6, bitmap(1, 3, 6)), OF10),
        (speaking(OF10), hello(OF13), OF10),
        (speaking(OF10, listed=True), hello(OF13, bitmap(1, 4)), OF10),
    ],
)
def test_the_newest_common_version_is_spoken(
    ours: SessionLimits, theirs: bytes, spoken: int
) -> None:
    session = to_switch(ours)
    assert events(session, theirs) == [NEGOTIATED]
    assert session.version == spoken


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (speaking(OF10, OF13), hello(2)),
        (speaking(OF10, OF13), hello(3)),
        (speaking(OF10, OF13), hello(6, bitmap(5))),
        (speaking(OF10, OF13), hello(5, bitmap(1, 3))),
        (speaking(OF10, OF13, listed=True), hello(5, bitmap(2, 3))),
        (speaking(OF13), hello(OF10)),
        (speaking(OF10), hello(OF13, bitmap(4))),
    ],
)
def test_without_a_common_version_the_peer_is_told_so(ours: SessionLimits, theirs: bytes) -> None:
    for session in (to_switch(ours), to_controller(ours)):
        said(session)
        assert events(session, theirs, message(OF13, 2)) == []
        (error,) = said(session)
        assert error[1] == 1
        assert error[8:12] == struct.pack("!HH", 0, 0)
        assert error[12:].decode("ascii").startswith("no version in common")
        assert session.end is not None
        assert session.end.farewell
        assert reason(session) == "hello_failed"


def test_a_list_of_versions_is_sent_if_it_is_to_be() -> None:
    assert said(to_switch(speaking(OF10, OF13)))[0][8:] == b""
    listed = said(to_switch(speaking(OF10, OF13, listed=True)))[0][8:]
    assert listed == struct.pack("!HHI", 1, 8, 1 << OF10 | 1 << OF13)
    assert said(to_switch(speaking(OF10, listed=True)))[0][8:] == b""


def test_transaction_ids_begin_anew_after_the_last() -> None:
    session = ControllerSession(0.0, SessionLimits(), first_xid=0xFFFF_FFFE)
    assert said(session)[0][4:8] == b"\xff" * 4
    assert [session.next_xid(), session.next_xid()] == [0, 1]


@pytest.mark.parametrize("row", HELLOS, ids=lambda row: row.name)
def test_a_malformed_hello_is_a_violation(row: tuple[str, int, bytes]) -> None:
    session = to_switch()
    assert events(session, row[2]) == []
    assert session.end is not None
    assert session.end.violation


@pytest.mark.parametrize("version", [OF10, OF13])
def test_no_switch_becomes_another(version: int) -> None:
    session = ready(version)
    session.say(message(version, 5))
    reply = features10(DPID + 1) if version == OF10 else features13(DPID + 1)
    assert events(session, reply) == []
    assert reason(session) == "identity"


def test_a_handshake_has_its_time() -> None:
    session = to_switch()
    assert session.next_deadline() == 5.0
    session.tick(4.9)
    assert session.stage is SessionStage.OPENED
    session.tick(5.0)
    assert reason(session) == "handshake_deadline"
    assert events(session, hello(OF13)) == []


@pytest.mark.parametrize(("version", "packet_in"), [(OF10, packet_in10), (OF13, packet_in13)])
def test_frames_are_frames_only_when_the_switch_is_ready(
    version: int, packet_in: Callable[[], bytes]
) -> None:
    session = to_switch()
    assert events(session, hello(version), packet_in()) == [NEGOTIATED, MESSAGE]
    assert events(ready(version), packet_in(), packet_in()) == [PACKET_IN, PACKET_IN]


def test_the_session_may_be_closed_between_two_messages() -> None:
    session, seen = ready(), []
    for event, _ in session.receive(packet_in13() * 3):
        seen.append(event)
        session.close("enough")
    assert (seen, reason(session)) == ([PACKET_IN], "enough")
    session.close("again")
    assert reason(session) == "enough"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.version}-{row.name}")
def test_a_violation_ends_the_session(row: tuple[str, int, bytes, str]) -> None:
    session = ready(row[1])
    session.sent(ask(row[1], int.from_bytes(row[2][8:10], "big")))
    assert events(session, row[2]) == []
    assert session.end is not None
    assert (session.end.violation, session.end.reason) == (True, row[3])


def test_an_echo_request_is_answered_with_its_data() -> None:
    for session in (ready(OF10), ready(OF13)):
        version = session.version or 0
        assert events(session, message(version, 2, b"there?", 99)) == [MESSAGE]
        assert said(session) == [message(version, 3, b"there?", 99)]


_OFFERS = st.builds(
    VersionOffer,
    st.sampled_from([frozenset({1}), frozenset({4}), frozenset({1, 4})]),
    st.booleans(),
)


@given(_OFFERS, _OFFERS, st.lists(st.integers(1, 40), max_size=6))
def test_two_sessions_agree_over_any_chunks(
    ours: VersionOffer, theirs: VersionOffer, sizes: list[int]
) -> None:
    line = BackToBack(
        to_switch(SessionLimits(offer=ours)), to_controller(SessionLimits(offer=theirs)), sizes
    )
    line.run()
    common = ours.versions & theirs.versions
    if common:
        for session in (line.controller, line.switch):
            assert session.stage is SessionStage.READY
            assert (session.version, session.dpid) == (max(common), DPID)
    else:
        assert {line.controller.stage, line.switch.stage} == {SessionStage.CLOSED}


SEEDS = [hello(OF13), *VALID[OF10], *VALID[OF13], *(row.message for row in ROWS)]


def changed(message: bytes, at: int, byte: int) -> bytes:
    """Return ``message`` with one byte changed."""
    at %= len(message)
    return message[:at] + bytes([byte]) + message[at + 1 :]


_HOSTILE = st.one_of(
    st.binary(max_size=64),
    st.sampled_from(SEEDS),
    st.builds(changed, st.sampled_from(SEEDS), st.integers(0, 200), st.integers(0, 255)),
)


@pytest.mark.parametrize("version", [OF10, OF13])
@pytest.mark.parametrize("make", [to_switch, to_controller, ready])
@given(chunks=st.lists(_HOSTILE, max_size=6))
def test_hostile_bytes_raise_nothing(make: Make, version: int, chunks: list[bytes]) -> None:
    session = ready(version) if make is ready else make()
    for chunk in chunks:
        list(session.receive(chunk))
    session.tick(100.0)
    assert session.is_closed is (session.end is not None)


def test_the_limits_of_answers_are_those_given() -> None:
    session = ready(limits=SessionLimits(answers=AnswerLimits(parts=1)))
    session.say(struct.pack("!BBHIHH4x", OF13, 18, 16, 7, 13, 0))
    assert events(session, ports(more=True), ports()) == [MESSAGE]
    assert reason(session) == "excess"
