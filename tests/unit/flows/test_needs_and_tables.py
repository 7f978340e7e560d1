"""Entries that depend on what is on the switch: groups, meters by id, and later tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput, SwitchError
from horizon_ryu.core.flows.entries import keys_of
from horizon_ryu.core.flows.flow import EntrySpec, FlowState, PathSpec
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import (
    DecrementTtl,
    GotoTable,
    Match,
    MeterCommand,
    MeterMod,
    Output,
    OutputGroup,
    OverwriteTtl,
    SetField,
)
from horizon_ryu.wire.of13.controller import GroupMod
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.of13.structures import ActionOutput13, Bucket
from horizon_ryu.wire.ofp13 import OFPG, OFPGC, OFPGT, OFPP
from unit.flows.fabric import EDGE, Fabric, sqlite

CABLES = [(1, 2), (2, 3)]
IP = Match(dl_type=0x0800)
GROUP, METER = 7, 9


def entry(*actions: Any, match: Match = IP, table: int = 0, **more: Any) -> EntrySpec:
    return EntrySpec(2, match, actions, table, **more)


def path(**more: Any) -> PathSpec:
    return PathSpec(IP, PortRef(1, EDGE), PortRef(3, EDGE), **more)


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(CABLES)


def group(fabric: Fabric, command: OFPGC, buckets: int = 1, dpid: int = 2) -> None:
    """Somebody makes, changes or deletes the group."""
    bucket = Bucket(0, OFPP.ANY, OFPG.ANY, (ActionOutput13(1),))
    mod = GroupMod(int(command), int(OFPGT.ALL), GROUP, (bucket,) * buckets)
    fabric.tables.handle(dpid, MESSAGES13.encode(1, mod))


def meter(fabric: Fabric, command: MeterCommand, dpid: int = 2) -> None:
    rate = 0 if command is MeterCommand.DELETE else 1000
    assert fabric.tables.apply(dpid, MeterMod(command, METER, rate)) is None


def made(fabric: Fabric, *specs: Any) -> list[Any]:
    return list(fabric.service.create([CreateFlow(spec) for spec in specs]))


def standing(fabric: Fabric, flow: Any) -> tuple[str, str]:
    state, reason = fabric.service.standing(fabric.registry.get(flow.number))
    return str(state), reason


def test_a_group_that_the_switch_lacks_is_refused_by_its_field(fabric: Fabric) -> None:
    for buckets, reason in ((None, "has no group 7"), (0, "has no bucket")):
        if buckets is not None:
            group(fabric, OFPGC.ADD, buckets)
        with pytest.raises(InvalidInput, match=reason) as refused:
            fabric.service.create([CreateFlow(entry(OutputGroup(GROUP)), False, ("flows", 3))])
        assert refused.value.loc == ("flows", 3, "actions")
    assert fabric.tables.held() == set()


@pytest.mark.parametrize("spec", [entry(Output(1), meter=METER), path(meter=METER)])
def test_a_meter_that_the_switch_lacks_is_refused_by_its_field(fabric: Fabric, spec: Any) -> None:
    with pytest.raises(InvalidInput, match="has no meter 9") as refused:
        made(fabric, spec)
    assert refused.value.loc == ("meter",)


def test_a_flow_has_a_meter_or_a_rate(fabric: Fabric) -> None:
    meter(fabric, MeterCommand.ADD)
    with pytest.raises(InvalidInput) as refused:
        made(fabric, entry(Output(1), meter=METER, rate_kbps=5))
    assert refused.value.loc == ("meter",)


def test_a_path_takes_its_meter_at_its_first_switch_and_leaves_it_there(fabric: Fabric) -> None:
    meter(fabric, MeterCommand.ADD, dpid=1)
    (flow,) = made(fabric, path(meter=METER))
    mods = fabric.tables.mods()
    assert [mods[key].meter for key in keys_of(flow)] == [METER, None, None]
    changed = fabric.service.change(flow.number, replace(flow.spec, meter=None, rate_kbps=5))
    assert changed.meter not in (0, METER)
    fabric.service.change(flow.number, replace(flow.spec, meter=METER))
    fabric.service.remove(flow.number)
    assert fabric.tables.held() == set()
    assert dict(fabric.tables.tables[1].meters) == {METER: 1000}


def test_a_meter_of_ours_never_has_the_number_of_one_that_a_flow_names(fabric: Fabric) -> None:
    meter(fabric, MeterCommand.ADD)
    (named,) = made(fabric, entry(Output(1), meter=METER))
    assert METER in fabric.registry.meters(2)
    fabric.service.remove(named.number)
    assert METER not in fabric.registry.meters(2)


@pytest.mark.parametrize("thing", ["group", "meter", "buckets"])
def test_a_flow_is_broken_while_what_it_needs_is_gone_and_back_when_that_is(
    fabric: Fabric, thing: str
) -> None:
    group(fabric, OFPGC.ADD)
    meter(fabric, MeterCommand.ADD)
    spec = entry(Output(1), meter=METER) if thing == "meter" else entry(OutputGroup(GROUP))
    flow, other = made(fabric, spec, entry(Output(3), match=Match(dl_type=0x0806)))
    assert standing(fabric, flow) == ("active", "")
    ends = {
        "group": lambda: group(fabric, OFPGC.DELETE),
        "buckets": lambda: group(fabric, OFPGC.MODIFY, 0),
        "meter": lambda: meter(fabric, MeterCommand.DELETE),
    }
    ends[thing]()
    if thing != "buckets":
        assert fabric.tables.held() == fabric.wanted(other)
    sent = len(fabric.tables.batches)
    for _ in range(3):
        fabric.reconciler.reconcile(2)
    assert len(fabric.tables.batches) == sent
    state, reason = standing(fabric, flow)
    assert state == "broken"
    assert "switch 0000000000000002 has no" in reason or "no bucket" in reason
    assert standing(fabric, other) == ("active", "")
    assert fabric.events.kinds().count("flow_broken") == 1
    begins = {
        "group": lambda: group(fabric, OFPGC.ADD),
        "buckets": lambda: group(fabric, OFPGC.MODIFY, 1),
        "meter": lambda: meter(fabric, MeterCommand.ADD),
    }
    begins[thing]()
    fabric.reconciler.reconcile(2)
    assert standing(fabric, flow) == ("active", "")
    assert fabric.tables.held() == fabric.wanted(flow, other)
    assert fabric.events.kinds().count("flow_restored") == 1


def test_a_flow_that_needs_it_no_more_works_at_once(fabric: Fabric) -> None:
    group(fabric, OFPGC.ADD)
    (flow,) = made(fabric, entry(OutputGroup(GROUP)))
    group(fabric, OFPGC.DELETE)
    fabric.reconciler.reconcile(2)
    assert standing(fabric, flow)[0] == "broken"
    fabric.service.change(flow.number, replace(flow.spec, actions=(Output(1),)))
    assert standing(fabric, flow) == ("active", "")
    fabric.service.remove(flow.number)
    fabric.reconciler.reconcile(2)
    assert "flow_restored" not in fabric.events.kinds()


def test_a_switch_that_does_not_tell_its_groups_is_still_given_entries(fabric: Fabric) -> None:
    group(fabric, OFPGC.ADD)

    def silent(*_: Any, **__: Any) -> list[bytes]:
        raise SwitchError(2, "no answer")

    fabric.tables.answers = silent  # type: ignore[method-assign]
    (flow,) = made(fabric, entry(OutputGroup(GROUP)))
    assert flow.state is FlowState.ACTIVE
    with pytest.raises(SwitchError, match="BAD_OUT_GROUP"):
        made(fabric, entry(OutputGroup(GROUP + 1), match=Match()))


@pytest.mark.parametrize(
    ("spec", "loc"),
    [
        (entry(OutputGroup(GROUP)), ("actions",)),
        (entry(OverwriteTtl(5), Output(1)), ("actions",)),
        (entry(DecrementTtl(), Output(1)), ("actions",)),
        (entry(GotoTable(1)), ("actions",)),
        (entry(Output(1), table=1), ("table_id",)),
        (entry(Output(1), meter=METER), ("meter",)),
        (path(meter=METER), ("meter",)),
    ],
)
def test_openflow_1_0_is_refused_what_it_lacks_by_field_and_reason(spec: Any, loc: Any) -> None:
    fabric = Fabric(CABLES, openflow=1)
    with pytest.raises(InvalidInput, match=r"OpenFlow 1\.0") as refused:
        made(fabric, spec)
    assert refused.value.loc == loc
    assert fabric.tables.held() == set()


@pytest.mark.parametrize(
    "spec",
    [
        entry(DecrementTtl(), Output(1), match=Match()),
        entry(DecrementTtl()),
        entry(GotoTable(1), Output(1)),
        entry(GotoTable(1), table=1),
        entry(GotoTable(1), table=2),
    ],
)
def test_what_no_switch_does_with_ttls_and_tables_is_refused(fabric: Fabric, spec: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(fabric, spec)
    assert refused.value.loc == ("actions",)


def test_a_flow_in_a_later_table_is_incomplete_until_frames_are_sent_there(fabric: Fabric) -> None:
    (late,) = made(fabric, entry(Output(1), table=2))
    assert standing(fabric, late)[0] == "incomplete"
    assert "goto_table 2" in standing(fabric, late)[1]
    (middle,) = made(fabric, entry(GotoTable(2), table=1))
    assert standing(fabric, late)[0] == standing(fabric, middle)[0] == "incomplete"
    (first,) = made(fabric, entry(SetField("nw_dst", 1), GotoTable(1)))
    assert [standing(fabric, one) for one in (first, middle, late)] == [("active", "")] * 3
    fabric.service.remove(late.number)
    assert standing(fabric, first) == ("active", "")
    assert standing(fabric, middle)[0] == "incomplete"
    assert "table 2" in standing(fabric, middle)[1]


def test_entries_of_one_match_in_two_tables_are_two(fabric: Fabric) -> None:
    late, first = made(fabric, entry(Output(1), table=1), entry(GotoTable(1)))
    assert {(mod.table_id, mod.actions) for mod in fabric.tables.every_mod(2)} == {
        (1, (Output(1),)),
        (0, (GotoTable(1),)),
    }
    fabric.service.remove(first.number)
    assert [mod.table_id for mod in fabric.tables.every_mod(2)] == [1]
    fabric.tables.forget_entries(2)
    found = fabric.reconciler.reconcile(2)
    assert found is not None
    assert (found.missing, found.wrong, found.orphans) == (1, 0, 0)
    assert [mod.table_id for mod in fabric.tables.every_mod(2)] == [1]
    fabric.service.remove(late.number)
    assert fabric.tables.every_mod(2) == []


def test_an_orphan_in_a_later_table_is_removed(fabric: Fabric) -> None:
    (late,) = made(fabric, entry(Output(1), table=1))
    (mod,) = fabric.tables.every_mod(2)
    fabric.service.remove(late.number)
    assert fabric.tables.apply(2, mod) is None
    found = fabric.reconciler.reconcile(2)
    assert found is not None
    assert found.orphans == 1
    assert fabric.tables.every_mod(2) == []


def test_tables_groups_and_meters_outlive_a_restart(tmp_path: Path) -> None:
    fabric = Fabric(CABLES, sqlite(tmp_path))
    group(fabric, OFPGC.ADD)
    meter(fabric, MeterCommand.ADD)
    spec = entry(DecrementTtl(), OutputGroup(GROUP), GotoTable(4), table=3, meter=METER)
    (flow,) = made(fabric, spec)
    again = fabric.restarted()
    assert again.registry.get(flow.number).spec == spec
    assert again.reconciler.reconcile(2).messages == ()
