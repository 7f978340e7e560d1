"""What the API says about itself: its links, its OpenAPI document, its health and metrics."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from horizon_ryu.http.auth import parse_tokens
from horizon_ryu.http.problem import PROBLEM_TYPES
from horizon_ryu.http.resource import Resource
from horizon_ryu.metrics import MAX_LABELS, Metrics
from horizon_ryu.rest import root


def test_root_links_to_everything_that_can_be_read(client: Any) -> None:
    links = client.get("/v1").json["links"]
    assert links["topology/links"] == "/v1/topology/links"
    for path in links.values():
        assert client.get(path).status_int in (200, 426), path


def test_document_describes_every_operation(client: Any) -> None:
    document = client.get("/v1/openapi.json").json
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert described == {(item.method, item.path) for item in client.router.resources}
    assert document["openapi"].startswith("3.1")
    ids = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))


def test_every_reference_of_the_document_leads_somewhere(client: Any) -> None:
    answer = client.get("/v1/openapi.json")
    document = answer.json
    pointers = set(re.findall(r'"\$ref": "#/([^"]+)"', answer.text))
    assert pointers
    for pointer in pointers:
        found = document
        for step in pointer.split("/"):
            found = found[step]
        assert found


def test_type_of_a_problem_leads_to_its_description(client: Any) -> None:
    responses = client.get("/v1/openapi.json").json["components"]["responses"]
    for kind in PROBLEM_TYPES:
        assert kind.type.startswith("/v1/openapi.json#/components/responses/")
        assert responses[kind.type.rpartition("/")[2]]["description"] == kind.title


def test_document_tells_patterns_ranges_and_problems(client: Any) -> None:
    document = client.get("/v1/openapi.json").json
    read = document["paths"]["/v1/networks/{name}"]["get"]
    assert read["parameters"][0]["schema"]["pattern"].startswith("^[A-Za-z0-9]")
    assert {"200", "400", "401", "403", "404", "406", "422", "500"} <= set(read["responses"])
    links = document["paths"]["/v1/topology/links"]["get"]
    assert set(links["responses"]["200"]["content"]) == {
        "application/json",
        "application/xml",
        "text/xml",
    }
    assert {"424", "504"} <= set(links["responses"])
    timers = document["components"]["schemas"]["DiscoveryTimersPatch"]
    assert timers["additionalProperties"] is False
    assert timers["properties"]["lldp_interval"]["minimum"] == 0.01
    assert "default" not in timers["properties"]["lldp_interval"]


def test_document_asks_for_a_token_only_if_the_api_does(client: Any, make_client: Any) -> None:
    assert {} in client.get("/v1/openapi.json").json["security"]
    guarded = make_client(parse_tokens(["pilot pilot-token-000001"]))
    headers = {"Authorization": "Bearer pilot-token-000001"}
    document = guarded.ask("GET", "/v1/openapi.json", headers=headers).json
    assert document["security"] == [{"bearer": []}]


def test_health(client: Any) -> None:
    body = client.get("/v1/health").json
    assert body == {"status": "ok", "version": "0", "uptime": 1.5, "switches": 3, "hub_lag": 0.0}


def samples(metrics: Metrics) -> dict[str, float]:
    return {
        sample.name + "".join(f":{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_metrics_are_served(client: Any) -> None:
    client.metrics.violation("length")
    answer = client.get("/metrics", "application/openmetrics-text, text/plain;version=0.0.4;q=0.5")
    assert answer.status_int == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'of_violations_total{reason="length"} 1.0' in answer.text


def test_everything_counted_is_told() -> None:
    metrics = Metrics()
    metrics.violation("length")
    metrics.violation("length")
    metrics.refused("handshake")
    metrics.unparsed("error")
    metrics.handler_failed("f")
    metrics.shed()
    metrics.packet_in()
    metrics.lldp("forged")
    metrics.topology(3, 6, 9)
    metrics.tree(1)
    metrics.gauge("horizon_answer", "The answer", lambda: 42)
    metrics.counters("horizon_others", "Others", "what", lambda: {"x": 5})
    told = samples(metrics)
    expected = {
        "of_violations_total:length": 2,
        "of_refusals_total:handshake": 1,
        "of_unparsed_messages_total:error": 1,
        "horizon_handler_errors_total:f": 1,
        "of_ignored_packet_ins_total": 1,
        "of_packet_ins_total": 1,
        "horizon_lldp_frames_total:forged": 1,
        "horizon_tree_changes_total": 1,
        "horizon_others_total:x": 5,
        "horizon_switches": 3,
        "horizon_links": 6,
        "horizon_hosts": 9,
        "horizon_trees": 1,
        "horizon_answer": 42,
    }
    assert {name: told[name] for name in expected} == expected


def test_labels_are_bounded() -> None:
    metrics = Metrics()
    for number in range(10 * MAX_LABELS):
        metrics.violation(f"reason{number}")
    assert len(metrics.violations) == MAX_LABELS + 1
    assert metrics.violations["other"] == 9 * MAX_LABELS


@pytest.mark.parametrize("value", ['"', "\\", "\n", "\x00"])
def test_labels_are_escaped(value: str) -> None:
    metrics = Metrics()
    metrics.handler_failed(value)
    assert samples(metrics)[f"horizon_handler_errors_total:{value}"] == 1


def test_the_description_is_built_once_until_there_are_more_operations(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    real = root.openapi_document

    def counting(resources: Any, protected: bool) -> Any:
        built.append(len(resources))
        return real(resources, protected)

    monkeypatch.setattr(root, "openapi_document", counting)
    first = client.get("/v1/openapi.json")
    assert client.get("/v1/openapi.json").body == first.body
    assert len(built) == 1
    client.router.add(
        [Resource(method="GET", path="/v1/late", handler=lambda _call: None, summary="Come late")]
    )
    assert "/v1/late" in client.get("/v1/openapi.json").json["paths"]
    assert len(built) == 2
