"""Ryu's events about connections and ports, turned into Horizon's own."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ryu.controller.handler import CONFIG_DISPATCHER, DEAD_DISPATCHER, MAIN_DISPATCHER
from ryu.ofproto import ofproto_v1_0, ofproto_v1_3

from horizon_ryu.openflow.ports import read_port, read_ports
from horizon_ryu.openflow.registry import SwitchRegistry
from horizon_ryu.supervision import Supervisor
from horizon_ryu.switch_events import (
    EventPortChanged,
    EventSwitchConnected,
    EventSwitchJoining,
    EventSwitchLeft,
)
from horizon_ryu.switches import Switches
from xen_bridge.runtime.green import GreenRuntime

LOCAL_13 = ofproto_v1_3.OFPP_LOCAL


def described(port_no: int, **changes: Any) -> Any:
    """A port as Ryu parses it."""
    fields = {"hw_addr": "00:00:00:00:00:0a", "name": b"eth1\0\0", "config": 0, "state": 0}
    return SimpleNamespace(port_no=port_no, **{**fields, "curr": 0, "curr_speed": 0, **changes})


@pytest.fixture
def app() -> Iterator[Switches]:
    runtime = GreenRuntime()
    horizon = SimpleNamespace(
        start=lambda wsgi: None,
        runtime=runtime,
        supervisor=Supervisor(runtime, runtime.now, lambda name: None),
        switches=SwitchRegistry(runtime),
    )
    app = Switches(wsgi=None, horizon=horizon)
    yield app
    app.stop()


@pytest.fixture
def events(app: Switches, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    monkeypatch.setattr(app, "send_event_to_observers", seen.append)
    return seen


def datapath(dpid: int | None, ports: tuple[Any, ...] = ()) -> Any:
    return SimpleNamespace(
        id=dpid,
        state=CONFIG_DISPATCHER,
        ofproto=ofproto_v1_3,
        ports={port.port_no: port for port in ports},
        address=("192.0.2.1", 4000),
    )


def features(app: Switches, path: Any) -> None:
    app._features(SimpleNamespace(msg=SimpleNamespace(datapath=path)))


def enter(app: Switches, path: Any, state: str) -> None:
    path.state = state
    app._state(SimpleNamespace(datapath=path, state=state))


def port_status(app: Switches, path: Any, port: Any, reason: int) -> None:
    app._port_status(SimpleNamespace(msg=SimpleNamespace(datapath=path, desc=port, reason=reason)))


def test_a_switch_joins_connects_and_leaves(app: Switches, events: list[Any]) -> None:
    path = datapath(7, (described(1), described(LOCAL_13)))
    features(app, path)
    enter(app, path, MAIN_DISPATCHER)
    enter(app, path, DEAD_DISPATCHER)
    joining, connected, left = events
    assert joining == EventSwitchJoining(7)
    assert isinstance(connected, EventSwitchConnected)
    assert (connected.switch.dpid, connected.switch.openflow) == (7, 4)
    assert connected.switch.address == "192.0.2.1:4000"
    assert set(connected.switch.ports) == {1, LOCAL_13}
    assert left == EventSwitchLeft(7)


def test_the_end_of_an_older_connection_is_not_the_end_of_the_switch(
    app: Switches, events: list[Any]
) -> None:
    old, new = datapath(7), datapath(7)
    for path in (old, new):
        features(app, path)
        enter(app, path, MAIN_DISPATCHER)
    enter(app, old, DEAD_DISPATCHER)
    assert EventSwitchLeft(7) not in events
    enter(app, new, DEAD_DISPATCHER)
    assert events[-1] == EventSwitchLeft(7)


def test_what_a_dead_connection_said_is_not_passed_on(app: Switches, events: list[Any]) -> None:
    path = datapath(7)
    path.state = DEAD_DISPATCHER
    features(app, path)
    app._state(SimpleNamespace(datapath=path, state=MAIN_DISPATCHER))
    app._state(SimpleNamespace(datapath=path, state=DEAD_DISPATCHER))
    enter(app, datapath(None), DEAD_DISPATCHER)
    assert events == []


def test_ports_change_and_go(app: Switches, events: list[Any]) -> None:
    path = datapath(7)
    features(app, path)
    enter(app, path, MAIN_DISPATCHER)
    del events[:]
    port_status(app, path, described(3, state=1), ofproto_v1_3.OFPPR_MODIFY)
    port_status(app, path, described(3), ofproto_v1_3.OFPPR_DELETE)
    port_status(app, path, described(LOCAL_13, state=1), ofproto_v1_3.OFPPR_MODIFY)
    port_status(app, path, described(0xFFFF_FFFA), ofproto_v1_3.OFPPR_MODIFY)
    port_status(app, datapath(7), described(3), ofproto_v1_3.OFPPR_MODIFY)
    down, gone, own = events
    assert own == EventPortChanged(7, LOCAL_13, None), "the own port counts while it is up"
    assert isinstance(down, EventPortChanged)
    assert (down.port_no, down.port.up) == (3, False)
    assert gone == EventPortChanged(7, 3, None)


def test_a_port_is_read() -> None:
    port = read_port(described(1, curr_speed=2_500_000), 4)
    assert port is not None
    assert (port.port_no, port.name, port.hw_addr) == (1, "eth1", b"\0\0\0\0\0\x0a")
    assert (port.up, port.speed_kbps, port.no_flood) == (True, 2_500_000, False)


@pytest.mark.parametrize(
    ("openflow", "port_no"),
    [(1, 0), (1, 0xFFF8), (1, 0xFFFD), (1, 0xFFFF), (4, 0), (4, 0xFFFF_FF01), (4, 0xFFFF_FFFD)],
)
def test_reserved_ports_are_left_out(openflow: int, port_no: int) -> None:
    assert read_ports([described(port_no)], openflow) == {}


@pytest.mark.parametrize(
    ("changes", "up"),
    [({"config": 1}, False), ({"state": 1}, False), ({"state": 0b100}, True), ({}, True)],
)
def test_a_port_is_up_unless_it_or_its_cable_is_down(changes: dict[str, int], up: bool) -> None:
    port = read_port(described(1, **changes), 4)
    assert port is not None
    assert port.up is up


@pytest.mark.parametrize(
    ("openflow", "bits", "kbps"),
    [
        (1, ofproto_v1_0.OFPPF_10MB_HD, 10_000),
        (1, ofproto_v1_0.OFPPF_100MB_FD | ofproto_v1_0.OFPPF_1GB_FD, 1_000_000),
        (1, ofproto_v1_0.OFPPF_10GB_FD | ofproto_v1_0.OFPPF_COPPER, 10_000_000),
        # Bit 7 is copper on 1.0 and 40 Gbit/s on 1.3.
        (1, ofproto_v1_0.OFPPF_COPPER, 0),
        (4, ofproto_v1_3.OFPPF_40GB_FD, 40_000_000),
        (4, ofproto_v1_3.OFPPF_1TB_FD, 1_000_000_000),
        (4, 0, 0),
    ],
)
def test_features_tell_the_speed(openflow: int, bits: int, kbps: int) -> None:
    port = read_port(described(1, curr=bits), openflow)
    assert port is not None
    assert port.speed_kbps == kbps


def test_no_flood_is_a_bit_of_1_0_alone() -> None:
    bit = ofproto_v1_0.OFPPC_NO_FLOOD
    ports = [read_port(described(1, config=bit), openflow) for openflow in (1, 4)]
    assert [port is not None and port.no_flood for port in ports] == [True, False]
