"""The store of answers: what it keeps, what it refuses, and what it counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.stats.samples import StatsCache, Taken, distinct
from horizon_ryu.wire.stats.types import StatsType

HEAD = bytes(12)


def book(most_flow_bytes: int = 1000, most_bytes: int = 10_000) -> StatsCache:
    made = StatsCache(most_flow_bytes, most_bytes)
    made.joined(1, "192.0.2.1", 4)
    return made


def test_an_answer_replaces_the_last_and_carries_its_age() -> None:
    kept = book()
    assert kept.switches[1].age(StatsType.FLOWS, 5.0) is None
    assert kept.switches[1].pieces(StatsType.FLOWS) == ()
    assert kept.take(1, StatsType.FLOWS, [HEAD + b"one"], 10.0) is Taken.KEPT
    assert kept.take(1, StatsType.FLOWS, [HEAD + b"two"], 12.0) is Taken.KEPT
    assert kept.switches[1].pieces(StatsType.FLOWS) == (HEAD + b"two",)
    assert kept.switches[1].age(StatsType.FLOWS, 15.5) == 3.5
    assert kept.bytes == 15


def test_of_ports_the_last_two_are_kept() -> None:
    kept = book()
    for number in range(4):
        kept.take(1, StatsType.PORTS, [HEAD + bytes([number])], float(number))
    assert kept.switches[1].latest[StatsType.PORTS].at == 3.0
    assert kept.switches[1].before[StatsType.PORTS].at == 2.0
    assert kept.bytes == 26
    kept.left(1)
    assert kept.bytes == 0


def test_pieces_sent_twice_count_once() -> None:
    one, two, last = HEAD + b"one", HEAD + b"two", b"\1" * 12 + b"one"
    assert distinct([one, two, one, last]) == (one, two)
    long = HEAD + bytes(300)
    assert distinct([long + b"a", long + b"b", long + b"a"]) == (long + b"a", long + b"b")


def test_too_large_an_answer_leaves_the_last_in_place() -> None:
    kept = book(most_flow_bytes=100)
    kept.take(1, StatsType.FLOWS, [HEAD], 1.0)
    assert kept.take(1, StatsType.FLOWS, [HEAD + bytes(100)], 2.0) is Taken.TOO_LARGE
    assert kept.take(1, StatsType.DESC, [bytes(5000)], 2.0) is Taken.TOO_LARGE
    assert kept.switches[1].latest[StatsType.FLOWS].at == 1.0


def test_there_is_a_limit_to_all_answers_together() -> None:
    kept = book(most_bytes=1500)
    kept.joined(2, "192.0.2.2", 4)
    assert kept.take(1, StatsType.FLOWS, [bytes(1000)], 1.0) is Taken.KEPT
    assert kept.take(2, StatsType.FLOWS, [bytes(1000)], 1.0) is Taken.NO_ROOM
    assert kept.take(1, StatsType.FLOWS, [bytes(900)], 2.0) is Taken.KEPT
    assert kept.bytes == 900


def test_answers_of_strangers_are_not_kept() -> None:
    kept = book()
    assert kept.take(9, StatsType.FLOWS, [HEAD], 1.0) is Taken.EMPTY
    assert kept.take(1, StatsType.FLOWS, [], 1.0) is Taken.EMPTY
    kept.echoed(9, 0.1, 1.0)
    kept.told_table_features(9, ())
    assert set(kept.switches) == {1}


def test_a_switch_that_comes_back_begins_with_nothing() -> None:
    kept = book()
    kept.take(1, StatsType.PORTS, [HEAD], 1.0)
    kept.echoed(1, 0.002, 1.0)
    kept.joined(1, "192.0.2.9", 1)
    assert kept.switches[1].latest == {}
    assert kept.switches[1].rtt is None
    assert kept.bytes == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(list(StatsType)), st.integers(0, 300)),
        max_size=40,
    )
)
def test_the_bytes_counted_are_the_bytes_kept(steps: list[tuple[int, StatsType, int]]) -> None:
    kept = book(most_flow_bytes=200, most_bytes=700)
    for dpid, kind, size in steps:
        if size == 0:
            kept.joined(dpid, "x", 4)
        else:
            kept.take(dpid, kind, [bytes(size)], 0.0)
        samples = [
            sample
            for switch in kept.switches.values()
            for book_of in (switch.latest, switch.before)
            for sample in book_of.values()
        ]
        assert kept.bytes == sum(len(piece) for sample in samples for piece in sample.pieces)
        assert kept.bytes <= 700


@pytest.mark.parametrize("count", [0, 1, 5])
def test_distinct_pieces_stay_as_they_are(count: int) -> None:
    given_pieces = [HEAD + bytes([number]) for number in range(count)]
    assert distinct(given_pieces) == tuple(given_pieces)
