"""Routers moved over REST: begun, followed, refused with the field at fault, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from fake_bridge import FakeBridge
from fake_xen import until
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.flow_migration import FlowMigrationsDocument
from horizon_ryu.formats.router_migration import RouterMigrationDocument
from horizon_ryu.rest.migration_directory import MigrationDirectory
from horizon_ryu.rest.router_migration_model import router_migration_model
from unit.rest.test_rest_flows import A, B, C, make
from xen_bridge.errors import HypervisorError
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import MigrateDomain, MigrationRefusal

R1 = "/v1/xen/hosts/xen1/domains/r1"
MOVE = {"destination": "xen2", "mode": "plane-separation"}


@pytest.fixture
def bridge(client: Any) -> Iterator[FakeBridge]:
    """Hosts xen1, with the domain r1, and xen2."""
    made: FakeBridge = client.xen.add("xen1")
    client.xen.add("xen2")
    made.physical.create(CreateDomain("r1"))
    client.xen.look("xen1")
    yield made
    client.xen.close()


def begun(client: Any, **more: Any) -> str:
    """Return the path of a migration that has begun."""
    answer = client.ask("POST", f"{R1}/migrations", MOVE | more)
    assert answer.status_int == 202, answer.text
    path: str = answer.headers["Location"]
    return path[path.index("/v1") :]


def test_a_router_is_moved_and_followed_to_its_end(client: Any, bridge: FakeBridge) -> None:
    answer = client.ask("POST", f"{R1}/migrations", MOVE | {"pause_s": 0.5})
    assert answer.status_int == 202
    told = answer.json
    assert answer.headers["Location"].endswith(f"/v1/migrations/{told['id']}")
    assert told == {
        "id": told["id"],
        "kind": "router",
        "host": "xen1",
        "domain": "r1",
        "uuid": bridge.physical.domain("r1").uuid,
        "destination": "xen2",
        "mode": "plane-separation",
        "state": "installing",
        "started": told["started"],
        "duration_ms": 0.0,
        "pause_ms": None,
        "lost": None,
        "problem": None,
        "silence": None,
        "steps": told["steps"],
    }
    assert told["steps"][0] == {
        "name": "check",
        "state": "running",
        "began_s": 0.0,
        "ended_s": None,
        "detail": None,
    }
    path = f"/v1/migrations/{told['id']}"
    bridge.mover.finish(pause_s=0.5, lost=0)
    until(lambda: client.get(path).json["state"] == "done")
    done = client.get(path).json
    assert (done["pause_ms"], done["lost"]) == (500.0, 0)
    assert {step["state"] for step in done["steps"]} == {"done"}
    domains = client.get("/v1/xen/hosts/xen2/domains").json["domains"]
    assert [one["name"] for one in domains] == ["Domain-0", "r1"]


def test_migrations_of_both_kinds_are_in_one_listing(client: Any, bridge: FakeBridge) -> None:
    flow = make(client, path=[A, C])
    client.ask("POST", "/v1/migrations", {"flow": flow["id"], "dpids": [B]})
    router = begun(client)
    found = client.get("/v1/migrations").json["migrations"]
    assert sorted(one["kind"] for one in found) == ["flow", "router"]
    assert found == sorted(found, key=lambda one: one["started"])
    for one in found:
        assert client.get(f"/v1/migrations/{one['id']}").json == one
    assert router.endswith(next(one["id"] for one in found if one["kind"] == "router"))


def test_the_xml_of_both_kinds_keeps_its_schema(client: Any, bridge: FakeBridge) -> None:
    path = begun(client)
    bridge.mover.advance()
    until(lambda: client.get(path).json["steps"][0]["state"] == "done")
    one = client.get(path, "application/xml")
    document = xml_form.read(RouterMigrationDocument, one.body)
    assert (document.domain, document.status) == ("r1", "installing")
    assert [step.state for step in document.steps][:2] == ["done", "running"]
    listing = xml_form.read(
        FlowMigrationsDocument, client.get("/v1/migrations", "application/xml").body
    )
    assert [router.id for router in listing.routers] == [document.id]
    assert etree.fromstring(one.body).tag == "router_migration"


# ---- refused


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"destination": "xen9"}, 422, "destination"),
        ({"destination": "xen1"}, 422, "destination"),
        ({"destination": "../xen2"}, 422, "destination"),
        ({"mode": "fast"}, 422, "mode"),
        ({"pause_s": -1}, 422, "pause_s"),
        ({"abort_if_pause_over_s": "2"}, 422, "abort_if_pause_over_s"),
        ({"speed": 1}, 422, "speed"),
        ({"dry_run": None}, 422, "dry_run"),
    ],
)
def test_what_is_wrong_names_its_field(
    client: Any, bridge: FakeBridge, more: dict[str, Any], status: int, field: str
) -> None:
    answer = client.ask("POST", f"{R1}/migrations", MOVE | more)
    assert answer.status_int == status
    assert answer.content_type == "application/problem+json"
    assert [error["loc"] for error in answer.json["errors"]] == [[field]]
    assert not bridge.mover.asked


@pytest.mark.parametrize("missing", ["destination", "mode"])
def test_what_is_missing_is_named(client: Any, bridge: FakeBridge, missing: str) -> None:
    body = {name: value for name, value in MOVE.items() if name != missing}
    answer = client.ask("POST", f"{R1}/migrations", body)
    assert answer.status_int == 422
    assert [error["loc"] for error in answer.json["errors"]] == [[missing]]


@pytest.mark.parametrize("path", ["xen9/domains/r1", "xen1/domains/r9"])
def test_hosts_and_domains_that_are_not_there(client: Any, bridge: FakeBridge, path: str) -> None:
    assert client.ask("POST", f"/v1/xen/hosts/{path}/migrations", MOVE).status_int == 404


def test_a_mode_that_the_host_cannot_do(client: Any, bridge: FakeBridge) -> None:
    bridge.memory.capabilities = frozenset()
    client.xen.look("xen1")
    answer = client.ask("POST", f"{R1}/migrations", MOVE)
    assert answer.status_int == 422
    assert [error["loc"] for error in answer.json["errors"]] == [["mode"]]


def test_a_router_that_is_being_moved_already_is_a_conflict(
    client: Any, bridge: FakeBridge
) -> None:
    first = begun(client).rpartition("/")[2]
    answer = client.ask("POST", f"{R1}/migrations", MOVE)
    assert answer.status_int == 409
    assert [error["loc"] for error in answer.json["errors"]] == [["domain"]]
    assert first in answer.json["detail"]


def test_a_destination_that_is_away_is_a_conflict(client: Any, bridge: FakeBridge) -> None:
    client.xen.bridges["xen2"].away = "switched off"
    client.xen.look("xen2")
    answer = client.ask("POST", f"{R1}/migrations", MOVE)
    assert answer.status_int == 409
    assert "switched off" in answer.json["detail"]


def test_every_reason_of_the_source_is_told_with_its_field(client: Any, bridge: FakeBridge) -> None:
    bridge.mover.refusals = (
        MigrationRefusal("mode", "nftables rules of the router would be bypassed"),
        MigrationRefusal("domain", "it does not run", True),
    )
    answer = client.ask("POST", f"{R1}/migrations", MOVE)
    assert answer.status_int == 422
    assert [error["loc"] for error in answer.json["errors"]] == [["mode"], ["domain"]]
    bridge.mover.refusals = bridge.mover.refusals[1:]
    assert client.ask("POST", f"{R1}/migrations", MOVE).status_int == 409
    assert client.get("/v1/migrations").json["migrations"] == []


def test_a_source_that_fails_is_told_of(client: Any, bridge: FakeBridge) -> None:
    def fail(body: Any) -> None:
        if isinstance(body, MigrateDomain):
            raise HypervisorError("no memory")

    bridge.before = fail
    answer = client.ask("POST", f"{R1}/migrations", MOVE)
    assert (answer.status_int, answer.json["host"]) == (424, "xen1")


def test_a_dry_run_tells_the_steps_or_every_reason(client: Any, bridge: FakeBridge) -> None:
    answer = client.ask("POST", f"{R1}/migrations", MOVE | {"dry_run": True})
    assert answer.status_int == 200
    assert (answer.json["state"], answer.json["refusals"]) == ("planned", [])
    assert [step["state"] for step in answer.json["steps"]] == ["pending"] * 5
    bridge.mover.refusals = (MigrationRefusal("mode", "no separated planes"),)
    refused = client.ask("POST", f"{R1}/migrations", MOVE | {"dry_run": True}).json
    assert refused["state"] == "refused"
    assert refused["refusals"] == [{"field": "mode", "reason": "no separated planes"}]
    unknown = client.ask(
        "POST", f"{R1}/migrations", {"destination": "xen9", "mode": "standard", "dry_run": True}
    )
    assert [one["field"] for one in unknown.json["refusals"]] == ["destination"]
    assert client.get("/v1/migrations").json["migrations"] == []
    assert not bridge.mover.known


# ---- taken back


def test_a_migration_is_aborted(client: Any, bridge: FakeBridge) -> None:
    path = begun(client)
    answer = client.ask("DELETE", path)
    assert (answer.status_int, answer.json["state"]) == (202, "aborting")
    bridge.mover.aborted()
    until(lambda: client.get(path).json["state"] == "rolled_back")
    assert client.ask("DELETE", path).status_int == 409


def test_a_migration_is_given_up(client: Any, bridge: FakeBridge) -> None:
    path = begun(client)
    name = path.rpartition("/")[2]
    bridge.mover.known[name] = replace(bridge.mover.known[name], unsettled="move: gone")
    until(lambda: client.get(path).json.get("unsettled") == "move: gone")
    assert client.ask("POST", f"{path}/give-up", {}).status_int == 409
    assert client.ask("POST", f"{path}/give-up", {"router_is": "away"}).status_int == 422
    answer = client.ask("POST", f"{path}/give-up", {"router_is": "here"})
    assert (answer.status_int, answer.json["state"]) == (202, "rolled_back")
    assert "unsettled" not in answer.json
    missing = client.ask("POST", "/v1/migrations/0123456789ab/give-up", {})
    assert missing.status_int == 404


def test_what_is_no_migration_and_what_is_a_flows_is_not_aborted(
    client: Any, bridge: FakeBridge
) -> None:
    assert client.ask("DELETE", "/v1/migrations/0123456789ab").status_int == 404
    assert client.get("/v1/migrations/0123456789ab").status_int == 404
    flow = make(client, path=[A, C])
    moved = client.ask("POST", "/v1/migrations", {"flow": flow["id"], "dpids": [B]})
    answer = client.ask("DELETE", f"/v1/migrations/{moved.json['id']}")
    assert answer.status_int == 409
    assert "flow" in answer.json["detail"]


def test_the_listing_is_in_the_order_in_which_they_began_whatever_the_clock_said(
    client: Any, bridge: FakeBridge
) -> None:
    migration = begun(client)
    model = router_migration_model(client.xen.migrations.get(migration.rpartition("/")[2]))
    later = model.model_copy(update={"id": "0" * 12, "started": model.started - 7200})
    unkept = model.model_copy(update={"id": "1" * 12, "started": model.started - 9000})
    directory = MigrationDirectory(lambda: (model.id, later.id))
    directory.add(Told(later))
    directory.add(Told(unkept, model))
    assert directory.models() == [model, later, unkept]


class Told:
    """Who remembers some migrations."""

    def __init__(self, *models: Any) -> None:
        self._models = models

    def models(self) -> Any:
        return self._models

    def model(self, _name: str) -> None:
        return None

    abort = model
