"""Rates from two readings, whatever happened to the counters in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.stats.rates import NO_RATES, Rates, Reading, rates, total


def test_bits_and_drops_per_second() -> None:
    before, after = Reading(10.0, 1000, 500, 1, 2), Reading(15.0, 6000, 500, 6, 7)
    assert rates(before, after) == Rates(8000.0, 0.0, 2.0)


def test_one_reading_is_no_rate() -> None:
    assert rates(None, Reading(10.0, 1, 2, 3, 4)) == NO_RATES
    same = Reading(10.0, 1, 2, 3, 4)
    assert rates(same, same) == NO_RATES


def test_a_counter_that_was_reset_has_no_rate_and_the_others_have() -> None:
    before, after = Reading(0.0, 10**9, 1000, 5, 0), Reading(1.0, 10, 2000, 5, 4)
    assert rates(before, after) == Rates(None, 8000.0, 4.0)


def test_what_a_switch_does_not_count_has_no_rate() -> None:
    before, after = Reading(0.0, None, 0, None, None), Reading(1.0, None, 100, None, None)
    assert rates(before, after) == Rates(None, 800.0, None)
    assert total(None, 3.0) == 3.0


def test_a_port_made_anew_has_no_rate_though_its_counters_rose() -> None:
    before = Reading(0.0, 10, 10, 0, 0, alive=100.0)
    assert rates(before, Reading(5.0, 500, 500, 0, 0, alive=3.0)) == NO_RATES


def test_the_clock_of_the_switch_counts_where_it_is_believable() -> None:
    before = Reading(0.0, 0, 0, 0, 0, alive=100.0)
    late = Reading(6.0, 1000, 0, 0, 0, alive=105.0)
    assert rates(before, late).rx_bps == pytest.approx(1600.0)
    liar = Reading(5.0, 1000, 0, 0, 0, alive=100.0001)
    assert rates(before, liar).rx_bps == pytest.approx(1600.0)


COUNTER = st.one_of(st.none(), st.integers(0, 2**64 - 1))
READING = st.builds(
    Reading, st.floats(0, 1e6), COUNTER, COUNTER, COUNTER, COUNTER,
    st.one_of(st.none(), st.floats(0, 2**32)),
)  # fmt: skip


@given(READING, READING)
def test_a_rate_is_never_negative_nor_infinite(before: Reading, after: Reading) -> None:
    for value in rates(before, after):
        assert value is None or 0 <= value < 2**64 * 8 / 0.0005
