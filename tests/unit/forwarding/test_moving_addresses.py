"""Addresses that move between stations (VRRP, keepalived), and probes for free ones (RFC 5227)."""

from __future__ import annotations

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.discovery.noted_hosts import HostLimits
from unit.forwarding.stations import Station, StationNetwork, address

VIRTUAL = address(50)


@pytest.fixture
def network() -> StationNetwork:
    return StationNetwork(3)


class Pair:
    """Two stations that hand an address to each other, and a third that asks for it."""

    def __init__(self, network: StationNetwork) -> None:
        self.network = network
        self.first, self.second = network.station(1, 1, 1), network.station(2, 3, 2)
        self.asking = network.station(3, 2, 3)
        self.first.addresses.add(VIRTUAL)
        self.announce(self.first)

    def announce(self, station: Station) -> None:
        """Have a station say by gratuitous ARP that the address is its own."""
        self.network.send(station, frames.build_arp_request(station.mac, VIRTUAL, VIRTUAL))

    def hand_over(self) -> None:
        self.first.addresses.discard(VIRTUAL)
        self.second.addresses.add(VIRTUAL)

    def ask(self) -> list[bytes]:
        """Return the MACs of those that answer the third station's question."""
        self.asking.heard.clear()
        self.network.send(
            self.asking, frames.build_arp_request(self.asking.mac, address(3), VIRTUAL)
        )
        return answers(self.asking)


def answers(station: Station) -> list[bytes]:
    found = []
    for data in station.heard:
        frame = frames.decode(data)
        arp = None if frame is None else frames.decode_arp(data, frame)
        if arp is not None and arp.op == frames.ARP_REPLY:
            found.append(arp.sha)
    return found


@pytest.fixture
def pair(network: StationNetwork) -> Pair:
    return Pair(network)


def test_an_address_is_answered_for_until_it_moves(pair: Pair) -> None:
    assert pair.ask() == [pair.first.mac]
    asked = len(pair.first.heard)
    assert pair.ask() == [pair.first.mac]
    assert len(pair.first.heard) == asked, "answered for, not asked"


def test_an_address_moves_when_its_old_owner_is_silent(pair: Pair) -> None:
    pair.hand_over()
    pair.announce(pair.second)
    assert pair.ask() == [pair.second.mac], "nobody answers for the old owner meanwhile"
    pair.network.run(1.2)
    assert pair.ask() == [pair.second.mac]
    hosts = pair.network.hosts()
    assert hosts[pair.first.mac].ips == ("10.0.0.1",)
    assert hosts[pair.second.mac].ips == ("10.0.0.2", "10.0.0.50")


def test_an_address_moves_there_and_back(pair: Pair) -> None:
    for station in (pair.second, pair.first, pair.second):
        other = pair.first if station is pair.second else pair.second
        other.addresses.discard(VIRTUAL)
        station.addresses.add(VIRTUAL)
        pair.announce(station)
        pair.network.run(1.2)
        assert pair.ask() == [station.mac]


def test_an_address_that_its_owner_still_uses_stays(pair: Pair) -> None:
    pair.announce(pair.second)
    assert pair.ask() == [pair.first.mac]
    pair.network.run(1.2)
    assert pair.ask() == [pair.first.mac]
    assert pair.network.hosts()[pair.second.mac].ips == ("10.0.0.2",)


def test_a_flood_of_claims_costs_one_question_a_window(pair: Pair) -> None:
    pair.first.heard.clear()
    for _ in range(100):
        pair.announce(pair.second)
        pair.network.run(0.05)
    questions = [data for data in pair.first.heard if data[:6] == pair.first.mac]
    assert len(questions) <= 7


def test_a_claimant_that_is_gone_gets_nothing(pair: Pair) -> None:
    pair.hand_over()
    pair.announce(pair.second)
    pair.network.set_up(pair.second.place, False)
    pair.network.run(1.2)
    assert pair.network.hosts()[pair.first.mac].ips == ("10.0.0.1", "10.0.0.50")


def test_a_newcomer_takes_an_address_over(pair: Pair) -> None:
    """A machine replaced by another one with its address."""
    pair.first.addresses.discard(VIRTUAL)
    newcomer = pair.network.station(9, 2, 4)
    newcomer.addresses.add(VIRTUAL)
    pair.announce(newcomer)
    pair.network.run(1.2)
    assert pair.ask() == [newcomer.mac]


def test_a_probe_is_answered_by_the_user_of_the_address_alone(pair: Pair) -> None:
    probe = frames.build_arp_request(pair.second.mac, bytes(4), VIRTUAL)
    pair.network.send(pair.second, probe)
    assert answers(pair.second) == [pair.first.mac]
    assert probe in pair.first.heard, "asked, not answered for"
    pair.first.addresses.discard(VIRTUAL)
    pair.second.heard.clear()
    pair.network.send(pair.second, probe)
    assert answers(pair.second) == []


def test_an_address_moves_to_a_station_that_has_more_than_are_kept(pair: Pair) -> None:
    """Nobody answers for the old owner any more; the new one answers for itself."""
    for number in range(100, 100 + 2 * HostLimits().addresses_per_host):
        pair.second.addresses.add(address(number))
        data = frames.build_arp_request(pair.second.mac, address(number), address(number))
        pair.network.send(pair.second, data)
    pair.hand_over()
    pair.announce(pair.second)
    pair.network.run(1.2)
    assert pair.ask() == [pair.second.mac]
    assert pair.network.hosts()[pair.first.mac].ips == ("10.0.0.1",)
