"""Which switches the reconciler looks at, and what it makes of what it finds."""

from __future__ import annotations

import pytest

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.flows.vain_repairs import PATIENCE, RAREST, VainRepairs
from horizon_ryu.core.ownership import flow_cookie
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, Outgoing
from unit.flows.fabric import Fabric
from unit.flows.test_flow_service import RING, path


def regular(fabric: Fabric) -> None:
    """Do what happens once in an interval."""
    wanted = fabric.registry.switches() | fabric.reconciler._suspects
    fabric.reconciler._look_at(dpid for dpid in fabric.tables.connected() if dpid in wanted)


def test_a_switch_that_did_not_confirm_a_deletion_is_looked_at_until_it_is_clean() -> None:
    fabric = Fabric(RING)

    def refuse(sent: Outgoing) -> str | None:
        deletes = isinstance(sent.message, FlowMod) and sent.message.command is not FlowCommand.ADD
        return "no" if sent.dpid == 1 or (deletes and sent.dpid == 2) else None

    fabric.tables.refuse = refuse
    with pytest.raises(SwitchError, match="no"):
        fabric.service.create([CreateFlow(path(1, 2))])
    assert {key.dpid for key in fabric.tables.held()} == {2}, "the orphan could not be deleted"
    regular(fabric)
    assert fabric.tables.held(), "still refused"
    fabric.tables.refuse = lambda _sent: None
    regular(fabric)
    assert fabric.tables.held() == set()
    regular(fabric)
    fabric.tables.batches.clear()
    regular(fabric)
    assert fabric.tables.batches == []
    assert fabric.reconciler._suspects == set()


def test_what_is_missing_comes_back_with_its_meter_and_is_announced() -> None:
    fabric = Fabric(RING)
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,), rate_kbps=100))])
    fabric.tables.tables[1].entries.clear()
    fabric.tables.tables[1].meters.clear()
    regular(fabric)
    assert fabric.tables.held() == fabric.wanted(flow)
    assert fabric.tables.tables[1].meters == {flow.meter: 100}
    counts = {"missing": 1, "wrong": 0, "orphans": 0}
    assert fabric.events.seen[-1] == ("flow_repaired", {"dpid": f"{1:016x}", **counts})


def test_nothing_is_repaired_while_a_flow_changes_and_nothing_of_others_ever() -> None:
    fabric = Fabric(RING)
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,)))])
    foreign = FlowMod(FlowCommand.ADD, Match(in_port=7), 500, 0x77)
    fabric.tables.tables[2].entries[foreign.match, 500] = foreign
    strange = foreign._replace(cookie=flow_cookie(99), priority=501, match=Match(in_port=8))
    fabric.tables.tables[2].entries[strange.match, 501] = strange
    plan = fabric.planner.change(flow, flow.spec)
    fabric.registry.claim(plan.subject, plan.new, plan.resources)
    fabric.tables.tables[3].entries.clear()
    fabric.reconciler.reconcile(3)
    assert fabric.tables.tables[3].entries == {}
    fabric.registry.release(plan.subject, flow)
    fabric.reconciler.reconcile(3)
    fabric.reconciler.reconcile(2)
    assert foreign in fabric.tables.tables[2].entries.values()
    assert strange not in fabric.tables.tables[2].entries.values()
    assert fabric.wanted(flow) <= fabric.tables.held()


def test_a_switch_that_confirms_and_keeps_nothing_is_told_once_and_until_it_does() -> None:
    fabric = Fabric(RING)
    fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,)))])
    for times in range(1, PATIENCE + 4):
        fabric.tables.tables[2].entries.clear()
        regular(fabric)
        assert fabric.unkept == ([frozenset({2})] if times >= PATIENCE else [])
    regular(fabric)
    assert fabric.unkept == [frozenset({2}), frozenset()]


def test_repairs_that_are_vain_become_rarer_and_are_forgotten_with_their_switch() -> None:
    vain = VainRepairs()
    looks = 0
    for _ in range(1000):
        for dpid in vain.take_turns([1]):
            looks += 1
            vain.looked(dpid, is_fine=False)
    assert 1000 / RAREST <= looks <= 1000 / RAREST + 10
    assert vain.dpids == {1}
    assert vain.take_turns([2]) == [2]
    assert vain.dpids == set()
    assert not vain.looked(1, is_fine=True)


def test_one_repair_in_two_looks_is_not_vain() -> None:
    vain = VainRepairs()
    assert not any(vain.looked(1, is_fine) for is_fine in (False, False, True) * 9)
    assert vain.take_turns([1]) == [1]


def test_a_switch_that_goes_away_meanwhile_is_no_matter() -> None:
    fabric = Fabric(RING)
    fabric.service.create([CreateFlow(path(1, 3))])
    fabric.tables.away = {1}
    assert fabric.reconciler.reconcile(1) is None
