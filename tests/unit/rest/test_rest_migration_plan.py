"""A migration's plan told before the act, and the way back."""

from __future__ import annotations

from typing import Any

from unit.rest.test_rest_flows import A, B, C, dpids, make


def test_a_dry_run_tells_what_is_done_where_and_the_way_back(client: Any) -> None:
    flow = make(client)
    before = dpids(flow["path"])
    assert before == [A, C]
    body = {"flow": flow["id"], "dpids": [B], "dry_run": True}
    dry = client.ask("POST", "/v1/migrations", body)
    assert dry.status_int == 200
    told = dry.json
    assert [wave["kind"] for wave in told["plan"]][:1] == ["add"]
    assert B in told["summary"]["added"]
    assert A in told["summary"]["replaced"]
    switches = {name: set(found) for name, found in told["summary"].items()}
    assert set().union(*switches.values()) >= {A, B, C}
    assert not switches["kept"] & (switches["added"] | switches["replaced"] | switches["deleted"])
    assert told["undo"] == {
        "flow": flow["id"],
        "dpids": before,
        "priority": flow["priority"],
        "hard_timeout": 0,
        "idle_timeout": 0,
    }
    assert client.get(f"/v1/flows/{flow['id']}").json["path"] == flow["path"]


def test_undo_brings_a_flow_back(client: Any) -> None:
    flow = make(client, priority=400)
    there = client.ask("POST", "/v1/migrations", {"flow": flow["id"], "dpids": [B]})
    assert dpids(there.json["path"]) == [A, B, C]
    assert "summary" not in there.json
    read = client.get(there.headers["Location"].replace("http://localhost", ""))
    assert read.json["undo"] == there.json["undo"]
    back = client.ask("POST", "/v1/migrations", there.json["undo"])
    assert (back.status_int, back.json["state"]) == (201, "done")
    now = client.get(f"/v1/flows/{flow['id']}").json
    assert (now["path"], now["priority"]) == (flow["path"], 400)
    again = client.ask("POST", "/v1/migrations", back.json["undo"])
    assert dpids(again.json["path"]) == [A, B, C]
