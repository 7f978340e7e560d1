"""Turns of connections: how much of one is dealt with before all others have their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from horizon_ryu.slicer.active_slices import ACTIVE_SECONDS, ActiveSlices
from horizon_ryu.slicer.turns import (
    MESSAGES_A_TURN,
    MESSAGES_ALONE,
    SENT_AFTER,
    TIMED,
    TURN_NS,
    TurnTaker,
)
from horizon_ryu.wire.session.events import SessionEvent

_MESSAGE = SessionEvent.MESSAGE


class OneLoop:
    """Runs what is to be called soon, one round after the other."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []
        self.now = 100.0

    def time(self) -> float:
        return self.now

    def call_soon(self, what: Callable[[], None]) -> None:
        self.due.append(what)

    def round(self) -> None:
        due, self.due = self.due, []
        for what in due:
            what()


class Transport:
    def __init__(self) -> None:
        self.is_paused = self.is_aborted = False
        self.switched = 0

    def pause_reading(self) -> None:
        self.is_paused = True
        self.switched += 1

    def resume_reading(self) -> None:
        self.is_paused = False
        self.switched += 1

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


class Owner:
    """Notes what it takes, turn by turn, and how long each message keeps it busy."""

    def __init__(self, active: ActiveSlices | None = None) -> None:
        self.loop, self.transport = OneLoop(), Transport()
        self.turns: list[list[bytes]] = []
        self.sent_after: list[int] = []
        self.timed: list[int] = []
        self.turn_began = 0
        self.now, self.costs = 1, 0
        self.failed: list[Exception] = []
        loop: Any = self.loop
        transport: Any = self.transport
        self.taker = TurnTaker(loop, self, transport, lambda: self.now, active)

    def begin_turn(self) -> None:
        self.turns.append([])
        self.timed.append(self.turn_began)

    def take(self, event: SessionEvent, message: bytes) -> None:
        if message == b"fault":
            raise ValueError("a fault of ours")
        self.turns[-1].append(message)
        self.now += self.costs

    def end_turn(self) -> None:
        self.sent_after.append(sum(map(len, self.turns)))

    def turn_failed(self, error: Exception) -> None:
        self.failed.append(error)

    def feed(self, count: int, message: bytes = b"one") -> None:
        self.taker.feed(iter([(_MESSAGE, message)] * count))


def test_a_flood_is_dealt_with_a_few_messages_at_a_time() -> None:
    one, other = Owner(), Owner()
    other.loop = one.loop
    one.feed(10 * MESSAGES_A_TURN)
    assert len(one.turns) == 1
    assert len(one.turns[0]) == MESSAGES_A_TURN
    other.taker.take_alone(_MESSAGE, b"two")
    assert other.turns == [[b"two"]], "it does not wait for the flood"
    for _ in range(20):
        one.loop.round()
    assert [len(turn) for turn in one.turns if turn] == 10 * [MESSAGES_A_TURN]
    assert not one.loop.due
    assert one.taker.is_idle


def test_a_turn_ends_early_where_messages_are_long_work() -> None:
    owner = Owner()
    owner.costs = TURN_NS + 1
    owner.feed(3)
    for _ in range(5):
        owner.loop.round()
    assert [len(turn) for turn in owner.turns if turn] == [1, 1, 1]


def test_a_peer_is_not_read_while_more_waits_than_it_has_sent_at_once() -> None:
    owner = Owner()
    owner.feed(2 * MESSAGES_A_TURN)
    assert not owner.transport.is_paused, "what is left of one chunk is little"
    owner.feed(2 * MESSAGES_A_TURN)
    assert owner.transport.is_paused
    while owner.loop.due:
        owner.loop.round()
    assert not owner.transport.is_paused
    assert owner.transport.switched == 2
    assert sum(map(len, owner.turns)) == 4 * MESSAGES_A_TURN


def test_messages_are_dealt_with_in_the_order_of_coming() -> None:
    owner = Owner()
    owner.feed(MESSAGES_A_TURN + 1, b"first")
    owner.feed(1, b"last")
    while owner.loop.due:
        owner.loop.round()
    taken = [message for turn in owner.turns for message in turn]
    assert taken == [b"first"] * (MESSAGES_A_TURN + 1) + [b"last"]


def test_an_error_of_ours_ends_this_connection_alone() -> None:
    for alone in (True, False):
        owner = Owner()
        if alone:
            owner.taker.take_alone(_MESSAGE, b"fault")
        else:
            owner.feed(5, b"fault")
        assert len(owner.failed) == 1
        assert owner.transport.is_aborted
        assert owner.taker.is_idle


def test_one_in_a_few_turns_is_timed() -> None:
    owner = Owner()
    for _ in range(2 * TIMED):
        owner.taker.take_alone(_MESSAGE, b"one")
    assert [at for at, began in enumerate(owner.timed) if began] == [0, TIMED]
    assert owner.turn_began == 0, "outside of turns nothing is timed"


def test_a_connection_that_is_closing_has_no_more_turns() -> None:
    owner = Owner()
    owner.transport.is_aborted = True
    owner.feed(3 * MESSAGES_A_TURN)
    assert not owner.loop.due
    assert owner.taker.is_idle


def test_the_loop_that_runs_the_turns_is_asyncios() -> None:
    async def run() -> list[list[bytes]]:
        owner = Owner()
        transport: Any = owner.transport
        taker = TurnTaker(asyncio.get_running_loop(), owner, transport)
        taker.feed(iter([(_MESSAGE, b"one")] * (MESSAGES_A_TURN + 1)))
        while not taker.is_idle:
            await asyncio.sleep(0)
        return owner.turns

    assert sum(map(len, asyncio.run(run()))) == MESSAGES_A_TURN + 1


def test_turns_are_longer_while_no_other_slice_sends() -> None:
    active = ActiveSlices()
    owner = Owner(active)

    def lengths() -> set[int]:
        owner.turns.clear()
        owner.feed(4 * MESSAGES_ALONE)
        while owner.loop.due:
            owner.loop.round()
        return {len(turn) for turn in owner.turns if turn}

    active.note("one", owner.loop.now)
    assert lengths() == {MESSAGES_ALONE}
    active.note("other", owner.loop.now)
    assert lengths() == {MESSAGES_A_TURN}
    owner.loop.now += ACTIVE_SECONDS
    assert lengths() == {MESSAGES_ALONE}


def test_what_comes_of_short_turns_is_sent_together() -> None:
    owner = Owner()
    owner.feed(2 * SENT_AFTER + 1)
    while owner.loop.due:
        owner.loop.round()
    assert owner.sent_after == [SENT_AFTER, 2 * SENT_AFTER, 2 * SENT_AFTER + 1]


def test_what_comes_of_long_work_is_sent_at_once() -> None:
    owner = Owner()
    owner.costs = TURN_NS + 1
    owner.feed(2)
    while owner.loop.due:
        owner.loop.round()
    assert owner.sent_after[:2] == [1, 2]


def test_what_has_come_of_a_connection_that_ends_amid_its_turns_is_sent() -> None:
    owner = Owner()
    owner.feed(SENT_AFTER)
    assert owner.sent_after == []
    owner.transport.is_aborted = True
    owner.loop.round()
    assert owner.sent_after == [2 * MESSAGES_A_TURN]
    assert not owner.loop.due
