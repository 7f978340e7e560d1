"""The rules by which an entry counts for a virtual network, one by one."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition, parse_range, select
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.topology import Host, Link, PortRef, Switch, TopologyView
from horizon_ryu.wire.messages import FlowEntry, Match, ToController

RANGE = NetworkDefinition(ip=(0x0A000100, 24))
MEMBER, STRANGER, SIXTH = (bytes((0, 0, 0, 0, 0, number)) for number in (1, 2, 3))


def view() -> TopologyView:
    link = Link(PortRef(1, 1), PortRef(2, 1))
    hosts = [
        Host(MEMBER, ("10.0.1.7", "192.0.2.1"), PortRef(1, 3)),
        Host(STRANGER, ("10.0.2.7",), PortRef(2, 3)),
        Host(SIXTH, ("2001:db8::1",), PortRef(1, 4)),
    ]
    return TopologyView(
        4,
        {dpid: Switch(dpid, "", 4) for dpid in (1, 2)},
        {link.src: link, link.dst: link.reversed()},
        {host.mac: host for host in hosts},
    )


def counts(match: Match, definition: NetworkDefinition = RANGE, forwards: bool = True) -> bool:
    entries = {1: (FlowEntry(match, 1, 0, (), 0, forwards),)}
    return set(select(view(), entries, definition).switches) == {1}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("10.0.1.0/24", True),
        ("10.0.1.128/25", True),
        ("10.0.1.7/32", True),
        ("10.0.0.0/8", True),
        ("10.0.2.0/24", False),
        ("11.0.0.0/8", False),
        ("0.0.0.0/0", False),
    ],
)
def test_a_range_is_named_by_what_overlaps_it(network: str, expected: bool) -> None:
    named = parse_range(network)
    assert counts(Match(dl_type=0x800, nw_src=named)) is expected
    assert counts(Match(dl_type=0x800, nw_dst=named)) is expected


@given(st.integers(0, 2**32 - 1), st.integers(1, 32), st.integers(0, 2**32 - 1), st.integers(1, 32))
def test_overlap_is_what_the_standard_library_says(
    one: int, one_length: int, other: int, other_length: int
) -> None:
    a = ipaddress.IPv4Network((one, one_length), strict=False)
    b = ipaddress.IPv4Network((other, other_length), strict=False)
    definition = NetworkDefinition(ip=(int(a.network_address), one_length))
    match = Match(dl_type=0x800, nw_dst=(other, other_length))
    assert counts(match, definition) is a.overlaps(b)


def test_a_pair_of_hosts_counts_by_either_member() -> None:
    assert counts(Match(1, MEMBER, STRANGER))
    assert counts(Match(1, STRANGER, MEMBER))
    assert not counts(Match(1, STRANGER, SIXTH))
    assert not counts(Match(1, b"\7" * 6, b"\x08" * 6))


def test_an_entry_that_drops_or_asks_the_controller_does_not_forward() -> None:
    entry = FlowEntry(Match(dl_vlan=10), 1, 0, (ToController(),))
    assert not select(view(), {1: (entry,)}, NetworkDefinition(vlan=10)).switches
    assert not counts(Match(1, MEMBER, STRANGER), forwards=False)


def test_links_need_both_ends_and_hosts_an_attachment() -> None:
    entry = FlowEntry(Match(1, MEMBER, STRANGER), 1, 0, (), 0, True)
    both = select(view(), {1: (entry,), 2: (entry,)}, RANGE)
    assert set(both.links) == {PortRef(1, 1), PortRef(2, 1)}
    assert set(both.hosts) == {MEMBER}
    assert both.version == 4
    other = select(view(), {2: (entry,)}, RANGE)
    assert (set(other.switches), dict(other.links), dict(other.hosts)) == ({2}, {}, {})


def test_entries_of_switches_that_are_gone_are_ignored() -> None:
    entry = FlowEntry(Match(dl_vlan=10), 1, 0, (), 0, True)
    assert not select(view(), {9: (entry,)}, NetworkDefinition(vlan=10)).switches
    assert not select(view(), {}, NetworkDefinition(vlan=10)).switches


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1", "10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255", "10.0.0.0/08", "10.0.0.0/",
     " 10.0.0.0/8", "10.0.0.0/8\n", "256.0.0.0/8", "10.0.0.1/8", "10.0.0/24", "::/0"],
)  # fmt: skip
def test_ranges_are_strict_cidr(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_range(text, ("body", "ip"))
    assert refused.value.loc == ("body", "ip")


@pytest.mark.parametrize("fields", [{}, {"vlan": 1, "ip": (0, 8)}, {"vlan": 0}, {"vlan": 4095}])
def test_a_definition_is_exactly_one_valid_thing(fields: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        NetworkDefinition(**fields)  # type: ignore[arg-type]
