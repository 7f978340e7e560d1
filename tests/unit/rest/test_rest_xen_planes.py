"""Separated planes over REST and in horizonctl's table."""

from __future__ import annotations

import io
from typing import Any

import pytest

from horizon_ryu.cli import xen_planes
from horizon_ryu.cli.terminal import Terminal
from xen_bridge.protocol.documents.planes import PlanePort, SeparatedPlane

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
