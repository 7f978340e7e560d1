"""When switches are asked: spread, never twice at once, and without waiting for the silent."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.stats.polling import HEAVY, HEAVY_GAP, MAX_SKIPPED, Ask, Polling
from horizon_ryu.core.stats.ring import Ring
from horizon_ryu.core.stats.stats_types import STATS_TYPES_10, STATS_TYPES_13, stats_types_of
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.stats.types import StatsType

STEP = 0.001
PORTS_ONLY = (StatsType.PORTS,)


def polling(**timers: float) -> Polling:
    return Polling(StatsTimers(**timers), deadline=2.0)


def run(
    core: Polling, start: float, seconds: float, answers: bool = True
) -> list[tuple[float, Ask]]:
    """Step through the time; answer each question at once, or none."""
    asked = []
    for step in range(round(seconds / STEP)):
        now = start + step * STEP
        for ask in core.due(now):
            asked.append((now, ask))
            if answers:
                core.answered(ask)
    return asked


def test_a_new_switch_is_asked_everything_soon() -> None:
    core = polling()
    core.joined(1, STATS_TYPES_13)
    first = [ask.kind for _, ask in run(core, 100.0, HEAVY_GAP + 0.1)]
    assert set(first) == set(STATS_TYPES_13)
    assert len(first) == len(STATS_TYPES_13)


def test_versions_are_asked_what_they_know() -> None:
    assert set(stats_types_of(capabilities_of(1))) == set(STATS_TYPES_10)
    assert set(stats_types_of(capabilities_of(4))) - set(stats_types_of(capabilities_of(1))) == {
        StatsType.PORT_DESC,
        StatsType.TABLE_FEATURES,
    }


def test_each_switch_has_one_turn_per_interval() -> None:
    core = polling(ports_interval=5.0)
    for dpid in range(1, 101):
        core.joined(dpid, PORTS_ONLY)
    run(core, 0.0, 5.0)
    turns = Counter(ask.dpid for _, ask in run(core, 5.0, 10.0))
    assert set(turns) == set(range(1, 101))
    assert set(turns.values()) == {2}


def test_two_hundred_switches_that_join_at_once_are_never_asked_in_a_burst() -> None:
    core = polling()
    for dpid in range(1, 201):
        core.joined(dpid, STATS_TYPES_13)
    asked = run(core, 0.0, 30.0)
    per_tenth = Counter(int(now * 10) for now, _ in asked)
    assert max(per_tenth.values()) <= 100  # 50 first questions and 45 turns
    heavy = [now for now, ask in asked if ask.kind in HEAVY]
    gaps = [after - before for before, after in pairwise(heavy)]
    assert min(gaps) >= HEAVY_GAP - 2 * STEP


def test_a_question_is_not_repeated_while_it_is_open() -> None:
    core = polling(ports_interval=0.1)
    core.joined(1, PORTS_ONLY)
    assert len(run(core, 0.0, 5.0, answers=False)) == 1
    ask = Ask(1, StatsType.PORTS)
    assert core.is_open(ask)
    core.hurry(1, StatsType.PORTS, 5.0)
    assert not run(core, 5.0, 3.0, answers=False)
    core.answered(ask)
    assert len(run(core, 8.0, 1.0)) >= 9


def test_an_answer_that_stops_coming_is_given_up_and_one_that_grows_is_not() -> None:
    core = polling()
    core.joined(1, (StatsType.FLOWS,))
    (ask,) = core.due(10.0)
    pieces = {ask: 0}
    assert core.overdue(11.9, pieces.__getitem__) == ()
    pieces[ask] = 1
    assert core.overdue(12.5, pieces.__getitem__) == ()
    assert core.overdue(14.4, pieces.__getitem__) == ()
    assert core.overdue(14.6, pieces.__getitem__) == (ask,)


def test_not_even_a_steady_drip_keeps_a_question_open_for_ever() -> None:
    core = polling()
    core.joined(1, (StatsType.FLOWS,))
    (ask,) = core.due(0.0)
    times = iter(range(1, 1000))
    now = next(n for n in times if core.overdue(float(n), lambda _: n))  # noqa: B023
    assert now == 13
    core.missed(ask)
    assert not core.is_open(ask)


def test_a_silent_switch_loses_turns_and_delays_nobody() -> None:
    core = polling(ports_interval=1.0)
    core.joined(1, PORTS_ONLY)
    core.joined(2, PORTS_ONLY)
    asked: dict[int, list[float]] = defaultdict(list)
    for step in range(100_000):
        now = step * 0.01
        for ask in core.due(now):
            asked[ask.dpid].append(now)
            (core.missed if ask.dpid == 1 else core.answered)(ask)
    assert len(asked[2]) >= 999
    assert len(asked[1]) <= 1000 / (1 + MAX_SKIPPED) + 8
    gaps = [round(b - a) for a, b in pairwise(asked[1])]
    assert gaps[-1] == 1 + MAX_SKIPPED
    core.answered(Ask(1, StatsType.PORTS))
    assert sum(ask.dpid == 1 for _, ask in run(core, 1000.0, 5.0)) >= 4


def test_a_hurried_question_is_asked_at_once_but_not_again_within_a_second() -> None:
    core = polling(ports_interval=100.0)
    core.joined(1, PORTS_ONLY)
    run(core, 0.0, 1.0)
    for step in range(100):
        core.hurry(1, StatsType.PORTS, 10.0 + step / 100)
    times = [now for now, _ in run(core, 10.0, 5.0)]
    assert times == [10.0]
    core.hurry(1, StatsType.PORTS, 15.0)
    core.hurry(9, StatsType.PORTS, 15.0)
    core.hurry(1, StatsType.FLOWS, 15.0)
    assert [ask for _, ask in run(core, 15.0, 1.0)] == [Ask(1, StatsType.PORTS)]


def test_a_switch_hurried_before_its_first_turn_keeps_its_turns() -> None:
    core = polling(ports_interval=1.0)
    core.joined(1, PORTS_ONLY)
    core.hurry(1, StatsType.PORTS, 0.0)
    assert len(run(core, 0.0, 10.0)) >= 9


def test_a_switch_that_left_is_asked_no_more() -> None:
    core = polling(ports_interval=0.1)
    core.joined(1, STATS_TYPES_10)
    core.joined(2, PORTS_ONLY)
    run(core, 0.0, 1.0, answers=False)
    core.left(1)
    core.missed(Ask(1, StatsType.PORTS))
    core.answered(Ask(1, StatsType.FLOWS))
    core.answered(Ask(2, StatsType.PORTS))
    assert {ask.dpid for _, ask in run(core, 1.0, 2.0)} == {2}
    core.left(2)
    assert core.next_due() == float("inf")
    assert core.overdue(1e9, lambda _: 0) == ()


def test_a_switch_that_comes_back_is_asked_once_per_turn() -> None:
    core = polling(ports_interval=1.0)
    for _ in range(5):
        core.joined(1, PORTS_ONLY)
    assert len(run(core, 0.0, 10.0)) <= 11


def test_a_delay_is_not_made_up_for_by_a_burst() -> None:
    core = polling(ports_interval=1.0)
    for dpid in range(1, 101):
        core.joined(dpid, PORTS_ONLY)
    run(core, 0.0, 3.0)
    assert len(core.due(60.0)) <= 6


def test_timers_take_effect_from_the_next_turn_on() -> None:
    core = polling(ports_interval=100.0)
    core.joined(1, PORTS_ONLY)
    run(core, 0.0, 1.0)
    core.set_timers(StatsTimers(ports_interval=0.5))
    assert core.timers.ports_interval == 0.5
    assert len(run(core, 1.0, 10.0)) >= 19
    with pytest.raises(InvalidInput, match="ports_interval"):
        StatsTimers(ports_interval=0)


@given(st.lists(st.tuples(st.sampled_from(["add", "drop", "turn"]), st.integers(1, 6))))
def test_a_ring_never_gives_anybody_two_turns_at_once(steps: list[tuple[str, int]]) -> None:
    ring, members, now = Ring(1.0), set(), 0.0
    for what, number in steps:
        now += 0.3 * number
        if what == "add" and number not in members:
            members.add(number)
            ring.add(number, now)
        elif what == "drop":
            members.discard(number)
            ring.discard(number)
        turns = list(ring.due(now))
        assert len(turns) == len(set(turns))
        assert set(turns) <= members
        assert ring.next_turn() > now or not members
        assert len(ring) == len(members)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "leave", "hurry", "answer", "miss", "wait"]),
            st.integers(1, 4),
            st.sampled_from(list(StatsType)),
            st.floats(0, 3),
        ),
        max_size=60,
    )
)
def test_whatever_happens_nobody_is_asked_twice_at_once(
    steps: list[tuple[str, int, StatsType, float]],
) -> None:
    core, here, is_open, now = polling(), set(), set(), 0.0
    for what, dpid, kind, pause in steps:
        now += pause
        ask = Ask(dpid, kind)
        if what == "join":
            core.joined(dpid, STATS_TYPES_13)
            here.add(dpid)
            is_open = {other for other in is_open if other.dpid != dpid}
        elif what == "leave":
            core.left(dpid)
            here.discard(dpid)
            is_open = {other for other in is_open if other.dpid != dpid}
        elif what == "hurry":
            core.hurry(dpid, kind, now)
        elif what == "answer":
            core.answered(ask)
            is_open.discard(ask)
        elif what == "miss":
            core.missed(ask)
            is_open.discard(ask)
        asked = core.due(now)
        assert not is_open & set(asked)
        assert len(asked) == len(set(asked))
        assert all(ask.dpid in here for ask in asked)
        is_open |= set(asked)
        assert not here or core.next_due() < float("inf")
    for ask in core.overdue(now + 100, lambda _: 0):
        core.missed(ask)
        is_open.discard(ask)
    assert not is_open


def test_what_is_asked_equally_often_is_asked_of_a_switch_at_one_time() -> None:
    core = polling()
    for dpid in range(1, 21):
        core.joined(dpid, STATS_TYPES_10)
    run(core, 0.0, 12.0)
    times: dict[int, dict[float, set[StatsType]]] = defaultdict(lambda: defaultdict(set))
    for now, ask in run(core, 12.0, 20.0):
        times[ask.dpid][now].add(ask.kind)
    often = {StatsType.ECHO, StatsType.AGGREGATE, StatsType.PORTS}
    seldom = {StatsType.TABLES, StatsType.FLOWS}
    for told in times.values():
        assert all(kinds >= often for kinds in told.values() if kinds & often)
        assert all(kinds >= seldom for kinds in told.values() if kinds & seldom)
        assert 3 <= sum(often <= kinds for kinds in told.values()) <= 5


def test_turns_go_on_when_what_was_asked_together_is_asked_at_other_intervals() -> None:
    core = polling()
    for dpid in range(1, 6):
        core.joined(dpid, STATS_TYPES_13 if dpid % 2 else STATS_TYPES_10)
    run(core, 0.0, 11.0)
    core.set_timers(StatsTimers(ports_interval=1.0, features_interval=10.0))
    asked = Counter(ask for _, ask in run(core, 11.0, 10.0))
    for dpid in range(1, 6):
        assert 9 <= asked[Ask(dpid, StatsType.PORTS)] <= 11
        assert 1 <= asked[Ask(dpid, StatsType.ECHO)] <= 3
        assert 1 <= asked[Ask(dpid, StatsType.FEATURES)] <= 2
        assert 1 <= asked[Ask(dpid, StatsType.FLOWS)] <= 2
        assert (asked[Ask(dpid, StatsType.PORT_DESC)] > 0) == bool(dpid % 2)
