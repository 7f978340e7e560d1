"""IPv6, neighbour discovery, masks and any tag on real Open vSwitch: taken, and recognised."""

from __future__ import annotations

import pytest

from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

REPAIRED = 5.0
"""Seconds within which the reconciler must have brought a switch back."""

MATCHES = [
    {"ipv6": True},
    {"ipv6": True, "ipv6_src": "2001:db8::/32", "ipv6_dst": "2001:db8::7", "ip_dscp": 46},
    {"tcp6": True, "ipv6_dst": "2001:db8:0:1::/64", "tcp_dst": 80},
    {"udp6": True, "udp_src": 53},
    {"sctp6": True, "sctp_dst": 9},
    {"icmp6": True, "icmpv6_type": 128, "icmpv6_code": 0},
    {"icmp6": True, "icmpv6_type": 135, "ipv6_nd_target": "fe80::1",
     "ipv6_nd_sll": "02:00:00:00:00:01"},
    {"icmp6": True, "icmpv6_type": 136, "icmpv6_code": 0, "ipv6_nd_target": "fe80::1",
     "ipv6_nd_tll": "02:00:00:00:00:01"},
    {"dl_src": "02:11:22:00:00:00/ff:ff:ff:00:00:00"},
    {"dl_dst": "01:00:00:00:00:00/01:00:00:00:00:00"},
    {"dl_dst": "00:00:00:00:00:00/01:00:00:00:00:00", "dl_type": "ip"},
    {"dl_vlan": "tagged"},
    {"dl_vlan": "tagged", "dl_vlan_pcp": 5},
    {"dl_vlan": "tagged", "ipv6": True, "ipv6_src": "fe80::/10"},
]  # fmt: skip

NS, NA = ({"icmp6": True, "icmpv6_type": kind} for kind in (135, 136))
ACTIONS = [
    ({"ipv6": True}, {"set_ipv6_src": "2001:db8::1"}, "->ipv6_src"),
    ({"ipv6": True}, {"set_field": {"ipv6_dst": "2001:db8::2"}}, "->ipv6_dst"),
    ({"ipv6": True}, {"set_field": {"ip_dscp": 46}}, "->ip_dscp"),
    ({"ipv6": True}, {"set_ip_ecn": 1}, "->nw_ecn"),
    ({"ip": True}, {"set_ip_ecn": 2}, "->nw_ecn"),
    ({"tcp6": True}, {"set_tp_dst": 8080}, "->tcp_dst"),
    ({"icmp6": True}, {"set_field": {"icmpv6_type": 129}}, "->icmpv6_type"),
    (NS, {"set_ipv6_nd_target": "fe80::9"}, "->nd_target"),
    (NS, {"set_ipv6_nd_sll": "02:00:00:00:00:09"}, "->nd_sll"),
    (NA, {"set_ipv6_nd_tll": "02:00:00:00:00:09"}, "->nd_tll"),
]
"""What is matched, what is set, and how the switch writes that."""


@pytest.fixture
def lab(shared_lab: FlowLab) -> FlowLab:
    return shared_lab


@on("fig4_1b", "1.3")
def test_every_match_reaches_the_switch_and_is_recognised(lab: FlowLab) -> None:
    dpid = lab.dpids("A")[0]
    specs = [
        {"dpid": dpid, "match": match, "actions": [{"output": 1}], "priority": 1000 + place}
        for place, match in enumerate(MATCHES)
    ]
    flows = lab.ask("POST", "/v1/flows/batch", {"flows": specs})["flows"]
    assert {entry.priority for entry in lab.own_entries()} == {spec["priority"] for spec in specs}
    # Recognised: only what is taken away is repaired.
    lab.network.ofctl(lab.dpid("A"), "del-flows", "--strict", "priority=1000,ipv6")
    repaired = lab.wait_for_event("flow_repaired", REPAIRED)
    assert repaired == {"dpid": dpid, "missing": 1, "wrong": 0, "orphans": 0}
    for flow in flows:
        lab.ask("DELETE", f"/v1/flows/{flow['id']}")
    assert lab.laid() == []


@on("fig4_1b", "1.0")
def test_a_switch_of_1_0_is_not_sent_what_it_lacks(lab: FlowLab) -> None:
    for match in MATCHES[1:]:
        spec = {"dpid": lab.dpids("A")[0], "match": match, "actions": [{"output": 1}]}
        refused = lab.refused("POST", "/v1/flows", spec)
        assert refused.status == 422
        assert refused.problem["errors"][0]["loc"][0] == "match"


@on("fig4_1b", "1.3")
def test_every_field_of_ipv6_is_set_and_recognised(lab: FlowLab) -> None:
    dpid = lab.dpids("A")[0]
    specs = [
        {"dpid": dpid, "match": match, "actions": [action, {"output": 1}], "priority": 1000 + place}
        for place, (match, action, _) in enumerate(ACTIONS)
    ]
    lab.ask("POST", "/v1/flows/batch", {"flows": specs})
    held = {
        place: next(text for text in lab.network.flows(lab.dpid("A")) if _has_priority(text, place))
        for place in range(len(ACTIONS))
    }
    assert {place: word in held[place] for place, (_, _, word) in enumerate(ACTIONS)} == (
        dict.fromkeys(range(len(ACTIONS)), True)
    ), held
    # Recognised: only what is taken away is repaired.
    lab.network.ofctl(lab.dpid("A"), "del-flows", "--strict", "priority=1000,ipv6")
    repaired = lab.wait_for_event("flow_repaired", REPAIRED)
    assert repaired == {"dpid": dpid, "missing": 1, "wrong": 0, "orphans": 0}


def _has_priority(text: str, place: int) -> bool:
    return f"priority={1000 + place}," in text


@on("fig4_1b", "1.0")
def test_a_switch_of_1_0_sets_nothing_in_ipv6(lab: FlowLab) -> None:
    for _, action, _ in ACTIONS:
        spec = {"dpid": lab.dpids("A")[0], "match": {"dl_type": 0x86DD}, "actions": [action]}
        spec["actions"].append({"output": 1})
        refused = lab.refused("POST", "/v1/flows", spec)
        assert refused.status == 422
        assert refused.problem["errors"][0]["loc"] == ["actions"]
