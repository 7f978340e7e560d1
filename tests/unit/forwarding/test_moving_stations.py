"""Stations that move are followed, whatever the first thing is that they send at the new place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import LOCAL_PORT, MAX_PHYSICAL_PORT
from unit.forwarding.stations import (
    Station,
    StationNetwork,
    address,
    datagram,
    datagram6,
    ethernet,
    neighbour_solicitation,
)

AWAY = PortRef(3, 3)
MDNS = b"\x01\x00\x5e\x00\x00\xfb"
KINDS: dict[str, Callable[[Station], bytes]] = {
    "dhcp client": lambda one: datagram(frames.BROADCAST, one.mac, (68, 67)),
    "dhcp server": lambda one: datagram(frames.BROADCAST, one.mac, (67, 68)),
    "neighbour discovery": lambda one: neighbour_solicitation(one.mac),
    "arp": lambda one: frames.build_arp_request(one.mac, address(1), address(98)),
}


RARE: dict[str, Callable[[Station], bytes]] = {
    "its hypervisor": lambda one: ethernet(
        frames.BROADCAST, one.mac, 0x8035, bytes.fromhex("0001080006040003") + one.mac + bytes(14)
    ),
    "its access point": lambda one: (
        frames.BROADCAST + one.mac + b"\0\6" + bytes.fromhex("0001af810100")
    ).ljust(60, b"\0"),
    "dhcp for IPv6": lambda one: datagram6(b"\x33\x33\0\1\0\2", one.mac, (546, 547)),
    "who listens to a group": lambda one: ethernet(
        b"\1\0\x5e\0\0\x16",
        one.mac,
        0x0800,
        bytes.fromhex("4500001c0000000001020000") + address(1) + bytes((224, 0, 0, 22, *bytes(8))),
    ),
    "an announcement in the form of an answer": lambda one: (
        frames.BROADCAST
        + frames.build_arp_reply(one.mac, address(1), frames.BROADCAST, address(1))[6:]
    ),
    "a probe for its own address": lambda one: frames.build_arp_request(
        one.mac, bytes(4), address(1)
    ),
    "arp with a priority tag": lambda one: frames.build_arp_request(
        one.mac, address(1), address(98), 0
    ),
}
"""What is sent by a station, or for it, once it has moved."""


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def network(request: pytest.FixtureRequest) -> StationNetwork:
    return StationNetwork(3, request.param)


def talking(network: StationNetwork) -> tuple[Station, Station]:
    """Two stations with entries in both directions."""
    one, other = network.station(1, 1, 1), network.station(2, 2, 2)
    assert network.reaches(one, other)
    assert network.reaches(other, one)
    return one, other


@pytest.mark.parametrize("kind", KINDS)
def test_a_station_whose_old_port_is_down_is_found_by_what_it_sends_to_all(
    network: StationNetwork, kind: str
) -> None:
    one, other = talking(network)
    network.set_up(one.place, False)
    one.place = AWAY
    network.send(one, KINDS[kind](one))
    assert network.hosts()[one.mac].location == AWAY
    assert KINDS[kind](one) in other.heard
    assert network.reaches(other, one)
    assert network.reaches(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_station_whose_old_port_is_still_up_is_found_when_nobody_answers_there(
    network: StationNetwork, kind: str
) -> None:
    one, other = talking(network)
    one.place = AWAY
    network.send(one, KINDS[kind](one))
    network.run(1.5)
    assert network.hosts()[one.mac].location == AWAY
    assert network.reaches(other, one)


def test_a_station_is_found_by_whatever_tells_that_it_has_moved(network: StationNetwork) -> None:
    """Its old port stays up: there was a bridge of somebody else, or a host of virtual machines."""
    one, other = talking(network)
    for kind, data in RARE.items():
        one.place = PortRef(1, 1) if one.place == AWAY else AWAY
        network.send(one, data(one))
        assert data(one) in other.heard, kind
        network.run(1.2)
        assert network.hosts()[one.mac].location == one.place, kind
        assert network.reaches(other, one), kind


def test_frames_for_a_station_whose_port_is_down_are_flooded(network: StationNetwork) -> None:
    """It may have moved and sent nothing but multicasts that are nobody's business."""
    one, other = talking(network)
    network.set_up(one.place, False)
    one.place = AWAY
    network.send(one, datagram(MDNS, one.mac, (5353, 5353)))
    assert network.reaches(other, one)
    network.set_up(PortRef(1, 1), True)
    assert network.reaches(one, other)
    network.run(1.5)
    assert network.reaches(other, one)


def test_a_question_for_an_address_whose_owner_is_gone_is_not_answered(
    network: StationNetwork,
) -> None:
    one, other = talking(network)
    network.set_up(one.place, False)
    one.place = AWAY
    question = frames.build_arp_request(other.mac, address(2), address(1))
    network.send(other, question)
    assert question in one.heard


def test_stations_confirm_each_other_without_the_controller(network: StationNetwork) -> None:
    """Neighbours ask each other by unicast (RFC 1122, 2.3.2.1), every half minute or so."""
    one, other = talking(network)
    before = network.asked
    question = frames.build_arp_request(one.mac, address(1), address(2))
    network.send(one, other.mac + question[6:])
    assert one.heard[-1] == frames.build_arp_reply(other.mac, address(2), one.mac, address(1))
    assert network.asked == before


def test_frames_to_one_station_are_no_matter_of_the_controller(network: StationNetwork) -> None:
    one, other = talking(network)
    before = network.asked
    network.send(one, datagram(other.mac, one.mac, (68, 67)))
    solicitation = neighbour_solicitation(one.mac)
    network.send(one, other.mac + solicitation[6:])
    assert network.asked == before


@pytest.mark.parametrize(
    ("openflow", "port"), [(1, LOCAL_PORT), (4, LOCAL_PORT), (4, 65537), (4, MAX_PHYSICAL_PORT)]
)
def test_a_station_behind_a_port_with_a_high_number_is_like_any_other(
    openflow: int, port: int
) -> None:
    """A machine with its address on its own bridge is behind the port LOCAL."""
    network = StationNetwork(3, openflow, (port,))
    one, other = network.station(1, 1, port), network.station(2, 3, 1)
    third = network.station(3, 2, port)
    network.run(0.5)
    before = network.asked
    assert all(
        network.reaches(*pair) for pair in ((one, other), (other, one), (third, one), (one, third))
    )
    data = ethernet(frames.BROADCAST, other.mac, 0x88B5, b"")
    network.send(other, data)
    assert (one.heard.count(data), third.heard.count(data)) == (1, 1)
    assert network.asked > before
    before = network.asked
    assert network.reaches(one, other)
    assert network.reaches(other, one)
    assert network.asked == before
    stale = {dpid: network.network.switches[dpid].entries() for dpid in (1, 2, 3)}
    assert not [
        sent for dpid, held in stale.items() for sent in network.forwarding.stale(dpid, held)
    ]


def test_ordinary_broadcasts_pass_the_controller_by(network: StationNetwork) -> None:
    one, other = talking(network)
    before = network.asked
    data = ethernet(frames.BROADCAST, one.mac, 0x88B5, b"")
    network.send(one, data)
    assert data in other.heard
    assert network.asked == before
