"""Names of switches, positions, and how snapshots and events join."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob import Request

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.event_cursor import CURSOR_PATTERN, Cursor, cursor_from_text
from horizon_ryu.core.spanning_tree.forest import Forest, Tree, build_forest
from horizon_ryu.core.topology import Link, PortRef, TopologyChange
from horizon_ryu.http.event_log import QUEUE_EVENTS, EventLog
from horizon_ryu.http.router import Router
from horizon_ryu.kept_layout import POSITIONS_TOLD, KeptLayout
from horizon_ryu.kept_names import NAMES_SETTING, KeptNames
from horizon_ryu.rest import layout, switch_names, topology
from horizon_ryu.rest.event_data import CABLES_TOLD, change_to_event, forest_to_event
from horizon_ryu.rest.topology import PictureSources
from unit.rest.conftest import (
    Client,
    FakeDiscovery,
    MemoryLayout,
    MemoryNetworks,
    MemorySettings,
    triangle,
)
from unit.rest.test_rest_flows import EDGE
from xen_bridge.runtime.green import GreenRuntime

S1, S2, S4 = (f"{dpid:016x}" for dpid in (1, 2, 4))
HOST = "host:0a:00:00:00:00:01"


def kinds(client: Client) -> list[tuple[str, Any]]:
    _, found = client.events.recent()
    return [(event.kind, json.loads(event.text)["data"]) for event in found]


# ---- names


def test_a_name_is_usable_wherever_a_dpid_is(client: Client) -> None:
    assert client.ask("PUT", f"/v1/switches/{S1}/name", {"name": "s1"}).json == {
        "dpid": S1,
        "name": "s1",
    }
    client.ask("PUT", "/v1/switches/0000000000000004/name", {"name": "edge-4"})
    assert client.get("/v1/switches/names").json == {"names": {S1: "s1", S4: "edge-4"}}
    assert client.get("/v1/switches/S1/name").json["dpid"] == S1
    client.names.give(next(iter(client.stats.samples)), "measured")
    assert client.get("/v1/stats/measured/desc").status_int == 200
    assert client.get("/v1/nodes/measured/measures").status_int == 200
    assert client.get("/v1/nodes/nobody/measures").status_int == 400
    flow = client.ask(
        "POST",
        "/v1/flows",
        {
            "match": {"dl_type": 2048},
            "src": {"dpid": "s1", "port_no": EDGE},
            "dst": {"dpid": "edge-4", "port_no": EDGE},
        },
    )
    assert flow.status_int == 201, flow.json
    assert (flow.json["src"]["dpid"], flow.json["dst"]["dpid"]) == (S1, S4)
    moved = client.ask(
        "POST", "/v1/migrations", {"flow": flow.json["id"], "dpids": "s1|2|3|edge-4"}
    )
    assert [hop["dpid"] for hop in moved.json["path"]] == [S1, S2, f"{3:016x}", S4]
    assert kinds(client)[:2] == [
        ("switch_name", {"dpid": S1, "name": "s1"}),
        ("switch_name", {"dpid": S4, "name": "edge-4"}),
    ]


def test_a_name_that_nobody_has_is_told_where_it_stands(client: Client) -> None:
    lost = client.get("/v1/stats/s9")
    assert (lost.status_int, lost.json["errors"][0]["loc"]) == (400, ["dpid"])
    assert "name of a switch" in lost.json["errors"][0]["msg"]
    flow = {"src": {"dpid": "s9", "port_no": 1}, "dst": {"dpid": 4, "port_no": 1}}
    refused = client.ask("POST", "/v1/flows", flow)
    assert refused.status_int == 422
    assert refused.json["errors"] == [{"loc": ["src", "dpid"], "msg": "no switch is named s9"}]
    wrong = client.ask("POST", "/v1/migrations", {"flow": "00000001", "dpids": "1|s9"})
    assert (wrong.status_int, wrong.json["errors"][0]["msg"]) == (422, "no switch is named s9")


def test_rules_of_slices_take_names(client: Client) -> None:
    client.names.give(1, "s1")
    rule = {"dpids": ["S1", 2, "0x3"], "ports": [1]}
    blue = {"name": "blue", "controllers": [{"url": "tcp:127.0.0.1:6633"}], "flowspace": [rule]}
    made = client.ask("POST", "/v1/slices", blue)
    assert made.status_int == 201, made.json
    assert made.json["flowspace"][0]["dpids"] == [S1, S2, f"{3:016x}"]
    more = client.ask("POST", "/v1/slices/blue/flowspace", [{"dpids": ["s1"], "ports": [2]}])
    assert more.json["flowspace"][0]["dpids"] == [S1]
    wrong = client.ask("POST", "/v1/slices/blue/flowspace", [{"dpids": ["s7"], "ports": [3]}])
    assert (wrong.status_int, wrong.json["errors"][0]["loc"]) == (422, ["0", "dpids", "0"])


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *((name, 422) for name in ("bed", "a1", "Timers", "1s", "", "x" * 33, "ss|1", "s\n")),
        ("S1", 409),
        ("s2", 200),
    ],
)
def test_names_are_unique_and_no_dpids(client: Client, name: str, status: int) -> None:
    client.ask("PUT", f"/v1/switches/{S1}/name", {"name": "s1"})
    answer = client.ask("PUT", f"/v1/switches/{S2}/name", {"name": name})
    assert answer.status_int == status
    assert client.names.get(2) == ("s2" if status == 200 else None)
    if status == 422:
        assert answer.json["errors"][0]["loc"] == ["name"]


def test_a_name_is_taken_away_and_may_be_given_again(client: Client) -> None:
    client.ask("PUT", f"/v1/switches/{S1}/name", {"name": "s1"})
    assert client.ask("PUT", "/v1/switches/s1/name", {"name": "core"}).status_int == 200
    assert client.ask("DELETE", "/v1/switches/core/name").status_int == 204
    assert client.ask("DELETE", f"/v1/switches/{S1}/name").status_int == 404
    assert client.get(f"/v1/switches/{S1}/name").status_int == 404
    assert client.ask("PUT", f"/v1/switches/{S2}/name", {"name": "core"}).status_int == 200


def test_names_are_kept_and_what_cannot_be_read_is_passed_over() -> None:
    store = MemorySettings()
    first = KeptNames(store, lambda *_: None, nullcontext())
    first.give(1, "s1")
    again = KeptNames(store, lambda *_: None, nullcontext())
    assert (again.dpid("S1"), again.get(1)) == (1, "s1")
    for broken in ({"x": "s1"}, {S1: 7}, ["s1"], {S1: "s", S2: "S"}):
        store.values[NAMES_SETTING] = broken
        assert KeptNames(store, lambda *_: None, nullcontext()).names.by_dpid == {}


# ---- positions


def test_positions_are_set_forgotten_and_kept(client: Client) -> None:
    client.names.give(2, "s2")
    answer = client.ask(
        "PATCH",
        "/v1/layout",
        {
            "positions": {
                S1: {"x": 1, "y": -2.004},
                "s2": {"x": 0.5, "y": 0, "pinned": True},
                HOST: {"x": 3, "y": 4},
            }
        },
    )
    expected = {
        S1: {"x": 1.0, "y": -2.0, "pinned": False},
        S2: {"x": 0.5, "y": 0.0, "pinned": True},
        HOST: {"x": 3.0, "y": 4.0, "pinned": False},
    }
    assert answer.json == {"positions": expected}
    client.ask("PATCH", "/v1/layout", {"positions": {HOST: None, S4: None}})
    del expected[HOST]
    assert client.get("/v1/layout").json == {"positions": expected}
    assert kinds(client)[-1] == ("position_change", {"positions": {HOST: None}, "left_out": 0})
    assert client.ask("DELETE", "/v1/layout").status_int == 204
    assert client.get("/v1/layout").json == {"positions": {}}


def test_two_who_lay_out_the_same_node_agree(client: Client) -> None:
    path = "/v1/layout?if_absent=1"
    one = client.ask("PATCH", path, {"positions": {S1: {"x": 1, "y": 1}}})
    two = client.ask("PATCH", path, {"positions": {S1: {"x": 9, "y": 9}, S2: {"x": 2, "y": 2}}})
    assert (
        one.json["positions"][S1]
        == two.json["positions"][S1]
        == client.get("/v1/layout").json["positions"][S1]
    )
    assert two.json["positions"][S2]["x"] == 2
    assert len(kinds(client)) == 2
    client.ask("PATCH", path, {"positions": {S1: {"x": 5, "y": 5}}})
    assert len(kinds(client)) == 2  # nothing changed, so nothing is told


def test_put_replaces_all(client: Client) -> None:
    client.ask("PUT", "/v1/layout", {"positions": {S1: {"x": 1, "y": 1}, S2: {"x": 1, "y": 1}}})
    client.ask("PUT", "/v1/layout", {"positions": {S2: {"x": 2, "y": 1}}})
    assert list(client.get("/v1/layout").json["positions"]) == [S2]
    assert kinds(client)[-1][1]["positions"] == {
        S1: None,
        S2: {"x": 2.0, "y": 1.0, "pinned": False},
    }


@pytest.mark.parametrize(
    "positions",
    [
        {S1: {"x": 1e7, "y": 0}},
        {S1: {"x": 1}},
        {S1: {"x": "1", "y": 0}},
        {S1: {"x": True, "y": 0}},
        {S1: {"x": 1, "y": 0, "z": 0}},
        {"host:1": {"x": 1, "y": 0}},
        {"../../x": {"x": 1, "y": 0}},
        {"nobody": {"x": 1, "y": 0}},
        {"xen:h:" + "r" * 99: {"x": 1, "y": 0}},
        {f"{n:016x}": None for n in range(1000)} | {HOST: None},
    ],
)
def test_what_is_no_position_is_refused_and_nothing_is_set(client: Client, positions: Any) -> None:
    wanted = {S2: {"x": 1, "y": 1}, **positions}
    assert client.ask("PATCH", "/v1/layout", {"positions": wanted}).status_int in (400, 422)
    assert client.get("/v1/layout").json == {"positions": {}}
    assert (
        client.ask("PATCH", "/v1/layout", b'{"positions":{"1":{"x":NaN,"y":1}}}').status_int == 400
    )


def test_an_event_tells_a_bounded_number_of_positions() -> None:
    log = EventLog(GreenRuntime())
    kept = KeptLayout(MemoryLayout(), log.publish, nullcontext())
    router = Router()
    router.add(layout.resources(kept))
    many = {f"{n:016x}": {"x": n, "y": 0} for n in range(POSITIONS_TOLD + 3)}
    request = Request.blank("/v1/layout", method="PUT", content_type="application/json")
    request.body = json.dumps({"positions": many}).encode()
    assert request.get_response(router).status_int == 200
    data = json.loads(log.recent()[1][0].text)["data"]
    assert (len(data["positions"]), data["left_out"]) == (POSITIONS_TOLD, 3)


# ---- snapshots and events


@given(st.text(max_size=30))
def test_a_cursor_is_read_or_refused(text: str) -> None:
    if re.fullmatch(CURSOR_PATTERN[1:-1], text):
        assert cursor_from_text(text).text() == text
    else:
        with pytest.raises(InvalidInput):
            cursor_from_text(text)


@given(st.integers(0, 2**32 - 1), st.integers(0, 10**15 - 1))
def test_a_cursor_is_what_was_written(epoch: int, seq: int) -> None:
    cursor = Cursor(f"{epoch:08x}", seq)
    assert cursor_from_text(cursor.text()) == cursor


def test_another_run_is_recognised() -> None:
    log = EventLog(GreenRuntime(), epoch="0000000a")
    for _ in range(3):
        log.publish("x", {})
    same = log.subscribe(since=Cursor("0000000a", 2))
    first = same.next(0)
    assert first is not None
    assert first.seq == 3
    other = log.subscribe(since=Cursor("0000000b", 2)).next(0)
    assert other is not None
    assert other.kind == "gap"
    assert json.loads(other.text)["data"] == {
        "since": 2,
        "oldest": 1,
        "newest": 3,
        "epoch": "0000000a",
    }


def test_a_client_that_was_too_slow_resumes_without_a_gap() -> None:
    log = EventLog(GreenRuntime(), epoch="0000000a")
    slow = log.subscribe()
    for _ in range(2 * QUEUE_EVENTS):
        log.publish("x", {})
    assert slow.dropped
    again = log.subscribe(since=Cursor("0000000a", 0))
    numbers = [event.seq for event in iter(lambda: again.next(0), None)]
    assert numbers == list(range(1, 2 * QUEUE_EVENTS + 1))


def test_answers_to_reading_carry_the_newest_event() -> None:
    log = EventLog(GreenRuntime(), epoch="0000000a")
    discovery = FakeDiscovery()
    names = KeptNames(MemorySettings(), log.publish, nullcontext())
    router = Router(switches=names.dpid, cursor=lambda: log.cursor.text())
    picture = PictureSources(lambda: names.names.by_dpid, lambda: log.latest({"switch_name"}))
    router.add(topology.resources(discovery, MemoryNetworks(), picture=picture))
    router.add(switch_names.resources(names))

    def get(**headers: str) -> Any:
        return Request.blank("/v1/topology", headers=headers).get_response(router)

    empty = get()
    assert empty.headers["Horizon-Cursor"] == "0000000a-0"
    assert (empty.json["seq"], empty.json["epoch"]) == (0, "0000000a")
    names.give(1, "s1")
    log.publish("alarm_slow_join", {})
    named = get()
    assert named.headers["Horizon-Cursor"] == "0000000a-2"
    assert (named.json["seq"], named.json["switches"][0]["name"]) == (1, "s1")
    assert "name" not in named.json["switches"][1]
    log.publish("flow_add", {})
    same = get(**{"If-None-Match": named.headers["ETag"]})
    assert (same.status_int, same.headers["Horizon-Cursor"]) == (304, "0000000a-3")
    put = Request.blank("/v1/switches/s1/name", method="DELETE").get_response(router)
    assert (put.status_int, "Horizon-Cursor" in put.headers) == (204, False)


def test_recent_events_are_listed(client: Client) -> None:
    client.events.publish("flow_add", {"id": "0000000a"})
    client.events.publish("host_add", {"mac": "0a:00:00:00:00:01", "dpid": S1})
    client.events.publish("flow_delete", {"id": "0000000a"})
    whole = client.get("/v1/events/recent").json
    assert [event["seq"] for event in whole["events"]] == [1, 2, 3]
    assert (whole["complete"], whole["seq"], whole["oldest"]) == (True, 3, 1)
    about = client.get("/v1/events/recent?about=0000000a").json["events"]
    assert [event["kind"] for event in about] == ["flow_add", "flow_delete"]
    assert client.get(f"/v1/events/recent?about={S1}&kinds=host_add").json["events"][0]["seq"] == 2
    newest = client.get("/v1/events/recent?limit=1").json
    assert ([event["seq"] for event in newest["events"]], newest["complete"]) == ([3], False)
    assert client.get("/v1/events/recent?since=2").json["events"][0]["seq"] == 3
    for wrong in ("limit=501", "limit=0", "since=-1", "since=zz-1", "kinds=flow_ad", "about="):
        assert client.get(f"/v1/events/recent?{wrong}").status_int == 422


# ---- what events tell


def test_a_port_is_told_with_its_state() -> None:
    view = triangle()
    change = TopologyChange("port_modify", PortRef(1, 2))
    assert change_to_event(change, view)[1] == {
        "dpid": S1,
        "port_no": 2,
        "name": "s1-eth2",
        "hw_addr": "02:00:00:00:01:02",
        "up": True,
        "speed_kbps": 10**6,
    }
    gone = TopologyChange("port_delete", PortRef(1, 99))
    assert change_to_event(gone, view)[1] == {"dpid": S1, "port_no": 99}


def test_a_link_is_told_with_its_other_direction_and_its_tree() -> None:
    view = triangle()
    forest = build_forest(view)
    both, one_way = Link(PortRef(1, 1), PortRef(2, 2)), Link(PortRef(1, 3), PortRef(2, 3))
    told = change_to_event(TopologyChange("link_add", both), view, forest)[1]
    assert (told["bidirectional"], told["in_tree"]) == (True, True)
    told = change_to_event(TopologyChange("link_add", one_way), view, forest)[1]
    assert (told["bidirectional"], told["in_tree"]) == (False, False)
    assert change_to_event(TopologyChange("link_add", both), view)[1]["in_tree"] is None
    assert "in_tree" not in change_to_event(TopologyChange("link_delete", both), view, forest)[1]


def test_a_change_of_the_tree_names_the_cables() -> None:
    view = triangle()
    whole = build_forest(view)
    cut = {
        src: link
        for src, link in view.links.items()
        if {src, link.dst} != {PortRef(1, 1), PortRef(2, 2)}
    }
    from dataclasses import replace

    other = build_forest(replace(view, links=cut))
    data = forest_to_event(other, whole)[1]
    assert data["removed"] == [
        {"src": {"dpid": S1, "port_no": 1}, "dst": {"dpid": S2, "port_no": 2}}
    ]
    assert data["added"] == [
        {"src": {"dpid": S2, "port_no": 1}, "dst": {"dpid": f"{3:016x}", "port_no": 2}}
    ]
    assert data["left_out"] == 0


def test_a_change_of_a_large_tree_says_how_much_it_leaves_out() -> None:
    links = tuple(Link(PortRef(n, 1), PortRef(n + 1, 2)) for n in range(1, CABLES_TOLD + 5))
    data = forest_to_event(replace(Forest(), trees=(Tree(1, (1,), links),)), Forest())[1]
    assert (len(data["added"]), data["left_out"]) == (CABLES_TOLD, 4)
