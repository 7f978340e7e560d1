"""Neighbour discovery of IPv6: questions go to the owner alone, and to all where that is unsure."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core import frames
from horizon_ryu.core.forwarding.address_questions import MAX_QUESTIONS, NeighbourQuestions
from horizon_ryu.core.neighbour_discovery import (
    UNSPECIFIED,
    Neighbour,
    build_icmp6,
    build_solicitation,
    decode_neighbour,
    neighbour_address,
)
from horizon_ryu.core.topology import PortRef
from unit.forwarding.stations import Station, StationNetwork

ALL_NODES = b"\xff\x02" + bytes(13) + b"\x01"
VLAN = 7


def ip6(number: int) -> bytes:
    """Return 2001:db8::number, packed."""
    return b"\x20\x01\x0d\xb8" + bytes(11) + bytes((number,))


def icmp6(
    kind: int, src: Station, source: bytes, to: bytes, body: bytes, vlan: int | None = None
) -> bytes:
    """Return an ICMPv6 message of a station to a group."""
    whole = build_icmp6(b"\x33\x33" + to[12:], src.mac, to, bytes((kind, 0, 0, 0)) + body, vlan)
    at = 14 if vlan is None else 18
    return with_source(whole, at, source)


def with_source(data: bytes, at: int, source: bytes) -> bytes:
    """Return the frame from another source, its checksum made right."""
    size = data[at + 4] << 8 | data[at + 5]
    body = data[at + 40 : at + 40 + size]
    blank = body[:2] + bytes(2) + body[4:]
    total = sum(
        struct.unpack(
            f"!{(40 + size) // 2}H",
            source + data[at + 24 : at + 40] + struct.pack("!II", size, 58) + blank,
        )
    )
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    summed = body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]
    return data[: at + 8] + source + data[at + 24 : at + 40] + summed + data[at + 40 + size :]


def ask(asker: Station, source: bytes, target: bytes) -> bytes:
    """Return the solicitation for ``target``, to the group of such addresses."""
    group = b"\xff\x02" + bytes(9) + b"\x01\xff" + target[13:]
    return icmp6(135, asker, source, group, bytes(4) + target, asker.vlan)


def advertise(station: Station, target: bytes) -> bytes:
    """Return the advertisement to all that ``target`` is this station's."""
    return icmp6(136, station, target, ALL_NODES, b"\x20\0\0\0" + target, station.vlan)


def read(data: bytes) -> Neighbour | None:
    frame = frames.decode(data)
    assert frame is not None
    return decode_neighbour(data, frame)


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def network(request: pytest.FixtureRequest) -> StationNetwork:
    made = StationNetwork(3, request.param)
    stations = [made.station(number, number, 1) for number in (1, 2, 3)]
    for number, station in enumerate(stations, 1):
        made.send(station, advertise(station, ip6(number)))
    for station in stations:
        station.heard.clear()
    return made


def heard_by(network: StationNetwork, data: bytes) -> list[int]:
    """Return the numbers of the stations that heard ``data``."""
    return [number for number, each in enumerate(network.stations, 1) if data in each.heard]


def test_addresses_of_ipv6_are_learned(network: StationNetwork) -> None:
    known = {host.mac[-1]: host.ips for host in network.hosts().values()}
    assert {number: ips[-1] for number, ips in known.items()} == {
        1: "2001:db8::1",
        2: "2001:db8::2",
        3: "2001:db8::3",
    }


def test_a_question_is_heard_by_the_owner_alone(network: StationNetwork) -> None:
    question = ask(network.stations[0], ip6(1), ip6(3))
    network.send(network.stations[0], question)
    assert heard_by(network, question) == [3]


def test_a_question_that_nobody_answered_is_heard_by_all(network: StationNetwork) -> None:
    question = ask(network.stations[0], ip6(1), ip6(3))
    network.send(network.stations[0], question)
    network.run(1.0)
    network.send(network.stations[0], question)
    assert heard_by(network, question) == [2, 3]
    network.run(6.0)
    for station in network.stations:
        station.heard.clear()
    network.send(network.stations[0], question)
    assert heard_by(network, question) == [3]


@pytest.mark.parametrize("target", [ip6(9), ip6(1)], ids=["nobody's", "its own"])
def test_a_question_about_no_known_other_is_heard_by_all(
    network: StationNetwork, target: bytes
) -> None:
    question = ask(network.stations[0], ip6(1), target)
    network.send(network.stations[0], question)
    assert heard_by(network, question) == [2, 3]


