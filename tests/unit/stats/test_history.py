"""History of rates: what is kept, for how long, and that it is bounded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob import Request

from horizon_ryu.core.stats.history import POINTS, PORT_BYTES, SPAN, STEP, RateHistory
from horizon_ryu.core.stats.rates import NO_RATES, Rates
from horizon_ryu.http.router import Router
from horizon_ryu.rest import loads
from unit.rest.conftest import triangle

ONE = Rates(1000.0, 2_000_000.0, 0.0)
_VALUE = st.one_of(st.none(), st.floats(0, 2.0**36, width=32))


class FakeLoads:
    """Stands for Stats."""

    def __init__(self) -> None:
        self.kept = RateHistory(100)
        self.seen = triangle()
        self.time = 1000.0

    def history(self) -> RateHistory:
        return self.kept

    def view(self) -> Any:
        return self.seen

    def now(self) -> float:
        return self.time


@pytest.fixture
def fake() -> FakeLoads:
    return FakeLoads()


def get(fake: FakeLoads, path: str) -> Any:
    router = Router(switches={"s1": 1}.get)
    router.add(loads.resources(fake))
    return Request.blank(path).get_response(router)


@given(st.lists(st.dictionaries(st.integers(1, 5), st.tuples(_VALUE, _VALUE, _VALUE)), max_size=9))
def test_what_was_recorded_is_told_port_by_port(points: list[dict[int, Any]]) -> None:
    history = RateHistory(100)
    for place, point in enumerate(points):
        rates = {port: Rates(*values) for port, values in point.items()}
        assert history.record(7, place * STEP, rates)
    found = {one.port_no: one for one in history.of(7, 0.0)}
    assert set(found) == {port for point in points for port in point}
    for port, told in found.items():
        assert told.times == tuple(place * STEP for place in range(len(points)))
        assert [tuple(each) for each in told.rates] == [
            tuple(point.get(port, NO_RATES)) for point in points
        ]


def test_no_more_than_fifteen_minutes_are_kept() -> None:
    history = RateHistory(10)
    for place in range(3 * POINTS):
        history.record(1, place * STEP, {1: ONE})
    (told,) = history.of(1, 0.0)
    assert len(told.times) == POINTS
    assert told.times[-1] - told.times[0] == SPAN - STEP


def test_a_point_is_due_a_step_after_the_last() -> None:
    history = RateHistory(10)
    assert history.is_due(1, 0.0)
    history.record(1, 0.0, {1: ONE})
    assert not history.is_due(1, 1.0)
    assert history.is_due(1, STEP)


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 8), st.floats(0, 30, allow_nan=False)),
        max_size=60,
    )
)
def test_there_are_never_more_ports_than_allowed(steps: list[tuple[int, int, float]]) -> None:
    history, now = RateHistory(12), 0.0
    for dpid, ports, later in steps:
        now += later
        was = history.latest(dpid)
        kept = history.record(dpid, now, dict.fromkeys(range(ports), ONE))
        assert history.ports <= 12
        if not kept:
            assert history.latest(dpid) == was
    assert history.ports == sum(each.room for each in history._switches.values())


def test_who_finds_no_room_is_not_read_again_and_again() -> None:
    history = RateHistory(10)
    assert not history.is_due(1, 100.0, size=11 * PORT_BYTES)
    assert history.refused == 1
    assert history.is_due(1, 100.0, size=10 * PORT_BYTES)
    assert not history.record(1, 100.0, dict.fromkeys(range(1, 12), NO_RATES))
    assert not history.is_due(1, 101.0)
    assert history.is_due(1, 100.0 + STEP)
    assert history.record(1, 100.0 + STEP, dict.fromkeys(range(1, 11), NO_RATES))
    assert not history.is_due(1, 101.0 + STEP)


def test_who_has_too_many_ports_is_counted_once_a_step() -> None:
    history = RateHistory(10)
    for second in range(11):
        reading = 100.0 + STEP * (second // STEP)
        assert not history.is_due(1, reading, size=11 * PORT_BYTES)
    assert history.refused == 3


def test_those_who_are_gone_give_way_and_those_who_are_there_do_not() -> None:
    history = RateHistory(2)
    assert history.record(1, 0.0, {1: ONE, 2: ONE})
    assert not history.record(2, STEP, {1: ONE})
    assert history.refused == 1
    assert history.record(2, 3 * STEP, {1: ONE})
    assert history.of(1, 0.0) == ()


def test_loads_are_told_of_ports_and_links(fake: FakeLoads) -> None:
    fake.kept.record(1, 999.0, {1: ONE, 2: NO_RATES})
    answer = get(fake, "/v1/stats/loads").json
    assert answer["ports"][0] == {
        "dpid": f"{1:016x}",
        "port_no": 1,
        "rx_bps": 1000.0,
        "tx_bps": 2_000_000.0,
        "dropped_per_s": 0.0,
        "speed_kbps": 10**6,
    }
    link = next(one for one in answer["links"] if one["src"]["port_no"] == 1)
    assert (link["bps"], link["load_percent"]) == (2_000_000.0, 0.2)
    assert len(answer["links"]) == len(fake.seen.links)
    fake.time += 60.0
    assert get(fake, "/v1/stats/loads").json["ports"] == []


def test_history_is_told_of_a_switch_by_dpid_or_name(fake: FakeLoads) -> None:
    for at in (100.0, 900.0, 990.0):
        fake.kept.record(1, at, {1: ONE, 2: NO_RATES})
    whole = get(fake, f"/v1/stats/history?dpid={1:016x}").json
    assert [port["port_no"] for port in whole["ports"]] == [1, 2]
    assert whole["ports"][0]["times"] == [-900.0, -100.0, -10.0]
    assert whole["ports"][1]["tx_bps"] == [None, None, None]
    one = get(fake, "/v1/stats/history?dpid=s1&port_no=1&seconds=50").json
    assert (one["seconds"], one["step"]) == (50, STEP)
    assert one["ports"][0]["times"] == [-10.0]
    assert one["ports"][0]["rx_bps"] == [1000.0]
    assert get(fake, "/v1/stats/history?dpid=9").json["ports"] == []


@pytest.mark.parametrize(
    "query", ["", "dpid=s9", "dpid=1&port_no=x", "dpid=1&seconds=0", "dpid=1&seconds=901", "d=1"]
)
def test_a_wrong_question_is_422(fake: FakeLoads, query: str) -> None:
    assert get(fake, f"/v1/stats/history?{query}").status_int == 422


def test_switches_without_ports_that_come_and_go_are_bounded() -> None:
    kept = RateHistory(100)
    for dpid in range(1000):
        assert kept.record(dpid, STEP * dpid, {})
    assert kept.ports <= 100
    assert kept.latest(1) is None
    assert kept.latest(999) is not None
