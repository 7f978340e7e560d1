"""Groups, meters by id, later tables and TTLs on real Open vSwitch: used, missed, and back."""

from __future__ import annotations

from typing import Any

import pytest

from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

NOTICED = 15.0
"""Seconds within which a reconciler that looks every few must have told; a busy machine."""


@pytest.fixture
def lab(shared_lab: FlowLab) -> FlowLab:
    return shared_lab


def entry(lab: FlowLab, *actions: Any, **more: Any) -> dict[str, Any]:
    return {"dpid": lab.dpids("A")[0], "match": {"ip": True}, "actions": [*actions], **more}


def held(lab: FlowLab) -> list[tuple[str, str]]:
    """Return the Flow Manager's entries on A: what they match, what they do."""
    here = lab.dpid("A")
    return sorted((one.match, one.actions) for one in lab.own_entries() if one.dpid == here)


@on("fig4_1b", "1.3")
def test_a_group_carries_a_flow_until_it_is_deleted_and_again_when_it_is_back(
    lab: FlowLab,
) -> None:
    dpid = lab.dpid("A")
    refused = lab.refused("POST", "/v1/flows", entry(lab, {"group": 7}))
    assert refused.problem["errors"] == [
        {"loc": ["actions"], "msg": f"switch {dpid:016x} has no group 7"}
    ]
    lab.network.ofctl(dpid, "add-group", "group_id=7,type=select,bucket=output:1,bucket=output:2")
    flow = lab.make_flow(entry(lab, {"dec_nw_ttl": True}, {"group": "7"}))
    assert (flow["state"], held(lab)) == ("active", [("ip", "dec_ttl,group:7")])
    lab.network.ofctl(dpid, "del-groups", "group_id=7")
    assert lab.wait_for_event("flow_broken", NOTICED, id=flow["id"])["state"] == "broken"
    told = lab.flow(flow["id"])
    assert (told["state"], told["reason"]) == ("broken", f"switch {dpid:016x} has no group 7")
    assert held(lab) == []
    lab.network.ofctl(dpid, "add-group", "group_id=7,type=all,bucket=output:1")
    lab.wait_for_event("flow_restored", NOTICED, id=flow["id"])
    assert (lab.flow(flow["id"])["state"], held(lab)) == ("active", [("ip", "dec_ttl,group:7")])
    lab.ask("DELETE", f"/v1/flows/{flow['id']}")
    assert held(lab) == []
    lab.network.ofctl(dpid, "del-groups", "group_id=7")


@on("fig4_1b", "1.3")
def test_a_meter_of_somebody_else_is_used_and_never_deleted(lab: FlowLab) -> None:
    dpid = lab.dpid("A")
    refused = lab.refused("POST", "/v1/flows", entry(lab, {"output": 1}, meter=9))
    assert refused.problem["errors"][0]["loc"] == ["meter"]
    lab.network.ofctl(dpid, "add-meter", "meter=9,kbps,band=type=drop,rate=5000")
    flow = lab.make_flow(entry(lab, {"output": 1}, meter="9"))
    assert held(lab) == [("ip", "meter:9,output:1")]
    lab.network.ofctl(dpid, "del-meter", "meter=9")
    lab.wait_for_event("flow_broken", NOTICED, id=flow["id"])
    lab.network.ofctl(dpid, "add-meter", "meter=9,kbps,band=type=drop,rate=5000")
    lab.wait_for_event("flow_restored", NOTICED, id=flow["id"])
    assert held(lab) == [("ip", "meter:9,output:1")]
    lab.ask("DELETE", f"/v1/flows/{flow['id']}")
    assert "meter=9" in lab.network.ofctl(dpid, "dump-meters")
    lab.network.ofctl(dpid, "del-meter", "meter=9")


@on("fig4_1b", "1.3")
def test_an_entry_in_a_later_table_takes_frames_when_another_leads_there(lab: FlowLab) -> None:
    late = lab.make_flow(entry(lab, {"set_nw_ttl": 9}, {"output": 1}, table_id=2))
    assert (late["state"], late["table_id"]) == ("incomplete", 2)
    first = lab.make_flow(entry(lab, {"goto_table": 2}))
    assert {lab.flow(each["id"])["state"] for each in (late, first)} == {"active"}
    texts = lab.network.flows(lab.dpid("A"))
    assert any("table=2" in text and "mod_nw_ttl:9,output:1" in text for text in texts)
    assert any("goto_table:2" in text for text in texts)
    # Recognised where it is: only what is taken away comes back.
    lab.network.ofctl(lab.dpid("A"), "del-flows", "table=2")
    repaired = lab.wait_for_event("flow_repaired", NOTICED, dpid=late["dpid"])
    assert (repaired["missing"], repaired["wrong"], repaired["orphans"]) == (1, 0, 0)
    for each in (first, late):
        lab.ask("DELETE", f"/v1/flows/{each['id']}")
    assert held(lab) == []


@on("fig4_1b", "1.0")
def test_a_switch_of_1_0_is_refused_all_of_it_by_field_and_reason(lab: FlowLab) -> None:
    out = {"output": 1}
    for spec, field in (
        (entry(lab, {"group": 7}), "actions"),
        (entry(lab, {"dec_nw_ttl": True}, out), "actions"),
        (entry(lab, {"set_nw_ttl": 3}, out), "actions"),
        (entry(lab, {"goto_table": 1}), "actions"),
        (entry(lab, out, table_id=1), "table_id"),
        (entry(lab, out, meter=9), "meter"),
        ({**lab.spec("client", "server"), "meter": 9}, "meter"),
    ):
        refused = lab.refused("POST", "/v1/flows", spec)
        assert refused.status == 422
        (error,) = refused.problem["errors"]
        assert error["loc"] == [field]
        assert "OpenFlow 1.0" in error["msg"]
    assert lab.own_entries() == []
