"""Flow Manager on real Open vSwitch switches: what is asked for is there, and stays there."""

from __future__ import annotations

import pytest

from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

RATE = 2000
"""Datagrams per second beside a test."""
REPAIRED = 5.0
"""Seconds within which the reconciler must have brought a switch back."""


@pytest.fixture
def lab(shared_lab: FlowLab) -> FlowLab:
    return shared_lab


@on("fig3_4", "mixed")
def test_a_flow_and_its_reverse_direction_carry_pings(lab: FlowLab) -> None:
    spec = lab.spec("source", "dest", "ABCD", bidirectional=True)
    match = {"dl_type": 2048, "nw_dst": lab.graph.host("dest").ip}
    match |= {"nw_src": lab.graph.host("source").ip}
    flow = lab.make_flow({**spec, "match": match})
    there = lab.passages("source", "ABCD", "dest")
    back = lab.passages("dest", "DCBA", "source")
    assert lab.laid() == sorted(there | back)
    lab.expect_no_loss()
    reverse = lab.flow(flow["reverse"])
    assert reverse["reverse"] == flow["id"]
    assert reverse["packets"] > 0
    lab.ask("DELETE", f"/v1/flows/{flow['id']}")
    assert lab.laid() == []
    assert lab.ask("GET", "/v1/flows") == {"flows": []}


@on("fig4_1b", "1.0", "1.3")
def test_a_switch_refuses_what_overlaps_if_it_is_asked_to(lab: FlowLab) -> None:
    foreign = "cookie=0x77,priority=32768,udp,actions=drop"
    lab.network.ofctl(lab.dpid("A"), "add-flow", foreign)
    spec = lab.spec("client", "server", "DAB", check_overlap=True)
    refused = lab.refused("POST", "/v1/flows", spec)
    assert (refused.status, refused.problem["switch"]) == (424, f"{lab.dpid('A'):016x}")
    assert "OVERLAP" in refused.problem["detail"]
    assert lab.laid() == []
    lab.network.ofctl(lab.dpid("A"), "del-flows", "--strict", "priority=32768,udp")
    flow = lab.make_flow(spec)
    lab.network.ofctl(lab.dpid("A"), "add-flow", foreign)
    lab.network.ofctl(lab.dpid("B"), "del-flows", f"cookie={int(flow['cookie'], 16):#x}/-1")
    lab.expect_laid(lab.passages("client", "DAB", "server"), REPAIRED)


@on("fig4_1b", "mixed")
def test_what_others_change_is_brought_back_and_what_is_theirs_stays(lab: FlowLab) -> None:
    lab.make_flow(lab.spec("client", "server", "DAB"))
    wanted = lab.passages("client", "DAB", "server")
    foreign = "cookie=0x77,priority=50000,ip,nw_dst=192.0.2.1,actions=drop"
    for letter in "ABD":
        dpid = lab.dpid(letter)
        lab.network.ofctl(dpid, "add-flow", foreign)
        (entry,) = (one for one in lab.own_entries() if one.dpid == dpid)
        lab.network.ofctl(dpid, "del-flows", "--strict", f"priority=32768,{entry.match}")
    lab.expect_laid(wanted, REPAIRED)
    (entry,) = (one for one in lab.own_entries() if one.dpid == lab.dpid("A"))
    changed = f"cookie={entry.cookie:#x},priority=32768,{entry.match},actions=drop"
    lab.network.ofctl(lab.dpid("A"), "add-flow", changed)
    lab.expect_laid(wanted, REPAIRED)
    orphan = f"cookie={0x485A04 << 40 | 0xABCDEF:#x},priority=400,ip,in_port=1,actions=drop"
    lab.network.ofctl(lab.dpid("B"), "add-flow", orphan)
    lab.expect_laid(wanted, REPAIRED)
    others = [entry for entry in lab.entries() if entry.cookie == 0x77]
    assert {lab.dpid(letter) for letter in "ABD"} == {entry.dpid for entry in others}
    assert lab.wait_for_event("flow_repaired", dpid=f"{lab.dpid('B'):016x}")


