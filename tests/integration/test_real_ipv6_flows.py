"""IPv6, neighbour discovery, masks and any tag on real Open vSwitch: taken, and recognised."""

from __future__ import annotations

import pytest

from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(150)]

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
