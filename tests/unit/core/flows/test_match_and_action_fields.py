"""Matches and actions as users write them."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.action_fields import action_fields, parse_actions
from horizon_ryu.core.flows.match_fields import match_fields, parse_match
from horizon_ryu.core.flows.overlap import blinds_discovery, overlaps
from horizon_ryu.core.flows.planner import reverse_match
from horizon_ryu.wire.messages import VLAN_NONE, Enqueue, Match, Output, OutputInPort, SetField

TCP = {"dl_type": 0x0800, "nw_proto": 6}
FULL: dict[str, Any] = {
    "in_port": 1, "dl_src": "02:00:00:00:00:01", "dl_dst": "02:00:00:00:00:02", "dl_type": 0x0800,
    "dl_vlan": 7, "dl_vlan_pcp": 3, "nw_src": "10.0.0.0/8", "nw_dst": "10.0.0.2", "nw_proto": 6,
    "nw_tos": 184, "tp_src": 4000, "tp_dst": 80,
}  # fmt: skip


def test_all_twelve_fields_are_read_and_written() -> None:
    match = parse_match(FULL)
    assert match_fields(match) == FULL
    assert (match.nw_src, match.nw_dst) == ((10 << 24, 8), (0x0A000002, 32))
    assert match.dl_src == bytes.fromhex("020000000001")


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"eth_type": 0x0800, "ip_proto": 6, "tcp_dst": 80}, {**TCP, "tp_dst": 80}),
        ({"eth_src": "02:00:00:00:00:01"}, {"dl_src": "02:00:00:00:00:01"}),
        ({"dl_type": 0x0800, "ipv4_src": "10.0.0.1/32"}, {"dl_type": 0x0800, "nw_src": "10.0.0.1"}),
        ({"eth_type": 0x0806, "arp_op": 1, "arp_tpa": "10.0.0.1"},
         {"dl_type": 0x0806, "nw_proto": 1, "nw_dst": "10.0.0.1"}),
        ({"eth_type": 0x0800, "ip_dscp": 46}, {"dl_type": 0x0800, "nw_tos": 184}),
        ({"vlan_vid": 5, "vlan_pcp": 1}, {"dl_vlan": 5, "dl_vlan_pcp": 1}),
        ({**TCP, "nw_proto": 1, "icmpv4_type": 8}, {**TCP, "nw_proto": 1, "tp_src": 8}),
        ({**TCP, "nw_proto": 17, "udp_src": 53}, {**TCP, "nw_proto": 17, "tp_src": 53}),
        ({**TCP, "nw_proto": 132, "sctp_dst": 9}, {**TCP, "nw_proto": 132, "tp_dst": 9}),
        ({"dl_vlan": VLAN_NONE}, {"dl_vlan": VLAN_NONE}),
        ({}, {}),
    ],
)  # fmt: skip
def test_both_name_sets_mean_the_same(given: Any, same: Any) -> None:
    assert match_fields(parse_match(given)) == match_fields(parse_match(same))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"nw_src": "10.0.0.1"}, "nw_src"),
        ({"dl_type": 0x86DD, "nw_dst": "10.0.0.1"}, "nw_dst"),
        ({"dl_type": 0x0800, "nw_dst": "10.0.0.1/8"}, "nw_dst"),
        ({"dl_type": 0x0800, "nw_dst": "10.0.0.1/255.0.0.0"}, "nw_dst"),
        ({"dl_type": 0x0800, "nw_dst": "0.0.0.0/0"}, "nw_dst"),
        ({"dl_type": 0x0800, "nw_dst": 1}, "nw_dst"),
        ({"dl_type": 0x0800, "nw_dst": "fe80::1"}, "nw_dst"),
        ({"tp_dst": 80}, "tp_dst"),
        ({"dl_type": 0x0800, "nw_proto": 47, "tp_dst": 80}, "tp_dst"),
        ({"dl_type": 0x0800, "nw_proto": 1, "tp_dst": 256}, "tp_dst"),
        ({**TCP, "udp_dst": 80}, "udp_dst"),
        ({"tcp_dst": 80}, "tcp_dst"),
        ({"dl_type": 0x0800, "arp_spa": "10.0.0.1"}, "arp_spa"),
        ({"nw_proto": 6}, "nw_proto"),
        ({"dl_type": 0x0806, "nw_tos": 4}, "nw_tos"),
        ({"dl_type": 0x0800, "nw_tos": 3}, "nw_tos"),
        ({"dl_vlan_pcp": 1}, "dl_vlan_pcp"),
        ({"dl_vlan": VLAN_NONE, "dl_vlan_pcp": 1}, "dl_vlan_pcp"),
        ({"dl_vlan": 4096}, "dl_vlan"),
        ({"dl_vlan": True}, "dl_vlan"),
        ({"dl_type": "0x8g0"}, "dl_type"),
        ({"dl_src": "2:0:0:0:0:1"}, "dl_src"),
        ({"in_port": 0}, "in_port"),
        ({"in_port": 0xFFFF_FF01}, "in_port"),
        ({"metadata": 1}, "metadata"),
        ({"dl_type": 0x0800, "eth_type": 0x0800}, "eth_type"),
    ],
)
def test_what_means_nothing_is_named(fields: Any, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_match(fields, ("here", "match"))
    assert refused.value.loc == ("here", "match", name)


ACTIONS: list[list[dict[str, Any]]] = [
    [{"output": 1}],
    [{"output": name} for name in ("in_port", "controller", "all", "normal", "local", "flood")],
    [{"set_dl_src": "02:00:00:00:00:01"}, {"set_dl_dst": "02:00:00:00:00:02"}],
    [{"set_nw_src": "10.0.0.1"}, {"set_nw_dst": "10.0.0.2"}, {"set_nw_tos": 184}],
    [{"set_tp_src": 1}, {"set_tp_dst": 2}, {"set_dl_vlan": 3}, {"set_dl_vlan_pcp": 4}],
    [{"push_vlan": 0x8100}, {"strip_vlan": True}],
    [{"enqueue": {"port_no": 1, "queue_id": 2}}],
    [{"set_ipv6_src": "2001:db8::1"}, {"set_ipv6_dst": "fe80::7"}, {"set_ip_ecn": 1}],
    [{"set_ipv6_nd_target": "fe80::1"}, {"set_ipv6_nd_sll": "02:00:00:00:00:01"}],
    [{"set_ipv6_nd_tll": "02:00:00:00:00:01"}, {"output": 1}],
    [],
]


@pytest.mark.parametrize("items", ACTIONS)
def test_actions_are_read_and_written(items: Any) -> None:
    assert action_fields(parse_actions(items)) == items


def test_actions_have_other_names_too() -> None:
    assert parse_actions([{"set_queue": 4}, {"output": 1}]) == (Enqueue(1, 4),)
    assert parse_actions([{"drop": True}]) == ()
    assert parse_actions([{"set_field": {"ipv4_dst": "10.0.0.1"}}]) == (
        SetField("nw_dst", 0x0A000001),
    )
    assert parse_actions([{"set_field": {"ip_dscp": 46}}]) == (SetField("nw_tos", 184),)
    assert parse_actions([{"output": "in_port"}]) == (OutputInPort(),)
    assert parse_actions([{"pop_vlan": True}]) == parse_actions([{"strip_vlan": True}])


@pytest.mark.parametrize(
    "item",
    [
        {}, {"output": 0}, {"output": None}, {"output": 1, "enqueue": 1}, {"nothing": 1},
        {"set_dl_type": 1}, {"set_nw_proto": 6}, {"set_field": 1}, {"set_field": {"a": 1, "b": 2}},
        {"enqueue": {"port_no": 1}}, {"set_queue": -1}, {"push_vlan": 0x0800}, {"strip_vlan": 1},
        {"set_ipv6_dst": "fe80::/64"}, {"set_ipv6_src": "10.0.0.1"}, {"set_ip_ecn": 4},
        {"set_ipv6_nd_tll": "fe80::1"}, {"set_dl_vlan": VLAN_NONE},
        {"set_nw_dst": "10.0.0.0/8"}, {"drop": True},
    ],
)  # fmt: skip
def test_a_bad_action_is_named_by_its_place(item: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_actions([{"output": 1}, item], ("actions",))
    assert refused.value.loc[:2] == ("actions", 1)


def test_there_is_a_cap_on_actions() -> None:
    with pytest.raises(InvalidInput, match="64"):
        parse_actions([{"output": 1}] * 65)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ({}, TCP, True),
        (TCP, {"dl_type": 0x0800, "nw_proto": 17}, False),
        ({"dl_type": 0x0800, "nw_dst": "10.0.0.0/8"}, {"dl_type": 0x0800, "nw_dst": "10.1.0.0/16"},
         True),
        ({"dl_type": 0x0800, "nw_dst": "10.0.0.0/9"}, {"dl_type": 0x0800, "nw_dst": "10.128.0.0/9"},
         False),
        ({"dl_vlan": 1}, {"dl_vlan": VLAN_NONE}, False),
        ({"in_port": 1}, {"in_port": 2}, False),
        ({"dl_src": "02:00:00:00:00:01"}, {"dl_dst": "02:00:00:00:00:01"}, True),
    ],
)  # fmt: skip
def test_matches_overlap_when_a_frame_can_have_both(one: Any, other: Any, common: bool) -> None:
    assert overlaps(parse_match(one), parse_match(other)) is common
    assert overlaps(parse_match(other), parse_match(one)) is common


@pytest.mark.parametrize(
    ("match", "priority", "blinds"),
    [
        (Match(), 65_535, True),
        (Match(dl_type=0x88CC), 65_535, True),
        (Match(in_port=3), 65_535, True),
        (Match(dl_type=0x88CC), 65_534, False),
        (Match(dl_type=0x0800), 65_535, False),
        (Match(dl_vlan=5), 65_535, False),
        (Match(dl_dst=b"\2" * 6), 65_535, False),
    ],
)
def test_who_could_take_probes_away(match: Match, priority: int, blinds: bool) -> None:
    assert blinds_discovery(match, priority) is blinds


def test_answers_go_the_other_way() -> None:
    there = parse_match(FULL)
    back = reverse_match(there)
    assert (back.dl_src, back.nw_src, back.tp_src) == (there.dl_dst, there.nw_dst, there.tp_dst)
    assert reverse_match(back) == there
    ping = Match(dl_type=0x0800, nw_proto=1, tp_src=8, tp_dst=0)
    assert reverse_match(ping)[-2:] == (None, None), "a reply has another type"


def test_an_output_to_a_port_is_that() -> None:
    assert parse_actions([{"output": 65279}]) == (Output(65279),)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"dl_type": "0x800"}, {"dl_type": 0x0800}),
        ({"dl_type": "2048"}, {"dl_type": 0x0800}),
        ({"dl_type": "IP"}, {"dl_type": 0x0800}),
        ({"eth_type": "arp"}, {"dl_type": 0x0806}),
        ({"in_port": "1"}, {"in_port": 1}),
        ({"in_port": "local"}, {"in_port": 0xFFFF_FFFE}),
        ({"in_port": "65537"}, {"in_port": 65537}),
        ({"dl_type": "ip", "nw_proto": "udp", "tp_dst": "53"},
         {"dl_type": 0x0800, "nw_proto": 17, "tp_dst": 53}),
        ({"ip": True}, {"dl_type": 0x0800}),
        ({"arp": True, "arp_op": "1"}, {"dl_type": 0x0806, "nw_proto": 1}),
        ({"icmp": True, "icmpv4_type": 8}, {**TCP, "nw_proto": 1, "tp_src": 8}),
        ({"tcp": True, "ip": True, "nw_proto": 6, "tcp_dst": 80}, {**TCP, "tp_dst": 80}),
        ({"udp": True, "nw_dst": "10.0.0.0/255.255.255.0"},
         {**TCP, "nw_proto": 17, "nw_dst": "10.0.0.0/24"}),
        ({"ip": True, "nw_src": "10.0.0.1/255.255.255.255"}, {"ip": True, "nw_src": "10.0.0.1"}),
        ({"ip": True, "nw_src": "128.0.0.0/128.0.0.0"}, {"ip": True, "nw_src": "128.0.0.0/1"}),
        ({"vlan_vid": 0x1005}, {"dl_vlan": 5}),
        ({"vlan_vid": "0x1000"}, {"dl_vlan": 0}),
        ({"dl_vlan": "untagged"}, {"dl_vlan": VLAN_NONE}),
        ({"ip": True, "nw_tos": "0xb8"}, {"ip": True, "ip_dscp": "46"}),
        ({"arp_op": "request"}, {"arp": True, "arp_op": 1}),
        ({"ip": True, "nw_proto": "OSPF"}, {"ip": True, "nw_proto": 89}),
        ({"dl_dst": "0200000000A1"}, {"dl_dst": "02:00:00:00:00:a1"}),
    ],
)  # fmt: skip
def test_clear_wishes_are_understood(given: Any, same: Any) -> None:
    assert parse_match(given) == parse_match(same)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"in_port": "01"}, "in_port"),
        ({"in_port": "1 "}, "in_port"),
        ({"in_port": "-1"}, "in_port"),
        ({"in_port": "1_0"}, "in_port"),
        ({"in_port": "\u0661"}, "in_port"),
        ({"in_port": "9" * 5000}, "in_port"),
        ({"dl_type": "0x"}, "dl_type"),
        ({"dl_type": "tcp"}, "dl_type"),
        ({"tcp": 1}, "tcp"),
        ({"tcp": False}, "tcp"),
        ({"tcp": True, "udp": True}, "udp"),
        ({"tcp": True, "dl_type": "arp"}, "tcp"),
        ({"ip": True, "nw_dst": "10.0.0.0/0.0.0.255"}, "nw_dst"),
        ({"ip": True, "nw_dst": "10.0.0.0/255.0.255.0"}, "nw_dst"),
        ({"ip": True, "nw_dst": "10.0.0.0/0.0.0.0"}, "nw_dst"),
        ({"dl_vlan": 0x1005}, "dl_vlan"),
        ({"vlan_vid": 0x2005}, "vlan_vid"),
        ({"arp_op": "tcp"}, "arp_op"),
        ({"arp": True, "nw_proto": "request"}, "nw_proto"),
        ({"arp": True, "nw_proto": "TCP"}, "nw_proto"),
        ({"dl_type": "arp", "ip_proto": "icmp"}, "ip_proto"),
        ({"dl_dst": "0200000000a"}, "dl_dst"),
    ],
)
def test_what_only_resembles_a_wish_is_named(fields: Any, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_match(fields)
    assert refused.value.loc == ("match", name)


@pytest.mark.parametrize(
    ("item", "same"),
    [
        ({"output": "2"}, {"output": 2}),
        ({"OUTPUT": 2}, {"output": 2}),
        ({"output": "FLOOD"}, {"output": "flood"}),
        ({"output": "OFPP_LOCAL"}, {"output": "local"}),
        ({"output": 0xFFFFFFFD}, {"output": "controller"}),
        ({"output": "0xfffffffb"}, {"output": "flood"}),
        ({"set_field": {"vlan_vid": 0x1005}}, {"set_dl_vlan": 5}),
        ({"set_field": {"ipv6_dst": "FE80:0::1"}}, {"set_ipv6_dst": "fe80::1"}),
        ({"set_field": {"icmpv6_type": 129}}, {"set_tp_src": 129}),
        ({"set_tp_dst": "0x50"}, {"set_tp_dst": 80}),
        ({"push_vlan": "0x8100"}, {"push_vlan": 0x8100}),
        (
            {"enqueue": {"port_no": "1", "queue_id": "2"}},
            {"enqueue": {"port_no": 1, "queue_id": 2}},
        ),
    ],
)
def test_actions_may_be_spelt_otherwise(item: Any, same: Any) -> None:
    assert parse_actions([item]) == parse_actions([same])


@pytest.mark.parametrize("port", ["", "moon", "0xfffffff7", 0xFFFFFFFF, 0xFFFFFF01, "ofpp_"])
def test_ports_that_are_none_are_named(port: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_actions([{"output": port}])
    assert refused.value.loc == ("actions", 0, "output")


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ({"ipv4_dst": "10.0.0.1"}, {"dl_type": 0x0800, "nw_dst": "10.0.0.1"}),
        ({"arp_tpa": "10.0.0.1"}, {"dl_type": 0x0806, "nw_dst": "10.0.0.1"}),
        ({"icmpv4_type": 8}, {"dl_type": 0x0800, "nw_proto": 1, "tp_src": 8}),
        ({"icmpv6_type": 135}, {"dl_type": 0x86DD, "nw_proto": 58, "tp_src": 135}),
        ({"ipv6_dst": "fe80::1"}, {"dl_type": 0x86DD, "ipv6_dst": "fe80::1"}),
        ({"ip": True, "tcp_dst": 80}, {"dl_type": 0x0800, "nw_proto": 6, "tp_dst": 80}),
        ({"DL_TYPE": 2048, "TCP_DST": 80}, {"dl_type": 0x0800, "nw_proto": 6, "tp_dst": 80}),
        ({"dl_src": "02-00-00-00-00-0A"}, {"dl_src": "02:00:00:00:00:0a"}),
        ({"dl_src": "0200.0000.000a"}, {"dl_src": "02:00:00:00:00:0a"}),
    ],
)
def test_what_a_name_says_need_not_be_said_again(written: Any, same: Any) -> None:
    assert parse_match(written) == parse_match(same)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({"tcp_dst": 80}, "tcp_dst"),
        ({"dl_type": 0x86DD, "ipv4_dst": "10.0.0.1"}, "ipv4_dst"),
        ({"ip": True, "nw_proto": 17, "TCP_DST": 80}, "TCP_DST"),
        ({"dl_src": "02:00-00:00-00:0a"}, "dl_src"),
    ],
)
def test_what_may_mean_two_things_or_none_is_refused(written: Any, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_match(written)
    assert refused.value.loc == ("match", name)


@pytest.mark.parametrize(
    ("item", "same"),
    [
        ({"type": "OUTPUT", "port": 2}, {"output": 2}),
        ({"type": "OUTPUT", "port": "FLOOD", "max_len": 0}, {"output": "flood"}),
        (
            {"type": "SET_FIELD", "field": "ipv4_dst", "value": "10.0.0.2"},
            {"set_nw_dst": "10.0.0.2"},
        ),
        (
            {"type": "SET_DL_DST", "dl_dst": "02:00:00:00:00:01"},
            {"set_dl_dst": "02:00:00:00:00:01"},
        ),
        ({"type": "POP_VLAN"}, {"strip_vlan": True}),
        ({"type": "PUSH_VLAN", "ethertype": 33024}, {"push_vlan": 33024}),
        (
            {"type": "ENQUEUE", "port": 1, "queue_id": 2},
            {"enqueue": {"port_no": 1, "queue_id": 2}},
        ),
        ({"mod_nw_dst": "10.0.0.2"}, {"set_nw_dst": "10.0.0.2"}),
        ({"mod_vlan_vid": 5}, {"set_dl_vlan": 5}),
        ({"strip_vlan": None}, {"strip_vlan": True}),
    ],
)
def test_actions_are_understood_as_other_programs_write_them(item: Any, same: Any) -> None:
    assert parse_actions([item]) == parse_actions([same])


@pytest.mark.parametrize(
    "item", [{"type": "OUTPUT"}, {"type": 3}, {"type": "OUTPUT", "a": 1, "b": 2}]
)
def test_what_other_programs_would_not_take_either_is_refused(item: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_actions([item])
