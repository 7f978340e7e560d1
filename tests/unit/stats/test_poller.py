"""Asking and taking answers, over switches that answer, refuse, or stay silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from horizon_ryu.core.errors import SwitchAway
from horizon_ryu.core.stats.polling import Polling
from horizon_ryu.core.stats.samples import StatsCache
from horizon_ryu.core.stats.stats_types import stats_types_of
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.switch_stats.poller import Poller
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codec13 import CODEC13
from horizon_ryu.wire.session import FailureKind
from horizon_ryu.wire.stats.types import StatsType
from unit.stats.captures import pieces
from xen_bridge.runtime.green import GreenRuntime


class Line:
    """Stands for the registry: answers at once with what Open vSwitch said."""

    def __init__(self) -> None:
        self.asked: list[StatsType] = []
        self.silent: set[StatsType] = set()
        self.refused: set[StatsType] = set()
        self.away = False
        self.given_up: list[str] = []
        self.notes: list[tuple[int, str, bool]] = []

    def noted(self, dpid: int, kind: str, is_answered: bool) -> None:
        self.notes.append((dpid, kind, is_answered))

    def ask(
        self, dpid: int, encode: Callable[[Codec, int], bytes], wake: Callable[[], None]
    ) -> SwitchRequest:
        if self.away:
            raise SwitchAway(dpid)
        kind = next(kind for kind in StatsType if kind_of(encode(CODEC13, 7)) == kind_of_kind(kind))
        self.asked.append(kind)
        question = SwitchRequest(dpid, 7, wake)
        self.waiting = question
        if kind in self.silent:
            return question
        if kind in self.refused:
            question.fail(FailureKind.REFUSED, "no")
        else:
            question.pieces += pieces(4, kind)
        self.later.append(question)
        return question

    later: list[SwitchRequest]

    def give_up(self, question: SwitchRequest, reason: str) -> None:
        self.given_up.append(reason)
        question.fail(FailureKind.LATE, reason)
        question.finish()


def kind_of(data: bytes) -> tuple[int, bytes]:
    return data[1], data[8:10]


def kind_of_kind(kind: StatsType) -> tuple[int, bytes]:
    from horizon_ryu.wire.stats.requests import encode

    return kind_of(encode(4, kind, 7))


class Bench:
    def __init__(self) -> None:
        self.now = 0.0
        self.line = Line()
        self.line.later = []
        self.book = StatsCache(1 << 26, 1 << 30)
        self.polling = Polling(StatsTimers(), 3.0)
        self.poller = Poller(self.polling, self.book, self.line, GreenRuntime(), lambda: self.now)
        self.book.joined(1, "192.0.2.1:1", 4)
        self.poller.joined(1, stats_types_of(capabilities_of(4)))

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds * 20)):
            self.now += 0.05
            for ask in self.polling.due(self.now):
                self.poller._ask(ask)
            answered, self.line.later = self.line.later, []
            for question in answered:
                question.finish()
            for ask in self.polling.overdue(self.now, self.poller._pieces):
                self.poller._give_up(ask)


def test_everything_is_asked_soon_and_kept() -> None:
    bench = Bench()
    bench.pass_time(2)
    assert set(bench.line.asked) == set(stats_types_of(capabilities_of(4)))
    switch: Any = bench.book.switches[1]
    wanted = set(stats_types_of(capabilities_of(4))) - {StatsType.ECHO, StatsType.TABLE_FEATURES}
    assert set(switch.latest) == wanted
    assert switch.rtt is not None
    assert bench.poller.outcomes["kept"] == len(wanted)


def test_each_class_keeps_its_own_pace() -> None:
    bench = Bench()
    bench.pass_time(61)
    counts = {kind: bench.line.asked.count(kind) for kind in StatsType}
    assert 12 <= counts[StatsType.PORTS] <= 14
    assert 6 <= counts[StatsType.FLOWS] <= 8
    assert counts[StatsType.DESC] == 2
    assert counts[StatsType.TABLE_FEATURES] == 1


def test_a_silent_question_holds_up_no_other_and_is_not_repeated_while_open() -> None:
    bench = Bench()
    bench.line.silent = {StatsType.FLOWS}
    bench.pass_time(2)
    assert bench.line.asked.count(StatsType.FLOWS) == 1
    bench.pass_time(60)
    assert bench.line.given_up
    assert bench.line.asked.count(StatsType.FLOWS) < 6, "asked less often"
    assert StatsType.FLOWS not in bench.book.switches[1].latest
    assert bench.book.switches[1].age(StatsType.PORTS, bench.now) < 6
    bench.line.silent = set()
    bench.pass_time(90)
    assert StatsType.FLOWS in bench.book.switches[1].latest


def test_what_a_living_switch_leaves_unanswered_is_told() -> None:
    bench = Bench()
    bench.line.silent = {StatsType.FLOWS}
    bench.pass_time(60)
    assert (1, "flows", False) in bench.line.notes
    assert (1, "ports", True) in bench.line.notes
    assert (1, "ports", False) not in bench.line.notes


def test_what_a_dead_switch_leaves_unanswered_says_nothing_of_it() -> None:
    bench = Bench()
    bench.line.silent = set(StatsType)
    bench.pass_time(60)
    assert bench.line.given_up
    assert bench.line.notes == []


def test_refusals_and_departures_leave_nothing_open() -> None:
    bench = Bench()
    bench.line.refused = {StatsType.TABLES}
    bench.pass_time(15)
    assert bench.poller.outcomes["missed"] >= 1
    assert StatsType.TABLES not in bench.book.switches[1].latest
    bench.line.silent = set(StatsType)
    bench.pass_time(2)
    bench.poller.left(1)
    bench.book.left(1)
    assert bench.poller._open == {}
    bench.line.away = True
    bench.book.joined(1, "192.0.2.1:1", 4)
    bench.poller.joined(1, stats_types_of(capabilities_of(4)))
    bench.pass_time(10)
    assert bench.poller._open == {}
