"""Pacing: budgets are kept, nobody waits for another's ports, and no port is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from horizon_ryu.core.discovery.pacing import SLICE, Pacing
from horizon_ryu.core.topology import PortRef

NOBODY: frozenset[PortRef] = frozenset()


def refs(dpid: int, count: int) -> list[PortRef]:
    return [PortRef(dpid, number) for number in range(1, count + 1)]


class Clock:
    """Drives a pacing as the controller does, and keeps what left when."""

    def __init__(
        self,
        interval: float = 0.1,
        total: float = 2000.0,
        each: float = 1000.0,
        new: float = 10_000.0,
    ) -> None:
        self.now = 500.0
        self.calls = 0
        self.pacing = Pacing(interval, total, each, new)
        self.sent: list[tuple[float, PortRef]] = []

    def run(
        self, seconds: float, proven: Iterable[PortRef] = NOBODY, settled: bool = True
    ) -> Counter[PortRef]:
        """Let time pass; return how often each port was probed in it."""
        known, begin, end = frozenset(proven), len(self.sent), self.now + seconds
        while self.now < end:
            self.calls += 1
            chosen = self.pacing.due(self.now, known, settled)
            self.sent += [(self.now, ref) for ref in chosen]
            self.now = min(end, self.pacing.next_due(self.now, settled))
        return Counter(ref for _, ref in self.sent[begin:])


def test_rounds_start_an_interval_apart() -> None:
    clock = Clock(interval=0.5)
    clock.pacing.add(refs(1, 3), clock.now)
    clock.run(2.0)
    counts = clock.run(10.0)
    assert set(counts) == set(refs(1, 3))
    assert set(counts.values()) == {20}


def test_all_switches_are_probed_in_the_same_moments() -> None:
    clock = Clock(interval=0.1)
    for dpid in range(1, 21):
        clock.pacing.add(refs(dpid, 4), clock.now)
        clock.now += 0.013
    clock.run(1.0)
    calls = clock.calls
    clock.run(10.0)
    assert clock.calls - calls <= 110


def test_new_ports_are_probed_at_once_and_soon_again() -> None:
    clock = Clock(interval=3600.0)
    clock.pacing.add(refs(1, 2), clock.now)
    counts = clock.run(1.0)
    assert set(counts.values()) == {4}
    assert clock.sent[0][0] == clock.sent[1][0] == 500.0


def test_a_proven_port_needs_no_hurry() -> None:
    clock = Clock(interval=3600.0)
    clock.pacing.add(refs(1, 2), clock.now)
    clock.run(0.01)
    assert clock.run(1.0, proven=refs(1, 1)) == {PortRef(1, 2): 3}


def test_nothing_hurries_while_the_network_is_unsettled() -> None:
    clock = Clock(interval=3600.0)
    clock.pacing.add(refs(1, 2), clock.now)
    assert not clock.run(5.0, settled=False)
    assert set(clock.run(0.01)) == set(refs(1, 2))


def test_unsettled_the_rounds_go_on() -> None:
    clock = Clock(interval=0.1)
    clock.pacing.add(refs(1, 2), clock.now)
    assert min(clock.run(5.0, settled=False).values()) >= 45


def test_who_is_hurried_is_probed_at_once_and_once() -> None:
    clock = Clock(interval=3600.0)
    clock.pacing.add(refs(1, 2), clock.now)
    clock.run(1.0)
    clock.pacing.hurry((PortRef(1, 1), PortRef(1, 9), PortRef(9, 1)), clock.now)
    assert clock.run(5.0) == {PortRef(1, 1): 1}


def test_rounds_stretch_and_leave_nobody_out() -> None:
    clock = Clock(interval=0.1, total=1000.0)
    for dpid in range(1, 101):
        clock.pacing.add(refs(dpid, 50), clock.now)
    clock.run(10.0)
    counts = clock.run(20.0)
    assert len(counts) == 5000
    assert sum(counts.values()) <= 1000 * 20 * (1 + SLICE)
    assert set(counts.values()) <= {3, 4, 5}


def test_a_large_network_is_found_at_the_pace_of_new_ports() -> None:
    clock = Clock(interval=0.05)
    for dpid in range(1, 501):
        clock.pacing.add(refs(dpid, 20), clock.now)
    clock.run(1.1)
    assert len({ref for _, ref in clock.sent}) == 10_000


@pytest.mark.parametrize("ports", [2000, 9000])
def test_one_huge_switch_delays_nobody(ports: int) -> None:
    clock = Clock(interval=0.1)
    clock.pacing.add(refs(1, 4), clock.now)
    clock.pacing.add(refs(9, ports), clock.now)
    counts = clock.run(10.0)
    assert min(counts[ref] for ref in refs(1, 4)) >= 95
    huge = sum(count for ref, count in counts.items() if ref.dpid == 9)
    assert 9_000 <= huge <= 1000 * 10 + 1000 * SLICE * 4


def test_a_flapping_port_delays_nobody_and_costs_no_memory() -> None:
    clock = Clock(interval=0.1)
    clock.pacing.add(refs(1, 4), clock.now)
    counts: Counter[PortRef] = Counter()
    for _ in range(5000):
        clock.pacing.remove(PortRef(9, 1))
        clock.pacing.add((PortRef(9, 1),), clock.now)
        counts += clock.run(0.001)
    assert min(counts[ref] for ref in refs(1, 4)) >= 45
    assert counts[PortRef(9, 1)] <= 1000 * 5 * (1 + SLICE * 4)
    assert len(clock.pacing._alarms) < 100


def test_what_left_is_probed_no_more() -> None:
    clock = Clock()
    clock.pacing.add(refs(1, 4) + refs(2, 4), clock.now)
    clock.run(1.0)
    clock.pacing.remove(PortRef(1, 1))
    for ref in refs(2, 4):
        clock.pacing.remove(ref)
    clock.pacing.forget_switch(2)
    assert set(clock.run(1.0)) == set(refs(1, 4)[1:])


@pytest.mark.parametrize("before", [0.1, 5.0, 3600.0])
def test_a_new_interval_is_in_force_at_once(before: float) -> None:
    clock = Clock(interval=before)
    clock.pacing.add(refs(1, 1), clock.now)
    clock.run(11.0)
    clock.pacing.set_interval(0.5, clock.now)
    assert 19 <= sum(clock.run(10.0).values()) <= 21
    assert clock.pacing.interval == 0.5


def test_period_tells_how_far_rounds_stretch() -> None:
    pacing = Pacing(0.1, 2000.0, 1000.0, 10_000.0)
    assert pacing.period(1) == 0.1
    pacing.add(refs(1, 500), 0.0)
    assert pacing.period(1) == 0.5
    for dpid in range(2, 12):
        pacing.add(refs(dpid, 950), 0.0)
    assert pacing.period(1) == 5.0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 4), st.integers(1, 60)),
        st.tuples(st.just("remove"), st.integers(1, 4), st.integers(1, 60)),
        st.tuples(st.just("hurry"), st.integers(1, 4), st.integers(1, 60)),
        st.tuples(st.just("forget"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("interval"), st.just(0), st.integers(1, 20)),
        st.tuples(st.just("unsettled"), st.just(0), st.just(0)),
        st.tuples(st.just("pass"), st.just(0), st.integers(1, 20)),
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=60)
def test_whatever_happens_budgets_are_kept_and_all_known_ports_are_probed(
    steps: list[tuple[str, int, int]],
) -> None:
    total, each, new = 200.0, 80.0, 300.0
    clock, known = Clock(0.1, total, each, new), set[PortRef]()
    for what, dpid, number in steps:
        if what == "add":
            known |= set(refs(dpid, number))
            clock.pacing.add(refs(dpid, number), clock.now)
        elif what == "remove":
            known.discard(PortRef(dpid, number))
            clock.pacing.remove(PortRef(dpid, number))
        elif what == "hurry":
            clock.pacing.hurry((PortRef(dpid, number),), clock.now)
        elif what == "forget":
            known -= {ref for ref in known if ref.dpid == dpid}
            clock.pacing.forget_switch(dpid)
        elif what == "interval":
            clock.pacing.set_interval(number / 100, clock.now)
        probed = clock.run(number / 100 if what == "pass" else 0.01, settled=what != "unsettled")
        assert set(probed) <= known
    start = clock.now
    assert set(clock.run(8.0)) == known
    left = Counter(ref.dpid for at, ref in clock.sent if at >= start)
    assert sum(left.values()) <= (total + new) * (8.0 + SLICE)
    assert all(count <= each * (8.0 + SLICE * 4) + 1 for count in left.values())
