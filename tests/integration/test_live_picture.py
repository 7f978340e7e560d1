"""The picture on real switches: what is supposed happens; events tell what snapshots then say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

FAST = """
[stats]
ports_interval = 1
"""


@pytest.fixture(scope="module")
def make_lab() -> Callable[[Path], FlowLab]:
    return lambda folder: FlowLab(folder, FAST)


@pytest.fixture
def lab(shared_lab: FlowLab) -> FlowLab:
    return shared_lab


def path(hops: list[dict[str, Any]]) -> list[str]:
    return [hop["dpid"] for hop in hops]


def recent(lab: FlowLab, since: str, kind: str) -> list[dict[str, Any]]:
    found = lab.ask("GET", f"/v1/events/recent?since={since}&kinds={kind}&limit=500")
    return [event["data"] for event in found["events"]]


def cursor(lab: FlowLab) -> str:
    told = lab.ask("GET", "/v1/events/recent?limit=1")
    return f"{told['epoch']}-{told['seq']}"


@on("fig4_1b", "1.3")
def test_what_is_supposed_is_what_happens(lab: FlowLab) -> None:
    flow = lab.make_flow(lab.spec("client", "server"))
    way = path(flow["path"])
    middle = way[1]
    src, dst = (
        {"dpid": one["dpid"], "port_no": port}
        for one, port in (
            (flow["path"][0], flow["path"][0]["out_port"]),
            (flow["path"][1], flow["path"][1]["in_port"]),
        )
    )
    supposed = lab.ask("POST", "/v1/what-if", {"links": [{"src": src, "dst": dst}]})
    (fate,) = [each for each in supposed["flows"] if each["id"] == flow["id"]]
    assert fate["outcome"] == "moves"
    assert middle not in path(fate["new_path"])
    assert lab.flow(flow["id"])["path"] == flow["path"]
    before = cursor(lab)
    letter = "A" if middle == lab.dpids("A")[0] else "C"
    lab.cut(lab.cable(f"D{letter}"))
    lab.wait_until(
        lambda: lab.flow(flow["id"])["path"] == fate["new_path"],
        30,
        "the flow goes where it was said",
    )
    moved = [data for data in recent(lab, before, "flow_moved") if data["id"] == flow["id"]]
    assert moved[-1]["hops"] == fate["new_path"]
    assert any(
        (data["dpid"], data["port_no"], data["up"]) == (src["dpid"], src["port_no"], False)
        for data in recent(lab, before, "port_modify")
    )
    removed = [one for data in recent(lab, before, "tree_change") for one in data["removed"]]
    if supposed["tree"]["removed"]:
        assert supposed["tree"]["removed"][0] in removed


@on("fig4_1b", "1.3")
def test_names_and_positions_outlive_the_controller_and_its_run_is_recognised(lab: FlowLab) -> None:
    dpid = lab.dpids("A")[0]
    lab.ask("PUT", f"/v1/switches/{dpid}/name", {"name": "core-A"})
    lab.ask("PATCH", "/v1/layout", {"positions": {"core-A": {"x": 7, "y": 8, "pinned": True}}})
    before = cursor(lab)
    lab.restart_controller()
    lab.expect_true_topology()
    try:
        assert lab.ask("GET", "/v1/switches/names")["names"] == {dpid: "core-A"}
        assert lab.ask("GET", "/v1/layout")["positions"] == {
            dpid: {"x": 7.0, "y": 8.0, "pinned": True}
        }
        named = {one["dpid"]: one.get("name") for one in lab.ask("GET", "/v1/topology")["switches"]}
        assert named[dpid] == "core-A"
        assert lab.ask("GET", f"/v1/events/recent?since={before}")["complete"] is False
        assert cursor(lab).split("-")[0] != before.split("-")[0]
        assert lab.ask("GET", "/v1/stats/core-A/desc")
    finally:
        lab.ask("DELETE", "/v1/switches/core-A/name")
        lab.ask("DELETE", "/v1/layout")


@on("fig4_1b", "1.3")
def test_loads_of_links_are_what_is_sent(lab: FlowLab) -> None:
    flow = lab.make_flow(lab.spec("client", "server"))
    out = {"dpid": flow["path"][0]["dpid"], "port_no": flow["path"][0]["out_port"]}

    def load() -> float:
        links = lab.ask("GET", "/v1/stats/loads")["links"]
        return next(one["bps"] or 0.0 for one in links if one["src"] == out)

    with lab.route("client", "server", 1000).traffic(500) as traffic:
        # 500 frames of 1014 bytes a second are 4 Mbit/s; a busy machine sends fewer.
        lab.wait_until(lambda: load() > 400_000, 60, "the load of the link is told")
    traffic.expect_intact()
    query = f"dpid={out['dpid']}&port_no={out['port_no']}"
    (history,) = lab.ask("GET", f"/v1/stats/history?{query}")["ports"]
    assert max(value or 0.0 for value in history["tx_bps"]) > 400_000
    assert history["times"] == sorted(history["times"])
