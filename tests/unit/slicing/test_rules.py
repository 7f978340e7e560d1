"""Flowspace rules: what people write, what frames of each version it takes, how it is refused."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import parse_network
from horizon_ryu.core.slicing.rule_match import parse_ports, parse_rule_match, rule_match_fields
from horizon_ryu.core.slicing.rule_regions import regions_of
from horizon_ryu.core.slicing.value_set import ValueSet
from horizon_ryu.wire.frame_header import header10, header13
from horizon_ryu.wire.ternary import HEADER_10, HEADER_13

MACS = [bytes((2, 0, 0, 0, 0, number)) for number in range(4)]


def frame(
    kind: int = 0x0800,
    vlan: int | None = None,
    src: bytes = MACS[1],
    nw_src: int = 0x0A000001,
    protocol: int = 6,
    ports: tuple[int, int] = (1234, 80),
    tos: int = 0,
) -> bytes:
    tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2, "big")
    head = MACS[2] + src + tag + kind.to_bytes(2, "big")
    if kind == 0x0806:
        arp = bytes.fromhex("0001080006040001") + src + nw_src.to_bytes(4, "big")
        return head + arp + bytes(6) + bytes((10, 0, 0, 2))
    numbers = b"".join(port.to_bytes(2, "big") for port in ports)
    if kind == 0x86DD:
        first = (6 << 28 | tos << 20).to_bytes(4, "big")
        return head + first + b"\x00\x04" + bytes((protocol, 64)) + bytes(32) + numbers
    ip = bytes((0x45, tos, 0, 24, 0, 0, 0, 0, 64, protocol, 0, 0))
    return head + ip + nw_src.to_bytes(4, "big") + bytes((10, 0, 0, 2)) + numbers


def takes(match: dict[str, Any], data: bytes, in_port: int = 1) -> tuple[bool, bool]:
    """Tell whether a rule takes a frame on 1.0, and on 1.3."""
    parsed = parse_rule_match(match)
    return (
        any(one.takes(header10(data, in_port)) for one in regions_of(parsed, HEADER_10)),
        any(one.takes(header13(data, in_port)) for one in regions_of(parsed, HEADER_13)),
    )


BOTH, NEITHER = (True, True), (False, False)


@pytest.mark.parametrize(
    ("match", "data", "expected"),
    [
        ({}, frame(), BOTH),
        ({"in_port": [1, 3]}, frame(), BOTH),
        ({"in_port": "2-9"}, frame(), NEITHER),
        ({"dl_vlan": "10-20"}, frame(vlan=15), BOTH),
        ({"dl_vlan": "10-20"}, frame(vlan=21), NEITHER),
        ({"dl_vlan": "10-20"}, frame(), NEITHER),
        ({"dl_vlan": ["untagged", 7]}, frame(), BOTH),
        ({"dl_vlan": ["untagged", 7]}, frame(vlan=7), BOTH),
        ({"dl_vlan": "tagged"}, frame(vlan=7), BOTH),
        ({"dl_vlan": "tagged"}, frame(), NEITHER),
        ({"dl_vlan_pcp": 0}, frame(), NEITHER),
        ({"dl_vlan_pcp": 0}, frame(vlan=7), BOTH),
        ({"nw_src": "10.0.0.0/24"}, frame(), BOTH),
        ({"nw_src": "10.0.0.0/24"}, frame(0x0806), BOTH),
        ({"ipv4_src": "10.0.0.0/24"}, frame(0x0806), NEITHER),
        ({"arp_spa": "10.0.0.0/24"}, frame(0x0806), BOTH),
        ({"nw_src": "10.0.0.0/255.255.255.0"}, frame(nw_src=0x0A000101), NEITHER),
        ({"nw_src": "10.0.0.1-10.0.0.9"}, frame(nw_src=0x0A000009), BOTH),
        ({"tp_dst": ["22", "80-88"], "nw_proto": "tcp"}, frame(), BOTH),
        ({"tp_dst": 80, "nw_proto": ["tcp", "udp"]}, frame(protocol=17), BOTH),
        ({"tcp_dst": 80}, frame(protocol=17), NEITHER),
        ({"tcp_dst": 80}, frame(), BOTH),
        ({"tcp_dst": 80}, frame(0x86DD), (False, True)),
        ({"ipv6_src": "::/64"}, frame(0x86DD), (False, True)),
        ({"dl_type": "ipv6"}, frame(0x86DD), BOTH),
        ({"nw_tos": 184}, frame(tos=187), BOTH),
        ({"ip_dscp": "40-50"}, frame(tos=187), BOTH),
        ({"ip_dscp": 45}, frame(tos=187), NEITHER),
        ({"dl_src": "02:00:00:00:00:00/ff:ff:ff:ff:ff:fe"}, frame(), BOTH),
        ({"dl_src": "00:00:00:00:00:01/00:00:00:00:00:01"}, frame(), BOTH),
        ({"dl_src": "00:00:00:00:00:01/00:00:00:00:00:01"}, frame(src=MACS[2]), NEITHER),
        ({"icmpv4_type": 8}, frame(protocol=1, ports=(0x0800, 0)), BOTH),
    ],
)
def test_a_rule_takes_the_frames_that_it_names_on_both_versions(
    match: dict[str, Any], data: bytes, expected: tuple[bool, bool]
) -> None:
    assert takes(match, data) == expected


def test_local_is_the_switchs_own_port_on_both_versions() -> None:
    ports = {"in_port": parse_ports([1, "local", "5-8"])}
    tens, thirteens = regions_of(ports, HEADER_10), regions_of(ports, HEADER_13)
    assert tens[0].takes(header10(frame(), 0xFFFE))
    assert thirteens[0].takes(header13(frame(), 0xFFFFFFFE))
    assert not tens[0].takes(header10(frame(), 0xFFFD))


@pytest.mark.parametrize(
    ("match", "field"),
    [
        ({"dl_vlan": []}, "match.dl_vlan"),
        ({"dl_vlan": "20-10"}, "match.dl_vlan"),
        ({"dl_vlan": [1, 5000]}, "match.dl_vlan.1"),
        ({"nonsense": 1}, "match.nonsense"),
        ({"metadata": 1}, "match.metadata"),
        ({"dl_src": "02:00"}, "match.dl_src"),
        ({"eth_src": "02:00:00:00:00:01", "dl_src": "02:00:00:00:00:01"}, "match.dl_src"),
        ({"tp_dst": 80}, "match.tp_dst"),
        ({"tcp_dst": 80, "udp_dst": 80}, "match.udp_dst"),
        ({"nw_src": "10.0.0.0/8", "ipv6_src": "2001:db8::/32"}, "match.ipv6_src"),
        ({"dl_type": "arp", "nw_tos": 4}, "match.nw_tos"),
        ({"dl_vlan": "untagged", "dl_vlan_pcp": 1}, "match.dl_vlan_pcp"),
        ({"nw_src": "10.0.0.9-10.0.0.1"}, "match.nw_src"),
        ({"nw_src": "10.0.0.1/8"}, "match.nw_src"),
        ({"mpls_label": 5}, "match.mpls_label"),
        ({"nw_tos": 3}, "match.nw_tos"),
        ({"dl_vlan": True}, "match.dl_vlan"),
        ({"dl_vlan": "1--5"}, "match.dl_vlan"),
        ({"dl_vlan": "-5"}, "match.dl_vlan"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    match: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_rule_match(match)
    assert ".".join(map(str, refused.value.loc)) == field


@pytest.mark.parametrize(
    "match",
    [
        {"dl_vlan": ["untagged", "10-20", 30]},
        {"dl_vlan": "tagged", "dl_vlan_pcp": [1, "3-5"]},
        {"in_port": [1, "5-8", "local"]},
        {"nw_src": ["10.0.0.0/8", "11.0.0.1", "12.0.0.1-12.0.0.6"], "nw_proto": 6},
        {"dl_src": "01:00:00:00:00:00/01:00:00:00:00:00"},
        {"dl_dst": "02:00:00:00:00:00/ff:ff:ff:00:00:00"},
        {"nw_tos": ["0-12", 184]},
        {"ipv6_dst": "2001:db8::/32", "nw_proto": 17, "tp_src": "1000-2000"},
        {"ipv6_nd_target": "2001:db8::1"},
        {"mpls_label": "16-31", "dl_type": 0x8847},
    ],
)
def test_a_rule_is_read_again_as_it_was_written(match: dict[str, Any]) -> None:
    parsed = parse_rule_match(match)
    assert rule_match_fields(parsed) == match
    assert parse_rule_match(rule_match_fields(parsed)) == parsed


def test_a_rule_of_neighbour_discovery_has_what_its_matches_need() -> None:
    regions = regions_of(parse_rule_match({"ipv6_nd_target": "2001:db8::/64"}), HEADER_13)
    types = sorted(dict(one.sets)[HEADER_13["icmpv6_type"]].ranges[0].first for one in regions)
    assert types == [135, 136]
    assert regions_of(parse_rule_match({"ipv6_nd_target": "::1"}), HEADER_10) == []


def test_both_versions_agree_on_random_rules_and_frames() -> None:
    rng = random.Random(11)
    choices: dict[str, list[Any]] = {
        "in_port": [1, [1, 2], "2-5"],
        "dl_vlan": [5, "untagged", "tagged", ["untagged", "4-9"]],
        "dl_src": ["02:00:00:00:00:01", "02:00:00:00:00:00/ff:ff:ff:ff:ff:fd"],
        "nw_src": ["10.0.0.0/8", "10.0.0.1", ["10.0.0.2", "10.0.1.0/24"]],
        "nw_proto": [6, [6, 17], 1],
        "nw_tos": [0, "0-64"],
        "tp_src": [1234, "0-2000", [8]],
        "dl_type": [0x800, [0x800, 0x806]],
    }
    compared = 0
    while compared < 3000:
        names = rng.sample(sorted(choices), rng.randrange(4))
        match = {name: rng.choice(choices[name]) for name in names}
        try:
            parse_rule_match(match)
        except InvalidInput:
            continue
        data = frame(
            rng.choice((0x800, 0x806)),
            rng.choice((None, 4, 5, 10)),
            rng.choice(MACS),
            rng.choice((0x0A000001, 0x0A000105, 0x0B000001)),
            rng.choice((1, 6, 17)),
            (rng.choice((1234, 0x0800)), 80),
            rng.choice((0, 64, 184)),
        )
        on10, on13 = takes(match, data, rng.choice((1, 2, 6)))
        assert on10 == on13, (match, data.hex())
        compared += 1


def test_values_of_a_set_are_told_apart_from_those_of_another_size() -> None:
    assert ValueSet.of(4, [(1, 2)]) != ValueSet.of(8, [(1, 2)])


@pytest.mark.parametrize("seed", range(4))
def test_networks_of_plain_numbers_are_read_as_the_library_reads_them(seed: int) -> None:
    rng = random.Random(seed)
    taken = 0
    for _ in range(3_000):
        octets = [rng.choice((0, 1, 10, 128, 255, 256, 1000, rng.randrange(256))) for _ in range(4)]
        text = ".".join(rng.choice(("{}", "{}", "{}", "{}", "0{}")).format(one) for one in octets)
        text += rng.choice(("", "/24", "/8", "/0", "/32", "/33", "/08", f"/{rng.randrange(40)}"))
        try:
            wanted = ipaddress.IPv4Network(text)
        except ValueError:
            wanted = None
        try:
            found = parse_network(text, ())
        except InvalidInput:
            assert wanted is None or wanted.prefixlen == 0
        else:
            taken += 1
            assert wanted is not None
            assert found == (int(wanted.network_address), wanted.prefixlen)
    assert taken
