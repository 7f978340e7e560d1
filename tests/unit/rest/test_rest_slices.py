"""Slices over REST: made, changed, refused, asked for by their owners, and kept over a restart."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput, StoreError
from horizon_ryu.http.auth import parse_tokens
from horizon_ryu.slicer.configuration import parse_configuration
from horizon_ryu.slices.service import SliceService
from unit.rest.fake_engine import FakeEngine
from xen_bridge.runtime.green import GreenRuntime

BLUE = {
    "name": "blue",
    "controllers": [{"url": "tcp:127.0.0.1:6653"}],
    "flowspace": [{"ports": [1, "5-8"], "match": {"dl_vlan": ["10-20", 30]}}],
    "contact": "blue@example.org",
}
RULE = {"match": {"nw_src": "10.0.0.0/8", "dl_type": "ip"}, "permissions": "rwd"}
PART = {"match": {"nw_src": "10.1.0.0/16", "dl_type": "ip"}}
TOKENS = [
    "pilot pilot-token-0000001",
    "monitor monitor-token-00001",
    "slice:campus campus-token-000001",
    "slice:lab lab-token-000000001",
]


def bearer(role: str) -> dict[str, str]:
    token = next(line.split()[1] for line in TOKENS if line.split()[0].endswith(role))
    return {"Authorization": f"Bearer {token}"}


def kinds(client: Any) -> dict[str, int]:
    return dict(client.events.published)


def test_a_slice_is_made_read_changed_and_deleted(client: Any) -> None:
    made = client.ask("POST", "/v1/slices", BLUE)
    assert (made.status_int, made.json["contact"]) == (201, "blue@example.org")
    assert made.headers["Location"].endswith("/v1/slices/blue")
    assert client.engine.names() == ["blue"]
    assert client.get("/v1/slices/blue").json == made.json
    assert client.get("/v1/slices").json["slices"] == [made.json]
    patch = {"limits": {"flow_entries": 5}, "enabled": False}
    changed = client.ask("PATCH", "/v1/slices/blue", patch)
    assert (changed.status_int, changed.json["limits"]) == (200, {"flow_entries": 5})
    assert client.engine.document["slices"][0]["enabled"] is False
    gone = client.ask("DELETE", "/v1/slices/blue")
    assert (gone.status_int, gone.body, client.engine.names()) == (204, b"", [])
    assert client.get("/v1/slices/blue").status_int == 404
    assert kinds(client) == {"slice_created": 1, "slice_changed": 1, "slice_deleted": 1}


def test_a_name_of_any_characters_is_found_again(client: Any) -> None:
    assert client.ask("POST", "/v1/slices", {"name": "contro!ler3 é"}).status_int == 201
    assert client.get("/v1/slices/contro!ler3%20%C3%A9").json["name"] == "contro!ler3 é"
    assert client.get("/v1/slices/" + 46 * "x").status_int == 400


def test_rules_come_one_by_one_or_together_and_each_is_told(client: Any) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    one = client.ask("POST", "/v1/slices/blue/flowspace", {"ports": [9]})
    assert [rule["id"] for rule in one.json["flowspace"]] == [2]
    many = client.ask("POST", "/v1/slices/blue/flowspace", [{"ports": [n]} for n in (10, 11)])
    assert (many.status_int, [rule["id"] for rule in many.json["flowspace"]]) == (201, [3, 4])
    assert len(client.get("/v1/slices/blue/flowspace").json["flowspace"]) == 4
    assert client.ask("DELETE", "/v1/slices/blue/flowspace/3").status_int == 204
    assert client.ask("DELETE", "/v1/slices/blue/flowspace/3").status_int == 404
    assert client.ask("DELETE", "/v1/slices/blue/flowspace/x").status_int == 400
    worked_by = parse_configuration(client.engine.document).slices["blue"]
    assert [rule.rule_id for rule in worked_by.rules] == [1, 2, 4]


def test_of_a_list_every_rule_that_is_wrong_is_named_and_none_is_taken(client: Any) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    given = [{"ports": [1]}, {"ports": [-1]}, {"match": {"dl_vlan": 5000}}, 5, {"colour": 1}]
    answer = client.ask("POST", "/v1/slices/blue/flowspace", given)
    assert answer.status_int == 422
    places = [error["loc"] for error in answer.json["errors"]]
    assert places == [["1", "ports", "0"], ["2", "match", "dl_vlan"], ["3"], ["4", "colour"]]
    assert len(client.get("/v1/slices/blue/flowspace").json["flowspace"]) == 1
    one = client.ask("POST", "/v1/slices/blue/flowspace", {"ports": [-1]})
    assert one.json["errors"][0]["loc"] == ["ports", "0"]


@pytest.mark.parametrize(
    ("method", "path", "body", "place"),
    [
        ("POST", "", {**BLUE, "name": ""}, ["name"]),
        ("POST", "", {"controllers": []}, ["name"]),
        ("POST", "", [], ["name"]),
        ("POST", "", {**BLUE, "name": "x", "colour": 1}, ["colour"]),
        ("POST", "", {**BLUE, "name": "x", "controllers": [{"url": "http:h:1"}]}, None),
        ("POST", "", {"name": "x", "flowspace": {}}, ["flowspace"]),
        ("POST", "", {"name": "x", "flowspace": [{"id": 1}]}, ["flowspace", "0", "id"]),
        ("POST", "", {"name": "x", "flowspace": [{"above": []}]}, ["flowspace", "0", "above"]),
        ("POST", "", {"name": "x", "expires_s": 0}, ["expires_s"]),
        ("POST", "", {"name": "x", "contact": "\x1b[0m"}, ["contact"]),
        ("POST", "", {"name": "x", "limits": {"flow_mods_per_s": 0}}, None),
        ("POST", "", {"name": "x", "bandwidth": {"mode": "fast"}}, ["bandwidth", "mode"]),
        ("POST", "", {"name": "x", "creator": "blue"}, ["creator"]),
        ("PATCH", "/blue", {"name": "green"}, ["name"]),
        ("PATCH", "/blue", {"colour": None}, ["colour"]),
        ("PATCH", "/blue", [], []),
        ("PATCH", "/blue", {"flowspace": [{"id": 9}]}, ["flowspace", "0", "id"]),
        ("POST", "/blue/flowspace", 7, []),
        ("PUT", "", {"slices": {}}, ["slices"]),
        ("PUT", "", {"slices": [], "version": "1"}, ["version"]),
        ("PUT", "", {"slices": [5]}, ["slices", "0"]),
        ("PUT", "", {"slices": [], "colour": 1}, ["colour"]),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    client: Any, method: str, path: str, body: Any, place: list[str] | None
) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    before = client.get("/v1/slices").json
    for query in ("", "?dry_run=1"):
        answer = client.ask(method, f"/v1/slices{path}{query}", body)
        assert answer.status_int == 422
        assert place is None or answer.json["errors"][0]["loc"] == place
    assert client.get("/v1/slices").json == before


def test_a_dry_run_tells_what_would_clash_and_touches_nothing(client: Any) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    before, calls = client.get("/v1/slices").json, list(client.engine.calls)
    red = {"name": "red", "flowspace": [{"ports": [6], "match": {"dl_vlan": 15}}]}
    clash = {
        "kind": "owned",
        "first": {"slice": "blue", "rule": 1},
        "second": {"slice": "red", "rule": 2},
        "dpids": "all",
        "match": {"dl_vlan": 15, "in_port": 6},
        "example": {"dl_vlan": 15, "in_port": 6},
    }
    made = client.ask("POST", "/v1/slices?dry_run=1", red)
    assert (made.status_int, made.json["clashes"]) == (200, {"whole": True, "clashes": [clash]})
    rules = client.ask("POST", "/v1/slices/blue/flowspace?dry_run=1", {"ports": [2]})
    assert [rule["id"] for rule in rules.json["flowspace"]] == [2]
    dry = [
        client.ask("PATCH", "/v1/slices/blue?dry_run=1", {"enabled": False}),
        client.ask("DELETE", "/v1/slices/blue?dry_run=1"),
        client.ask("DELETE", "/v1/slices/blue/flowspace/1?dry_run=1"),
        client.ask("PUT", "/v1/slices?dry_run=1", {"slices": [red, BLUE]}),
    ]
    assert [answer.status_int for answer in dry] == [200, 200, 200, 200]
    assert len(dry[3].json["clashes"]["clashes"]) == 1
    assert client.ask("DELETE", "/v1/slices/none?dry_run=1").status_int == 404
    assert client.get("/v1/slices").json == before
    assert client.engine.calls == calls
    assert kinds(client) == {"slice_created": 1}


@pytest.mark.parametrize(
    ("method", "path", "body", "place"),
    [
        ("POST", "", {"name": "red", "controllers": "TLS"}, []),
        ("PATCH", "/blue", {"controllers": "TLS"}, []),
        ("PUT", "", {"slices": [{"name": "red", "controllers": "TLS"}]}, ["slices", "0"]),
    ],
)
def test_a_dry_run_refuses_controllers_over_tls_as_the_engine_does(
    client: Any, method: str, path: str, body: dict[str, Any], place: list[str]
) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    client.slices.look()
    told = [{"url": "tcp:127.0.0.1:7000"}, {"url": "tls:127.0.0.1:7001"}]
    for one in (body, *body.get("slices", ())):
        if "controllers" in one:
            one["controllers"] = told
    answers = [client.ask(method, f"/v1/slices{path}{dry}", body) for dry in ("", "?dry_run=1")]
    assert [answer.status_int for answer in answers] == [422, 422]
    assert answers[0].json["errors"] == answers[1].json["errors"]
    assert answers[1].json["errors"][0]["loc"] == [*place, "controllers", "1", "url"]
    told.pop()
    assert client.ask(method, f"/v1/slices{path}?dry_run=1", body).status_int == 200


def test_all_slices_are_replaced_together_and_only_if_nobody_changed_them(client: Any) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    listed = client.get("/v1/slices").json
    red = {"name": "red", "controllers": []}
    body = {"version": listed["version"], "slices": [*listed["slices"], red]}
    answer = client.ask("PUT", "/v1/slices", body)
    assert [one["name"] for one in answer.json["slices"]] == ["blue", "red"]
    assert client.ask("PUT", "/v1/slices", body).status_int == 409
    assert client.engine.names() == ["blue", "red"]


def test_what_the_engine_refuses_is_kept_by_nobody(client: Any) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    rows = client.slice_store.rows
    client.engine.error = InvalidInput(("slices", 1, "bandwidth"), "no meters")
    answer = client.ask("POST", "/v1/slices", {"name": "red"})
    assert (answer.status_int, answer.json["errors"][0]["msg"]) == (422, "no meters")
    assert answer.json["errors"][0]["loc"] == ["bandwidth"], "as in what was sent"
    assert (client.slice_store.rows.slices, client.slice_store.rows.rules) == (
        rows.slices,
        rows.rules,
    )
    assert client.get("/v1/slices/red").status_int == 404
    assert kinds(client) == {"slice_created": 1}


def test_what_the_store_cannot_keep_does_not_reach_the_engine(client: Any) -> None:
    client.slice_store.trouble = StoreError("full")
    assert client.ask("POST", "/v1/slices", BLUE).status_int == 503
    assert (client.get("/v1/slices").json["slices"], client.engine.calls) == ([], [])


def test_while_the_engine_is_away_changes_are_kept_and_told_when_it_is_back(client: Any) -> None:
    client.engine.is_away = True
    answer = client.ask("POST", "/v1/slices", BLUE)
    assert answer.status_int == 503
    assert answer.json["type"].endswith("/EngineAway")
    assert "is kept" in answer.json["detail"]
    assert client.get("/v1/slices/blue").status_int == 200
    for part in ("stats", "entries", "topology"):
        assert client.get(f"/v1/slices/blue/{part}").status_int == 503
    client.slices.look()
    assert client.slices.status.trouble is not None
    client.engine.is_away = False
    client.slices.look()
    assert (client.engine.names(), client.slices.status.trouble) == (["blue"], None)


def test_a_switch_that_does_not_confirm_is_named_and_the_change_is_kept(client: Any) -> None:
    client.engine.switches["000000000000000b"] = "no answer within 5 s"
    answer = client.ask("POST", "/v1/slices", BLUE)
    assert (answer.status_int, answer.json["switch"]) == (424, "000000000000000b")
    assert "is kept" in answer.json["detail"]
    assert client.get("/v1/slices/blue").status_int == 200


def test_a_restart_gives_everything_back(client: Any) -> None:
    client.ask("POST", "/v1/slices", {**BLUE, "expires_s": 1000})
    client.ask("POST", "/v1/slices", {"name": "campus", "flowspace": [RULE]})
    old = client.slices.registry
    engine = FakeEngine()
    again = SliceService(client.slice_store, engine, client.events.publish, GreenRuntime())
    assert again.registry == old
    again.look()
    assert engine.document == old.engine_document()
    again.change(lambda registry: registry.deleted("campus"), "slice_deleted")
    assert engine.names() == ["blue"]


def test_an_engine_that_has_worked_by_a_newer_store_is_outnumbered_once(client: Any) -> None:
    client.engine.document = {"version": 40, "slices": []}
    client.ask("POST", "/v1/slices", BLUE)
    client.engine.document = {"version": 40, "slices": []}
    client.slices.look()
    assert client.engine.document["version"] == 41
    client.engine.document = {"version": 50, "slices": []}
    client.slices.look()
    assert client.engine.document["version"] == 50
    assert "somebody else" in str(client.slices.status.trouble)


def test_what_expires_goes_by_itself(client: Any) -> None:
    client.ask("POST", "/v1/slices", {**BLUE, "expires_s": 0.001})
    client.ask("POST", "/v1/slices", {"name": "red"})
    while client.slices.now() < client.slices.registry.first_expiry():
        pass
    client.slices.expire()
    client.slices.expire()
    assert client.engine.names() == ["red"]
    assert kinds(client)["slice_expired"] == 1


def test_ten_thousand_rules_come_in_one_body(client: Any) -> None:
    client.ask("POST", "/v1/slices", BLUE)
    rules = [
        {"dpids": [f"{dpid:016x}"], "ports": [port, "100-110"], "match": {"dl_vlan": [dpid, 4000]}}
        for dpid in range(1, 101)
        for port in range(100)
    ]
    answer = client.ask("POST", "/v1/slices/blue/flowspace", rules)
    assert (answer.status_int, len(answer.json["flowspace"])) == (201, 10_000)


# ---- roles


@pytest.fixture
def guarded(make_client: Any) -> Any:
    client = make_client(parse_tokens(TOKENS))
    campus = {"name": "campus", "flowspace": [RULE], "limits": {"flow_entries": 10}}
    for document in (BLUE, campus):
        answer = client.ask("POST", "/v1/slices", document, bearer("pilot"))
        assert answer.status_int == 201
    return client


def test_a_slice_reads_itself_and_no_other(guarded: Any) -> None:
    listed = guarded.ask("GET", "/v1/slices", headers=bearer("campus")).json["slices"]
    assert [one["name"] for one in listed] == ["campus"]
    for part in ("", "/flowspace", "/stats", "/entries", "/topology"):
        for role, name, status in (
            ("campus", "campus", 200),
            ("campus", "blue", 403),
            ("campus", "none", 403),
            ("monitor", "blue", 200),
            ("lab", "campus", 403),
        ):
            path = f"/v1/slices/{name}{part}"
            assert guarded.ask("GET", path, headers=bearer(role)).status_int == status


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/campus", {"limits": None}),
        ("PATCH", "/campus", {"flowspace": []}),
        ("PATCH", "/campus", {"enabled": True}),
        ("PATCH", "/campus", {"native_flood": True}),
        ("DELETE", "/campus", None),
        ("POST", "/campus/flowspace", {}),
        ("DELETE", "/campus/flowspace/2", None),
        ("PATCH", "/blue", {"contact": "me"}),
        ("DELETE", "/blue", None),
        ("POST", "/blue/flowspace", {}),
        ("DELETE", "/blue/flowspace/1", None),
        ("PUT", "", {"slices": []}),
    ],
)
def test_a_slice_changes_nothing_that_is_not_its_own(
    guarded: Any, method: str, path: str, body: Any
) -> None:
    before = guarded.ask("GET", "/v1/slices", headers=bearer("pilot")).json
    for role in ("campus", "lab", "monitor"):
        for query in ("", "?dry_run=1"):
            answer = guarded.ask(method, f"/v1/slices{path}{query}", body, bearer(role))
            assert answer.status_int == 403
    assert guarded.ask("GET", "/v1/slices", headers=bearer("pilot")).json == before


def test_a_slice_sets_its_contact_and_its_controllers(guarded: Any) -> None:
    patch = {"contact": "new", "controllers": [{"url": "tcp:h:1", "role": "monitor"}]}
    answer = guarded.ask("PATCH", "/v1/slices/campus", patch, bearer("campus"))
    assert (answer.status_int, answer.json["contact"]) == (200, "new")
    taken = {"controllers": BLUE["controllers"]}
    answer = guarded.ask("PATCH", "/v1/slices/campus", taken, bearer("campus"))
    assert (answer.status_int, "blue" in answer.text) == (422, False)


def test_a_slice_passes_on_part_of_its_own(guarded: Any) -> None:
    lab = {"name": "lab", "flowspace": [PART], "limits": {"flow_entries": 4}}
    made = guarded.ask("POST", "/v1/slices", lab, bearer("campus"))
    assert (made.status_int, made.json["creator"]) == (201, "campus")
    assert made.json["flowspace"][0]["within"] == 2
    assert guarded.ask("GET", "/v1/slices/campus", headers=bearer("lab")).status_int == 403
    assert guarded.ask("GET", "/v1/slices/lab", headers=bearer("lab")).status_int == 200
    room = {"name": "room", "flowspace": [PART], "limits": {"flow_entries": 1}}
    assert guarded.ask("POST", "/v1/slices", room, bearer("lab")).status_int == 403
    beyond = guarded.ask("POST", "/v1/slices/lab/flowspace", {}, bearer("campus"))
    assert beyond.status_int == 422
    more = guarded.ask("POST", "/v1/slices/lab/flowspace", PART, bearer("campus"))
    assert more.status_int == 201
    assert guarded.ask("DELETE", "/v1/slices/campus", None, bearer("pilot")).status_int == 409
    assert guarded.ask("DELETE", "/v1/slices/lab", None, bearer("campus")).status_int == 204
