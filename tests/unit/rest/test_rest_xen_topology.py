"""The topology of Xen hosts over REST: JSON and XML, kept while nothing changes; hostile hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from fake_bridge import FakeBridge
from fake_xen import until
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.xen_topology import XenTopologyDocument
from horizon_ryu.xen_hosts import topology
from xen_bridge.protocol.documents.domains import CreateDomain, NewInterface, SetDomain
from xen_bridge.protocol.documents.neighborhood import Neighborhood, ScannedNeighbor, ScanProgress
from xen_bridge.protocol.documents.topology import (
    ConsolidatedNode,
    ElementInterface,
    RouterElement,
)

PATH = "/v1/xen/topology"
LINE = {"r1": ("xen1", 1), "r2": ("xen2", 2), "r3": ("xen1", 3)}
"""Three routers in a line, on two hosts."""


def mac_of(number: int) -> str:
    return f"00:16:3e:00:00:0{number}"


def inside(number: int, *sees: int, latency: float = 0.2) -> ConsolidatedNode:
    address = f"10.0.0.{number}/24"
    return ConsolidatedNode(
        name="guest",
        interfaces=(
            ElementInterface(name="eth0", mac=mac_of(number), up=True, addresses=(address,)),
        ),
        neighbors=tuple(
            ScannedNeighbor("eth0", f"10.0.0.{one}", mac_of(one), latency) for one in sees
        ),
    )


@pytest.fixture
def bridges(client: Any) -> dict[str, FakeBridge]:
    found = {name: client.xen.add(name) for name in ("xen1", "xen2")}
    for name, (host, number) in LINE.items():
        bridge = found[host]
        interface = NewInterface("xenbr0", mac_of(number))
        bridge.physical.create(CreateDomain(name, interfaces=(interface,), network="blue"))
        sees = [one for one in (number - 1, number + 1) if 1 <= one <= len(LINE)]
        bridge.consolidated[name] = inside(number, *sees)
    for name in found:
        client.xen.look(name)
    return found


def valid(data: bytes) -> etree._Element:
    root = etree.fromstring(data)
    xml_form.schema(XenTopologyDocument.XML_SCHEMA).assertValid(root)
    return root


def asked(bridge: FakeBridge) -> int:
    return bridge.kinds().count("ConsolidateNode")


# ---- what is told


def test_the_virtual_network_is_told_with_its_nodes_matrix_and_links(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    told = client.get(PATH).json
    blue = told["virtual"]["blue"]
    assert [(node["name"], node["host"]) for node in blue["nodes"]] == [
        (name, host) for name, (host, _) in LINE.items()
    ]
    assert blue["matrix"] == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    ids = {node["id"]: node["name"] for node in blue["nodes"]}
    ends = [{ids[link[end]["node"]] for end in ("src", "dst")} for link in blue["links"]]
    assert sorted(map(sorted, ends)) == [["r1", "r2"], ["r2", "r3"]]
    assert {link[end]["sees"] for link in blue["links"] for end in ("src", "dst")} == {True}
    assert [node["id"] for node in told["physical"]["nodes"]] == ["xen1", "xen2"]
    assert told["physical"]["matrix"] == [[0, 0], [0, 0]]
    assert not any(told["remarks"].values())


def test_in_xml_it_is_valid_with_the_physical_network_first(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    bridges["xen1"].scanned = Neighborhood((ScannedNeighbor("eth0", "192.0.2.7", mac_of(7), 1.5),))
    for kind in ("application/xml", "text/xml"):
        answer = client.ask("GET", PATH, headers={"Accept": kind})
        assert answer.content_type == kind
        root = valid(answer.body)
        physical, blue = root.findall("network")
        assert [one.findtext("name") for one in (physical, blue)] == ["physical", "blue"]
        assert [row.text for row in blue.iterfind("row")] == ["0 1 0", "1 0 1", "0 1 0"]
        assert root.findtext("remarks/stranger/why") == "unknown"


def test_without_hosts_there_is_a_network_of_nobody(client: Any) -> None:
    told = client.get(PATH).json
    assert told["physical"] == {"nodes": [], "matrix": [], "links": []}
    assert told["virtual"] == {}
    valid(client.ask("GET", PATH, headers={"Accept": "text/xml"}).body)


@pytest.mark.parametrize("was_known", [True, False])
def test_a_host_that_does_not_answer_is_told_with_the_reason(
    client: Any, bridges: dict[str, FakeBridge], was_known: bool
) -> None:
    bridges["xen2"].away = "no route to host"
    if was_known:
        client.xen.look("xen2")
    told = client.get(PATH).json
    nodes = {node["name"]: node for node in told["physical"]["nodes"]}
    assert (nodes["xen1"]["state"], nodes["xen2"]["state"]) == ("connected", "away")
    assert "no route to host" in nodes["xen2"]["reason"]
    # Its routers are strangers to those that see them.
    assert [node["name"] for node in told["virtual"]["blue"]["nodes"]] == ["r1", "r3"]
    assert {one["mac"] for one in told["remarks"]["strangers"]} == {mac_of(2)}


def test_a_host_that_is_of_an_older_version_is_away_with_the_reason(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    bridges["xen2"].answer_with(Neighborhood())
    nodes = client.get(PATH).json["physical"]["nodes"]
    assert (nodes[1]["state"], "ConsolidateNode" in nodes[1]["reason"]) == ("away", True)


def test_of_a_nic_and_its_bridge_the_bridge_is_the_end_of_a_link(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    def told_by(number: int, other: int) -> ConsolidatedNode:
        mac, seen = mac_of(number), ScannedNeighbor("xenbr0", f"192.0.2.{other}", mac_of(other))
        # A NIC keeps its link-local address when it is put into a bridge.
        nic = ElementInterface(
            name="eth1", mac=mac, up=True, master="xenbr0", addresses=("fe80::1/64",)
        )
        bridge = ElementInterface(
            name="xenbr0", kind="bridge", mac=mac, up=True, addresses=(f"192.0.2.{number}/24",)
        )
        return ConsolidatedNode(name="x", interfaces=(nic, bridge), neighbors=(seen,))

    bridges["xen1"].answer_with(told_by(7, 8))
    bridges["xen2"].answer_with(told_by(8, 7))
    (link,) = client.get(PATH).json["physical"]["links"]
    assert [link[end]["interface"] for end in ("src", "dst")] == ["xenbr0", "xenbr0"]


# ---- hostile hosts


def liar(*routers: RouterElement, name: str = "xen1") -> ConsolidatedNode:
    return ConsolidatedNode(name=name, routers=routers)


def claim(bridges: dict[str, FakeBridge], **changed: Any) -> RouterElement:
    """What xen2 says of a router that has the MAC of one of xen1's."""
    link = replace(bridges["xen1"].physical.domain("r1").interfaces[0])
    plain = RouterElement(
        name="r9",
        uuid="99999999-9999-9999-9999-999999999999",
        network="blue",
        state="running",
        links=(link,),
    )
    return replace(plain, **changed)


