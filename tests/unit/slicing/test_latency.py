"""Latency that the slicer adds, as it is counted and told."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.slicing.latency import SliceLatency, latency_report
from horizon_ryu.slicer.slice_reports import stats_report
from horizon_ryu.slicer.turns import TIMED
from horizon_ryu.wire.of10.asynchronous import PacketIn10
from horizon_ryu.wire.symmetric import BarrierRequest
from unit.slicing.test_engine import Lab, in_lab, packet_in


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=200))
def test_quantiles_are_at_most_an_eighth_above_what_they_were(durations: list[int]) -> None:
    latency = SliceLatency()
    for one in durations:
        latency.from_switch.add(one)
    told = latency_report([latency])["from_switch"]
    ranked = sorted(durations)
    assert told["samples"] == len(durations)
    for key, rank in (("p50_us", (len(ranked) + 1) // 2), ("p99_us", -(-len(ranked) * 99 // 100))):
        exact = ranked[rank - 1]
        assert exact < told[key] * 1000 + 1e-3
        assert told[key] * 1000 <= exact * 9 / 8 + 1.001


def test_slices_without_messages_have_no_quantiles() -> None:
    told = latency_report([SliceLatency()])
    assert told["from_tenant"] == {"samples": 0, "p50_us": None, "p99_us": None}


def test_of_several_switches_all_count() -> None:
    one, other = SliceLatency(), SliceLatency()
    for _ in range(99):
        one.from_tenant.add(1000)
    other.from_tenant.add(1_000_000)
    told = latency_report([one, other])["from_tenant"]
    assert told["samples"] == 100
    assert told["p50_us"] == told["p99_us"] == pytest.approx(1.0, rel=0.13)


def test_what_is_added_for_a_slice_is_in_its_statistics_by_direction() -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        for _ in range(20):
            switch.say(packet_in(1))
            await a.message(PacketIn10)
        for at in range(20):
            a.say(BarrierRequest(), xid=10 + at)
            await switch.message(BarrierRequest)
        await asyncio.sleep(0)
        told = stats_report(found.engine, "a")["latency"]
        assert 20 // TIMED <= told["from_switch"]["samples"] <= 20
        assert 20 // TIMED <= told["from_tenant"]["samples"] <= 20
        assert 0 < told["from_switch"]["p50_us"] <= told["from_switch"]["p99_us"]
        others = stats_report(found.engine, "b")["latency"]
        assert others["from_switch"]["samples"] == 0, "frames of another slice are none of its"
        assert not b.is_lost.is_set()

    in_lab(test)
