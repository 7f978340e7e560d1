"""Questions to switches: answered, refused, too late, or cut off."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import pytest
from ryu.lib import hub

from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError
from horizon_ryu.openflow.queries import EntryQuery, FloodQuery, SwitchAnswer
from horizon_ryu.openflow.registry import SwitchRegistry
from horizon_ryu.openflow.switch_peer import (
    FRAMES_PER_SECOND,
    MESSAGES_PER_SECOND,
    MOST_FOR_FRAMES,
    SwitchPeer,
)
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.wire import codec10
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    Flood,
    FloodPorts,
    FlowCommand,
    FlowMod,
    Match,
    Outgoing,
    PacketOut,
)
from horizon_ryu.wire.session import FailureKind, PendingRequest, PendingRequests, Repetition
from horizon_ryu.wire.session.pending import MAX_WAITING
from horizon_ryu.wire.session.repetition import Repetitions
from xen_bridge.runtime.green import GreenRuntime

ENTRY = FlowMod(FlowCommand.ADD, Match(in_port=1), 1, 1)


class FakeConnection:
    """Notes what is sent and answers it as ``reply`` says."""

    def __init__(self, dpid: int, version: int = 4) -> None:
        self.id, self.codec = dpid, codec_of(version)
        self.address = ("127.0.0.1", 1)
        self.pending = PendingRequests()
        self.sent: list[bytes] = []
        self.repetitions = Repetitions(lambda xid, _question: self.pending.drop(xid))
        self.is_dead = False
        self.reply: Callable[[bytes], None] = lambda message: None
        self._xid = 100
        self.lives = False

    def next_xid(self) -> int:
        self._xid += 1
        return self._xid

    def write(self, data: bytes) -> bool:
        self.sent.append(data)
        hub.spawn(self.reply, data)
        return True

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        return self.write(buf)

    def send_soon(self, data: bytes) -> bool:
        return self.write(data)

    def request(self, request: PendingRequest) -> None:
        self.pending.open(request)

    def repeat(self, repetition: Repetition) -> None:
        self.repetitions.begin(repetition)
        self.send(repetition.message())
        if self.is_dead:
            self.repetitions.end(repetition)

    def end_repetition(self, repetition: Repetition) -> None:
        self.repetitions.end(repetition)

    def give_up(self, request: PendingRequest) -> None:
        self.pending.give_up(request)

    def answers(self, seconds: float) -> bool:
        return self.lives

    def received(self, message: bytes) -> bool:
        """As the session of a connection does."""
        return self.repetitions.take(message) or self.pending.take(self.codec, message)

    def abort(self, reason: str) -> None:
        self.is_dead = True
        self.pending.abandon()
        self.repetitions.end_all()


def message(version: int, kind: int, xid: int, body: bytes = b"") -> bytes:
    return struct.pack("!BBHI", version, kind, 8 + len(body), xid) + body


def xid_of(data: bytes) -> int:
    return int.from_bytes(data[4:8], "big")


@pytest.fixture
def registry() -> SwitchRegistry:
    return SwitchRegistry(GreenRuntime())


def leave(registry: SwitchRegistry, connection: FakeConnection) -> None:
    """Die, as a connection does."""
    connection.abort("")
    registry.disconnected(connection)


def join(registry: SwitchRegistry, dpid: int, refuse: int | None = None) -> FakeConnection:
    """A 1.3 switch that answers barriers, and refuses messages of type ``refuse``."""
    connection = FakeConnection(dpid)

    def reply(data: bytes) -> None:
        if data[1] == refuse:
            error = struct.pack("!HH", 5, 1) + data
            connection.received(message(4, 1, xid_of(data), error))
        if data[1] == 20:
            connection.received(message(4, 21, xid_of(data)))

    connection.reply = reply
    registry.connected(connection)
    return connection


def test_confirmed_means_that_every_barrier_was_answered(registry: SwitchRegistry) -> None:
    join(registry, 1)
    join(registry, 2)
    assert registry.confirm((Outgoing(1, ENTRY), Outgoing(2, ENTRY))) == ()


def test_a_refusal_names_switch_and_error(registry: SwitchRegistry) -> None:
    join(registry, 1)
    join(registry, 2, refuse=14)
    (error,) = registry.confirm((Outgoing(1, ENTRY), Outgoing(2, ENTRY)))
    assert error.dpid == 2
    assert "FLOW_MOD_FAILED" in error.msg


NEVER = 600.0
"""Seconds after which nobody waits any more, however late he is woken."""


def answers_barriers_after(connection: FakeConnection, seconds: float) -> None:
    """Have a switch take its time for each barrier from now on."""

    def reply(data: bytes) -> None:
        if data[1] == 20:
            hub.spawn_after(seconds, connection.received, message(4, 21, xid_of(data)))

    connection.reply = reply


@pytest.mark.parametrize(("count", "is_in_time"), [(1, False), (MESSAGES_PER_SECOND, True)])
def test_a_switch_has_more_time_for_a_thousand_messages(
    registry: SwitchRegistry, count: int, is_in_time: bool
) -> None:
    connection = FakeConnection(1)
    answers_barriers_after(connection, 0.3 if is_in_time else NEVER)
    registry.connected(connection)
    errors = registry.confirm([Outgoing(1, ENTRY)] * count, deadline=0.05)
    assert [type(error) for error in errors] == ([] if is_in_time else [SwitchDeadline])


def test_what_follows_a_thousand_messages_has_their_time_too(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    answers_barriers_after(connection, 0.3)
    registry.connected(connection)
    many = hub.spawn(registry.confirm, [Outgoing(1, ENTRY)] * MESSAGES_PER_SECOND, 0.05)
    hub.sleep(0)
    assert registry.confirm((Outgoing(1, ENTRY),), deadline=0.05) == ()
    hub.joinall([many])
    answers_barriers_after(connection, NEVER)
    (late,) = registry.confirm((Outgoing(1, ENTRY),), deadline=0.05)
    assert isinstance(late, SwitchDeadline), "nothing is before it any more"


def test_what_follows_thousands_of_frames_has_time_for_these(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    registry.connected(connection)
    frames = [Outgoing(1, PacketOut((Flood(),), b"frame"))] * FRAMES_PER_SECOND
    answers_barriers_after(connection, 0.3)
    registry.send(frames)
    assert registry.confirm((Outgoing(1, ENTRY),), deadline=0.05) == ()
    answers_barriers_after(connection, NEVER)
    (late,) = registry.confirm((Outgoing(1, ENTRY),), deadline=0.05)
    assert isinstance(late, SwitchDeadline), "all of them are done"
    # One that is dead is sent frames, too.
    peer = SwitchPeer(connection, connection.codec)
    connection.reply = lambda _message: None
    connection.write = lambda _data: True  # type: ignore[method-assign]
    for _ in range(20 * FRAMES_PER_SECOND):
        peer.write(b"")
    assert peer.patience(2.0) == 2.0 + MOST_FOR_FRAMES


def test_entries_that_are_to_be_confirmed_are_counted_once(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    peer = SwitchPeer(connection, connection.codec)
    connection.write = lambda _data: True  # type: ignore[method-assign]
    count = 2 * FRAMES_PER_SECOND
    for _ in range(count):
        peer.write(b"")
    barrier = SwitchRequest(1, count + 1, lambda: None, {xid: xid for xid in range(count)})
    peer.request(barrier)
    assert peer.patience(2.0) == 2.0 + count // MESSAGES_PER_SECOND
    # Frames behind them, or before, are counted beside them.
    for _ in range(FRAMES_PER_SECOND):
        peer.write(b"")
    assert peer.patience(2.0) == 2.0 + count // MESSAGES_PER_SECOND + 1
    barrier.finish()
    assert peer.patience(2.0) == 2.0 + 1, "the frames behind them are not done yet"


def test_entries_of_which_nobody_hears_any_more_are_before_all_else(
    registry: SwitchRegistry,
) -> None:
    connection = FakeConnection(1)
    peer = SwitchPeer(connection, connection.codec)
    connection.write = lambda _data: True  # type: ignore[method-assign]
    for _ in range(FRAMES_PER_SECOND):
        peer.write(b"")
    barrier = SwitchRequest(1, 9, lambda: None, {xid: xid for xid in range(FRAMES_PER_SECOND)})
    peer.request(barrier)
    barrier.fail(FailureKind.LATE, "no barrier within 2 s")
    barrier.finish()
    assert peer.patience(2.0) == 2.0 + 1


def test_an_answer_that_came_while_the_hub_was_held_up_is_in_time(
    registry: SwitchRegistry,
) -> None:
    connection = FakeConnection(1)
    registry.connected(connection)

    def reply(data: bytes) -> None:
        if data[1] == 20:
            time.sleep(0.3)
            # The hub reads sockets after it has woken those whose time is over.
            hub.spawn_after(0, connection.received, message(4, 21, xid_of(data)))

    connection.reply = reply
    assert registry.confirm((Outgoing(1, ENTRY),), deadline=0.1) == ()


def test_silence_ends_at_the_deadline(registry: SwitchRegistry) -> None:
    registry.connected(FakeConnection(1))
    (error,) = registry.confirm((Outgoing(1, ENTRY),), deadline=0.05)
    assert isinstance(error, SwitchDeadline)


def test_absence_is_noticed_at_once_and_on_the_way(registry: SwitchRegistry) -> None:
    (error,) = registry.confirm((Outgoing(1, ENTRY),))
    assert isinstance(error, SwitchAway)
    connection = FakeConnection(1)
    connection.reply = lambda data: leave(registry, connection)
    registry.connected(connection)
    errors = registry.confirm((Outgoing(1, ENTRY),), deadline=5.0)
    assert [type(error) for error in errors] == [SwitchAway]


def test_answers_of_strangers_are_left_to_ryu(registry: SwitchRegistry) -> None:
    connection = join(registry, 1)
    assert not connection.received(message(4, 21, 1))
    assert not FakeConnection(1).received(message(4, 21, 1))


def test_a_newer_connection_is_not_ended_by_the_older(registry: SwitchRegistry) -> None:
    old, new = FakeConnection(1), FakeConnection(1)
    registry.connected(old)
    registry.connected(new)
    registry.disconnected(old)
    assert registry.get(1) is new
    registry.disconnected(new)
    with pytest.raises(SwitchAway):
        registry.get(1)


def groups(connection: FakeConnection) -> list[int]:
    return [int.from_bytes(data[8:10], "big") for data in connection.sent if data[1] == 15]


def test_an_unknown_group_is_added_and_modified_then_only_modified(
    registry: SwitchRegistry,
) -> None:
    connection = join(registry, 1)
    registry.send(
        (Outgoing(1, FloodPorts(frozenset({1}))), Outgoing(1, FloodPorts(frozenset({2}))))
    )
    assert groups(connection) == [0, 1, 1]


def test_a_group_known_to_be_absent_is_added(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    connection.reply = lambda data: connection.received(
        message(4, 19, xid_of(data), b"\0\7\0\0\0\0\0\0")
    )
    registry.connected(connection)
    assert registry.flood_group(1) is None
    registry.send((Outgoing(1, FloodPorts(frozenset({1}))),))
    assert groups(connection) == [0]


def test_a_group_that_others_deleted_is_added_again(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    connection.reply = lambda data: connection.received(
        message(4, 19, xid_of(data), b"\0\7\0\0\0\0\0\0")
    )
    registry.connected(connection)
    registry.send((Outgoing(1, FloodPorts(frozenset({1}))),))
    connection.sent.clear()
    assert registry.flooding_ports(1) is None
    registry.send((Outgoing(1, FloodPorts(frozenset({1}))),))
    assert groups(connection) == [0, 1], "whether it is there is not known for sure"


def test_a_1_0_switch_floods_by_the_ports_without_no_flood(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1, version=1)
    ports = b"".join(
        struct.pack("!H6s16sIIIIII", number, bytes(6), b"", config, 0, 0, 0, 0, 0)
        for number, config in ((1, 0), (2, 1 << 4), (3, 1 << 5), (4, 1 << 4 | 1), (0xFFFE, 0))
    )
    connection.reply = lambda data: connection.received(
        message(1, 6, xid_of(data), bytes(24) + ports)
    )
    registry.connected(connection)
    assert registry.flooding_ports(1) == {1, 3, LOCAL_PORT}
    assert [data[1] for data in connection.sent] == [5]


@pytest.mark.parametrize("size", [0, 10, 24, 30, 47, 71, 73])
def test_a_features_reply_cut_short_names_no_port_twice(size: int) -> None:
    whole = bytes(24) + struct.pack("!H46x", 1)
    found = codec10.CODEC10.read_flooding_ports(message(1, 6, 0, (whole + whole)[:size]))
    assert found <= {0, 1}


def test_a_refused_question_raises(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    connection.reply = lambda data: connection.received(
        message(4, 1, xid_of(data), struct.pack("!HH", 1, 6))
    )
    registry.connected(connection)
    with pytest.raises(SwitchError, match="BAD_REQUEST"):
        registry.flow_entries(1)


def test_what_comes_too_late_is_dropped_not_left_to_ryu(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    registry.connected(connection)
    with pytest.raises(SwitchDeadline):
        registry.flow_entries(1, deadline=0.01)
    xid = xid_of(connection.sent[-1])
    more, last = b"\0\1\0\1\0\0\0\0", b"\0\1\0\0\0\0\0\0"
    assert connection.received(message(4, 19, xid, more))
    assert connection.received(message(4, 19, xid, last))
    assert not connection.received(message(4, 19, xid, last))


def test_a_message_is_refused_once_however_often_the_switch_says_so(
    registry: SwitchRegistry,
) -> None:
    connection = FakeConnection(1)

    def reply(data: bytes) -> None:
        for _ in range(3 if data[1] == 14 else 0):
            connection.received(message(4, 1, xid_of(data), struct.pack("!HH", 5, 1)))
        if data[1] == 20:
            connection.received(message(4, 21, xid_of(data)))

    connection.reply = reply
    registry.connected(connection)
    assert len(registry.confirm((Outgoing(1, ENTRY), Outgoing(1, ENTRY)))) == 2


def test_what_cannot_be_sent_to_one_switch_costs_no_other(registry: SwitchRegistry) -> None:
    join(registry, 1)
    healthy = join(registry, 2)
    too_many = FloodPorts(frozenset(range(1, 2100)))
    (error,) = registry.confirm((Outgoing(1, too_many), Outgoing(2, ENTRY)))
    assert error.dpid == 1
    assert [data[1] for data in healthy.sent] == [14, 20]


def test_a_frame_too_large_for_a_packet_out_is_dropped_alone(
    registry: SwitchRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    join(registry, 1)
    healthy = join(registry, 2)
    giant = Outgoing(1, PacketOut((Flood(),), bytes(65517), 1))
    registry.send((giant, giant, Outgoing(2, ENTRY)))
    assert [data[1] for data in healthy.sent] == [14]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_who_waits_for_a_connection_that_is_replaced_is_told_at_once(
    registry: SwitchRegistry,
) -> None:
    old = FakeConnection(1)
    old.reply = lambda data: registry.connected(FakeConnection(1))
    registry.connected(old)
    errors = registry.confirm((Outgoing(1, ENTRY),), deadline=5.0)
    assert [type(error) for error in errors] == [SwitchAway]


def test_questions_without_end_are_an_error_of_the_switch(registry: SwitchRegistry) -> None:
    registry.connected(FakeConnection(1))
    for _ in range(MAX_WAITING):
        registry.ask(1, lambda codec, xid: codec.encode_echo_request(xid), lambda: None)
    with pytest.raises(SwitchError, match="wait for an answer already"):
        registry.ask(1, lambda codec, xid: codec.encode_echo_request(xid), lambda: None)


def test_a_large_table_lets_others_run_between_its_pieces(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)
    running = []

    def reply(data: bytes) -> None:
        for more in (1, 1, 0):
            body = struct.pack("!HH4x", 1, more)
            connection.received(message(4, 19, xid_of(data), body))
        hub.spawn(running.append, "other")

    connection.reply = reply
    registry.connected(connection)
    assert registry.flow_entries(1) == ()
    assert running == ["other"]


QUERIES = (EntryQuery(cookie=5, mask=255), FloodQuery())


class Repeating:
    """A 1.3 switch that has answered QUERIES once, and what is told of the same asked again."""

    def __init__(self, registry: SwitchRegistry) -> None:
        self.registry, self.connection = registry, FakeConnection(1)
        self.more, self.tail = 0, b""
        self.told: list[bool] = []
        self.connection.reply = self._reply
        registry.connected(self.connection)

    def _reply(self, data: bytes) -> None:
        while data:
            size = int.from_bytes(data[2:4], "big")
            body = data[8:10] + struct.pack("!H4x", self.more) + self.tail
            self.connection.received(message(4, 19, xid_of(data), body))
            data = data[size:]

    def first(self) -> list[SwitchAnswer]:
        answers = self.registry.read(1, QUERIES)
        assert not any(isinstance(one, SwitchError) for one in answers)
        self.connection.sent.clear()
        return answers  # type: ignore[return-value]

    def again(self, answers: list[SwitchAnswer]) -> object:
        request = self.registry.repeat(1, answers, self.told.append)
        for _ in range(2):
            hub.sleep(0)
        return request


def test_what_was_answered_is_asked_again_in_one_write_and_nobody_waits(
    registry: SwitchRegistry,
) -> None:
    switch = Repeating(registry)
    answers = switch.first()
    assert switch.again(answers) is not None
    assert switch.told == [True]
    (sent,) = switch.connection.sent
    assert (len(sent), sent[1], sent[57]) == (56 + 16, 18, 18)
    switch.tail = bytes(8)
    switch.again(answers)
    assert switch.told == [True, False]


def test_who_refuses_leaves_unanswered_or_is_gone_does_not_say_the_same(
    registry: SwitchRegistry,
) -> None:
    switch = Repeating(registry)
    answers, answer = switch.first(), switch.connection.reply

    def refuse(data: bytes) -> None:
        answer(data[56:])
        switch.connection.received(message(4, 1, xid_of(data), struct.pack("!HH", 1, 6)))

    switch.connection.reply = refuse
    switch.again(answers)
    assert switch.told == [False]
    switch.connection.reply = lambda data: answer(data[56:])
    late = registry.repeat(1, answers, switch.told.append)
    hub.sleep(0)
    assert late is not None
    assert switch.told == [False]
    late.give_up()
    assert switch.told == [False, False]
    switch.connection.abort("")
    switch.again(answers)
    assert switch.told == [False, False, False]
    leave(registry, switch.connection)
    assert switch.again(answers) is None


def test_what_cannot_be_compared_is_not_asked_again(registry: SwitchRegistry) -> None:
    switch = Repeating(registry)
    answers = switch.first()
    registry.connected(FakeConnection(1))
    assert registry.repeat(1, answers, switch.told.append) is None
    registry.connected(FakeConnection(1, version=1))
    assert registry.repeat(1, answers, switch.told.append) is None
    full = Repeating(registry)
    answers = full.first()
    for _ in range(MAX_WAITING // 2):
        assert registry.repeat(1, answers, full.told.append) is not None
    assert registry.repeat(1, answers, full.told.append) is None
    assert full.told == []


def test_an_answer_in_pieces_is_not_asked_again(registry: SwitchRegistry) -> None:
    connection = FakeConnection(1)

    def reply(data: bytes) -> None:
        for more in (1, 0):
            connection.received(message(4, 19, xid_of(data), struct.pack("!HH4x", 1, more)))

    connection.reply = reply
    registry.connected(connection)
    (answer,) = registry.read(1, QUERIES[:1])
    assert registry.repeat(1, [answer], lambda _same: None) is None  # type: ignore[list-item]


def test_a_fault_in_the_part_of_one_switch_leaves_the_others_theirs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = SwitchRegistry(GreenRuntime())
    first, second = FakeConnection(1), FakeConnection(2)
    second.reply = lambda data: second.received(message(4, 21, xid_of(data))) and None
    for connection in (first, second):
        registry.connected(connection)

    def fail(_data: bytes) -> bool:
        raise KeyError("a fault of ours")

    first.write = fail  # type: ignore[method-assign]
    registry.send([Outgoing(1, ENTRY), Outgoing(2, ENTRY), Outgoing(1, ENTRY)])
    assert len(second.sent) == 1
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1
    errors = registry.confirm([Outgoing(1, ENTRY), Outgoing(2, ENTRY)])
    assert [error.dpid for error in errors] == [1]
    assert len(second.sent) == 3
