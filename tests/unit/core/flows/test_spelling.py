"""Ways in which people write matches and actions: understood, or told how they are written."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.action_fields import action_fields, parse_actions
from horizon_ryu.core.flows.match_fields import match_fields, parse_match

IP, IP6 = {"dl_type": 0x0800}, {"dl_type": 0x86DD}
ICMP, ICMP6 = {**IP, "nw_proto": 1}, {**IP6, "nw_proto": 58}


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"eth_type": "IPv6"}, IP6),
        ({"ipv6": ""}, IP6),
        ({"ip6": True}, IP6),
        ({"ip": "true"}, IP),
        ({"tcpv6": True, "tcp_dst": "80"}, {**IP6, "nw_proto": 6, "tp_dst": 80}),
        ({"icmpv6": True, "icmp_type": 135, "nd_target": "fe80::1"},
         {**ICMP6, "tp_src": 135, "ipv6_nd_target": "fe80::1"}),
        ({"icmp": True, "icmp_type": 8, "icmp_code": 0}, {**ICMP, "tp_src": 8, "tp_dst": 0}),
        ({"icmp_type": 8}, {**ICMP, "tp_src": 8}),
        ({"dl_type": "0x86dd", "icmp_type": 128}, {**ICMP6, "tp_src": 128}),
        ({"ipv6_dst": "2001:db8::1", "icmp_type": 128},
         {**ICMP6, "tp_src": 128, "ipv6_dst": "2001:db8::1"}),
        ({"ip_src": "10.0.0.1", "ip_dst": "10.0.0.0/255.255.255.0"},
         {**IP, "nw_src": "10.0.0.1", "nw_dst": "10.0.0.0/24"}),
        ({"ip": True, "ip_tos": 184}, {**IP, "nw_tos": 184}),
        ({"vlan": 5}, {"dl_vlan": 5}),
        ({"vlan_id": "5"}, {"dl_vlan": 5}),
        ({"dl_vlan": "none"}, {"dl_vlan": 65535}),
        ({"dl_vlan": "Untagged"}, {"dl_vlan": 65535}),
        ({"vlan_vid": "Tagged"}, {"dl_vlan": "tagged"}),
        ({"dl-type": "ip", "DL_VLAN": 5}, {**IP, "dl_vlan": 5}),
        ({"rarp": True}, {"dl_type": 0x8035}),
        ({"mpls": True}, {"dl_type": 0x8847}),
    ],
)  # fmt: skip
def test_a_match_is_understood(given: Any, same: Any) -> None:
    assert match_fields(parse_match(given)) == match_fields(parse_match(same))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("priority", 5, "to the flow itself"),
        ("table", 1, "as table_id"),
        ("cookie", "0x5", "given by Horizon"),
        ("vlan_tci", "0x1005", "write dl_vlan"),
        ("dlType", "ip", "there is dl_type"),
        ("ipv4_dest", "10.0.0.1", "there is ipv4_dst"),
        ("metadata", 1, "there are arp,"),
        ("dl_vlan", "any", "tagged"),
        ("dl_vlan", "10-20", "tagged"),
        ("in_port", "1-4", "or local"),
        ("dl_type", "0x800-0x806", "several flows"),
        ("dl_src", "02:11:22:00:00:00/24", "ff:ff:ff:00:00:00"),
        ("nw_dst", "10.0.0.0/24", "add ip or arp"),
        ("nw_dst", "2001:db8::/32", "ipv6_dst"),
        ("ipv6_dst", "10.0.0.1", "nw_src and nw_dst"),
        ("ip_proto", "tcp", "add ip, ipv6 or arp"),
        ("tcp_dst", 80, "add tcp or tcp6"),
        ("tp_dst", 80, "add tcp"),
        ("ip", 7, "write true"),
    ],
)
def test_what_is_not_understood_is_told_how_it_is_written(
    field: str, value: Any, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        parse_match({field: value})
    assert refused.value.loc == ("match", field)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ([{"flood": True}], [{"output": "flood"}]),
        ([{"LOCAL": True}], [{"output": "local"}]),
        ([{"enqueue": "2:1"}], [{"enqueue": {"port_no": 2, "queue_id": 1}}]),
        ([{"push_vlan": True}], [{"push_vlan": 0x8100}]),
        ([{"strip_vlan": ""}], [{"strip_vlan": True}]),
        ([{"set_vlan": 5}], [{"set_dl_vlan": 5}]),
        ([{"set_ip_dst": "10.0.0.9"}], [{"set_nw_dst": "10.0.0.9"}]),
        ([{"set_field": "10.0.0.9->nw_dst"}], [{"set_nw_dst": "10.0.0.9"}]),
        ([{"set_field": {"ip_ttl": 64}}], [{"set_nw_ttl": 64}]),
        ([{"set_ttl": "64"}], [{"set_nw_ttl": 64}]),
        ([{"mod_nw_ttl": 64}], [{"set_nw_ttl": 64}]),
        ([{"dec_ttl": True}], [{"dec_nw_ttl": True}]),
        ([{"type": "DEC_NW_TTL"}], [{"dec_nw_ttl": True}]),
        ([{"type": "SET_MPLS_TTL", "mpls_ttl": 3}], [{"set_mpls_ttl": 3}]),
        ([{"dec_mpls_ttl": True}], [{"dec_mpls_ttl": True}]),
        ([{"type": "GROUP", "group_id": 7}], [{"group": 7}]),
        ([{"group": 0x485A0001}], [{"output": "flood"}]),
        ([{"type": "GOTO_TABLE", "table_id": 3}], [{"goto_table": 3}]),
    ],
)
def test_an_action_is_understood_and_always_written_alike(given: Any, same: Any) -> None:
    assert action_fields(parse_actions(given)) == same


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"meter": 1}, "rate_kbps"),
        ({"type": "METER", "meter_id": 1}, "rate_kbps"),
        ({"resubmit": ",1"}, "goto_table"),
        ({"write_actions": []}, "themselves"),
        ({"set_colour": 1}, "there are dl_src"),
        ({"move": "a"}, "there are output"),
        ({"dec_nw_ttl": 2}, "write true"),
        ({"set_nw_ttl": 256}, "0 to 255"),
        ({"goto_table": 0}, "1 to 254"),
        ({"goto_table": 255}, "1 to 254"),
        ({"group": -1}, "0 to"),
        ({"group": 0xFFFFFF01}, "0 to"),
        ({"enqueue": "2"}, "PORT:QUEUE"),
    ],
)
def test_an_action_that_is_none_is_told_what_there_is(action: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        parse_actions([action])
    assert refused.value.loc[:2] == ("actions", 0)
