"""Stations of a VLAN at a trunk of others that closes a loop in it: each is reached once."""

from __future__ import annotations

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.topology import PortRef, station_key
from horizon_ryu.wire.messages import PacketIn
from unit.forwarding.stations import BRIDGED, Station, StationNetwork, address, datagram

VLAN = 10
NOBODY = bytes.fromhex("0200000000fe")


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def network(request: pytest.FixtureRequest) -> StationNetwork:
    """Two switches with a cable, and a trunk at both; the VLAN is known, and closed at one port."""
    ends = [(1, 5), (2, 5), (BRIDGED, 1)]
    made = StationNetwork(
        2, int(request.param), more=(5,), bridges=[ends], learns=True, vlans=(VLAN,)
    )
    made.run(2.0)
    told = frames.build_arp_request(NOBODY, address(1), address(99), VLAN)
    frame = frames.decode(told)
    assert frame is not None
    made.discovery.host_frame(PacketIn(1, 3, told), frame, made.now)
    made.run(4.0)
    assert made.tree.forest().vlan_blocked == {VLAN: {PortRef(2, 5)}}
    return made


def everybody(network: StationNetwork, vlan: int | None) -> list[Station]:
    found = [network.station(1, 1, 1, vlan), network.station(2, 2, 1, vlan)]
    return [*found, network.station(98, BRIDGED, 1, vlan)] if vlan == VLAN else found


@pytest.mark.parametrize("vlan", [VLAN, 20, None])
def test_all_pairs_reach_each_other_once_and_then_without_the_controller(
    network: StationNetwork, vlan: int | None
) -> None:
    stations = everybody(network, vlan)
    pairs = [(one, other) for one in stations for other in stations if one is not other]
    for one, other in pairs:
        assert network.reaches(one, other), (one.place, other.place)
    asked = network.asked
    for one, other in pairs:
        assert network.reaches(one, other), (one.place, other.place)
    assert network.asked == asked, "packet-ins"


@pytest.mark.parametrize("vlan", [VLAN, 20, None])
def test_what_the_controller_floods_comes_to_everybody_once(
    network: StationNetwork, vlan: int | None
) -> None:
    sender, *others = everybody(network, vlan)
    unknown = bytes.fromhex("020000000077")
    question = frames.build_arp_request(sender.mac, address(1), address(77), vlan)
    for data in (datagram(unknown, sender.mac, vlan=vlan), question):
        network.send(sender, data)
        assert [one.heard.count(data) for one in others] == [1] * len(others)
        assert data not in sender.heard


def test_who_was_heard_where_the_vlan_is_closed_is_at_the_open_port(
    network: StationNetwork,
) -> None:
    station = network.station(98, BRIDGED, 1, VLAN)
    assert network.hosts()[station_key(station.mac, VLAN)].location == PortRef(1, 5)
    # What was on its way while the port was being closed is nobody's news.
    network.network.heard(PacketIn(2, 5, datagram(NOBODY, station.mac, vlan=VLAN)))
    assert network.hosts()[station_key(station.mac, VLAN)].location == PortRef(1, 5)
