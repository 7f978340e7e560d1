"""Answers that are kept: what is made once, what makes them anew, who is told 304, or nothing."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from executed_lines import executed_lines
from horizon_ryu.core.topology import Host, PortRef
from horizon_ryu.formats.fragments import Fragments
from horizon_ryu.http import router as router_module
from horizon_ryu.http.auth import parse_tokens
from horizon_ryu.http.kept_answers import KeptAnswers
from horizon_ryu.rest import root
from horizon_ryu.rest.topology_model import (
    TopologyModel,
    host_model,
    link_model,
    switch_model,
)
from horizon_ryu.rest.topology_text import TopologyText

VERSIONED = (
    ("/v1/topology", "application/json"),
    ("/v1/topology/links", "application/json"),
    ("/v1/topology/links", "application/xml"),
    ("/v1/topology/neighbors", "application/xml"),
    ("/v1/openapi.json", "application/json"),
)
MONITOR, TENANT = "monitor-token-0001", "tenant-token-00001"
BIG = b"x" * 5000


def get(client: Any, path: str, **headers: str) -> Any:
    """Read with headers, whose names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.ask("GET", path, headers=named)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of all versioned documents that were made, in order."""
    found: list[str] = []
    make = router_module._made

    def made(resource: Any, *args: Any) -> bytes:
        found.append(resource.path)
        return make(resource, *args)

    monkeypatch.setattr(router_module, "_made", made)
    return found


@pytest.mark.parametrize(("path", "kind"), VERSIONED)
def test_a_document_is_written_once_while_nothing_changes(
    client: Any, written: list[str], path: str, kind: str
) -> None:
    client.discovery.with_tree = False
    first = get(client, path, Accept=kind)
    again = get(client, path, Accept=kind)
    assert (again.body, again.headers["ETag"]) == (first.body, first.headers["ETag"])
    assert written == [path]


@pytest.mark.parametrize(("path", "kind"), VERSIONED)
def test_who_has_the_document_is_told_304_without_it(client: Any, path: str, kind: str) -> None:
    first = get(client, path, Accept=kind)
    assert first.headers["Vary"] == "Accept, Accept-Encoding"
    assert first.headers["Cache-Control"] == "private, no-cache"
    for tag in (first.headers["ETag"], f'"other", {first.headers["ETag"]}', "*"):
        again = get(client, path, Accept=kind, If_None_Match=tag)
        assert (again.status_int, again.body) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Vary"] == "Accept, Accept-Encoding"
    assert get(client, path, Accept=kind, If_None_Match='"other"').body == first.body


@pytest.mark.parametrize(("path", "kind"), VERSIONED)
def test_compressed_is_the_same_document_with_a_tag_of_its_own(
    client: Any, path: str, kind: str
) -> None:
    plain = get(client, path, Accept=kind)
    packed = get(client, path, Accept=kind, Accept_Encoding="gzip")
    if len(plain.body) < 1024:
        assert packed.body == plain.body
        return
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    tag = packed.headers["ETag"]
    assert (
        get(client, path, Accept=kind, Accept_Encoding="gzip", If_None_Match=tag).status_int == 304
    )
    assert get(client, path, Accept=kind, If_None_Match=tag).status_int == 200


def test_each_kind_of_change_makes_the_topology_anew(client: Any) -> None:
    discovery = client.discovery

    def tag() -> str:
        return str(client.get("/v1/topology").headers["ETag"])

    tags = [tag()]
    view = discovery.current
    discovery.away.add(2)
    tags.append(tag())
    discovery.with_tree = False
    tags.append(tag())
    discovery.silent = {1: ("barrier",)}
    tags.append(tag())
    moved = Host(bytes.fromhex("0a0000000003"), (), PortRef(2, 4))
    discovery.current = replace(view, hosts={**view.hosts, moved.mac: moved})
    tags.append(tag())
    link = view.links[PortRef(1, 3)]
    left = {src: one for src, one in view.links.items() if one is not link}
    discovery.current = replace(discovery.current, links=left)
    tags.append(tag())
    switch = view.switches[1]
    ports = {**switch.ports, 1: replace(switch.ports[1], up=False)}
    discovery.current = replace(
        discovery.current, switches={**view.switches, 1: replace(switch, ports=ports)}
    )
    tags.append(tag())
    assert len(set(tags)) == len(tags)


def test_the_text_of_the_topology_is_that_of_its_model(client: Any) -> None:
    view, forest = client.discovery.view(), client.discovery.forest()
    model = TopologyModel(
        switches=tuple(switch_model(one, True) for _, one in sorted(view.switches.items())),
        links=tuple(
            link_model(one, view.is_bidirectional(one), forest.contains(one))
            for _, one in sorted(view.links.items())
        ),
        hosts=tuple(host_model(one) for _, one in sorted(view.hosts.items())),
    )
    assert client.get("/v1/topology").text == model.model_dump_json(
        by_alias=True, exclude_unset=True
    )


def test_a_change_of_one_port_writes_one_switch(client: Any) -> None:
    text, view = TopologyText(), client.discovery.view()

    def write() -> tuple[int, int, int]:
        text.json(view, None, dict.fromkeys(view.switches, (True, ())), lambda: None)
        return text.switches.made, text.links.made, text.hosts.made

    first = write()
    assert write() == first
    switch = view.switches[1]
    ports = {**switch.ports, 1: replace(switch.ports[1], up=False)}
    view = replace(view, switches={**view.switches, 1: replace(switch, ports=ports)})
    assert write() == (first[0] + 1, *first[1:])


def test_one_port_of_a_switch_of_many_is_written_alone(client: Any) -> None:
    view = client.discovery.view()
    one = view.switches[1].ports[1]
    ports = {number: replace(one, port_no=number) for number in range(1, 2_001)}
    large = replace(view.switches[1], ports=ports, address='"ports":[]')
    view = replace(view, switches={1: large}, links={}, hosts={})
    text, turns = TopologyText(), []

    def write() -> TopologyModel:
        states = dict.fromkeys(view.switches, (True, ()))
        return TopologyModel.model_validate_json(
            text.json(view, None, states, lambda: turns.append(1))
        )

    assert write().switches == (switch_model(large, True),)
    assert len(turns) >= 2_000 // 64, "others have their turns"
    made = text.ports[1].made
    large = replace(large, ports={**ports, 7: replace(one, port_no=7, up=False)})
    view = replace(view, switches={1: large})
    assert write().switches == (switch_model(large, True),)
    assert text.ports[1].made == made + 1
    view = replace(view, switches={})
    assert write().switches == ()
    assert text.ports == {}


def test_what_a_list_has_no_more_is_forgotten_and_others_have_their_turns() -> None:
    fragments, turns = Fragments(), []
    items = [(number, (number,)) for number in range(200)]
    fragments.texts(items, str, lambda: turns.append(1))
    assert len(turns) == 3
    assert fragments.texts(items[:1], str, lambda: None) == ["0"]
    fragments.texts(items, str, lambda: None)
    assert fragments.made == 200 + 199


def test_an_answer_that_is_kept_costs_no_more_for_a_larger_network(client: Any) -> None:
    client.discovery.with_tree = False
    view = client.discovery.current
    client.get("/v1/topology")
    small = executed_lines(lambda: client.get("/v1/topology"))
    many = {number: replace(view.switches[1], dpid=number) for number in range(1, 200)}
    client.discovery.current = replace(view, switches=many)
    first = executed_lines(lambda: client.get("/v1/topology"))
    large = executed_lines(lambda: client.get("/v1/topology"))
    # Only whether each switch is connected is asked anew.
    assert large < small + 3 * len(many) < first


def test_no_document_that_is_kept_is_told_to_who_may_not_have_it(make_client: Any) -> None:
    guarded = make_client(parse_tokens([f"monitor {MONITOR}", f"slice:a {TENANT}"]))
    allowed = get(guarded, "/v1/topology", Authorization=f"Bearer {MONITOR}")
    tag = allowed.headers["ETag"]
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer nobody-knows-this-one"}, 401),
        ({"Authorization": f"Bearer {TENANT}"}, 403),
    ):
        for more in ({}, {"If_None_Match": tag}, {"If_None_Match": "*"}):
            refused = get(guarded, "/v1/topology", **headers, **more)
            assert refused.status_int == status
            assert "ETag" not in refused.headers
            assert refused.headers["Cache-Control"] == "no-store"
    again = get(guarded, "/v1/topology", Authorization=f"Bearer {MONITOR}", If_None_Match=tag)
    assert again.status_int == 304


def test_networks_and_forms_are_kept_apart(client: Any) -> None:
    body = {"name": "n1", "definition": {"ip": "10.0.0.0/8"}}
    assert client.ask("POST", "/v1/networks", body).status_int == 201
    told = {client.get(f"/v1/topology/links{query}").body for query in ("", "?network=n1")}
    told.add(client.get("/v1/topology/links", "application/xml").body)
    assert len(told) == 3
    assert etree.fromstring(client.get("/v1/topology/links", "text/xml").body).tag == "topology"


def test_the_description_is_made_once_until_operations_are_added(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    describe = root.openapi_document

    def counted(resources: Any, protected: bool) -> Any:
        made.append(len(resources))
        return describe(resources, protected)

    monkeypatch.setattr(root, "openapi_document", counted)
    for _ in range(3):
        client.get("/v1/openapi.json")
    assert len(made) == 1
    client.router.add([replace(client.router.resources[0], path="/v1/more")])
    assert "/v1/more" in client.get("/v1/openapi.json").json["paths"]
    assert len(made) == 2


def test_documents_that_are_kept_have_a_cap_on_their_bytes() -> None:
    kept = KeptAnswers(most_bytes=3 * len(BIG))
    made: list[int] = []
    for number in (1, 2, 3, 1, 4, 1, 2):
        kept.answer(number, (number,), lambda number=number: made.append(number) or BIG)
    assert made == [1, 2, 3, 4, 2]
    assert kept.bytes == 3 * len(BIG)
    assert kept.answer(5, (), lambda: BIG * 4).data == BIG * 4
    assert kept.bytes == 0


def test_a_document_is_compressed_once_and_counted() -> None:
    packed: list[bytes] = []

    def aside(function: Any, data: bytes, *args: Any) -> Any:
        packed.append(data)
        # Who comes meanwhile does not wait, and compresses nothing.
        assert kept.representation(answer, True)[0] == BIG
        return function(data, *args)

    kept = KeptAnswers(aside)
    answer = kept.answer("a", (), lambda: BIG)
    data, headers = kept.representation(answer, True)
    assert gzip.decompress(data) == BIG
    assert kept.representation(answer, True) == (data, headers)
    assert packed == [BIG]
    assert kept.bytes == len(BIG) + len(data)