@on("fig4_1b", "mixed")
def test_switches_and_controllers_that_start_again_find_the_flows_as_they_were(
    lab: FlowLab,
) -> None:
    flow = lab.make_flow(lab.spec("client", "server", "DAB"))
    wanted = lab.passages("client", "DAB", "server")
    with lab.route("client", "server").traffic(RATE) as traffic:
        lab.wait_until(lambda: lab.flow(flow["id"])["packets"] > 0, 10, "traffic flows")
        lab.restart_controller()
        lab.expect_true_topology()
        counted = lab.flow(flow["id"])["packets"]
        lab.expect_laid(wanted)
        assert lab.flow(flow["id"])["packets"] >= counted > 0
    traffic.expect_intact()
    lab.stop_switch(lab.dpid("A"))
    lab.wait_until(lambda: lab.flow(flow["id"])["state"] == "broken", 20, "the flow is broken")
    lab.start_switch(lab.dpid("A"))
    lab.expect_laid(wanted)
    lab.expect_true_topology()
    lab.wait_until(lambda: lab.flow(flow["id"])["state"] == "active", 20, "the flow is whole again")


@on("fig3_4", "mixed")
def test_a_flow_moves_around_a_failure_by_itself(lab: FlowLab) -> None:
    flow = lab.make_flow(lab.spec("source", "dest", waypoints=lab.dpids("F")))
    assert lab.laid() == sorted(lab.passages("source", "AFED", "dest"))
    lab.ask("PATCH", f"/v1/flows/{flow['id']}", {"waypoints": []})
    here = {hop["dpid"] for hop in lab.flow(flow["id"])["path"]}
    cut, there = ("FE", "ABCD") if lab.dpids("F")[0] in here else ("BC", "AFED")
    lab.cut(lab.cable(cut))
    assert lab.wait_for_event("flow_moved", id=flow["id"])["path"] == lab.dpids(there)
    lab.expect_laid(lab.passages("source", there, "dest"))
    with lab.route("source", "dest").traffic(RATE) as traffic:
        lab.wait_until(lambda: lab.flow(flow["id"])["packets"] > 100, 10, "packets are counted")
    traffic.expect_intact()
    lab.cut(lab.cable("ED" if there == "AFED" else "CD"))
    assert lab.wait_for_event("flow_broken", id=flow["id"])
    assert lab.flow(flow["id"])["state"] == "broken"
    lab.restore(lab.cable(cut))
    assert lab.wait_for_event("flow_moved", 30, id=flow["id"])
    lab.wait_until(lambda: lab.flow(flow["id"])["state"] == "active", 20, "a path is there again")


@on("fig4_1b", "mixed")
def test_nobody_may_blind_the_topology(lab: FlowLab) -> None:
    for letter in "AB":
        entry = {"dpid": lab.dpids(letter)[0], "actions": [{"drop": True}], "priority": 65_535}
        refused = lab.refused("POST", "/v1/flows", {**entry, "match": {"dl_type": 0x88CC}})
        assert refused.status == 409
        assert "LLDP" in refused.problem["detail"]
        assert lab.refused("POST", "/v1/flows", entry).status == 409
    assert lab.laid() == []
    lab.expect_true_topology()


@on("fig4_1b", "mixed")
def test_frames_that_pass_a_port_twice_are_told_apart_by_a_tag(lab: FlowLab) -> None:
    """A, B, A, B: with D-C cut, the one cable between them twice in the same direction."""
    lab.cut(lab.cable("DC"))
    lab.expect_true_topology()
    match = {**lab.spec("client", "server")["match"], "dl_vlan": 0xFFFF}
    spec = lab.spec("client", "server", waypoints=lab.dpids("ABAB"))
    flow = lab.make_flow({**spec, "match": match})
    assert flow["path_kind"] == "tagged"
    with lab.route("client", "server").traffic(RATE) as traffic:
        lab.wait_until(lambda: lab.flow(flow["id"])["packets"] > 100, 10, "packets are counted")
        moved = lab.migrate(flow["id"], "DB")
        assert (moved["state"], moved["path_kind"]) == ("done", "simple")
        moved = lab.migrate(flow["id"], "ABAB")
        assert (moved["state"], moved["path_kind"]) == ("done", "tagged")
    traffic.expect_intact()


