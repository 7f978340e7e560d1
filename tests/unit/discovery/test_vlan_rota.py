"""VLAN rota: whose turn it is at a port, and for how many VLANs there are turns."""

from __future__ import annotations

from itertools import pairwise

from horizon_ryu.core.discovery.vlan_rota import (
    MAX_VLANS_AT_PORT,
    MAX_VLANS_ELSEWHERE,
    PAUSE,
    UNUSED_AFTER,
    VLAN_INTERVAL,
    VlanRota,
)
from horizon_ryu.core.topology import PortRef

ONE, OTHER = PortRef(1, 1), PortRef(2, 1)
ROUND = 0.1


def turns(rota: VlanRota, ref: PortRef, seconds: float, start: float = 0.0) -> list[int | None]:
    """Return what leaves by a port that is probed ten times a second."""
    return [rota.takes_turn(ref, start + place * ROUND) for place in range(round(seconds / ROUND))]


def test_where_no_vlan_is_in_use_nothing_is_tagged() -> None:
    rota = VlanRota()
    assert turns(rota, ONE, 5.0) == [None] * 50
    assert not rota.hear(ONE, 0, 0.0)
    assert not rota.hear(ONE, 4095, 0.0)
    assert not rota


def test_one_vlan_is_probed_once_a_second_and_other_ports_are_too() -> None:
    rota = VlanRota()
    assert rota.hear(ONE, 10, 0.0)
    assert not rota.hear(ONE, 10, 0.0)
    for ref in (ONE, OTHER):
        sent = turns(rota, ref, 10.0)
        assert sent.count(10) in (9, 10)
        assert sent[0] == 10
    assert rota.interval(ONE, ROUND) == VLAN_INTERVAL


def test_many_vlans_take_turns_and_at_most_every_other_probe_is_tagged() -> None:
    rota = VlanRota()
    for vlan in range(1, 21):
        rota.hear(ONE, vlan, 0.0)
    sent = turns(rota, ONE, 12.0)
    counts = [sent.count(vlan) for vlan in range(1, 21)]
    assert min(counts) >= 1
    assert max(counts) - min(counts) <= 1
    assert all(None in pair for pair in pairwise(sent))
    assert rota.interval(ONE, ROUND) >= 20 * PAUSE


def test_the_vlans_of_a_port_have_their_turn_before_those_of_others() -> None:
    rota = VlanRota()
    for vlan in range(1, 30):
        rota.hear(OTHER, vlan, 0.0)
    rota.hear(ONE, 77, 0.0)
    assert rota.takes_turn(ONE, 0.0) == 77
    turns(rota, ONE, 1.0, start=ROUND)
    rota.hear(ONE, 78, 2.0)
    assert 78 in turns(rota, ONE, 0.3, start=2.0)


def test_who_is_heard_elsewhere_has_a_port_probed_next() -> None:
    rota = VlanRota()
    for vlan in range(1, 30):
        rota.hear(OTHER, vlan, 0.0)
    turns(rota, ONE, 1.0)
    assert rota.hasten(ONE, 29, 1.0)
    assert 29 in turns(rota, ONE, 0.3, start=1.0)
    assert not rota.hasten(ONE, 29, 1.3)


def test_vlans_are_bounded_at_a_port_and_in_all() -> None:
    rota = VlanRota()
    for vlan in range(1, 4095):
        rota.hear(ONE, vlan, 0.0)
    sent = set(turns(rota, ONE, 60.0)) - {None}
    assert sent == set(range(4095 - MAX_VLANS_AT_PORT, 4095))
    for number in range(2, 20):
        for vlan in range(64 * number, 64 * number + 64):
            rota.hear(PortRef(1, number), vlan, 0.0)
    elsewhere = set(turns(rota, OTHER, 300.0)) - {None}
    assert len(elsewhere) == MAX_VLANS_ELSEWHERE


def test_a_vlan_is_in_use_until_nobody_was_heard_in_it_for_long() -> None:
    rota = VlanRota()
    rota.hear(ONE, 10, 0.0)
    rota.idle(UNUSED_AFTER - 1.0)
    assert rota
    rota.hear(ONE, 10, UNUSED_AFTER - 1.0)
    rota.idle(UNUSED_AFTER + 1.0)
    assert rota
    rota.idle(2 * UNUSED_AFTER)
    assert not rota
    rota.hear(ONE, 10, 0.0)
    rota.forget(ONE)
    assert not rota
    assert turns(rota, ONE, 1.0) == [None] * 10


def test_vlans_that_are_required_are_probed_though_nobody_is_heard() -> None:
    rota = VlanRota()
    rota.require([10])
    assert 10 in turns(rota, ONE, 1.0)
    rota.require([])
    assert not rota
