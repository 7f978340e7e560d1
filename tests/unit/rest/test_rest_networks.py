"""Named virtual networks: made, read, forgotten."""

from __future__ import annotations

from typing import Any

import pytest

VLAN = {"name": "office", "definition": {"vlan": 10}}
RANGE = {"name": "lab", "definition": {"ip": "10.0.0.0/24"}}


@pytest.mark.parametrize("network", [VLAN, RANGE])
def test_network_is_made_read_and_forgotten(client: Any, network: Any) -> None:
    made = client.ask("POST", "/v1/networks", network)
    assert made.status_int == 201
    assert made.json == network
    location = made.headers["Location"].removeprefix("http://localhost")
    assert location == f"/v1/networks/{network['name']}"
    assert client.get(location).json == network
    assert client.get("/v1/networks").json == {"networks": [network]}
    gone = client.ask("DELETE", location)
    assert (gone.status_int, gone.body) == (204, b"")
    assert "Content-Type" not in gone.headers
    assert client.get(location).status_int == 404
    assert client.ask("DELETE", location).status_int == 404


def test_networks_are_listed_by_name(client: Any) -> None:
    for network in (VLAN, RANGE):
        client.ask("POST", "/v1/networks", network)
    assert [item["name"] for item in client.get("/v1/networks").json["networks"]] == [
        "lab",
        "office",
    ]


def test_taken_names_are_409(client: Any) -> None:
    client.ask("POST", "/v1/networks", VLAN)
    again = client.ask("POST", "/v1/networks", {**RANGE, "name": "office"})
    assert again.status_int == 409
    assert client.get("/v1/networks/office").json == VLAN
    everything = client.ask("POST", "/v1/networks", {**VLAN, "name": "physical"})
    assert everything.status_int == 409


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"vlan": 10, "ip": "10.0.0.0/24"},
        {"vlan": 10, "ip": None},
        {"vlan": 0},
        {"vlan": 4095},
        {"ip": "10.0.0.1/24"},
        {"ip": "10.0.0.0"},
        {"ip": "2001:db8::1/32"},
        {"ip": 167772160},
        {"vxlan": 1},
        [],
        "vlan:10",
    ],
)
def test_faulty_definitions_are_422(client: Any, definition: Any) -> None:
    answer = client.ask("POST", "/v1/networks", {"name": "x", "definition": definition})
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"][0] == "definition"
    assert not client.networks.networks()


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "a:b", "a" * 65, "é", "a\n", 1, None])
def test_faulty_names_are_422(client: Any, name: Any) -> None:
    answer = client.ask("POST", "/v1/networks", {**VLAN, "name": name})
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"] == ["name"]


def test_faulty_names_in_a_path_are_400(client: Any) -> None:
    for name in ("-a", "a%20b", "a:b", "a%0A", "%2E%2E"):
        assert client.get(f"/v1/networks/{name}").status_int == 400, name


def test_a_network_by_an_ipv6_range(client: Any) -> None:
    network = {"name": "six", "definition": {"ip": "2001:DB8::/32"}}
    made = client.ask("POST", "/v1/networks", network)
    assert made.status_int == 201
    assert made.json["definition"] == {"ip": "2001:db8::/32"}
    assert client.get("/v1/networks/six").json == made.json
    assert client.get("/v1/topology?network=ip:2001:db8::/32").status_int == 200
    for bad in ("2001:db8::1/32", "::/0", "2001:db8::", "1::2::3/64", "::1/129"):
        body = {"name": "bad", "definition": {"ip": bad}}
        refused = client.ask("POST", "/v1/networks", body)
        assert (refused.status_int, refused.json["errors"][0]["loc"]) == (422, ["definition", "ip"])


@pytest.mark.parametrize("written", ["0:0:0:0:0:0:0:0/120", "::/120", "::0/8"])
def test_a_range_that_begins_with_nothing_but_zeros_is_told_as_any_other(
    client: Any, written: str
) -> None:
    made = client.ask("POST", "/v1/networks", {"name": "zeros", "definition": {"ip": written}})
    assert made.status_int == 201, made.text
    assert made.json["definition"] == {"ip": f"::/{written.partition('/')[2]}"}


def test_a_range_may_be_written_with_its_mask(client: Any) -> None:
    masked = {"name": "lab", "definition": {"ip": "10.0.0.0/255.255.255.0"}}
    assert client.ask("POST", "/v1/networks", masked).json == RANGE
    for text in ("10.0.0.1/255.255.255.0", "10.0.0.0/0.0.0.255", "10.0.0.0/255.0.255.0"):
        refused = client.ask("POST", "/v1/networks", {"name": "x", "definition": {"ip": text}})
        assert refused.status_int == 422
        assert refused.json["errors"][0]["loc"] == ["definition", "ip"]
