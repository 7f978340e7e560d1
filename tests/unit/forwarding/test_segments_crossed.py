"""Pairs across bridges of somebody else's: in the switches, once each, and no frame goes round."""

from __future__ import annotations

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.topology import PortRef
from unit.forwarding.stations import BRIDGED, Station, StationNetwork, address, datagram

BOTH = pytest.mark.parametrize("learns", [False, True], ids=["hub", "learning bridge"])


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def openflow(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def divided(openflow: int, learns: bool) -> StationNetwork:
    """Four switches, 1-2 and 3-4 by cables, and a bridge at 2, 3 and twice at 4."""
    ends = [(2, 5), (3, 5), (4, 5), (4, 6), (BRIDGED, 1), (BRIDGED, 2)]
    return StationNetwork(4, openflow, more=(5, 6), cut=(2,), bridges=[ends], learns=learns)


def three_parts(openflow: int, learns: bool) -> StationNetwork:
    """Three switches that nothing but a bridge joins, with two stations."""
    ends = [(1, 5), (2, 5), (3, 5), (BRIDGED, 1), (BRIDGED, 2)]
    return StationNetwork(3, openflow, more=(5,), cut=(1, 2), bridges=[ends], learns=learns)


def everybody(network: StationNetwork, dpids: tuple[int, ...]) -> list[Station]:
    made = [network.station(number, dpid, 1) for number, dpid in enumerate(dpids, 1)]
    return [*made, network.station(98, BRIDGED, 1), network.station(97, BRIDGED, 2)]


@BOTH
@pytest.mark.parametrize("made", [divided, three_parts])
def test_all_pairs_reach_each_other_once_and_without_the_controller(
    made: type[StationNetwork], openflow: int, learns: bool
) -> None:
    network = made(openflow, learns)
    stations = everybody(network, tuple(network.network.switches))
    pairs = [(one, other) for one in stations for other in stations if one is not other]
    for one, other in pairs:
        assert network.reaches(one, other), (one.place, other.place)
    asked = network.asked
    for _ in range(3):
        for one, other in pairs:
            assert network.reaches(one, other), (one.place, other.place)
    assert network.asked == asked, "packet-ins"


@BOTH
def test_nobody_else_hears_a_pair(openflow: int, learns: bool) -> None:
    network = three_parts(openflow, learns)
    one, other, third, *_ = everybody(network, (1, 2, 3))
    for _ in range(3):
        assert network.reaches(one, other)
    data = datagram(other.mac, one.mac)
    assert data not in third.heard


@BOTH
def test_a_frame_that_a_bridge_floods_to_ports_without_entries_is_not_delivered_twice(
    openflow: int, learns: bool
) -> None:
    network = three_parts(openflow, learns)
    one, other, *_ = everybody(network, (1, 2, 3))
    assert network.reaches(one, other)
    for real in network.network.switches.values():
        real.delete_flows()
    # What switches have lost comes to the controller, from each port that hears it.
    network.now += 10.0
    data = datagram(other.mac, one.mac)
    other.heard.clear()
    network.network.switches[2].receive(5, data)
    network.network.switches[3].receive(5, data)
    assert other.heard.count(data) <= 1


@BOTH
def test_a_silent_station_on_a_segment_makes_no_frame_go_round(openflow: int, learns: bool) -> None:
    network = divided(openflow, learns)
    one, *_, bridged, other = everybody(network, (1, 2, 3, 4))
    bridged.place = PortRef(BRIDGED, 9)  # It is gone, and nobody has noticed.
    asked = network.asked
    for sender in (one, other):
        for _ in range(3):
            network.send(sender, datagram(bridged.mac, sender.mac))
            network.send(sender, frames.build_arp_probe(bridged.mac, sender.mac, address(98)))
    assert network.asked - asked < 40


@BOTH
def test_a_question_from_a_segment_is_answered_where_its_owner_is_reached(
    openflow: int, learns: bool
) -> None:
    network = three_parts(openflow, learns)
    one, two, three, bridged, _ = everybody(network, (1, 2, 3))
    for owner in (one, two, three):
        (number,) = owner.addresses
        bridged.heard.clear()
        question = frames.build_arp_request(bridged.mac, address(98), number)
        network.send(bridged, question)
        replies = [data for data in bridged.heard if data[6:12] == owner.mac]
        assert len(replies) == 1
        # The bridge has not learned a wrong place from the answer.
        assert network.reaches(bridged, owner)
        assert network.reaches(owner, bridged)


@BOTH
def test_pairs_follow_the_tree_when_it_becomes_another_one(openflow: int, learns: bool) -> None:
    network = divided(openflow, learns)
    stations = everybody(network, (1, 2, 3, 4))
    pairs = [(one, other) for one in stations for other in stations if one is not other]
    for one, other in pairs:
        assert network.reaches(one, other)
    network.set_up(PortRef(3, 5), False)
    network.network.deaf.add(PortRef(3, 5))
    network.run(1.0)
    for one, other in pairs:
        assert network.reaches(one, other), (one.place, other.place)
    asked = network.asked
    for one, other in pairs:
        assert network.reaches(one, other), (one.place, other.place)
    assert network.asked == asked


def test_a_bridge_that_has_learned_another_way_is_told_of_the_new_one(openflow: int) -> None:
    network = divided(openflow, learns=True)
    *_, there, bridged, _ = everybody(network, (1, 2, 3, 4))
    assert network.reaches(bridged, there)
    network.set_up(PortRef(3, 5), False)
    network.network.deaf.add(PortRef(3, 5))
    network.run(1.0)
    # The other one says nothing by itself.
    for _ in range(3):
        assert network.reaches(bridged, there)
