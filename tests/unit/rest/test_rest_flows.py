"""Flows and migrations over REST: what is asked, what is answered, what is refused and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from horizon_ryu.formats import xml_form
from horizon_ryu.wire.messages import Outgoing
from unit.flows.fabric import EDGE

A, B, C, D = (f"{dpid:016x}" for dpid in (1, 2, 3, 4))
MATCH = {"dl_type": 2048, "nw_proto": 17, "nw_dst": "10.0.0.3/32"}
SPEC = {
    "match": MATCH,
    "src": {"dpid": A, "port_no": EDGE},
    "dst": {"dpid": C, "port_no": EDGE},
}
ENTRY = {"dpid": B, "match": {"dl_vlan": 7}, "actions": [{"set_dl_vlan": 9}, {"output": 1}]}
XML = {"Accept": "application/xml"}


def make(client: Any, **more: Any) -> dict[str, Any]:
    answer = client.ask("POST", "/v1/flows", {**SPEC, **more})
    assert answer.status_int == 201, answer.text
    made: dict[str, Any] = answer.json
    assert answer.headers["Location"].endswith(f"/v1/flows/{made['id']}")
    return made


def dpids(path: list[dict[str, Any]]) -> list[str]:
    return [hop["dpid"] for hop in path]


def test_a_flow_is_made_read_listed_and_deleted(client: Any) -> None:
    flow = make(client, waypoints=[B], priority=400, idle_timeout=5)
    assert flow == {
        "id": flow["id"], "kind": "path", "state": "active",
        "match": {**MATCH, "nw_dst": "10.0.0.3"},
        "priority": 400, "idle_timeout": 5, "hard_timeout": 0,
        "cookie": f"0x485a0400{flow['id']}",
        "path": [
            {"dpid": A, "in_port": EDGE, "out_port": 2},
            {"dpid": B, "in_port": 1, "out_port": 3},
            {"dpid": C, "in_port": 2, "out_port": EDGE},
        ],
        "path_kind": "simple", "pinned": False,
        "src": SPEC["src"], "dst": SPEC["dst"], "waypoints": [B],
    }  # fmt: skip
    read = client.get(f"/v1/flows/{flow['id']}").json
    assert read == {**flow, "packets": 7, "bytes": 700}
    assert client.get("/v1/flows").json == {"flows": [flow]}
    assert client.ask("DELETE", f"/v1/flows/{flow['id']}").status_int == 204
    assert client.get(f"/v1/flows/{flow['id']}").status_int == 404
    assert client.fabric.tables.held() == set()


def test_a_flow_is_watched_by_its_id_and_no_error_when_it_goes(client: Any) -> None:
    flow = make(client)
    make(client, match={**MATCH, "udp_dst": 5})
    watched = client.get(f"/v1/flows?id={flow['id']}").json
    assert watched == {"flows": [{**flow, "packets": 7, "bytes": 700}]}
    client.ask("DELETE", f"/v1/flows/{flow['id']}")
    assert client.get(f"/v1/flows?id={flow['id']}").json == {"flows": []}
    refused = client.get("/v1/flows?id=x")
    assert (refused.status_int, refused.json["errors"][0]["loc"]) == (422, ["id"])


def test_a_single_entry_is_broken_while_its_switch_is_away(client: Any) -> None:
    flow = client.ask("POST", "/v1/flows", ENTRY).json
    assert (flow["kind"], flow["dpid"], flow["path"]) == ("entry", B, [])
    assert flow["actions"] == ENTRY["actions"]
    client.fabric.tables.away = {2}
    read = client.get(f"/v1/flows/{flow['id']}").json
    assert (read["state"], read["packets"], read["bytes"]) == ("broken", None, None)


def test_a_batch_is_made_together(client: Any) -> None:
    flows = [{**SPEC, "match": {**MATCH, "udp_dst": port}} for port in range(1, 6)]
    answer = client.ask("POST", "/v1/flows/batch", {"flows": [*flows, ENTRY]})
    assert answer.status_int == 201
    assert len(answer.json["flows"]) == 6
    assert len(client.fabric.tables.batches) == 2
    bad = {"flows": [ENTRY | {"priority": 500}, {**SPEC, "match": {"nw_dst": "10.0.0.1/8"}}]}
    refused = client.ask("POST", "/v1/flows/batch", bad)
    assert refused.status_int == 422
    assert refused.json["errors"][0]["loc"] == ["flows", "1", "match", "nw_dst"]
    assert len(client.get("/v1/flows").json["flows"]) == 6


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"src": None}, ["src"]),
        ({"dst": {"dpid": C, "port_no": 0}}, ["dst", "port_no"]),
        ({"dst": {"dpid": C, "port_no": 77}}, ["dst", "port_no"]),
        ({"dst": {"dpid": "g", "port_no": 1}}, ["dst", "dpid"]),
        ({"dpid": B}, ["src"]),
        ({"actions": [{"output": 1}]}, ["actions"]),
        ({"waypoints": [B], "path": [A, C]}, ["path"]),
        ({"path": [B, C]}, ["path"]),
        ({"priority": 300}, ["priority"]),
        ({"priority": 65536}, ["priority"]),
        ({"hard_timeout": -1}, ["hard_timeout"]),
        ({"queue": "one"}, ["queue"]),
        ({"rate_kbps": 0}, ["rate_kbps"]),
        ({"bidirectional": 1}, ["bidirectional"]),
        ({"colour": "red"}, ["colour"]),
        ({"match": {"in_port": 1}}, ["match", "in_port"]),
        ({"match": {"nw_src": "10.0.0.1"}}, ["match", "nw_src"]),
        ({"match": {"dl_src": "zz"}}, ["match", "dl_src"]),
        ({"match": {"flavour": 1}}, ["match", "flavour"]),
        ({"match": {"dl_type": 2048, "eth_type": 2048}}, ["match", "eth_type"]),
        ({"match": {"dl_type": 1.5}}, ["match", "dl_type"]),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_sent(client: Any, change: Any, loc: Any) -> None:
    body = {name: value for name, value in {**SPEC, **change}.items() if value is not None}
    refused = client.ask("POST", "/v1/flows", body)
    assert refused.status_int == 422
    assert refused.content_type == "application/problem+json"
    assert refused.json["errors"][0]["loc"][: len(loc)] == loc
    assert client.fabric.tables.batches == []


def test_actions_are_understood_as_text_and_values_of_other_types_told_in_one_sentence(
    client: Any,
) -> None:
    entry = {**ENTRY, "actions": ["set_dl_vlan:9", "1", "enqueue:1:2"]}
    assert client.ask("POST", "/v1/flows", entry).json["actions"] == [
        {"set_dl_vlan": 9}, {"output": 1}, {"enqueue": {"port_no": 1, "queue_id": 2}},
    ]  # fmt: skip
    for value in (None, ["10.0.0.0"], 1.5):
        refused = client.ask("POST", "/v1/flows", {**ENTRY, "match": {"dl_vlan": value}})
        assert refused.json["errors"] == [
            {"loc": ["match", "dl_vlan"], "msg": "a number, a text, or true"}
        ]


def test_actions_may_be_one_text_as_horizonctl_takes_them(client: Any) -> None:
    entry = {**ENTRY, "actions": "set_dl_vlan:9,output:1"}
    flow = client.ask("POST", "/v1/flows", entry).json
    assert flow["actions"] == [{"set_dl_vlan": 9}, {"output": 1}]
    changed = client.ask("PATCH", f"/v1/flows/{flow['id']}", {"actions": "output:1"}).json
    assert changed["actions"] == [{"output": 1}]
    for wrong, place in (("", "0"), ("output:2,,output:1", "1"), ("outptu:2", "0")):
        refused = client.ask("POST", "/v1/flows", {**ENTRY, "actions": wrong})
        assert refused.status_int == 422
        assert refused.json["errors"][0]["loc"][:2] == ["actions", place]


def test_a_batch_tells_of_every_faulty_flow(client: Any) -> None:
    wrong = ({"match": {"nw_dst": "10.0.0.1/8"}}, {}, {"actions": "outptu:2"})
    flows = [{**ENTRY, **change} for change in wrong]
    refused = client.ask("POST", "/v1/flows/batch", {"flows": flows})
    assert refused.status_int == 422
    places = [error["loc"][:3] for error in refused.json["errors"]]
    assert places == [["flows", "0", "match"], ["flows", "2", "actions"]]
    many = client.ask("POST", "/v1/flows/batch", {"flows": flows[:1] * 300})
    assert len(many.json["errors"]) == 100
    assert client.fabric.tables.batches == []


def test_numbers_are_understood_as_text_wherever_they_stand(client: Any) -> None:
    written = {"priority": "0x190", "idle_timeout": "9", "hard_timeout": "90", "queue": "1"}
    ends = {"src": {**SPEC["src"], "port_no": "90"}, "dst": {**SPEC["dst"], "port_no": "0x5a"}}
    flow = client.ask("POST", "/v1/flows", {**SPEC, **written, **ends, "rate_kbps": "500"}).json
    told = {name: flow[name] for name in (*written, "rate_kbps")}
    assert told == {
        "priority": 400, "idle_timeout": 9, "hard_timeout": 90, "queue": 1, "rate_kbps": 500,
    }  # fmt: skip
    assert (flow["src"]["port_no"], flow["dst"]["port_no"]) == (90, 90)
    url = f"/v1/flows/{flow['id']}"
    assert client.ask("PATCH", url, {"priority": "401"}).json["priority"] == 401
    entry = {**ENTRY, "table_id": "3", "actions": [{"goto_table": "4"}]}
    assert client.ask("POST", "/v1/flows", entry).json["table_id"] == 3
    for body, field in (
        ({"priority": "300"}, ["priority"]),
        ({"priority": "0400"}, ["priority"]),
        ({"src": {**SPEC["src"], "port_no": "0"}}, ["src", "port_no"]),
        ({"src": {**SPEC["src"], "port_no": "flood"}}, ["src", "port_no"]),
    ):
        refused = client.ask("POST", "/v1/flows", {**SPEC, **body})
        assert refused.status_int == 422
        assert refused.json["errors"][0]["loc"] == field


@pytest.mark.parametrize(
    "action",
    [
        {}, {"output": 0}, {"output": "moon"}, {"jump": 1}, {"set_dl_vlan": 4096}, {"output": True},
        {"enqueue": 1}, {"set_field": {"nw_proto": 1}}, {"push_vlan": 1},
        {"output": 1, "drop": True},
    ],
)  # fmt: skip
def test_a_bad_action_is_named(client: Any, action: Any) -> None:
    refused = client.ask("POST", "/v1/flows", {**ENTRY, "actions": [{"output": 1}, action]})
    assert refused.status_int == 422
    assert refused.json["errors"][0]["loc"][:2] == ["actions", "1"]


def test_what_the_network_cannot_do_is_told_with_the_switch(client: Any) -> None:
    refused = client.ask("POST", "/v1/flows", {**SPEC, "waypoints": ["00000000000000ff"]})
    assert (refused.status_int, refused.json["switch"]) == (422, "00000000000000ff")
    refused = client.ask("POST", "/v1/flows", {**ENTRY, "dpid": "00000000000000ff"})
    assert (refused.status_int, refused.json["switch"]) == (424, "00000000000000ff")
    client.fabric.tables.refuse = lambda sent: "refused with FLOW_MOD_FAILED: TABLE_FULL"
    refused = client.ask("POST", "/v1/flows", ENTRY)
    assert (refused.status_int, refused.json["switch"]) == (424, B)
    assert "TABLE_FULL" in refused.json["detail"]
    client.fabric.tables.refuse = lambda sent: None
    client.fabric.tables.silent = {2}
    assert client.ask("POST", "/v1/flows", ENTRY).status_int == 504
    client.fabric.tables.silent = set()
    assert client.ask("POST", "/v1/flows", ENTRY).status_int == 201
    assert client.ask("POST", "/v1/flows", ENTRY).status_int == 409
    lldp = {"dpid": B, "match": {"dl_type": 0x88CC}, "priority": 65535}
    assert client.ask("POST", "/v1/flows", lldp).status_int == 409


def test_what_is_set_changes_and_the_rest_stays(client: Any) -> None:
    flow = make(client, waypoints=[B], queue=3)
    url = f"/v1/flows/{flow['id']}"
    changed = client.ask("PATCH", url, {"priority": 500, "queue": None}).json
    assert changed == {**{k: v for k, v in flow.items() if k != "queue"}, "priority": 500}
    pinned = client.ask("PATCH", url, {"path": [A, C]}).json
    assert (pinned["pinned"], pinned["waypoints"], dpids(pinned["path"])) == (True, [], [A, C])
    free = client.ask("PATCH", url, {"path": None, "waypoints": [B]}).json
    assert (free["pinned"], dpids(free["path"])) == (False, [A, B, C])
    assert client.ask("PATCH", url, {}).json == free
    for body in ({"actions": []}, {"path": [A, C], "waypoints": [B]}, {"match": {}}):
        assert client.ask("PATCH", url, body).status_int == 422
    entry = client.ask("POST", "/v1/flows", ENTRY).json
    url = f"/v1/flows/{entry['id']}"
    assert client.ask("PATCH", url, {"actions": [{"drop": True}]}).json["actions"] == []
    assert client.ask("PATCH", url, {"queue": 1}).status_int == 422


@pytest.mark.parametrize("given", [[A, B, C], f"{A}|{B}|{C}", [B], B])
def test_a_migration_answers_with_the_entire_path(client: Any, given: Any) -> None:
    flow = make(client, path=[A, C])
    answer = client.ask("POST", "/v1/migrations", {"flow": flow["id"], "dpids": given})
    assert answer.status_int == 201
    migration = answer.json
    assert answer.headers["Location"].endswith(f"/v1/migrations/{migration['id']}")
    assert dpids(migration["path"]) == [A, B, C]
    assert dpids(migration["previous_path"]) == [A, C]
    assert {name: migration[name] for name in ("kind", "state", "path_kind", "flow", "waves")} == {
        "kind": "flow", "state": "done", "path_kind": "simple", "flow": flow["id"], "waves": 2,
    }  # fmt: skip
    assert client.get(f"/v1/migrations/{migration['id']}").json == migration
    assert client.get("/v1/migrations").json == {"migrations": [migration]}


def test_the_reports_message_in_xml(client: Any) -> None:
    flow = make(client)
    body = {"flow": flow["id"], "dpids": f"{A}|{B}|{C}"}
    answer = client.ask("POST", "/v1/migrations", body, XML)
    assert (answer.status_int, answer.content_type) == (201, "application/xml")
    root = valid(answer.body)
    hops = [[child.text for child in switch] for switch in root.iterfind("path/switch")]
    assert hops == [[A, str(EDGE), "2"], [B, "1", "3"], [C, "2", str(EDGE)]]
    assert [child.tag for child in root] == ["path", "status"]
    assert root.findtext("status") == "done"
    listed = valid(client.get("/v1/migrations", "application/xml").body)
    assert [child.tag for child in listed] == ["flow_migration"]
    many = valid(client.ask("POST", "/v1/migrations", [{**body, "dpids": [A, C]}], XML).body)
    assert many.findtext("flow_migration/status") == "done"


def test_an_error_in_xml_names_the_erroneous_switch(client: Any) -> None:
    flow = make(client, path=[A, C])
    client.fabric.tables.refuse = lambda sent: "refused" if sent.dpid == 2 else None
    answer = client.ask("POST", "/v1/migrations", {"flow": flow["id"], "dpids": B}, XML)
    assert answer.status_int == 424
    root = valid(answer.body)
    assert (root.findtext("status"), root.findtext("switch")) == ("error", B)
    assert "refused" in (root.findtext("error") or "")
    (record,) = client.get("/v1/migrations").json["migrations"]
    assert record["error"] == {"detail": "refused", "switch": B}
    assert valid(client.get(f"/v1/migrations/{record['id']}", "application/xml").body).findtext(
        "status"
    ) == "error"  # fmt: skip
    unknown = client.ask("POST", "/v1/migrations", {"flow": "00000000", "dpids": B}, XML)
    assert unknown.status_int == 404
    assert valid(unknown.body).findtext("status") == "error"


def valid(data: bytes) -> Any:
    root = etree.fromstring(data)
    xml_form.schema("flow_migration").assertValid(root)
    return root


def test_a_dry_run_tells_every_wave_and_touches_nothing(client: Any) -> None:
    flow = make(client, path=[A, C])
    client.fabric.tables.batches.clear()
    body = {"flow": flow["id"], "dpids": [B], "dry_run": True}
    answer = client.ask("POST", "/v1/migrations", body)
    assert (answer.status_int, answer.json["state"]) == (200, "planned")
    waves = [
        (wave["kind"], [(item["dpid"], item["command"]) for item in wave["messages"]])
        for wave in answer.json["plan"]
    ]
    assert waves == [
        ("add", [(B, "add"), (C, "add")]),
        ("commit", [(A, "add")]),
        ("drain", []),
        ("delete", [(C, "delete_strict")]),
    ]
    assert client.fabric.tables.batches == []
    assert client.get("/v1/migrations").json == {"migrations": []}


def test_of_several_each_tells_its_own_end(client: Any) -> None:
    flows = [make(client, match={**MATCH, "udp_dst": port}, path=[A, C]) for port in (1, 2)]
    bodies = [{"flow": flow["id"], "dpids": [B]} for flow in flows]
    dry = client.ask("POST", "/v1/migrations", [{**body, "dry_run": True} for body in bodies])
    assert (dry.status_int, len(dry.json["migrations"])) == (200, 2)

    def refuse(sent: Outgoing) -> str | None:
        match = getattr(sent.message, "match", None)
        return "refused" if match is not None and match.tp_dst == 2 and sent.dpid == 2 else None

    client.fabric.tables.refuse = refuse
    answer = client.ask("POST", "/v1/migrations", bodies)
    assert answer.status_int == 207
    assert [one["state"] for one in answer.json["migrations"]] == ["done", "rolled_back"]


@pytest.mark.parametrize(
    ("body", "status", "loc"),
    [
        ({"dpids": [B]}, 422, ["flow"]),
        ({"flow": "0badf00d", "match": {}, "dpids": [B]}, 422, ["flow"]),
        ({"flow": "xyz", "dpids": [B]}, 422, ["flow"]),
        ({"flow": "0badf00d", "dpids": "1|g"}, 422, ["dpids"]),
        ({"flow": "0badf00d"}, 422, ["dpids"]),
        ({"match": {"nw_dst": "10.0.0.1"}, "dpids": [A, C]}, 422, ["match", "nw_dst"]),
        ([{"flow": "0badf00d", "dpids": [B]}, {"flow": 1, "dpids": [B]}], 422, ["1", "flow"]),
        ([{"flow": "0badf00d", "dpids": [B], "priority": 1}], 422, ["0", "priority"]),
        ([], 422, []),
        ("text", 422, []),
        ({"flow": "0badf00d", "dpids": [B]}, 404, None),
    ],
)
def test_a_bad_migration_is_refused_and_the_field_named(client, body, status, loc) -> None:
    refused = client.ask("POST", "/v1/migrations", body)
    assert refused.status_int == status, refused.text
    if loc is not None:
        assert refused.json["errors"][0]["loc"][: len(loc)] == loc


def test_ids_that_are_none_are_400(client: Any) -> None:
    assert client.get("/v1/flows/xyz").status_int == 400
    assert client.get("/v1/migrations/12").status_int == 400
    assert client.get("/v1/migrations/0123456789ab").status_int == 404


def test_a_flag_is_given_told_and_taken_away(client: Any) -> None:
    flow = make(client, check_overlap=True)
    assert flow["check_overlap"] is True
    path = f"/v1/flows/{flow['id']}"
    refused = client.ask("PATCH", path, {"check_overlap": None})
    assert (refused.status_int, refused.json["errors"][0]["loc"]) == (422, ["check_overlap"])
    assert "check_overlap" not in client.ask("PATCH", path, {"check_overlap": False}).json


@pytest.mark.parametrize("dpid", ["2", 2, "0x2", B, "00:00:00:00:00:00:00:02", "0002"])
def test_a_dpid_is_understood_as_people_write_it(client: Any, dpid: Any) -> None:
    flow = client.ask("POST", "/v1/flows", {**ENTRY, "dpid": dpid}).json
    assert flow["dpid"] == B
    assert make(client, waypoints=[dpid])["waypoints"] == [B]


@pytest.mark.parametrize("dpid", ["", "g", -1, 1 << 64, True, 1.0, None, " 2", "0x", "1" * 17, []])
def test_what_is_no_dpid_is_named(client: Any, dpid: Any) -> None:
    refused = client.ask("POST", "/v1/flows", {**ENTRY, "dpid": dpid})
    assert refused.status_int == 422
    assert refused.json["errors"][0]["loc"][0] == "dpid"


def test_answers_keep_their_form(client: Any) -> None:
    asked = {"tcp": True, "nw_dst": "10.0.0.0/255.255.255.0", "tp_dst": "0x50", "vlan_vid": 0x1007}
    flow = make(client, match=asked)
    assert flow["match"] == {
        "dl_type": 2048, "nw_proto": 6, "nw_dst": "10.0.0.0/24", "tp_dst": 80, "dl_vlan": 7,
    }  # fmt: skip


def test_a_migration_tells_of_the_reverse_direction_and_takes_it_along(client: Any) -> None:
    flow = make(client, bidirectional=True, waypoints=[B])
    one = client.ask("POST", "/v1/migrations", {"flow": flow["id"], "dpids": [A]}).json
    assert one["reverse"] == flow["reverse"]
    back = client.get(f"/v1/flows/{flow['reverse']}").json
    assert dpids(back["path"]) == [C, B, A]
    wish = {"flow": flow["id"], "dpids": f"1|{C}", "bidirectional": True}
    dry = client.ask("POST", "/v1/migrations", {**wish, "dry_run": True})
    assert (dry.status_int, len(dry.json["migrations"])) == (200, 2)
    answer = client.ask("POST", "/v1/migrations", wish)
    assert answer.status_int == 201
    assert [each["state"] for each in answer.json["migrations"]] == ["done", "done"]
    assert dpids(answer.json["migrations"][1]["path"]) == [C, A]
    assert dpids(client.get(f"/v1/flows/{flow['reverse']}").json["path"]) == [C, A]
    through = client.ask("POST", "/v1/migrations", [{**wish, "dpids": "1|2|3"}])
    assert [dpids(each["path"]) for each in through.json["migrations"]] == [[A, B, C], [C, B, A]]


def test_what_has_no_reverse_direction_cannot_take_it_along(client: Any) -> None:
    wish = {"flow": make(client)["id"], "dpids": [B], "bidirectional": True}
    refused = client.ask("POST", "/v1/migrations", wish)
    assert (refused.status_int, refused.json["errors"][0]["loc"]) == (422, ["bidirectional"])
    many = client.ask("POST", "/v1/migrations", [{**wish, "bidirectional": False}, wish])
    assert (many.status_int, many.json["errors"][0]["loc"]) == (422, ["1", "bidirectional"])
    assert client.get("/v1/migrations").json == {"migrations": []}


SIX = {"tcp6": True, "ipv6_dst": "2001:db8::3", "tcp_dst": 80}


def test_a_flow_of_ipv6_both_ways(client: Any) -> None:
    flow = make(client, match=SIX, bidirectional=True)
    assert flow["match"] == {
        "dl_type": 0x86DD, "nw_proto": 6, "ipv6_dst": "2001:db8::3", "tp_dst": 80,
    }  # fmt: skip
    back = client.get(f"/v1/flows/{flow['reverse']}").json
    assert back["match"] == {
        "dl_type": 0x86DD, "nw_proto": 6, "ipv6_src": "2001:db8::3", "tp_src": 80,
    }  # fmt: skip
    client.fabric.reconciler.reconcile(1)
    assert "flow_repaired" not in client.fabric.events.kinds()


@pytest.mark.parametrize(
    ("match", "field"),
    [
        (SIX, "nw_proto"),
        ({"ipv6": True, "ipv6_src": "::1"}, "ipv6_src"),
        ({"dl_vlan": "tagged"}, "dl_vlan"),
        ({"dl_dst": "01:00:00:00:00:00/01:00:00:00:00:00"}, "dl_dst"),
        ({"dl_src": "02:00:00:00:00:00/ff:00:00:00:00:00"}, "dl_src"),
    ],
)
def test_what_1_0_cannot_match_is_named(client: Any, match: Any, field: str) -> None:
    switches = client.fabric.view.switches
    old = {**switches, 2: replace(switches[2], openflow=1)}
    client.fabric.view = replace(client.fabric.view, version=99, switches=old)
    for body in ({**ENTRY, "match": match}, {**SPEC, "match": match, "waypoints": [B]}):
        refused = client.ask("POST", "/v1/flows", body)
        assert (refused.status_int, refused.json["errors"][0]["loc"]) == (422, ["match", field])
        assert B in refused.json["errors"][0]["msg"]
    assert client.fabric.tables.batches == []


def test_a_flow_may_wait_for_a_switch_if_the_request_says_so(client: Any) -> None:
    there = client.fabric.view
    others = {dpid: switch for dpid, switch in there.switches.items() if dpid != 2}
    client.fabric.view = replace(there, version=98, switches=others)
    client.fabric.tables.away = {2}
    assert client.ask("POST", "/v1/flows", ENTRY).status_int == 424
    answer = client.ask("POST", "/v1/flows", {**ENTRY, "allow_pending": True})
    assert (answer.status_int, answer.json["state"]) == (202, "pending")
    assert answer.headers["Location"].endswith(answer.json["id"])
    many = client.ask("POST", "/v1/flows/batch", {"flows": [{**SPEC, "allow_pending": True}]})
    assert many.status_int == 201
    read = client.get(f"/v1/flows/{answer.json['id']}").json
    assert (read["state"], read["packets"]) == ("pending", None)
    client.fabric.view = replace(there, version=99)
    client.fabric.tables.away = set()
    client.fabric.monitor.turn()
    assert client.get(f"/v1/flows/{answer.json['id']}").json["state"] == "active"


def test_a_priority_of_the_controllers_own_entries_is_refused_with_the_reason(client: Any) -> None:
    refused = client.ask("POST", "/v1/flows", {**ENTRY, "priority": 100})
    assert refused.status_int == 422
    (error,) = refused.json["errors"]
    assert error["loc"] == ["priority"]
    assert "301" in error["msg"]
    assert "the controller's own" in error["msg"]


def test_a_flow_is_understood_as_other_programs_write_it(client: Any) -> None:
    written = {
        "dpid": 2,
        "match": {"IPV4_DST": "10.0.0.1", "in_port": "1"},
        "actions": [
            {"type": "SET_FIELD", "field": "ipv4_dst", "value": "10.0.0.2"},
            {"mod_dl_dst": "02-00-00-00-00-01"},
            {"type": "OUTPUT", "port": 3},
        ],
    }
    made = client.ask("POST", "/v1/flows", written)
    assert made.status_int == 201, made.text
    assert made.json["match"] == {"in_port": 1, "dl_type": 2048, "nw_dst": "10.0.0.1"}
    assert made.json["actions"] == [
        {"set_nw_dst": "10.0.0.2"},
        {"set_dl_dst": "02:00:00:00:00:01"},
        {"output": 3},
    ]
