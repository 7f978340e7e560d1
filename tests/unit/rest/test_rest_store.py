"""What a store refuses is answered 503, by a problem that names the store."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.errors import StoreError
from unit.rest.conftest import Client

REASON = "the store cannot be written: database is locked"
FLOW = {
    "match": {"dl_type": 2048},
    "src": {"dpid": "0000000000000001", "port_no": 90},
    "dst": {"dpid": "0000000000000003", "port_no": 90},
}


def refuse(*_: Any) -> None:
    raise StoreError(REASON)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/v1/topology/timers", {"lldp_interval": 1}),
        ("PATCH", "/v1/spanning-tree/timers", {"port_hold_time": 1}),
        ("PATCH", "/v1/stats/timers", {"flows_interval": 1}),
        ("PATCH", "/v1/xen/timers", {"poll_interval": 1}),
        ("POST", "/v1/networks", {"name": "a", "definition": {"vlan": 5}}),
        ("DELETE", "/v1/networks/a", None),
        ("GET", "/v1/networks", None),
        ("GET", "/v1/networks/a", None),
        ("GET", "/v1/topology?network=a", None),
        ("POST", "/v1/flows", FLOW),
        ("DELETE", "/v1/flows/{flow}", None),
        ("GET", "/v1/migrations", None),
        ("GET", "/v1/migrations/0123456789ab", None),
        ("POST", "/v1/xen/hosts", {"name": "b", "url": "https://b:1", "node_pk": "{key}"}),
        ("DELETE", "/v1/xen/hosts/a", None),
    ],
)
def test_what_the_store_refuses_is_a_problem_that_names_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Any
) -> None:
    made = client.ask("POST", "/v1/flows", FLOW | {"match": {"dl_type": 2054}})
    assert made.status_int == 201, made.text
    bridge = client.xen.add("a")
    if isinstance(body, dict) and "node_pk" in body:
        body = body | {"node_pk": bridge.node_pk}
    for provider in (client.discovery, client.tree, client.stats):
        monkeypatch.setattr(provider, "set_timers", refuse)
    monkeypatch.setattr(client.xen_timers, "set_timers", refuse)
    for name in ("networks", "network", "add_network", "delete_network"):
        monkeypatch.setattr(client.networks, name, refuse)
    for name in ("put_flows", "write_migrations", "migrations", "migration"):
        monkeypatch.setattr(client.fabric.store, name, refuse)
    for name in ("add_xen_host", "delete_xen_host"):
        monkeypatch.setattr(client.xen.store, name, refuse)
    before = client.fabric.registry.flows(), dict(client.xen.hosts.hosts())
    declared = client.get("/v1/openapi.json").json["paths"]
    answer = client.ask(method, path.format(flow=made.json["id"]), body)
    assert answer.status_int == 503, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["title"] == "The store cannot be read or written"
    assert answer.json["detail"] == REASON
    assert (client.fabric.registry.flows(), dict(client.xen.hosts.hosts())) == before
    template = next(one for one in declared if _fits(one, path.partition("?")[0]))
    assert "503" in declared[template][method.lower()]["responses"]


def _fits(template: str, path: str) -> bool:
    parts, others = template.split("/"), path.split("/")
    return len(parts) == len(others) and all(
        one == other or one.startswith("{") for one, other in zip(parts, others, strict=True)
    )
