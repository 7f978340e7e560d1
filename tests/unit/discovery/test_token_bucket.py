"""Token buckets: never more than the rate and one burst, whatever the clock does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.token_bucket import PacketInLimits, TokenBucket


@given(
    st.floats(0.5, 1000),
    st.floats(1, 50),
    st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
)
def test_rate_and_burst_are_never_exceeded(rate: float, burst: float, steps: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate, burst, 0.0), 0.0, 0
    for step in steps:
        now += step
        taken += bucket.take(now) + bucket.take(now)
        assert taken <= burst + rate * now + 1e-6


@given(st.floats(0.5, 1000), st.floats(1, 50))
def test_after_the_wait_there_is_a_token(rate: float, burst: float) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    while bucket.take(0.0):
        pass
    wait = bucket.wait(0.0)
    assert wait > 0
    assert not bucket.take(wait * 0.99)
    assert bucket.take(wait * 1.01 + 1e-9)


def test_a_clock_that_goes_back_costs_nothing() -> None:
    bucket = TokenBucket(1.0, 2.0, 10.0)
    assert bucket.take(5.0)
    assert bucket.take(5.0)
    assert not bucket.take(10.0)
    assert bucket.take(11.0)


def test_one_port_cannot_spend_what_belongs_to_the_switch() -> None:
    limits = PacketInLimits(per_port=10, per_switch=25)
    admitted = [sum(limits.admit(1, number, 0.0) for _ in range(100)) for number in (1, 2, 3)]
    assert admitted == [10, 10, 5]
    assert limits.admit(2, 1, 0.0)


def test_invented_ports_are_bounded_and_forgotten_with_the_switch() -> None:
    limits = PacketInLimits(per_port=10, per_switch=1000, max_ports=3)
    assert [limits.admit(1, number, 0.0) for number in range(5)] == [True, True, True, False, False]
    limits.forget(1)
    assert limits.admit(1, 4, 0.0)


@pytest.mark.parametrize("dpid", [1, 99])
def test_forgetting_is_harmless(dpid: int) -> None:
    limits = PacketInLimits(per_port=1, per_switch=1)
    assert limits.admit(1, 1, 0.0)
    limits.forget(dpid)
    assert limits.admit(1, 1, 0.0) is (dpid == 1)


def test_a_port_that_is_quiet_gives_way_to_one_that_is_new() -> None:
    """In its life a switch may have more ports than at any time, as one of containers has."""
    limits = PacketInLimits(per_port=10, per_switch=1000, max_ports=3)
    assert all(limits.admit(1, number, 10.0 * number) for number in range(100))


def test_ports_that_are_busy_keep_their_buckets() -> None:
    limits = PacketInLimits(per_port=10, per_switch=1000, max_ports=3)
    for number in (1, 2, 3):
        assert sum(limits.admit(1, number, 0.0) for _ in range(20)) == 10
    assert not limits.admit(1, 4, 0.5)
    assert sum(limits.admit(1, 1, 0.5) for _ in range(20)) == 5


def test_many_busy_ports_are_gone_through_in_turns() -> None:
    limits = PacketInLimits(per_port=10, per_switch=1e9, max_ports=40)
    assert all(limits.admit(1, number, 0.0) for number in range(40))
    for number in range(39):
        limits.admit(1, number, 60.0)
    tried = [limits.admit(1, 100, 60.0) for _ in range(10)]
    assert tried.index(True) == 4
