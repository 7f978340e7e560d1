"""A switch that joins and joins holds up nobody for long, whoever it is and however many."""

from __future__ import annotations

import pytest

from horizon_ryu.core.discovery.join_doubt import DoubtLimits, JoinDoubt, SlowJoin
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from unit.discovery.small_network import SmallNetwork, both, port, switch

A, B, C = 1, 2, 3
CABLE = both((A, 1), (B, 1))


def seconds_until_known(network: SmallNetwork, limit: float) -> float:
    start = network.now
    while network.links != CABLE and network.now < start + limit:
        network.run(0.1)
    return network.now - start


@pytest.fixture
def pair() -> SmallNetwork:
    made = SmallNetwork()
    made.segment((A, 1), (B, 1))
    made.join(A)
    made.join(B)
    return made


def test_a_stranger_that_says_a_dpid_and_nothing_more_holds_links_back_for_a_moment(
    pair: SmallNetwork,
) -> None:
    pair.core.switch_joining(99, pair.now)
    assert seconds_until_known(pair, 60.0) < 4.5


def test_a_slow_join_is_told_once_and_counted(pair: SmallNetwork) -> None:
    pair.core.switch_joining(99, pair.now)
    pair.run(20.0)
    assert pair.core.take_slow_joins() == [SlowJoin(99, pytest.approx(4.0, abs=0.1))]
    assert pair.core.take_slow_joins() == []
    assert pair.core.doubt.counts == {"begun": 3, "ended": 2, "slow": 1}
    assert pair.core.doubt.overdue == {99}
    pair.core.switch_left(99, pair.now)
    assert not pair.core.doubt.joining


@pytest.mark.parametrize(("lasting", "pause"), [(5.0, 0.0), (5.0, 5.0), (0.5, 0.0), (0.1, 0.0)])
def test_strangers_in_turn_hold_links_back_for_a_share_of_the_time(
    pair: SmallNetwork, lasting: float, pause: float
) -> None:
    """Whether each is silent, or is ready just before it counts as slow."""
    pair.run(1.0)
    held = 0.0
    for number in range(int(120 / (lasting + pause))):
        dpid = 1000 + number
        pair.core.switch_joining(dpid, pair.now)
        end = pair.now + lasting
        while pair.now < end:
            held += 0.1 if pair.core.doubt.binds(pair.now) else 0.0
            pair.run(0.1)
        if number % 2:
            pair.core.switch_ready(switch(dpid, ()), pair.now)
        pair.core.switch_left(dpid, pair.now)
        pair.run(pause)
    assert held < 10 + 0.12 * 120
    pair.core.port_changed(A, 1, port(1, up=False), pair.now)
    pair.core.port_changed(A, 1, port(1), pair.now)
    pair.core.switch_joining(5000, pair.now)
    assert seconds_until_known(pair, 60.0) < 4.5


def test_many_strangers_at_once_cost_as_much_as_one_and_few_alarms(pair: SmallNetwork) -> None:
    for dpid in range(1000, 3000):
        pair.core.switch_joining(dpid, pair.now)
    assert seconds_until_known(pair, 60.0) < 4.5
    pair.run(5.0)
    assert 1 <= len(pair.core.take_slow_joins()) <= 30


def test_what_a_late_hybrid_made_believe_gives_way_when_it_is_ready() -> None:
    """A and C see each other through B, which takes ten seconds to be under control."""
    network = SmallNetwork()
    network.segment((A, 1), (B, 1))
    network.segment((B, 2), (C, 1))
    network.hybrids[B] = (1, 2, 3, 4)
    network.join(A)
    network.join(C)
    network.core.switch_joining(B, network.now)
    network.run(10.0)
    assert network.links == both((A, 1), (C, 1))
    network.kinds()
    del network.hybrids[B]
    network.core.switch_ready(switch(B, range(1, 5)), network.now)
    network.run(0.5)
    assert network.links == both((A, 1), (B, 1)) | both((B, 2), (C, 1))
    assert "alarm_shared_segment" not in network.kinds()


def test_true_links_stay_when_a_late_switch_is_ready(pair: SmallNetwork) -> None:
    pair.core.switch_joining(C, pair.now)
    pair.run(10.0)
    assert pair.links == CABLE
    pair.kinds()
    pair.core.switch_ready(switch(C, ()), pair.now)
    pair.run(5.0)
    assert pair.kinds() == ["switch_join"]


def test_a_link_that_was_proven_again_is_no_longer_doubted(pair: SmallNetwork) -> None:
    pair.core.switch_joining(C, pair.now)
    pair.run(10.0)
    pair.core.switch_left(C, pair.now)
    pair.run(0.5)
    pair.core.switch_joining(99, pair.now)
    pair.run(6.0)
    link = next(iter(CABLE))
    assert pair.core._evidence._links.doubted_since(link) is None
    assert pair.links == CABLE


def test_limits_are_options() -> None:
    limits = DiscoveryLimits(doubt=DoubtLimits(patience=0.5, in_a_row=1.0))
    network = SmallNetwork(limits=limits)
    network.segment((A, 1), (B, 1))
    network.join(A)
    network.join(B)
    network.core.switch_joining(99, network.now)
    assert seconds_until_known(network, 60.0) < 0.8


def test_who_begins_again_wins_no_time() -> None:
    doubt = JoinDoubt(DoubtLimits(4.0, 10.0))
    for tenth in range(100):
        doubt.begin(7, tenth / 10)
    assert not doubt.binds(9.9)
    assert [one.dpid for one in doubt.late(9.9)] == [7]
