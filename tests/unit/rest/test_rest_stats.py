"""Statistics over REST: formats, parts, timers, and what is refused."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from lxml import etree

from horizon_ryu.formats import xml_form

DPID = "00000000000000ab"
PARTS = {
    "desc": "dp_desc_stats",
    "ports": "dp_stats",
    "tables": "dp_table_stats",
    "aggregate": "dp_aggr_stats",
    "flows": "dp_flow_stats",
}


def test_all_switches_in_json_and_xml(client: Any) -> None:
    (told,) = client.get("/v1/stats").json["datapaths"]
    assert told["dpid"] == DPID
    assert set(PARTS.values()) <= set(told)
    answer = client.get("/v1/stats", "application/xml")
    assert answer.content_type == "application/xml"
    root = etree.fromstring(answer.body)
    xml_form.schema("openflowstats").assertValid(root)
    assert client.get(f"/v1/stats/{DPID}").json == told


@pytest.mark.parametrize("part", PARTS)
def test_a_class_alone(client: Any, part: str) -> None:
    told = client.get(f"/v1/stats/{DPID}/{part}").json
    assert set(told) == {"dpid", "dp_mac", PARTS[part]}
    root = etree.fromstring(client.get(f"/v1/stats/{DPID}/{part}", "text/xml").body)
    assert [child.tag for child in root[0]] == ["dpid", "dp_mac", PARTS[part]]


def test_rates_only_when_asked_for(client: Any) -> None:
    port = client.get(f"/v1/stats/{DPID}/ports?rates=1").json["dp_stats"]["ports"][0]
    assert port["rx_bps"] is None
    assert "rx_bps" not in client.get(f"/v1/stats/{DPID}/ports").json["dp_stats"]["ports"][0]
    assert client.get(f"/v1/stats/{DPID}/ports?rates=yes").status_int == 422


def test_compressed_on_request(client: Any) -> None:
    plain = client.get("/v1/stats").body
    packed = client.ask("GET", "/v1/stats", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain
    assert len(packed.body) < len(plain) / 4


def test_timers_are_read_and_set(client: Any) -> None:
    assert client.get("/v1/stats/timers").json["flows_interval"] == 10.0
    changed = client.ask("PATCH", "/v1/stats/timers", {"flows_interval": 2.5}).json
    assert (changed["flows_interval"], changed["ports_interval"]) == (2.5, 5.0)
    assert client.ask("PATCH", "/v1/stats/timers", {"flows_interval": 0}).status_int == 422


def test_the_common_measures(client: Any) -> None:
    assert client.get("/v1/nodes").json == {"nodes": [{"id": DPID, "kind": "switch"}]}
    told = client.get(f"/v1/nodes/{DPID}/measures").json
    assert (told["cpu_percent"], told["memory_percent"], told["echo_ms"]) == (1.5, None, 2.0)
    assert client.get("/v1/nodes/00000000000000ff/measures").status_int == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/00000000000000ff", 404), ("/xyz", 400), (f"/{DPID}/queues", 400), (f"/{DPID}?x=1", 422)],
)
def test_what_is_not_there_is_refused(client: Any, path: str, status: int) -> None:
    assert client.get(f"/v1/stats{path}").status_int == status
