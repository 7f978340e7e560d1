"""Flows that are asked for while one of their switches is away: kept, made later, told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ryu.lib import hub

from horizon_ryu.core.errors import Conflict, InvalidInput, NoRoute, NotFound, SwitchAway
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec, Spec
from horizon_ryu.core.flows.migrate_command import MigrateFlow
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.topology import PortRef, Switch, TopologyChange
from horizon_ryu.rest.flow_model import flow_model
from horizon_ryu.wire.messages import Match, Output
from unit.flows.fabric import EDGE, Fabric, sqlite

CABLES = [(1, 2), (2, 3)]
WITHOUT_2: list[tuple[int, int]] = []
ENTRY = EntrySpec(2, Match(in_port=1), (Output(3),), idle_timeout=9)
PATH = PathSpec(Match(dl_type=0x0800), PortRef(1, EDGE), PortRef(3, EDGE))
SPECS: list[Spec] = [ENTRY, PATH, replace(PATH, src=PATH.dst, dst=PortRef(2, EDGE))]


def leave(fabric: Fabric, dpid: int = 2) -> None:
    """Switch ``dpid`` goes, with its links."""
    view = fabric.view
    switches = {other: switch for other, switch in view.switches.items() if other != dpid}
    links = {src: link for src, link in view.links.items() if dpid not in (src.dpid, link.dst.dpid)}
    fabric.view = replace(view, version=view.version + 1, switches=switches, links=links)
    fabric.tables.away.add(dpid)


def come(fabric: Fabric, dpid: int = 2) -> None:
    """It is back, and the monitor hears of it."""
    fabric.tables.away.discard(dpid)
    fabric.recable(fabric.cables)
    fabric.monitor.changed([TopologyChange("switch_join", Switch(dpid, "", fabric.openflow))])
    look(fabric)


def look(fabric: Fabric) -> None:
    while fabric.monitor._suspects:
        fabric.monitor.turn()


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def fabric(request: Any, tmp_path: Path) -> Fabric:
    made = Fabric(CABLES, sqlite(tmp_path), openflow=request.param)
    leave(made)
    return made


def pending(fabric: Fabric, spec: Spec, **more: Any) -> Flow:
    flow = fabric.service.create([CreateFlow(spec, allow_pending=True, **more)])[0]
    assert flow.state is FlowState.PENDING
    return flow


@pytest.mark.parametrize("spec", SPECS)
def test_unless_the_request_allows_it_nothing_is_kept(fabric: Fabric, spec: Spec) -> None:
    with pytest.raises((SwitchAway, NoRoute)):
        fabric.service.create([CreateFlow(spec)])
    assert fabric.service.flows() == ()


@pytest.mark.parametrize("spec", SPECS)
def test_it_becomes_active_by_itself_and_that_is_told(fabric: Fabric, spec: Spec) -> None:
    flow = pending(fabric, spec)
    assert fabric.tables.batches == []
    look(fabric)
    assert fabric.registry.get(flow.number) == flow
    assert fabric.events.kinds() == ["flow_add"]
    come(fabric)
    active = fabric.registry.get(flow.number)
    assert (active.state, active.spec) == (FlowState.ACTIVE, spec)
    assert fabric.tables.held() == fabric.wanted(active)
    assert fabric.events.kinds() == ["flow_add", "flow_activated"]
    assert fabric.restarted().registry.get(flow.number) == active


@pytest.mark.parametrize("spec", SPECS)
def test_it_is_still_pending_after_a_restart(fabric: Fabric, spec: Spec) -> None:
    flow = pending(fabric, spec)
    again = fabric.restarted()
    assert again.registry.get(flow.number) == flow
    again.monitor.end_grace()
    look(again)
    come(again)
    assert again.registry.get(flow.number).state is FlowState.ACTIVE
    assert again.tables.held() == again.wanted(again.registry.get(flow.number))


def test_a_switch_that_came_meanwhile_is_not_missed(fabric: Fabric) -> None:
    flow = pending(fabric, ENTRY)
    # Its coming was told before the flow was kept.
    fabric.tables.away.clear()
    fabric.recable(CABLES)
    look(fabric)
    assert fabric.registry.get(flow.number).state is FlowState.ACTIVE


def test_both_directions_wait_and_go_together(fabric: Fabric) -> None:
    flow = pending(fabric, PATH, bidirectional=True)
    come(fabric)
    flows = fabric.service.flows()
    assert [each.state for each in flows] == [FlowState.ACTIVE] * 2
    assert fabric.tables.held() == fabric.wanted(*flows)
    assert fabric.registry.get(flow.number).reverse is not None


@pytest.mark.parametrize("spec", SPECS)
def test_it_can_be_deleted_and_set_while_it_waits(fabric: Fabric, spec: Spec) -> None:
    flow = pending(fabric, spec)
    changed = fabric.service.change(flow.number, replace(spec, priority=777))
    assert (changed.state, changed.spec.priority) == (FlowState.PENDING, 777)
    assert fabric.events.kinds() == ["flow_add", "flow_modify"]
    with pytest.raises((Conflict, InvalidInput)):
        fabric.migrations.migrate([MigrateFlow((), number=flow.number)])
    fabric.service.remove(flow.number)
    with pytest.raises(NotFound):
        fabric.service.flow(flow.number)
    come(fabric)
    assert fabric.tables.held() == set()
    assert fabric.events.kinds()[-1] == "flow_delete"


def test_what_the_switch_refuses_when_it_comes_is_tried_again(fabric: Fabric) -> None:
    flow = pending(fabric, ENTRY)
    fabric.tables.refuse = lambda _sent: "full"
    come(fabric)
    assert fabric.registry.get(flow.number).state is FlowState.PENDING
    assert fabric.tables.held() == set()
    fabric.tables.refuse = lambda _sent: None
    fabric.monitor.turn()
    assert fabric.registry.get(flow.number).state is FlowState.ACTIVE


def test_what_can_never_be_is_refused_at_once(fabric: Fabric) -> None:
    for spec in (replace(ENTRY, actions=(Output(1),)), replace(PATH, match=Match())):
        with pytest.raises(InvalidInput):
            fabric.service.create([CreateFlow(spec, allow_pending=True)])
    assert fabric.service.flows() == ()


def test_what_the_switch_lacks_when_it_comes_leaves_it_pending(fabric: Fabric) -> None:
    flow = pending(fabric, replace(ENTRY, actions=(Output(55),)))
    come(fabric)
    assert fabric.registry.get(flow.number).state is FlowState.PENDING
    fabric.reconciler.reconcile(2)
    assert fabric.tables.held() == set()


def rival(fabric: Fabric) -> Flow:
    """Keep a flow that has the entry which a pending one needs, and let its switch come."""
    here = replace(PATH, dst=PortRef(2, EDGE))
    waiting = pending(fabric, here)
    fabric.tables.away.discard(2)
    fabric.recable(fabric.cables)
    (first,) = fabric.service.create([CreateFlow(EntrySpec(1, _at_port(here.match), (Output(2),)))])
    assert first.state is FlowState.ACTIVE
    return waiting


def _at_port(match: Match) -> Match:
    return match._replace(in_port=EDGE)


def test_why_it_is_pending_is_told(fabric: Fabric) -> None:
    away = pending(fabric, ENTRY)
    assert "not connected" in away.reason
    assert flow_model(away).reason == away.reason
    held = rival(fabric)
    look(fabric)
    (told,) = [each for each in fabric.service.flows() if each.number == held.number]
    assert told.state is FlowState.PENDING
    assert "has an entry with the same match and priority" in told.reason


def test_a_flow_that_another_one_holds_up_is_tried_ever_more_rarely(fabric: Fabric) -> None:
    held = rival(fabric)
    slept: list[float] = []
    fabric.monitor._runtime.sleep, sleep = slept.append, fabric.monitor._runtime.sleep
    try:
        for _ in range(9):
            fabric.monitor.suspect([held])
            fabric.monitor.turn()
            hub.sleep(0)
    finally:
        fabric.monitor._runtime.sleep = sleep
    assert slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0]


def test_it_is_tried_at_once_when_the_other_one_goes(fabric: Fabric) -> None:
    held = rival(fabric)
    look(fabric)
    first = next(each for each in fabric.service.flows() if each.number != held.number)
    fabric.service.remove(first.number)
    assert held.number in fabric.monitor._suspects
    look(fabric)
    active = fabric.registry.get(held.number)
    assert (active.state, active.reason) == (FlowState.ACTIVE, "")
    assert fabric.tables.held() == fabric.wanted(active)
