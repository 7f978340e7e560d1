"""The same MAC and the same IP address in two VLANs are two stations and two addresses."""

from __future__ import annotations

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.topology import PortRef
from unit.forwarding.stations import Station, StationNetwork, address, datagram
from unit.forwarding.test_moving_addresses import answers

TEN, TWENTY = 10, 20


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def network(request: pytest.FixtureRequest) -> StationNetwork:
    return StationNetwork(3, request.param)


def ask(network: StationNetwork, sender: Station, wanted: bytes) -> list[bytes]:
    sender.heard.clear()
    own = next(iter(sender.addresses))
    network.send(sender, frames.build_arp_request(sender.mac, own, wanted, sender.vlan))
    return answers(sender)


def test_an_untagged_question_is_not_answered_for_a_tagged_station(network: StationNetwork) -> None:
    asking, plain = network.station(1, 1, 1), network.station(2, 2, 2)
    tagged = network.station(3, 3, 3, vlan=TEN)
    tagged.addresses = set(plain.addresses)
    network.send(tagged, frames.build_arp_request(tagged.mac, address(2), address(9), TEN))
    assert ask(network, asking, address(2)) == [plain.mac]


def test_a_tagged_question_is_answered_within_its_vlan(network: StationNetwork) -> None:
    asking, tagged = network.station(1, 1, 1, vlan=TEN), network.station(3, 3, 3, vlan=TEN)
    other = network.station(4, 3, 4, vlan=TWENTY)
    plain = network.station(5, 2, 2)
    before = len(tagged.heard)
    assert ask(network, asking, address(3)) == [tagged.mac]
    assert len(tagged.heard) == before, "answered for"
    assert ask(network, asking, address(4)) == []
    assert ask(network, other, address(3)) == []
    assert ask(network, plain, address(3)) == []


def test_one_mac_lives_in_several_vlans_at_several_places(network: StationNetwork) -> None:
    stations = [
        network.station(7, 1, 1),
        network.station(7, 2, 2, vlan=TEN),
        network.station(7, 3, 3, vlan=TWENTY),
    ]
    peers = [
        network.station(8, 3, 4),
        network.station(8, 1, 4, vlan=TEN),
        network.station(8, 2, 4, vlan=TWENTY),
    ]
    network.run(1.5)
    assert len(network.hosts()) == 6
    for _ in range(2):
        for one, other in zip(stations, peers, strict=True):
            assert network.reaches(one, other)
            assert network.reaches(other, one)
    before = network.asked
    for one, other in zip(stations, peers, strict=True):
        assert network.reaches(one, other)
        assert not [two for two in peers if two is not other and datagram_of(one) in two.heard]
    assert network.asked == before, "each has entries of its own"


def datagram_of(one: Station) -> bytes:
    return datagram(bytes((2, 0, 0, 0, 0, 8)), one.mac, vlan=one.vlan)


def test_a_station_moves_in_its_vlan_alone(network: StationNetwork) -> None:
    plain, tagged = network.station(7, 1, 1), network.station(7, 1, 2, vlan=TEN)
    peer, tagged_peer = network.station(8, 2, 1), network.station(8, 2, 2, vlan=TEN)
    assert network.reaches(peer, plain)
    assert network.reaches(tagged_peer, tagged)
    tagged.place = PortRef(3, 3)
    network.send(tagged, frames.build_arp_request(tagged.mac, address(7), address(99), TEN))
    network.run(1.5)
    assert {host.vlan: host.location for host in network.hosts().values() if host.mac[5] == 7} == {
        None: PortRef(1, 1),
        TEN: PortRef(3, 3),
    }
    assert network.reaches(tagged_peer, tagged)
    assert network.reaches(peer, plain)


def test_an_address_moves_in_its_vlan_alone(network: StationNetwork) -> None:
    plain, tagged = network.station(1, 1, 1), network.station(1, 2, 2, vlan=TEN)
    heir = network.station(3, 3, 3, vlan=TEN)
    asking, tagged_asking = network.station(4, 3, 1), network.station(4, 3, 2, vlan=TEN)
    tagged.addresses.clear()
    heir.addresses = {address(1)}
    network.send(heir, frames.build_arp_request(heir.mac, address(1), address(1), TEN))
    network.run(1.5)
    assert ask(network, tagged_asking, address(1)) == [heir.mac]
    assert ask(network, asking, address(1)) == [plain.mac]


def test_a_priority_tag_makes_no_vlan(network: StationNetwork) -> None:
    """Identifier 0 gives a priority only (IEEE 802.1Q, 6.9.1)."""
    one, other = network.station(1, 1, 1), network.station(2, 2, 2)
    assert network.reaches(one, other)
    data = datagram(other.mac, one.mac, vlan=0)
    for _ in range(2):
        network.send(one, data)
    assert other.heard.count(data) == 2
    assert len(network.hosts()) == 2
    before = network.asked
    network.send(one, data)
    assert (other.heard.count(data), network.asked) == (3, before)
