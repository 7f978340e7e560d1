"""Stats on real Open vSwitch switches: what is told is what was sent and what they hold."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from horizon_ryu.formats import xml_form
from integration.shared_network import on
from tools.flow_lab import FlowLab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

FAST = """
[stats]
ports_interval = 0.5
flows_interval = 0.5
aggregate_interval = 0.5
tables_interval = 0.5
"""
_COUNTS = re.compile(r"n_packets=(\d+), n_bytes=(\d+)")


@pytest.fixture(scope="module")
def make_lab() -> Callable[[Path], FlowLab]:
    return lambda folder: FlowLab(folder, FAST)


@pytest.fixture
def lab(shared_lab: FlowLab) -> FlowLab:
    return shared_lab


def ports(lab: FlowLab, letter: str, query: str = "") -> dict[int, dict[str, Any]]:
    answer = lab.ask("GET", f"/v1/stats/{lab.dpids(letter)[0]}/ports{query}")
    return {port["port_no"]: port for port in answer["dp_stats"]["ports"]}


def flows(lab: FlowLab, letter: str) -> dict[str, dict[str, Any]]:
    answer = lab.ask("GET", f"/v1/stats/{lab.dpids(letter)[0]}/flows")
    return {flow["cookie"]: flow for flow in answer["dp_flow_stats"]["flows"]}


@on("fig4_1b", "1.0", "1.3")
def test_counters_are_what_was_sent_and_what_the_switch_itself_says(lab: FlowLab) -> None:
    flow = lab.make_flow(lab.spec("client", "server", "DAB"))
    way_in = lab.graph.host("client").port
    before = ports(lab, "D")[way_in]["rx_packets"]
    with lab.route("client", "server", 1000).traffic(2000) as traffic:
        lab.wait_until(lambda: lab.flow(flow["id"])["packets"] > 2000, 20, "packets are counted")
    traffic.expect_intact()

    def counted() -> bool:
        found = flows(lab, "D").get(flow["cookie"], {})
        return found.get("packet_count") == traffic.sent

    lab.wait_until(counted, 20, f"{traffic.sent} packets are told of the flow")
    told = flows(lab, "D")[flow["cookie"]]
    assert told["byte_count"] == traffic.sent * (1000 + 14)
    (line,) = (
        line
        for line in lab.network.flows(lab.dpid("D"))
        if flow["cookie"].removeprefix("0x") in line
    )
    found = _COUNTS.search(line)
    assert found is not None
    assert (told["packet_count"], told["byte_count"]) == (int(found[1]), int(found[2]))
    assert told["match"]["nw_dst"] == lab.graph.host("server").ip
    assert told["priority"] == 32768
    after = ports(lab, "D")[way_in]
    assert traffic.sent <= after["rx_packets"] - before <= traffic.sent + 100
    assert len(flows(lab, "A")) <= len(lab.network.flows(lab.dpid("A")))


@on("fig4_1b", "1.0", "1.3")
def test_everything_is_told_in_the_reports_xml(lab: FlowLab) -> None:

    def document() -> Any:
        data = lab.controller.request("GET", "/v1/stats?rates=1", accept="application/xml")
        root = etree.fromstring(data)
        xml_form.schema("openflowstats").assertValid(root)
        return root

    def whole() -> bool:
        root = document()
        wanted = ("dp_desc_stats/sw_desc", "dp_aggr_stats/flow_count", "dp_table_stats/table",
                  "dp_flow_stats/flow", "dp_stats/port/rx_bps", "dp_stats/actions")  # fmt: skip
        return all(datapath.find(path) is not None for datapath in root for path in wanted)

    lab.wait_until(whole, 20, "every class is told of every switch")
    root = document()
    assert [datapath.findtext("dpid") for datapath in root] == lab.dpids("ABCD")
    first = root[0]
    assert first.findtext("dp_desc_stats/hw_desc") == "Open vSwitch"
    assert first.findtext("dp_desc_stats/ip") == "127.0.0.1"
    names = {port.findtext("name") for port in first.iterfind("dp_stats/port")}
    assert {"A-eth1", "A-eth2"} <= names


@on("fig4_1b", "mixed")
def test_rates_measures_timers_and_metrics(lab: FlowLab) -> None:
    lab.make_flow(lab.spec("client", "server", "DAB"))
    (dpid,) = lab.dpids("A")
    with lab.route("client", "server", 1000).traffic(1000):

        def busy() -> bool:
            found = lab.ask("GET", f"/v1/nodes/{dpid}/measures")
            return bool((found["throughput_bps"]["rx"] or 0) > 4_000_000)

        lab.wait_until(busy, 20, "8 Mbit/s are measured")
    measures = lab.ask("GET", f"/v1/nodes/{dpid}/measures")
    assert measures["neighbors"] == sorted(lab.dpids("BD"))
    assert measures["echo_ms"] > 0
    assert {"id": dpid, "kind": "switch"} in lab.ask("GET", "/v1/nodes")["nodes"]
    changed = lab.ask("PATCH", "/v1/stats/timers", {"flows_interval": 7.5})
    assert (changed["flows_interval"], changed["ports_interval"]) == (7.5, 0.5)
    metrics = lab.controller.request("GET", "/metrics").decode()
    assert re.search(rf'horizon_switch_port_rx_bytes_total{{dpid="{dpid}",port="1"}} \d+', metrics)
    lab.stop_switch(lab.dpid("C"))
    lab.wait_until(lambda: len(lab.ask("GET", "/v1/nodes")["nodes"]) == 3, 20, "C is gone")
    assert lab.refused("GET", f"/v1/stats/{lab.dpids('C')[0]}").status == 404


@on("fig4_1b", "1.3")
def test_processor_and_memory_come_from_the_switchs_database(lab: FlowLab) -> None:
    key = "other_config:enable-statistics"
    subprocess.run(["ovs-vsctl", "set", "Open_vSwitch", ".", f"{key}=true"], check=True)
    try:
        (dpid,) = lab.dpids("A")

        def known() -> bool:
            found = lab.ask("GET", f"/v1/nodes/{dpid}/measures")
            return found["cpu_percent"] is not None and found["memory_percent"] > 0

        lab.wait_until(known, 40, "the load of the switch is told")
    finally:
        subprocess.run(["ovs-vsctl", "remove", "Open_vSwitch", ".", *key.split(":")], check=True)
