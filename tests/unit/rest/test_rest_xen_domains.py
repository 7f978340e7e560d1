"""Domains over REST: instantiate, delete, monitor, set; what is out of range changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from fake_bridge import FakeBridge
from xen_bridge.errors import BridgeError, Deadline, HypervisorError, Overloaded, RequestUnsupported
from xen_bridge.protocol.documents.domains import CreateDomain

DOMAINS = "/v1/xen/hosts/xen1/domains"
R1 = f"{DOMAINS}/r1"


@pytest.fixture
def bridge(client: Any) -> FakeBridge:
    """A registered host xen1 with the domain r1."""
    made: FakeBridge = client.xen.add("xen1")
    made.physical.create(CreateDomain("r1", vcpus=2, max_vcpus=4))
    client.xen.look("xen1")
    client.xen.events.clear()
    return made


def told(client: Any, kind: str, name: str) -> list[str]:
    return [one[name] for one in client.xen.told(kind)]


# ---- instantiate, monitor, delete


def test_a_domain_from_its_beginning_to_its_end(client: Any, bridge: FakeBridge) -> None:
    wanted = {
        "name": "r2",
        "memory_kb": 65536,
        "vcpus": 2,
        "max_vcpus": 3,
        "weight": 512,
        "cap": 50,
        "kernel": "/boot/vmlinuz",
        "ramdisk": "/boot/initrd",
        "arguments": "console=hvc0 <&>",
        "interfaces": [{"bridge": "xenbr0", "mac": "00:16:3e:00:00:01"}, {"bridge": "xenbr1"}],
        "disks": [{"source": "/dev/vg/r2", "target": "xvda", "read_only": True}],
    }
    answer = client.ask("POST", DOMAINS, wanted)
    assert answer.status_int == 201
    assert answer.headers["Location"].endswith(f"{DOMAINS}/r2")
    made = answer.json
    assert made == {
        "id": 2,
        "name": "r2",
        "uuid": made["uuid"],
        "state": "running",
        "memory_kb": 65536,
        "vcpus": {"current": 2, "maximum": 3, "affinity": [[0, 1, 2, 3], [0, 1, 2, 3]]},
        "scheduler": {"kind": "credit", "weight": 512, "cap": 50},
        "cpu_time_s": made["cpu_time_s"],
        "persistent": True,
        "interfaces": [
            {"mac": "00:16:3e:00:00:01", "bridge": "xenbr0", "target": None},
            {"mac": made["interfaces"][1]["mac"], "bridge": "xenbr1", "target": None},
        ],
        "origin": "libvirt",
        "on_reboot": "restart",
        "on_crash": "restart",
        "autostart": False,
        "network": None,
        "unknown": [],
        "problems": [],
    }
    asked = next(body for body, _, _ in bridge.asked if isinstance(body, CreateDomain))
    assert (asked.arguments, asked.disks[0].read_only) == ("console=hvc0 <&>", True)
    for name in ("r2", made["uuid"], "2"):
        assert client.get(f"{DOMAINS}/{name}").json["uuid"] == made["uuid"]
    assert [one["name"] for one in client.get(DOMAINS).json["domains"]] == ["Domain-0", "r1", "r2"]
    assert told(client, "xen_progress", "phase") == ["started", "done"]
    assert told(client, "xen_domain", "change") == ["defined", "started"]
    assert client.ask("DELETE", f"{DOMAINS}/r2").status_int == 204
    assert client.get(f"{DOMAINS}/r2").status_int == 404
    assert told(client, "xen_progress", "operation")[2:] == ["delete", "delete"]
    assert told(client, "xen_domain", "change")[2:] == ["stopped", "undefined"]


def test_the_network_of_a_router_is_set_at_its_creation_and_later(
    client: Any, bridge: FakeBridge
) -> None:
    assert client.ask("POST", DOMAINS, {"name": "r2", "network": "blue"}).json["network"] == "blue"
    assert client.ask("PATCH", f"{DOMAINS}/r2", {"network": "red"}).json["network"] == "red"
    assert client.get(f"{DOMAINS}/r2").json["network"] == "red"
    assert client.ask("PATCH", f"{DOMAINS}/r2", {"no_network": True}).json["network"] is None
    for change in ({"network": "no name"}, {"network": "physical"}, {"network": None}):
        answer = client.ask("PATCH", f"{DOMAINS}/r2", change)
        assert (answer.status_int, answer.json["errors"][0]["loc"]) == (422, ["network"])
    both = client.ask("PATCH", f"{DOMAINS}/r2", {"network": "red", "no_network": True})
    assert (both.status_int, both.json["errors"][0]["loc"]) == (422, ["no_network"])


def test_a_domain_that_is_only_defined(client: Any, bridge: FakeBridge) -> None:
    made = client.ask("POST", DOMAINS, {"name": "r2", "start": False}).json
    assert (made["id"], made["state"]) == (None, "shutoff")
    assert (made["scheduler"]["weight"], made["scheduler"]["cap"]) == (None, None)


def test_long_work_has_long_deadlines(client: Any, bridge: FakeBridge) -> None:
    client.ask("POST", DOMAINS, {"name": "r2"})
    client.ask("PATCH", f"{DOMAINS}/r2", {"state": "paused"})
    client.ask("DELETE", f"{DOMAINS}/r2")
    seconds = {type(body).__name__: seconds for body, _router, seconds in bridge.asked}
    assert {seconds[name] for name in ("CreateDomain", "SetDomain", "DeleteDomain")} == {200.0}


def test_what_fails_is_told_and_leaves_nothing(client: Any, bridge: FakeBridge) -> None:
    bridge.memory.fail("start", HypervisorError("no memory"))
    answer = client.ask("POST", DOMAINS, {"name": "r2"})
    assert (answer.status_int, answer.json["host"]) == (424, "xen1")
    assert answer.json["detail"] == "host xen1: no memory"
    assert told(client, "xen_progress", "phase") == ["started", "failed"]
    assert client.get(f"{DOMAINS}/r2").status_int == 404


def test_names_that_are_taken_and_domain_0(client: Any, bridge: FakeBridge) -> None:
    assert client.ask("POST", DOMAINS, {"name": "r1"}).status_int == 409
    assert client.ask("DELETE", f"{DOMAINS}/Domain-0").status_int == 409
    for state in ("paused", "shutoff", "destroyed"):
        answer = client.ask("PATCH", f"{DOMAINS}/0", {"state": state})
        assert (answer.status_int, "host itself" in answer.json["detail"]) == (409, True)
    assert client.get(R1).status_int == 200


# ---- set


def test_everything_is_set_at_once(client: Any, bridge: FakeBridge) -> None:
    change = {"weight": 100, "cap": 150, "vcpus": 3, "affinity": [[0], [1], [2, 3]]}
    answer = client.ask("PATCH", R1, {**change, "state": "paused"})
    assert answer.status_int == 200
    assert answer.json["scheduler"] == {"kind": "credit", "weight": 100, "cap": 150}
    assert answer.json["vcpus"] == {"current": 3, "maximum": 4, "affinity": [[0], [1], [2, 3]]}
    assert answer.json["state"] == "paused"
    assert {**client.get(R1).json, "cpu_time_s": 0} == {**answer.json, "cpu_time_s": 0}
    assert told(client, "xen_domain", "change") == ["paused"]


def test_one_list_is_for_all_vcpus(client: Any, bridge: FakeBridge) -> None:
    answer = client.ask("PATCH", R1, {"affinity": [[1, 3]]})
    assert answer.json["vcpus"]["affinity"] == [[1, 3], [1, 3]]


def test_a_domain_ends_and_begins_anew(client: Any, bridge: FakeBridge) -> None:
    for state, seen in (
        ("shutoff", "shutoff"), ("running", "running"), ("destroyed", "shutoff"),
    ):  # fmt: skip
        assert client.ask("PATCH", R1, {"state": state}).json["state"] == seen
    assert told(client, "xen_domain", "change") == ["stopped", "started", "stopped"]


LOCAL = [
    ({}, "body"),
    ({"weight": 0}, "weight"),
    ({"weight": 65_536}, "weight"),
    ({"weight": "5"}, "weight"),
    ({"weight": 1.5}, "weight"),
    ({"weight": True}, "weight"),
    ({"weight": None}, "weight"),
    ({"cap": -1}, "cap"),
    ({"vcpus": 0}, "vcpus"),
    ({"vcpus": 10**30}, "vcpus"),
    ({"affinity": []}, "affinity"),
    ({"affinity": [[]]}, "affinity"),
    ({"affinity": [[-1]]}, "affinity"),
    ({"affinity": [0]}, "affinity"),
    ({"affinity": "0"}, "affinity"),
    ({"state": "flying"}, "state"),
    ({"name": "r9"}, "name"),
]
THERE = [
    ({"cap": 401}, "cap"),
    ({"vcpus": 5}, "vcpus"),
    ({"affinity": [[4]]}, "affinity"),
    ({"affinity": [[0], [1], [2]]}, "affinity"),
    ({"weight": 900, "vcpus": 5}, "vcpus"),
    ({"vcpus": 3, "affinity": [[0], [9], [0]]}, "affinity"),
]


@pytest.mark.parametrize(("change", "field"), LOCAL + THERE)
def test_what_is_out_of_range_changes_nothing(
    client: Any, bridge: FakeBridge, change: dict[str, Any], field: str
) -> None:
    before = client.get(R1).json
    asked = len(bridge.asked)
    answer = client.ask("PATCH", R1, change)
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"][0] == field
    assert bool(len(bridge.asked) - asked) == ((change, field) in THERE)
    assert {**client.get(R1).json, "cpu_time_s": 0} == {**before, "cpu_time_s": 0}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "name"),
        ({"name": "1"}, "name"),
        ({"name": "-x; reboot"}, "name"),
        ({"name": "r2", "uuid": "x"}, "uuid"),
        ({"name": "r2", "memory_kb": 4095}, "memory_kb"),
        ({"name": "r2", "vcpus": 0}, "vcpus"),
        ({"name": "r2", "vcpus": 2, "max_vcpus": 1}, "max_vcpus"),
        ({"name": "r2", "weight": 0}, "weight"),
        ({"name": "r2", "cap": 401}, "cap"),
        ({"name": "r2", "kernel": "boot"}, "kernel"),
        ({"name": "r2", "kernel": "/x; reboot"}, "kernel"),
        ({"name": "r2", "arguments": "x" * 2001}, "arguments"),
        ({"name": "r2", "arguments": "\u0000"}, "arguments"),
        ({"name": "r2", "interfaces": [{"bridge": "a b"}]}, "interfaces"),
        ({"name": "r2", "interfaces": [{"bridge": "x", "mac": "1"}]}, "interfaces"),
        ({"name": "r2", "disks": [{"source": "/x", "target": "sda1"}]}, "disks"),
        ({"name": "r2", "disks": [{"source": "x", "target": "sda"}]}, "disks"),
    ],
)
def test_a_domain_that_cannot_be(
    client: Any, bridge: FakeBridge, wanted: dict[str, Any], field: str
) -> None:
    answer = client.ask("POST", DOMAINS, wanted)
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"][0] == field
    assert [one.name for one in bridge.physical.domains()] == ["Domain-0", "r1"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_domains_nobody_knows(client: Any, bridge: FakeBridge, method: str) -> None:
    body = {"weight": 5} if method == "PATCH" else None
    assert client.ask(method, f"{DOMAINS}/ghost", body).status_int == 404
    assert client.ask(method, f"{DOMAINS}/-x", body).status_int == 400
    assert client.ask(method, f"{DOMAINS}/{'x' * 65}", body).status_int == 400


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestUnsupported("cannot"), 501),
        (Deadline("late"), 504),
        (Overloaded("busy"), 429),
        (HypervisorError("refused"), 424),
        (BridgeError("a fault of the host"), 424),
    ],
)
def test_errors_of_the_host_have_their_status(
    client: Any, bridge: FakeBridge, error: Exception, status: int
) -> None:
    bridge.memory.fail("set_scheduler", error)
    answer = client.ask("PATCH", R1, {"weight": 5})
    assert answer.status_int == status
    assert "xen1" in answer.json["detail"]
    assert str(error) in answer.json["detail"]
    assert answer.json.get("host") == ("xen1" if status in (424, 504) else None)


# ---- a domain that its host cannot read


ALL = ("state", "memory_kb", "cpu_time_s", "vcpus", "scheduler", "persistent", "interfaces")


def test_a_sick_domain_is_told_with_unknown_values(client: Any, bridge: FakeBridge) -> None:
    bridge.physical.create(CreateDomain("healthy"))
    client.xen.look("xen1")
    client.xen.events.clear()
    bridge.memory.blind("r1", *ALL)
    client.xen.look("xen1")
    assert client.get("/v1/xen/hosts/xen1").json["state"] == "connected"
    told_of = {one["name"]: one for one in client.get(DOMAINS).json["domains"]}
    sick = told_of["r1"]
    assert (sick["id"], sick["state"], sick["unknown"]) == (1, "unknown", list(ALL))
    assert {sick[name] for name in ("memory_kb", "cpu_time_s", "persistent", "interfaces")} == {
        None
    }
    assert (sick["vcpus"]["current"], sick["vcpus"]["maximum"]) == (None, None)
    assert sick["scheduler"] == {"kind": None, "weight": None, "cap": None}
    assert "refused on demand" in sick["problems"][0]
    assert told_of["healthy"]["unknown"] == []
    answer = client.ask("PATCH", f"{DOMAINS}/healthy", {"weight": 300})
    assert (answer.status_int, answer.json["scheduler"]["weight"]) == (200, 300)
    listed = client.get("/v1/xen/hosts/xen1/scheduler").json["domains"]
    assert {one["name"]: one["scheduler"]["weight"] for one in listed} == {
        "Domain-0": 256,
        "r1": None,
        "healthy": 300,
    }
    bridge.memory.blind("r1")
    client.xen.look("xen1")
    # Neither that it could not be read nor that it could is an end, or a beginning.
    assert told(client, "xen_domain", "change") == []
    assert told(client, "xen_host", "state") == []


def test_a_change_of_what_cannot_be_read_is_refused(client: Any, bridge: FakeBridge) -> None:
    bridge.memory.blind("r1", "scheduler")
    answer = client.ask("PATCH", R1, {"weight": 300})
    assert (answer.status_int, answer.json["host"]) == (424, "xen1")
    assert "what r1 has now cannot be read: scheduler: refused" in answer.json["detail"]
    assert client.ask("PATCH", R1, {"state": "destroyed"}).status_int == 200
    assert client.ask("DELETE", R1).status_int == 204


def test_a_cap_and_vcpus_that_do_not_fit_are_refused_either_way(
    client: Any, bridge: FakeBridge
) -> None:
    answer = client.ask("PATCH", R1, {"cap": 300})
    assert (answer.status_int, answer.json["errors"][0]["loc"]) == (422, ["cap"])
    assert client.ask("PATCH", R1, {"cap": 150}).status_int == 200
    answer = client.ask("PATCH", R1, {"vcpus": 1})
    assert answer.status_int == 409
    assert "r1 has a cap of 150, more than 1 vCPUs can use" in answer.json["detail"]


def test_a_kept_cap_that_cannot_be_given_leaves_the_host_connected(
    client: Any, bridge: FakeBridge
) -> None:
    client.ask("PATCH", R1, {"cap": 150})
    uuid = client.get(R1).json["uuid"]
    memory = bridge.memory
    memory.destroy("r1")
    memory.undefine("r1")
    memory.define(CreateDomain("r1", uuid))
    memory.start("r1")
    client.xen.look("xen1")
    assert client.get("/v1/xen/hosts/xen1").json["state"] == "connected"
    (problem,) = client.get(R1).json["problems"]
    assert "the kept cap 150 cannot be given" in problem


# ---- paths of Domain 0


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"kernel": "/root/kernel"}, "kernel"),
        ({"ramdisk": "/etc/shadow"}, "ramdisk"),
        ({"disks": [{"source": "/dev/sda", "target": "xvda"}]}, "disks.0.source"),
        ({"disks": [{"source": "/nowhere/../etc/shadow", "target": "xvda"}]}, "disks.0.source"),
    ],
)
def test_a_path_that_the_host_does_not_allow_is_a_403(
    client: Any, bridge: FakeBridge, wanted: dict[str, Any], field: str
) -> None:
    bridge.allow("/nowhere", "/dev/vg0")
    answer = client.ask("POST", DOMAINS, {"name": "r2", **wanted})
    assert (answer.status_int, answer.json["host"]) == (403, "xen1")
    assert answer.content_type == "application/problem+json"
    assert answer.json["detail"].startswith(f"host xen1: {field}: /")
    assert "xen-bridge serve --allow-path: /nowhere, /dev/vg0" in answer.json["detail"]
    assert client.get(f"{DOMAINS}/r2").status_int == 404
    assert "HostForbids" in answer.json["type"]
    assert told(client, "xen_progress", "phase") == ["started", "failed"]


def test_a_path_that_is_allowed_but_not_there_names_its_field(
    client: Any, bridge: FakeBridge, tmp_path: Any
) -> None:
    bridge.allow(str(tmp_path))
    answer = client.ask("POST", DOMAINS, {"name": "r2", "kernel": f"{tmp_path}/kernel"})
    assert (answer.status_int, answer.json["errors"][0]["loc"]) == (422, ["kernel"])
    (tmp_path / "kernel").write_bytes(b"")
    answer = client.ask("POST", DOMAINS, {"name": "r2", "kernel": f"{tmp_path}/kernel"})
    assert answer.status_int == 201