def test_a_claim_to_another_s_mac_is_told_and_joins_nobody(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    bridges["xen2"].answer_with(liar(claim(bridges)))
    told = client.get(PATH).json
    assert [one["mac"] for one in told["remarks"]["contested"]] == [mac_of(1)]
    blue = told["virtual"]["blue"]
    row = [node["name"] for node in blue["nodes"]].index("r9")
    assert blue["matrix"][row] == [0, 0, 0]


def test_a_host_goes_by_the_name_that_it_is_registered_with(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    bridges["xen2"].answer_with(liar(name="xen1"))
    assert [node["name"] for node in client.get(PATH).json["physical"]["nodes"]] == ["xen1", "xen2"]


def test_no_router_is_of_the_physical_network_whatever_its_host_says(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    bridges["xen2"].answer_with(liar(claim(bridges, network="physical", links=())))
    told = client.get(PATH).json
    assert [node["name"] for node in told["physical"]["nodes"]] == ["xen1", "xen2"]
    assert [node["name"] for node in told["remarks"]["unassigned"]] == ["r9"]
    assert "physical" in told["remarks"]["problems"][-1]["problem"]


def test_an_address_that_a_router_was_not_given_is_not_its_own_even_if_its_host_passes_it_on(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    own = ElementInterface(name="eth9", mac=mac_of(3), up=True)
    bridges["xen2"].answer_with(liar(claim(bridges, links=(), interfaces=(own,))))
    assert client.get(PATH).json["remarks"]["contested"] == []


@pytest.mark.parametrize("latency", [float("nan"), float("inf"), -1.0])
def test_a_latency_that_is_none_makes_its_host_away(
    client: Any, bridges: dict[str, FakeBridge], latency: float
) -> None:
    bridges["xen2"].answer_with(inside(2, 1, latency=latency))
    told = client.get(PATH)
    assert told.status_int == 200
    assert told.json["physical"]["nodes"][1]["state"] == "away"


# ---- kept


def test_it_is_kept_for_a_while_and_has_a_tag(client: Any, bridges: dict[str, FakeBridge]) -> None:
    first = client.get(PATH)
    again = client.ask("GET", PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_int, again.body) == (304, b"")
    assert asked(bridges["xen1"]) == 1
    client.xen.now += 9
    assert client.get(PATH).body == first.body
    assert asked(bridges["xen1"]) == 1
    client.xen.now += 2
    client.get(PATH)
    assert asked(bridges["xen1"]) == 2


def test_another_latency_is_another_answer_of_the_same_version(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    first = client.get(PATH)
    bridges["xen1"].consolidated["r1"] = inside(1, 2, latency=9.0)
    client.xen.now += 1
    later = client.get(f"{PATH}?max_age=0")
    assert later.headers["ETag"] != first.headers["ETag"]
    assert later.json["version"] == first.json["version"]
    bridges["xen1"].consolidated["r1"] = inside(1, 2, 3)
    client.xen.now += 1
    assert client.get(f"{PATH}?max_age=0").json["version"] == first.json["version"] + 1


def test_what_changes_a_domain_makes_what_is_kept_old_at_once(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    client.get(PATH)
    client.ask("PATCH", "/v1/xen/hosts/xen1/domains/r3", {"network": "red"})
    told = client.get(PATH).json
    assert [node["name"] for node in told["virtual"]["red"]["nodes"]] == ["r3"]
    assert told["virtual"]["blue"]["matrix"] == [[0, 1], [1, 0]]


def test_a_router_that_moved_is_told_where_it_is_with_the_same_matrix(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    first = client.get(PATH).json["virtual"]["blue"]
    one, other = bridges["xen1"], bridges["xen2"]
    moved = one.physical.domain("r1")
    one.physical.delete("r1")
    interface = NewInterface("xenbr0", mac_of(1))
    other.physical.create(
        CreateDomain("r1", moved.uuid, interfaces=(interface,), network=moved.network)
    )
    other.consolidated["r1"] = one.consolidated["r1"]
    for name in bridges:
        client.xen.look(name)
    later = client.get(PATH).json["virtual"]["blue"]
    assert later["matrix"] == first["matrix"]
    assert later["links"] == first["links"]
    assert [node["id"] for node in later["nodes"]] == [node["id"] for node in first["nodes"]]
    assert [node["host"] for node in later["nodes"]] == ["xen2", "xen2", "xen1"]


def test_those_who_ask_at_one_time_are_told_of_one_scan(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    waiting: list[Any] = []
    event = client.xen.hosts._runtime.event()
    bridges["xen1"].before = lambda _body: event.wait(10)
    answers: list[Any] = []
    for _ in range(3):
        waiting.append(client.xen.spawn(lambda: answers.append(client.get(PATH))))
    until(lambda: asked(bridges["xen2"]) == 1, "they ask")
    event.set()
    until(lambda: len(answers) == 3, "all are told")
    assert asked(bridges["xen1"]) == 1
    assert len({answer.body for answer in answers}) == 1


def test_wide_ranges_are_scanned_if_that_is_asked_for_and_kept_apart(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    client.get(PATH)
    client.get(f"{PATH}?wide=true")
    bodies = [
        (body.wide, seconds)
        for body, _, seconds in bridges["xen1"].asked
        if type(body).__name__ == "ConsolidateNode"
    ]
    assert [wide for wide, _ in bodies] == [False, True]
    assert all((seconds or 0) > (2400 if wide else 100) for wide, seconds in bodies)


def test_it_is_told_how_far_hosts_have_come_with_wide_ranges(
    client: Any, bridges: dict[str, FakeBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "PROGRESS_SECONDS", 0.001)
    bridge = bridges["xen1"]
    bridge.scan_progress = ScanProgress(4096, 65536)

    def told() -> list[tuple[str, str]]:
        rows = client.xen.told("xen_progress")
        found = [one for one in rows if one["host"] == "xen1" and one["operation"] == "scan"]
        return [(one["phase"], one["detail"]) for one in found]

    def before(body: Any) -> None:
        if type(body).__name__ == "ConsolidateNode":
            until(lambda: len(told()) == 2, "it is told of")

    client.get(PATH)
    assert told() == []
    bridge.before = before
    bridges["xen2"].away = "no route"
    client.get(f"{PATH}?wide=true")
    assert told() == [("started", ""), ("running", "4096 of 65536 addresses"), ("done", "")]
    phases = [(one["host"], one["phase"]) for one in client.xen.told("xen_progress")]
    assert ("xen2", "failed") in phases


@pytest.mark.parametrize("query", ["max_age=-1", "max_age=x", "wide=maybe", "depth=1"])
def test_a_query_that_is_none_is_refused(client: Any, query: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"][-1] == query.partition("=")[0]


def test_a_paused_router_is_a_node_without_links_of_its_own(
    client: Any, bridges: dict[str, FakeBridge]
) -> None:
    bridges["xen2"].physical.set_domain(SetDomain("r2", state="paused"))
    client.xen.look("xen2")
    blue = client.get(PATH).json["virtual"]["blue"]
    assert [node["state"] for node in blue["nodes"]] == ["running", "paused", "running"]
    ids = {node["id"]: node["name"] for node in blue["nodes"]}
    ends = [link[end] for link in blue["links"] for end in ("src", "dst")]
    assert {ids[end["node"]] for end in ends if not end["sees"]} == {"r2"}


@pytest.fixture(autouse=True)
def _closed(client: Any) -> Iterator[None]:
    yield
    client.xen.close()
