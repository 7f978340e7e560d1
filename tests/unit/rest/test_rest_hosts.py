"""Single hosts: read, forgotten, pinned and unpinned."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.discovery.host_pins import pins_from_json, pins_to_json
from horizon_ryu.core.topology import Host, PortRef

ALICE, ALICE_KEY = "0a:00:00:00:00:01", bytes.fromhex("0a0000000001")
PATH = f"/v1/topology/hosts/{ALICE}"
S3 = "0000000000000003"
PIN = {"dpid": S3, "port_no": 4, "ips": ["10.0.0.7", "fe80:0::1", "10.0.0.7"]}


def test_a_host_is_read(client: Any) -> None:
    found = client.get(PATH.upper().replace("/V1/TOPOLOGY/HOSTS", "/v1/topology/hosts")).json
    assert (found["mac"], found["port_no"]) == (ALICE, 4)
    assert client.get("/v1/topology/hosts/0a:00:00:00:00:99").status_int == 404
    assert client.get(f"{PATH}?vlan=10").status_int == 404
    assert client.get("/v1/topology/hosts/nonsense").status_int == 400


def test_a_host_is_pinned_listed_and_unpinned(client: Any) -> None:
    answer = client.ask("PUT", f"{PATH}/pin", PIN)
    assert answer.status_int == 200
    there = {"mac": ALICE, "ips": ["10.0.0.7", "fe80::1"], "dpid": S3, "port_no": 4}
    assert answer.json == {**there, "vlan": None}
    assert client.get("/v1/topology/pins").json == {"pins": [there]}
    assert client.ask("DELETE", PATH).status_int == 409
    assert client.ask("DELETE", f"{PATH}/pin").status_int == 204
    assert client.get("/v1/topology/pins").json == {"pins": []}
    assert client.ask("DELETE", f"{PATH}/pin").status_int == 404


def test_a_host_of_a_vlan_is_another_one(client: Any) -> None:
    client.ask("PUT", f"{PATH}/pin?vlan=10", {"dpid": S3, "port_no": 4})
    (pin,) = client.get("/v1/topology/pins").json["pins"]
    assert pin["vlan"] == 10
    assert client.ask("DELETE", f"{PATH}/pin").status_int == 404
    assert client.ask("DELETE", f"{PATH}/pin?vlan=10").status_int == 204


def test_a_host_is_forgotten(client: Any) -> None:
    assert client.ask("DELETE", PATH).status_int == 204
    assert client.ask("DELETE", PATH).status_int == 404
    assert client.get(PATH).status_int == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"ips": ["10.0.0"]},
        {"ips": [7]},
        {"port_no": 0},
        {"port_no": "x"},
        {"dpid": "s1"},
        {"color": "red"},
    ],
)
def test_a_pin_that_makes_no_sense_is_refused(client: Any, wrong: dict[str, Any]) -> None:
    assert client.ask("PUT", f"{PATH}/pin", {**PIN, **wrong}).status_int == 422
    assert client.get("/v1/topology/pins").json == {"pins": []}


def test_pins_are_kept_as_json() -> None:
    pins = [
        Host(ALICE_KEY, ("10.0.0.1",), PortRef(2**64 - 1, 7)),
        Host(ALICE_KEY, (), PortRef(1, 1), 10),
    ]
    assert pins_from_json(pins_to_json(pins)) == pins
    assert pins_from_json(None) == []
