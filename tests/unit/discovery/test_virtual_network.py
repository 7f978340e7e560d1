"""Which switches forward a virtual network's traffic, by their flow entries."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition, parse_definition, select
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.topology import Host, Link, PortRef, Switch, TopologyView
from horizon_ryu.wire.messages import Flood, FlowEntry, Match, Output

MAC = b"\0\0\0\0\0\x01"


def view() -> TopologyView:
    links = [Link(PortRef(a, 1), PortRef(b, 2)) for a, b in ((1, 2), (2, 3), (3, 1))]
    return TopologyView(
        1,
        MappingProxyType({dpid: Switch(dpid, "", 4) for dpid in (1, 2, 3)}),
        MappingProxyType({link.src: link for link in links}),
        MappingProxyType({MAC: Host(MAC, ("10.0.0.1",), PortRef(1, 9))}),
    )


def entry(match: Match, forwards: bool = True, vlans: frozenset[int] = frozenset()) -> FlowEntry:
    return FlowEntry(match, 1, 0, (Output(1),) if forwards else (), 0, forwards, True, vlans)


@pytest.mark.parametrize(
    ("text", "definition"),
    [
        ("vlan:1", NetworkDefinition(vlan=1)),
        ("vlan:4094", NetworkDefinition(vlan=4094)),
        ("ip:10.0.0.0/24", NetworkDefinition(ip=(0x0A000000, 24))),
        ("ip:10.0.0.1/32", NetworkDefinition(ip=(0x0A000001, 32))),
        ("ip:2001:db8::/32", NetworkDefinition(ipv6=(0x20010DB8 << 96, 32))),
        ("ip:::1/128", NetworkDefinition(ipv6=(1, 128))),
    ],
)
def test_definitions_are_read_and_written(text: str, definition: NetworkDefinition) -> None:
    assert parse_definition(text) == definition
    assert definition.text() == text


REFUSED = (
    *("", "10", "vlan:", "vlan:0", "vlan:4095", "vlan:010", "vlan:-1", "vlan:1e1"),
    *("ip:2001:db8::/0", "ip:2001:db8::1/32", "ip:fe80::1%eth0/64", "ip:::ffff:10.0.0.0/104"),
    *("ip:2001:db8::", "ip:2001:db8::/ffff::", "ip:2001:db8::/129", "ip:1::2::3/64"),
    *("vlan:\uff11", "ip:10.0.0.1/24", "ip:10.0.0", "ip:::/0", "ip:10.0.0.0/33"),
)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_definition_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_definition(text)
    assert refused.value.loc


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        definition = parse_definition(text)
    except InvalidInput:
        return
    assert parse_definition(definition.text()) == definition


def test_a_vlan_is_where_it_is_matched_or_written() -> None:
    entries = {
        1: (entry(Match(dl_vlan=10)),),
        2: (entry(Match(in_port=1), vlans=frozenset({10})),),
        3: (entry(Match(dl_vlan=20)), entry(Match(dl_vlan=10), forwards=False)),
    }
    chosen = select(view(), entries, NetworkDefinition(vlan=10))
    assert set(chosen.switches) == {1, 2}
    assert set(chosen.links) == {PortRef(1, 1)}


def test_a_range_is_where_an_overlapping_range_or_a_member_is_matched() -> None:
    entries = {
        1: (entry(Match(dl_type=0x800, nw_dst=(0x0A000000, 8))),),
        2: (entry(Match(in_port=1, dl_dst=MAC)),),
        3: (entry(Match(dl_type=0x800, nw_src=(0x0B000000, 8))), entry(Match())),
    }
    chosen = select(view(), entries, NetworkDefinition(ip=(0x0A000000, 24)))
    assert set(chosen.switches) == {1, 2}
    assert set(chosen.hosts) == {MAC}


def test_entries_that_name_no_network_tell_nothing() -> None:
    flood = FlowEntry(Match(dl_dst_multicast=True), 100, 0, (Flood(),), 0, True)
    entries = dict.fromkeys((1, 2, 3), (flood,))
    assert not select(view(), entries, NetworkDefinition(vlan=10)).switches
    assert not select(view(), entries, NetworkDefinition(ip=(0, 0))).switches


def test_an_ipv6_range_is_where_it_or_a_member_is_matched() -> None:
    inside, outside = (0x20010DB8 << 96 | 7, 128), (0x20010DB9 << 96, 32)
    there = Host(b"\2" * 6, ("10.0.0.7", "2001:db8::9"), PortRef(3, 9))
    network = replace(view(), hosts=MappingProxyType({there.mac: there}))
    masked = Match(dl_src=there.mac, dl_src_mask=b"\xff\0\0\0\0\0")
    entries = {
        1: (entry(Match(dl_type=0x86DD, ipv6_dst=inside)), entry(masked)),
        2: (entry(Match(dl_type=0x86DD, ipv6_src=outside)), entry(masked)),
        3: (entry(Match(dl_dst=there.mac)),),
    }
    chosen = select(network, entries, parse_definition("ip:2001:db8::/48"))
    assert set(chosen.switches) == {1, 3}
    assert set(chosen.hosts) == {there.mac}
    assert set(select(network, entries, parse_definition("ip:10.0.0.0/24")).switches) == {3}
