"""Link latency: what known links take is the measure of a new one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery.link_latency import ALLOWANCE, ENOUGH, KEPT, SAMPLES, LinkLatency
from horizon_ryu.core.topology import Link, PortRef

KNOWN = Link(PortRef(1, 1), PortRef(2, 1))
NEW = Link(PortRef(1, 2), PortRef(3, 2))
TIMES = st.floats(0.0, 10.0)


def known(times: list[float], factor: float = 3.0) -> LinkLatency:
    latency = LinkLatency(factor)
    for seconds in times:
        latency.note(KNOWN, seconds)
    return latency


@given(st.lists(TIMES, min_size=ENOUGH, max_size=2 * KEPT), st.lists(TIMES, max_size=10))
def test_slow_is_what_no_known_probe_of_late_took_three_times(
    times: list[float], samples: list[float]
) -> None:
    latency = known(times)
    bound = latency.bound(NEW)
    assert bound is not None
    recent = times[-KEPT:]
    assert 3 * min(recent) + ALLOWANCE <= bound <= 3 * max(recent) + ALLOWANCE
    assert latency.is_slow(NEW, samples) == (len(samples) >= SAMPLES and min(samples) > bound)


@given(st.lists(TIMES, max_size=ENOUGH - 1), st.lists(TIMES, max_size=10))
def test_who_knows_little_suspects_nobody(times: list[float], samples: list[float]) -> None:
    assert not known(times).is_slow(NEW, samples)


@given(st.lists(TIMES, max_size=20), st.lists(TIMES, max_size=10))
def test_a_factor_of_zero_suspects_nobody(times: list[float], samples: list[float]) -> None:
    assert not known(times, factor=0.0).is_slow(NEW, samples)


def test_a_controller_that_gets_slow_makes_all_slow() -> None:
    latency = known([0.001] * KEPT)
    assert latency.is_slow(NEW, [0.5] * SAMPLES)
    for _ in range(KEPT):
        latency.note(KNOWN, 0.4)
    assert not latency.is_slow(NEW, [0.5] * SAMPLES)


def test_one_fast_probe_is_enough() -> None:
    assert not known([0.001] * KEPT).is_slow(NEW, [0.5, 0.5, 0.002, 0.5])


def test_a_switch_that_left_is_forgotten() -> None:
    latency = known([0.001] * KEPT)
    latency.forget(1)
    assert latency.bound(NEW) is None