def test_who_probes_whether_an_address_is_free_is_heard_by_all(network: StationNetwork) -> None:
    probe = ask(network.stations[0], UNSPECIFIED, ip6(3))
    network.send(network.stations[0], probe)
    assert heard_by(network, probe) == [2, 3]
    assert network.stations[0].heard == []


@pytest.mark.parametrize("kind", [133, 134, 136, 143], ids=["RS", "RA", "NA", "MLD"])
def test_other_messages_are_heard_by_all(network: StationNetwork, kind: int) -> None:
    data = icmp6(kind, network.stations[0], ip6(1), ALL_NODES, bytes(4) + ip6(3))
    if kind == 136:
        data = advertise(network.stations[0], ip6(1))
    network.send(network.stations[0], data)
    assert heard_by(network, data) == [2, 3]


def test_a_station_that_moved_is_found_at_its_new_place(network: StationNetwork) -> None:
    third = network.stations[2]
    network.set_up(third.place, False)
    third.place = PortRef(2, 4)
    network.send(third, advertise(third, ip6(3)))
    network.run(3.0)
    third.heard.clear()
    question = ask(network.stations[0], ip6(1), ip6(3))
    network.send(network.stations[0], question)
    assert heard_by(network, question) == [3]


def test_questions_stay_in_their_vlan(network: StationNetwork) -> None:
    tagged = network.station(4, 2, 2, VLAN)
    network.send(tagged, advertise(tagged, ip6(3)))
    for station in network.stations:
        station.heard.clear()
    question = ask(network.stations[0], ip6(1), ip6(3))
    network.send(network.stations[0], question)
    assert heard_by(network, question) == [3]


def test_the_owner_of_an_address_is_asked_before_another_one_has_it(
    network: StationNetwork,
) -> None:
    """It does not answer here: after the window the address is the other one's."""
    first, third = network.stations[0], network.stations[2]
    network.send(first, advertise(first, ip6(3)))
    asked = [message for data in third.heard if (message := read(data)) is not None]
    assert (True, ip6(3)) in [(each.is_solicitation, each.target) for each in asked]
    network.run(5.0)
    owners = [host.mac for host in network.hosts().values() if "2001:db8::3" in host.ips]
    assert owners == [first.mac]


def test_an_owner_that_answers_keeps_its_address(network: StationNetwork) -> None:
    first, third = network.stations[0], network.stations[2]
    network.send(first, advertise(first, ip6(3)))
    network.send(third, advertise(third, ip6(3)))
    network.run(5.0)
    owners = [host.mac for host in network.hosts().values() if "2001:db8::3" in host.ips]
    assert owners == [third.mac]


MAC = b"\x02" + bytes(4) + b"\x09"


@pytest.mark.parametrize("vlan", [None, VLAN])
def test_what_is_built_is_read(vlan: int | None) -> None:
    data = build_solicitation(MAC, b"\2" + bytes(5), ip6(5), vlan)
    frame = frames.decode(data)
    assert frame is not None
    assert (frame.dst, frame.vlan) == (MAC, vlan)
    found = decode_neighbour(data, frame)
    assert found is not None
    assert (found.is_solicitation, found.target) == (True, ip6(5))
    assert neighbour_address(data, frame) == "fe80::ff:fe00:0"


@pytest.mark.parametrize(
    ("at", "value"),
    [(14, 0x40), (20, 17), (21, 254), (54, 137), (55, 1), (56, 1), (62, 0xFF), (19, 23), (18, 9)],
)
def test_what_is_not_as_it_must_be_is_no_neighbour_discovery(at: int, value: int) -> None:
    data = bytearray(build_solicitation(MAC, b"\2" + bytes(5), ip6(5)))
    assert read(bytes(data)) is not None
    data[at] = value
    assert read(bytes(data)) is None


@given(st.binary(max_size=100))
def test_no_bytes_end_the_reader(tail: bytes) -> None:
    whole = build_solicitation(MAC, b"\2" + bytes(5), ip6(5))
    for data in (whole[:14] + tail, whole[: 14 + len(tail)], whole[:20] + tail + whole[20:]):
        frame = frames.decode(data)
        if frame is not None:
            neighbour_address(data, frame)


def test_only_so_many_questions_are_remembered() -> None:
    questions = NeighbourQuestions()
    for number in range(2 * MAX_QUESTIONS):
        asked = Neighbour(135, ip6(1), number.to_bytes(16, "big"))
        assert questions.may_be_directed(asked, None, 1.0)
    assert len(questions._asked) == MAX_QUESTIONS
