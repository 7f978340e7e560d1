"""Separated planes over REST and in horizonctl's table."""

from __future__ import annotations

import io
from typing import Any

import pytest

from fake_xen import until
from horizon_ryu.cli import xen_planes
from horizon_ryu.cli.terminal import Terminal
from xen_bridge.protocol.documents.dead_times import DeadTimesAnswer, SessionDeadTime
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.planes import PlanePort, PlaneTunnel, SeparatedPlane

PORT = PlanePort("eth0", "02:00:00:00:00:01", "hzp1.0", "vif5.0", "br0", ("10.0.0.1/24",))
SEPARATED = SeparatedPlane(
    router="r1",
    hostname="r1",
    state="separated",
    slot=1,
    table=10_001,
    ports=(PORT,),
    unbound=("mgmt0",),
    routes=1000,
    installed=1000,
    faults=("table 10001 has no route to 10.9.0.0/24",),
)
REFUSED = SeparatedPlane(
    router="r2",
    hostname="r2",
    state="refused",
    kinds=("nftables",),
    refusals=("nftables: its rules would be bypassed",),
)


@pytest.fixture
def planes(client: Any) -> None:
    client.xen.add("xen1").planes = (SEPARATED, REFUSED)


def test_planes_are_told_and_faults_where_they_are_asked_for(client: Any, planes: None) -> None:
    first, second = client.get("/v1/xen/hosts/xen1/planes").json["planes"]
    assert (first["router"], first["state"], first["routes"], first["faults"]) == (
        "r1",
        "separated",
        1000,
        [],
    )
    assert first["ports"][0]["addresses"] == ["10.0.0.1/24"]
    assert second["refusals"] == ["nftables: its rules would be bypassed"]
    checked = client.get("/v1/xen/hosts/xen1/planes?check=true").json["planes"]
    assert checked[0]["faults"] == ["table 10001 has no route to 10.9.0.0/24"]
    assert client.get("/v1/xen/hosts/xen1/planes?check=maybe").status_int == 422
    assert client.get("/v1/xen/hosts/xen9/planes").status_int == 404


def test_the_table_shows_state_interfaces_and_reasons(client: Any, planes: None) -> None:
    out = io.StringIO()
    data = client.get("/v1/xen/hosts/xen1/planes?check=true").json["planes"]
    xen_planes.show(Terminal(file=out, width=160), data)
    for words in (
        "eth0 10.0.0.1/24",
        "mgmt0 (in the router alone)",
        "r2: nftables: its rules would be bypassed",
        "r1: table 10001 has no route to 10.9.0.0/24",
    ):
        assert words in out.getvalue()


def test_what_is_nobodys_is_told_where_it_is_looked_for(client: Any, planes: None) -> None:
    client.xen.bridges["xen1"].strays = ("device r7p0 belongs to no router",)
    path = "/v1/xen/hosts/xen1/planes"
    assert client.get(path).json["strays"] == []
    assert client.get(f"{path}?check=true").json["strays"] == ["device r7p0 belongs to no router"]


def test_the_tunnels_of_a_host_are_told_beside_its_routers(client: Any, planes: None) -> None:
    ends: Any = {"bridge": "br0", "near": "192.0.2.1", "far": "192.0.2.2", "is_away": True}
    fault = "device hzt00000a is missing"
    client.xen.bridges["xen1"].tunnels = (
        PlaneTunnel(device="hzt00000a", faults=(fault,), **ends),
        PlaneTunnel(device="hzt00000b", mtu=1500, **ends),
    )
    told = client.get("/v1/xen/hosts/xen1/planes?check=true").json["tunnels"]
    assert [(one["device"], one["mtu"], one["faults"]) for one in told] == [
        ("hzt00000a", None, [fault]),
        ("hzt00000b", 1500, []),
    ]
    out = io.StringIO()
    xen_planes.show_tunnels(Terminal(file=out, width=160), told)
    for words in (fault, "tunnel hzt00000b of br0: 192.0.2.1 to 192.0.2.2, MTU 1500"):
        assert words in out.getvalue()


def test_dead_times_are_told_beside_the_last_standstill(client: Any, planes: None) -> None:
    bridge = client.xen.bridges["xen1"]
    bridge.add_router("r1")
    bridge.dead_times = DeadTimesAnswer(
        (SessionDeadTime("BFD", "10.0.0.2", 0.9), SessionDeadTime("OSPF", "eth0", 40.0))
    )
    assert "timers" not in client.get("/v1/xen/hosts/xen1/planes").json["planes"][0]

    def checked() -> Any:
        return client.get("/v1/xen/hosts/xen1/planes?check=true").json["planes"]

    assert checked()[0]["timers"] == {
        "sessions": [
            {"protocol": "BFD", "peer": "10.0.0.2", "seconds": 0.9},
            {"protocol": "OSPF", "peer": "eth0", "seconds": 40.0},
        ],
        "unknown": [],
        "last_pause_s": None,
        "warning": None,
    }
    assert "no agent is known for r2" in checked()[1]["timers"]["unknown"][0]
    client.xen.add("xen2")
    bridge.physical.create(CreateDomain("r1"))
    client.xen.look("xen1")
    asked = {"destination": "xen2", "mode": "standard"}
    begun = client.ask("POST", "/v1/xen/hosts/xen1/domains/r1/migrations", asked).json
    bridge.mover.finish(pause_s=1.25)
    path = f"/v1/migrations/{begun['id']}"
    until(lambda: client.get(path).json["state"] == "done")
    timers = checked()[0]["timers"]
    assert timers["last_pause_s"] == 1.25
    assert "1 of 2 sessions would end" in timers["warning"]
    out = io.StringIO()
    xen_planes.show(Terminal(file=out, width=200), checked())
    assert "r1: shortest dead time 0.9 s (BFD, 10.0.0.2); it stood still 1.25 s" in out.getvalue()
    assert "r1: warning: BFD with 10.0.0.2 ends after 0.9 s" in out.getvalue()
    client.xen.close()
