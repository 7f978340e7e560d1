"""Gatherers over REST: what is asked of the host, its answer in JSON and in the report's XML."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from fake_bridge import NEIGHBOR, FakeBridge
from xen_bridge.protocol import messages
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents import measures
from xen_bridge.protocol.documents.domains import CreateDomain

PATH = "/v1/xen/hosts/xen1/measures"
ALL: dict[str, Any] = {"xentop": {}, "ifconfig": {}, "latency": {}, "memory": {}}


@pytest.fixture
def bridge(client: Any) -> FakeBridge:
    """A registered host xen1 with the router r1."""
    made: FakeBridge = client.xen.add("xen1")
    made.physical.create(CreateDomain("r1"))
    made.add_router("r1")
    client.xen.look("xen1")
    return made


def measure(client: Any, gatherers: Any, accept: str = "application/json", **more: Any) -> Any:
    return client.ask("POST", PATH, {"gatherers": gatherers, **more}, {"Accept": accept})


def test_everything_at_once(client: Any, bridge: FakeBridge) -> None:
    told = measure(client, {**ALL, "xentop": {"iterations": 2, "interval": 0.5}}).json
    assert (told["node_pk"], told["domain"]) == (bridge.node_pk, None)
    assert [told[name]["tool_id"] for name in ALL] == [1, 2, 3, 4]
    assert [one["number"] for one in told["xentop"]["iterations"]] == [1, 2]
    domains = told["xentop"]["iterations"][1]["domains"]
    assert [one["name"] for one in domains] == ["Domain-0", "r1"]
    interface = told["ifconfig"]["iterations"][0]["interfaces"][0]
    assert (interface["name"], interface["link_mtu"], interface["reception_rate"]) == (
        "eth0", 1500, None,
    )  # fmt: skip
    neighbor = told["latency"]["iterations"][0]["neighbors"][0]
    assert (neighbor["ip"], neighbor["data"]["rtt"]["average"]) == (NEIGHBOR, 1.0)
    memory = told["memory"]["iterations"][0]
    assert memory["used_mem"] + memory["free_mem"] == memory["total_mem"] > 0


def test_what_was_not_asked_for_is_null(client: Any, bridge: FakeBridge) -> None:
    told = measure(client, {"memory": {}}).json
    assert {name for name in ALL if told[name] is None} == {"xentop", "ifconfig", "latency"}


def test_what_is_asked_of_the_host(client: Any, bridge: FakeBridge) -> None:
    latency = {
        "iterations": 2, "interval": 3, "pings": 5, "ping_interval": 0.1,
        "neighbors": ["192.0.2.1", "2001:db8::1"],
    }  # fmt: skip
    assert measure(client, {"latency": latency, "memory": {"iterations": 7}}).status_int == 200
    asked, router, seconds = bridge.asked[-1]
    assert asked == measures.Measures(
        measures.UsedGatherers(latency=True, memory=True),
        measures.GathererParameters(
            memory=measures.Sampling(7, 1.0),
            latency=measures.LatencySampling(2, 3.0, 5, 0.1, ("192.0.2.1", "2001:db8::1")),
        ),
    )
    assert router is None
    # Beyond what it may take, and beyond when the host itself gives up.
    assert seconds > asked.seconds_at_most + 30


def test_inside_a_router(client: Any, bridge: FakeBridge) -> None:
    told = measure(client, {"memory": {}, "ifconfig": {}}, domain="r1").json
    assert (told["domain"], told["memory"]["tool_id"]) == ("r1", 4)
    assert bridge.asked[-1][1] == "r1"
    uuid = bridge.physical.domain("r1").uuid
    assert measure(client, {"memory": {}}, domain=uuid).status_int == 200
    assert bridge.asked[-1][1] == "r1"
    assert measure(client, {"memory": {}}, domain="ghost").status_int == 404
    assert measure(client, {"xentop": {}}, domain="r1").status_int == 501


@pytest.mark.parametrize("accept", ["application/xml", "text/xml"])
@pytest.mark.parametrize("domain", [None, "r1"])
def test_the_report_s_xml(client: Any, bridge: FakeBridge, accept: str, domain: str | None) -> None:
    """Read with the schema of the protocol, as a node would: listings 2.2 to 2.6."""
    used = {name: {} for name in ALL if name != "xentop" or domain is None}
    answer = measure(client, used, accept, **({} if domain is None else {"domain": domain}))
    assert (answer.status_int, answer.content_type) == (200, accept)
    message = messages.read(answer.body)
    assert (message.node_pk, message.application) == (bridge.node_pk, Application.MEASURES)
    for name in ALL:
        assert (getattr(message.body, name) is not None) == (name in used)
    root = etree.fromstring(answer.body)
    assert root.tag == "XenPrototype"
    found = root.findall("Application/ApplicationResponse/MeasureToolResponse")
    assert len(found) == len(used)


def test_both_formats_tell_the_same(client: Any, bridge: FakeBridge) -> None:
    wanted = {"xentop": {"iterations": 2}}
    told = measure(client, wanted).json["xentop"]["iterations"]
    read = messages.read(measure(client, wanted, "application/xml").body).body.xentop
    for first, second in zip(told, read.iterations, strict=True):
        names = [one["name"] for one in first["domains"]]
        assert names == [one.name for one in second.domains]


@pytest.mark.parametrize(
    ("gatherers", "field"),
    [
        ({}, ["gatherers"]),
        ({"disk": {}}, ["gatherers", "disk"]),
        ({"memory": None}, ["gatherers", "memory"]),
        ({"memory": {"pings": 4}}, ["gatherers", "memory", "pings"]),
        ({"memory": {"iterations": 0}}, ["gatherers", "memory", "iterations"]),
        ({"memory": {"iterations": 1001}}, ["gatherers", "memory", "iterations"]),
        ({"memory": {"interval": 0}}, ["gatherers", "memory", "interval"]),
        ({"memory": {"interval": 601}}, ["gatherers", "memory", "interval"]),
        ({"memory": {"iterations": 1000, "interval": 600}}, ["gatherers", "memory", "iterations"]),
        ({"latency": {"pings": 0}}, ["gatherers", "latency", "pings"]),
        ({"latency": {"neighbors": ["x y"]}}, ["gatherers", "latency", "neighbors", "0"]),
        ({"latency": {"neighbors": ["1.1.1.1"] * 65}}, ["gatherers", "latency", "neighbors"]),
    ],
)
def test_what_cannot_be_measured_is_not_asked_for(
    client: Any, bridge: FakeBridge, gatherers: Any, field: list[str]
) -> None:
    asked = len(bridge.asked)
    answer = measure(client, gatherers)
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"] == field
    assert len(bridge.asked) == asked


def test_a_neighbor_that_only_the_host_refuses(client: Any, bridge: FakeBridge) -> None:
    answer = measure(client, {"latency": {"neighbors": ["224.0.0.1"]}})
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"] == ["latency", "neighbors", "0"]


def test_without_a_body_or_gatherers(client: Any, bridge: FakeBridge) -> None:
    assert client.ask("POST", PATH, {}).status_int == 422
    assert client.ask("POST", PATH, b"").status_int == 400
    assert measure(client, {"memory": {}}, domain="-x").status_int == 422


def test_only_what_is_offered_is_accepted(client: Any, bridge: FakeBridge) -> None:
    assert measure(client, {"memory": {}}, "text/html").status_int == 406
