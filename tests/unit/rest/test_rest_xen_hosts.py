"""The registry of Xen hosts over REST, what hosts tell of domains, and of themselves as nodes."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from fake_bridge import CONTROLLER, NEIGHBOR, FakeBridge, new_node_pk
from horizon_ryu.formats import xml_form
from horizon_ryu.http.auth import parse_tokens
from xen_bridge.protocol.documents.domains import CreateDomain

HOSTS = "/v1/xen/hosts"
DPID = "00000000000000ab"


@pytest.fixture
def bridge(client: Any) -> FakeBridge:
    """A registered host xen1 with the domain r1."""
    made: FakeBridge = client.xen.add("xen1")
    made.physical.create(CreateDomain("r1", vcpus=2, weight=512, cap=50))
    client.xen.look("xen1")
    return made


def body_of(bridge: FakeBridge, **changes: Any) -> dict[str, Any]:
    return {"name": "xen1", "url": bridge.url, "node_pk": bridge.node_pk, **changes}


# ---- the registry


def test_a_host_is_registered_read_and_forgotten(client: Any) -> None:
    bridge = client.xen.bridge("xen1")
    answer = client.ask("POST", HOSTS, body_of(bridge))
    assert answer.status_int == 201
    assert answer.headers["Location"].endswith(f"{HOSTS}/xen1")
    assert answer.json == {
        "name": "xen1",
        "url": bridge.url,
        "node_pk": bridge.node_pk,
        "state": "connected",
        "reason": "",
        "hypervisor": "memory",
        "version": "1.0.0",
        "scheduler": "credit",
        "cpus": 4,
        "memory_kb": 8 << 20,
        "free_memory_kb": 8 << 20,
        "capabilities": sorted(bridge.physical.capabilities),
        "planes_problem": None,
        "silent_routers": [],
        "domains": 1,
    }
    assert client.get(f"{HOSTS}/xen1").json == answer.json
    assert client.get(HOSTS).json == {"hosts": [answer.json]}
    assert client.ask("DELETE", f"{HOSTS}/xen1").status_int == 204
    assert client.get(f"{HOSTS}/xen1").status_int == 404
    assert client.ask("DELETE", f"{HOSTS}/xen1").status_int == 404


def test_what_a_host_away_would_tell_is_null(client: Any, bridge: FakeBridge) -> None:
    bridge.away = "no route"
    client.xen.look("xen1")
    told = client.get(f"{HOSTS}/xen1").json
    assert (told["state"], told["reason"]) == ("away", "no route")
    assert {told[name] for name in ("hypervisor", "cpus", "memory_kb", "domains")} == {None}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "1x"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"url": "http://a:1"}, "url"),
        ({"url": "https://a..b:1"}, "url"),
        ({"url": "https://" + "a" * 400 + ":1"}, "url"),
        ({"node_pk": "short"}, "node_pk"),
        ({"node_pk": "!" * 60}, "node_pk"),
        ({"more": 1}, "more"),
    ],
)
def test_a_wrong_registration_changes_nothing(
    client: Any, changes: dict[str, Any], field: str
) -> None:
    answer = client.ask("POST", HOSTS, body_of(client.xen.bridge("xen1"), **changes))
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"] == [field]
    assert client.get(HOSTS).json == {"hosts": []}
    assert client.xen.store.rows == {}


def test_a_name_that_is_taken(client: Any, bridge: FakeBridge) -> None:
    again = client.ask("POST", HOSTS, body_of(bridge, node_pk=new_node_pk()))
    assert again.status_int == 409
    assert client.get(f"{HOSTS}/xen1").json["node_pk"] == bridge.node_pk


def test_the_controller_tells_its_key(client: Any) -> None:
    assert client.get("/v1/xen/identity").json == {"node_pk": CONTROLLER}


@pytest.mark.parametrize("path", ["1x", "a b", "x" * 64, "a%0a", "-a"])
def test_what_is_no_host_s_name(client: Any, path: str) -> None:
    assert client.get(f"{HOSTS}/{path}").status_int == 400


def test_who_may_only_look_changes_nothing(make_client: Any) -> None:
    guarded = make_client(parse_tokens(["monitor monitor-token-0001"]))
    headers = {"Authorization": "Bearer monitor-token-0001"}
    assert guarded.ask("GET", HOSTS, headers=headers).status_int == 200
    for method, path in (
        ("POST", HOSTS),
        ("DELETE", f"{HOSTS}/a"),
        ("POST", f"{HOSTS}/a/domains"),
        ("PATCH", f"{HOSTS}/a/domains/b"),
        ("DELETE", f"{HOSTS}/a/domains/b"),
        ("PATCH", f"{HOSTS}/a/queues"),
    ):
        assert guarded.ask(method, path, {}, headers).status_int == 403, path


# ---- away


EVERYTHING = [
    ("GET", "/domains", None),
    ("POST", "/domains", {"name": "r2"}),
    ("GET", "/domains/r1", None),
    ("PATCH", "/domains/r1", {"weight": 5}),
    ("DELETE", "/domains/r1", None),
    ("GET", "/scheduler", None),
    ("GET", "/vcpus", None),
    ("GET", "/devices", None),
    ("PATCH", "/devices/0000:03:00.0", {"functions": 1}),
    ("PATCH", "/queues", {"maximum": 2}),
    ("POST", "/measures", {"gatherers": {"memory": {}}}),
]


@pytest.mark.parametrize(("method", "path", "body"), EVERYTHING)
def test_a_host_that_is_away_is_424_at_once(
    client: Any, bridge: FakeBridge, method: str, path: str, body: Any
) -> None:
    other = client.xen.add("xen2")
    bridge.away = "no route"
    client.xen.look("xen1")
    client.xen.now += 12
    opened = bridge.opened
    answer = client.ask(method, f"{HOSTS}/xen1{path}", body)
    assert (answer.status_int, answer.json["host"]) == (424, "xen1")
    assert answer.json["detail"] == "host xen1: away for 12 s: no route"
    assert answer.json["type"].endswith("/HostAway")
    assert bridge.opened == opened
    assert client.get(f"{HOSTS}/xen2/domains").status_int == 200
    assert other.kinds()[-1] == "GetNode"


@pytest.mark.parametrize(("method", "path", "body"), EVERYTHING)
def test_a_host_nobody_registered_is_404(client: Any, method: str, path: str, body: Any) -> None:
    assert client.ask(method, f"{HOSTS}/nobody{path}", body).status_int == 404


def test_a_problem_with_a_host_in_xml(client: Any, bridge: FakeBridge) -> None:
    bridge.away = "no <route>"
    client.xen.look("xen1")
    asked = {"Accept": "application/xml"}
    body = {"gatherers": {"memory": {}}}
    answer = client.ask("POST", f"{HOSTS}/xen1/measures", body, asked)
    root = etree.fromstring(answer.body)
    xml_form.schema("problem").assertValid(root)
    assert (answer.status_int, root.findtext("host")) == (424, "xen1")


# ---- tables


def test_the_table_of_schedulers(client: Any, bridge: FakeBridge) -> None:
    assert client.get(f"{HOSTS}/xen1/scheduler").json["domains"] == [
        {"name": "Domain-0", "id": 0, "scheduler": {"kind": "credit", "weight": 256, "cap": 0}},
        {"name": "r1", "id": 1, "scheduler": {"kind": "credit", "weight": 512, "cap": 50}},
    ]


def test_the_table_of_vcpus(client: Any, bridge: FakeBridge) -> None:
    told = client.get(f"{HOSTS}/xen1/vcpus").json["vcpus"]
    assert [(one["domain"], one["vcpu"]) for one in told] == [
        ("Domain-0", 0), ("r1", 0), ("r1", 1),
    ]  # fmt: skip
    assert told[2]["affinity"] == [0, 1, 2, 3]


# ---- nodes


def test_nodes_of_both_substrates(client: Any, bridge: FakeBridge) -> None:
    bridge.physical.define(CreateDomain("off"))
    client.xen.add("gone").away = "no route"
    client.xen.look("gone")
    client.xen.look("xen1")
    assert client.get("/v1/nodes").json["nodes"] == [
        {"id": DPID, "kind": "switch"},
        {"id": "xen:xen1", "kind": "xen_host"},
        {"id": "xen:xen1:r1", "kind": "xen_router"},
    ]


def test_the_common_measures_of_a_host_and_a_router(client: Any, bridge: FakeBridge) -> None:
    bridge.add_router("r1")
    for node in ("xen:xen1", "xen:xen1:r1"):
        told = client.get(f"/v1/nodes/{node}/measures").json
        assert told["id"] == node
        assert 0 <= told["cpu_percent"] <= 100
        assert 0 < told["memory_percent"] < 100
        assert told["throughput_bps"] == {"rx": 0, "tx": 0}
        assert (told["dropped_per_s"], told["neighbors"]) == (0, [NEIGHBOR])
        assert told["echo_ms"] is None
    assert [one[1] for one in bridge.asked[-2:]] == [None, "r1"]
    assert client.get(f"/v1/nodes/{DPID}/measures").json["cpu_percent"] == 1.5


@pytest.mark.parametrize(
    ("node", "status"),
    [
        ("xen:nobody", 404),
        ("xen:xen1:ghost", 404),
        ("xen:nobody:r1", 404),
        ("00000000000000ff", 404),
        ("xen:", 400),
        ("xen:xen1:", 400),
        ("xen:1x", 400),
        ("ab", 400),
        ("00000000000000AB", 400),
        ("0x000000000000ab", 400),
        ("zen:xen1", 400),
    ],
)
def test_what_is_no_node(client: Any, bridge: FakeBridge, node: str, status: int) -> None:
    assert client.get(f"/v1/nodes/{node}/measures").status_int == status


def test_a_node_that_is_away(client: Any, bridge: FakeBridge) -> None:
    bridge.away = "no route"
    client.xen.look("xen1")
    answer = client.get("/v1/nodes/xen:xen1:r1/measures")
    assert (answer.status_int, answer.json["host"]) == (424, "xen1")
