"""Flow Manager on real Open vSwitch switches that nothing befalls: one network for all tests."""

from __future__ import annotations

from typing import Any

import pytest

from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

RATE = 2000
"""Datagrams per second beside a test."""


@pytest.fixture
def lab(shared_lab: FlowLab) -> FlowLab:
    return shared_lab


@on("fig4_1b", "1.0", "1.3", "mixed")
def test_a_flow_is_there_when_the_answer_is_and_gone_when_deleted(lab: FlowLab) -> None:
    before = sorted(map(str, lab.entries()))
    flow = lab.make_flow(lab.spec("client", "server", "DAB", priority=40_000))
    assert lab.laid() == sorted(lab.passages("client", "DAB", "server"))
    assert {entry.priority for entry in lab.own_entries()} == {40_000}
    assert all("in_port=" in entry.match for entry in lab.own_entries())
    with lab.route("client", "server").traffic(RATE) as traffic:
        lab.wait_until(lambda: lab.flow(flow["id"])["packets"] > 100, 10, "packets are counted")
    traffic.expect_intact()
    lab.wait_until(lambda: lab.flow(flow["id"])["packets"] == traffic.sent, 10, "all are counted")
    lab.ask("DELETE", f"/v1/flows/{flow['id']}")
    assert sorted(map(str, lab.entries())) == before
    assert lab.refused("GET", f"/v1/flows/{flow['id']}").status == 404


@on("fig4_1b", "1.0", "1.3")
def test_of_a_batch_that_one_switch_refuses_nothing_is_left(lab: FlowLab) -> None:
    full = lab.dpid("A")
    lab.limit_entries(full, 30)
    spec = lab.spec("client", "server", "DAB")
    specs = [{**spec, "match": {**spec["match"], "tp_dst": 6000 + n}} for n in range(40)]
    refused = lab.refused("POST", "/v1/flows/batch", {"flows": specs})
    assert (refused.status, refused.problem["switch"]) == (424, f"{full:016x}")
    assert "FULL" in refused.problem["detail"]
    assert lab.laid() == []
    assert lab.ask("GET", "/v1/flows") == {"flows": []}


@on("fig4_1b", "mixed")
def test_a_flow_whose_time_is_over_is_forgotten_everywhere(lab: FlowLab) -> None:
    flow = lab.make_flow(lab.spec("client", "server", "DAB", idle_timeout=1))
    lasting = lab.make_flow(lab.spec("server", "client", "BAD"))
    assert lab.wait_for_event("flow_timeout", id=flow["id"])["path"] == lab.dpids("DAB")
    assert lab.refused("GET", f"/v1/flows/{flow['id']}").status == 404
    lab.expect_laid(lab.passages("server", "BAD", "client"))
    assert [one["id"] for one in lab.ask("GET", "/v1/flows")["flows"]] == [lasting["id"]]


@on("fig4_1b", "1.3")
def test_a_rate_is_a_meter_on_the_first_switch(lab: FlowLab) -> None:
    flow = lab.make_flow(lab.spec("client", "server", "DAB", rate_kbps=1000))
    assert "rate=1000" in meters(lab, "D")
    with lab.route("client", "server", 1500).traffic(1000) as traffic:
        lab.wait_until(lambda: lab.flow(flow["id"])["packets"] > 2000, 20, "traffic is offered")
    assert 0 < traffic.received < traffic.sent / 2
    lab.ask("PATCH", f"/v1/flows/{flow['id']}", {"rate_kbps": None})
    assert "rate=" not in meters(lab, "D")
    with lab.route("client", "server", 1500).traffic(1000) as traffic:
        lab.wait_until(lambda: lab.flow(flow["id"])["packets"] > 1000, 20, "traffic is offered")
    traffic.expect_intact()


def meters(lab: FlowLab, letter: str) -> str:
    return lab.network.ofctl(lab.dpid(letter), "dump-meters")


@on("fig4_1b", "1.0")
def test_a_rate_needs_a_switch_that_has_meters(lab: FlowLab) -> None:
    refused = lab.refused("POST", "/v1/flows", lab.spec("client", "server", rate_kbps=1000))
    assert (refused.status, refused.problem["errors"][0]["loc"]) == (422, ["rate_kbps"])
    assert "1.0" in refused.problem["detail"]
    assert lab.laid() == []


@on("fig4_1b", "1.0", "1.3")
def test_setting_a_flow_loses_nothing(lab: FlowLab) -> None:
    flow = lab.make_flow(lab.spec("client", "server", "DAB"))["id"]
    changes: list[dict[str, Any]] = [
        {"priority": 50_000}, {"idle_timeout": 100}, {"path": None, "waypoints": lab.dpids("C")},
        {"queue": 0}, {"priority": 400, "path": lab.dpids("DAB")}, {"queue": None},
    ]  # fmt: skip
    with lab.route("client", "server").traffic(RATE) as traffic:
        for change in changes:
            answer = lab.ask("PATCH", f"/v1/flows/{flow}", change)
            plain = {name: value for name, value in change.items() if name in answer and value}
            assert {name: answer[name] for name in plain if name != "path"} == {
                name: value for name, value in plain.items() if name != "path"
            }
    traffic.expect_intact()
    assert {entry.priority for entry in lab.own_entries()} == {400}
    lab.expect_laid(lab.passages("client", "DAB", "server"))