TCP = {"dl_type": 0x0800, "nw_proto": 6}
FULL = {
    "in_port": 1, "dl_src": "02:00:00:00:00:01", "dl_dst": "02:00:00:00:00:02", "dl_vlan": 7,
    "dl_vlan_pcp": 3, "nw_src": "192.0.2.0/25", "nw_dst": "198.51.100.7", "nw_tos": 184,
    "tp_src": 4000, "tp_dst": 80, **TCP,
}  # fmt: skip
UNTAGGED = {**TCP, "dl_vlan": 0xFFFF}
BOTH = [
    (FULL, [{"output": 2}], "output:2"),
    ({"dl_type": 0x0806, "nw_proto": 1, "nw_dst": "192.0.2.1"}, [{"output": "in_port"}], "IN_PORT"),
    ({"eth_type": 0x0800, "ipv4_dst": "192.0.2.9/32"}, [{"drop": True}], "drop"),
    (TCP, [{"set_dl_src": "02:00:00:00:00:09"}, {"output": 1}], "02:00:00:00:00:09"),
    (TCP, [{"set_nw_dst": "192.0.2.8"}, {"set_tp_dst": 8080}, {"output": 1}], "8080"),
    (TCP, [{"set_nw_tos": 32}, {"output": "controller"}], "CONTROLLER"),
    (UNTAGGED, [{"push_vlan": 0x8100}, {"set_dl_vlan": 9}, {"output": 1}], "vlan"),
    ({"dl_vlan": 8}, [{"set_dl_vlan": 9}, {"set_dl_vlan_pcp": 2}, {"output": 1}], "vlan"),
    ({"dl_vlan": 9}, [{"strip_vlan": True}, {"output": 1}], "vlan"),
    ({"dl_vlan": 10}, [{"enqueue": {"port_no": 1, "queue_id": 3}}], ":3"),
    ({"dl_vlan": 11}, [{"set_queue": 4}, {"output": 1}], ":4"),
    ({"dl_vlan": 12}, [{"output": "all"}], "ALL"),
    ({"dl_vlan": 13}, [{"output": "normal"}], "NORMAL"),
    ({"dl_vlan": 14}, [{"output": "local"}], "LOCAL"),
]


@on("fig4_1b", "1.0", "1.3")
def test_every_field_and_action_reaches_the_switch_and_is_recognised(lab: FlowLab) -> None:
    dpid = lab.dpids("A")[0]
    specs = [
        {"dpid": dpid, "match": match, "actions": actions, "priority": 1000 + place}
        for place, (match, actions, _) in enumerate(BOTH)
    ]
    flows = lab.ask("POST", "/v1/flows/batch", {"flows": specs})["flows"]
    by_priority = {entry.priority: entry for entry in lab.own_entries()}
    assert len(by_priority) == len(BOTH)
    for place, (_, actions, words) in enumerate(BOTH):
        assert words in by_priority[1000 + place].actions, (actions, by_priority[1000 + place])
    # Recognised: the reconciler finds nothing to repair, and says so by saying nothing.
    lab.network.ofctl(lab.dpid("A"), "del-flows", "--strict", "priority=1013,dl_vlan=14")
    repaired = lab.wait_for_event("flow_repaired", REPAIRED)
    assert repaired == {"dpid": dpid, "missing": 1, "wrong": 0, "orphans": 0}
    for flow in flows:
        lab.ask("DELETE", f"/v1/flows/{flow['id']}")
    assert lab.laid() == []
