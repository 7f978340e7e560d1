"""Flows instantiated, set and deleted over switches in memory that misbehave on demand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    NoRoute,
    NotFound,
    SwitchAway,
    SwitchDeadline,
    SwitchError,
)
from horizon_ryu.core.flows.entries import entries_of
from horizon_ryu.core.flows.flow import EntrySpec, FlowState, PathSpec
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import FlowCommand, FlowMod, FlowModFlags, Match, Outgoing, Output
from unit.flows.fabric import EDGE, Fabric, sqlite

RING = [(1, 2), (2, 3), (3, 4), (4, 1)]


def path(src: int, dst: int, port: int = 80, **more: Any) -> PathSpec:
    match = Match(dl_type=0x0800, nw_proto=6, tp_dst=port)
    return PathSpec(match, PortRef(src, EDGE), PortRef(dst, EDGE), **more)


def entry(dpid: int, port: int = 80, **more: Any) -> EntrySpec:
    return EntrySpec(dpid, Match(dl_type=0x0800, nw_proto=6, tp_dst=port), (Output(1),), **more)


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(RING)


def test_a_flow_lies_on_every_switch_of_its_path_and_the_ingress_comes_last(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, waypoints=(4,)))])
    assert [hop.dpid for hop in flow.hops] == [1, 4, 3]
    assert fabric.tables.held() == fabric.wanted(flow)
    assert [{sent.dpid for sent in batch} for batch in fabric.tables.batches] == [{4, 3}, {1}]
    assert fabric.events.kinds() == ["flow_add"]
    assert fabric.registry.get(flow.number) == flow


def test_a_reverse_direction_is_made_and_deleted_along(fabric) -> None:
    there, back = fabric.service.create([CreateFlow(path(1, 3), bidirectional=True)])
    assert [hop.dpid for hop in back.hops] == [hop.dpid for hop in reversed(there.hops)]
    assert (there.reverse, back.reverse) == (back.number, there.number)
    assert back.spec.match.tp_src == 80
    fabric.service.remove(back.number)
    assert fabric.tables.held() == set()
    assert fabric.store.flows() == ()


@pytest.mark.parametrize("place", range(6))
def test_one_refused_message_leaves_nothing_of_a_batch(fabric, place: int) -> None:
    """Whichever of the six entries it is; two of three flows share switches."""
    count = -1

    def refuse(sent: Outgoing) -> str | None:
        nonlocal count
        count += 1
        return "refused with FLOW_MOD_FAILED" if count == place else None

    fabric.tables.refuse = refuse
    asked = [CreateFlow(path(1, 2)), CreateFlow(path(2, 3)), CreateFlow(path(1, 2, 81))]
    with pytest.raises(SwitchError, match="FLOW_MOD_FAILED"):
        fabric.service.create(asked)
    assert fabric.tables.held() == set()
    assert (len(fabric.registry), fabric.store.flows()) == (0, ())
    fabric.tables.refuse = lambda _sent: None
    assert len(fabric.service.create(asked)) == 3


def test_a_switch_that_is_away_or_silent_ends_the_request(fabric) -> None:
    fabric.tables.away = {2}
    with pytest.raises(SwitchAway):
        fabric.service.create([CreateFlow(path(1, 2))])
    fabric.tables.away, fabric.tables.silent = set(), {2}
    with pytest.raises(SwitchDeadline):
        fabric.service.create([CreateFlow(path(1, 2))])
    assert len(fabric.registry) == 0


def test_two_flows_cannot_have_one_entry(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3))])
    with pytest.raises(Conflict, match=flow.id):
        fabric.service.create([CreateFlow(path(1, 3))])
    with pytest.raises(Conflict):
        fabric.service.create([CreateFlow(entry(2, 81)), CreateFlow(entry(2, 81))])
    assert fabric.tables.held() == fabric.wanted(flow)
    fabric.service.create([CreateFlow(replace(path(1, 3), priority=40_000))])


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (path(1, 9), SwitchAway),
        (path(1, 3, waypoints=(9,)), NoRoute),
        (path(1, 3, path=(1, 3)), NoRoute),
        (replace(path(1, 3), dst=PortRef(3, 77)), InvalidInput),
        (entry(9), SwitchAway),
        (EntrySpec(1, Match(), (), priority=65_535), Conflict),
        (EntrySpec(1, Match(dl_type=0x88CC), (Output(1),), priority=65_535), Conflict),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(fabric, spec, error) -> None:
    with pytest.raises(error):
        fabric.service.create([CreateFlow(path(1, 2)), CreateFlow(spec)])
    assert fabric.tables.batches == []
    assert len(fabric.registry) == 0


def test_there_is_a_cap_on_flows() -> None:
    fabric = Fabric(RING, max_flows=3)
    fabric.service.create([CreateFlow(entry(2, port)) for port in range(1, 3)])
    with pytest.raises(LimitExceeded):
        fabric.service.create([CreateFlow(path(1, 3), bidirectional=True)])
    assert len(fabric.registry) == 2


def test_an_entry_is_set_in_place(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(entry(2))])
    spec = replace(flow.spec, actions=(Output(3),), idle_timeout=30)
    changed = fabric.service.change(flow.number, spec)
    assert changed.spec == spec
    (mod,) = fabric.tables.mods().values()
    assert (mod.actions, mod.idle_timeout) == ((Output(3),), 30)
    moved = fabric.service.change(flow.number, replace(spec, priority=500))
    assert fabric.tables.held() == fabric.wanted(moved)


def test_what_is_refused_stays_as_it_was(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3))])
    before = fabric.tables.mods()
    fabric.tables.refuse = lambda sent: "no" if sent.dpid == 4 else None
    with pytest.raises(SwitchError, match="no"):
        fabric.service.change(flow.number, replace(flow.spec, waypoints=(4,)))
    assert fabric.tables.mods() == before
    assert fabric.registry.get(flow.number) == flow


def test_a_rate_is_a_meter_that_comes_and_goes_with_the_flow(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, rate_kbps=500))])
    assert fabric.tables.tables[1].meters == {flow.meter: 500}
    first = entries_of(flow)[0].mod
    assert first.meter == flow.meter
    assert [item.mod.meter for item in entries_of(flow)[1:]] == [None, None]
    faster = fabric.service.change(flow.number, replace(flow.spec, rate_kbps=900))
    assert fabric.tables.tables[1].meters == {faster.meter: 900}
    fabric.service.change(flow.number, replace(flow.spec, rate_kbps=None))
    assert fabric.tables.tables[1].meters == {}
    fabric.service.remove(flow.number)
    assert fabric.tables.held() == set()


def test_a_flow_is_deleted_even_if_a_switch_is_away(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,)))])
    fabric.tables.away = {2}
    fabric.service.remove(flow.number)
    assert len(fabric.registry) == 0
    assert {key.dpid for key in fabric.tables.held()} == {2}
    fabric.tables.away = set()
    found = fabric.reconciler.reconcile(2)
    assert found is not None
    assert found.orphans == 1
    assert fabric.tables.held() == set()
    with pytest.raises(NotFound):
        fabric.service.remove(flow.number)


def test_counters_are_those_of_the_first_switch(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3))])
    assert fabric.service.counters(flow) == (7, 700)
    fabric.tables.away = {1}
    assert fabric.service.counters(flow) is None
    assert not fabric.service.is_there(1)


def test_flows_survive_the_controller(tmp_path: Path) -> None:
    fabric = Fabric(RING, sqlite(tmp_path))
    made = fabric.service.create(
        [CreateFlow(path(1, 3, waypoints=(4,), queue=2), bidirectional=True), CreateFlow(entry(2))]
    )
    again = fabric.restarted()
    assert again.registry.flows() == tuple(sorted(made, key=lambda flow: flow.number))
    again.reconciler.reconcile(1)
    assert again.events.kinds() == []
    for table in again.tables.tables.values():
        table.entries.clear()
    for dpid in again.tables.tables:
        again.reconciler.reconcile(dpid)
    assert again.tables.held() == again.wanted(*made)


def test_a_cut_path_is_marked_and_restored_or_moved(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,)))])
    (pinned,) = fabric.service.create([CreateFlow(path(1, 3, 81, path=(1, 2, 3)))])
    numbers = [flow.number, pinned.number]
    fabric.recable([(2, 3), (3, 4), (4, 1)])
    fabric.monitor._look_after(numbers)
    moved, stuck = map(fabric.registry.get, numbers)
    assert [hop.dpid for hop in moved.hops] == [1, 4, 3, 2, 3]
    assert stuck.state is FlowState.BROKEN
    assert fabric.events.kinds()[2:] == ["flow_broken", "migration_done", "flow_moved"]
    fabric.recable(RING)
    fabric.monitor._look_after(numbers)
    assert fabric.registry.get(pinned.number) == pinned
    assert fabric.tables.held() == fabric.wanted(moved, pinned)


def test_switches_are_asked_about_overlaps_where_entries_are_added_and_nowhere_else(fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,), check_overlap=True))])
    assert asked_about_overlap(fabric) == {1, 2, 3}
    assert all(not mod.flags & FlowModFlags.CHECK_OVERLAP for mod in wanted(fabric))
    fabric.tables.batches.clear()
    fabric.service.change(flow.number, replace(flow.spec, waypoints=(4,)))
    assert asked_about_overlap(fabric) == {3, 4}, "at 3 by another port; at 1 it is replaced"
    fabric.tables.batches.clear()
    fabric.tables.tables[4].entries.clear()
    fabric.reconciler.reconcile(4)
    assert fabric.tables.batches
    assert asked_about_overlap(fabric) == set(), "what is repaired was allowed before"


def asked_about_overlap(fabric: Fabric) -> set[int]:
    sent = (one for batch in fabric.tables.batches for one in batch)
    return {
        one.dpid for one in sent if one.message.command is FlowCommand.ADD
        and one.message.flags & FlowModFlags.CHECK_OVERLAP
    }  # fmt: skip


def wanted(fabric: Fabric) -> list[FlowMod]:
    return [mod for dpid in (1, 2, 3) for mod in fabric.registry.wanted(dpid).values()]
