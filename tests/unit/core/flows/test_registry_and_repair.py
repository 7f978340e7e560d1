"""What flows are kept, what they claim, and how a switch is brought back to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from horizon_ryu.core.errors import Conflict, InvalidInput, NotFound
from horizon_ryu.core.flows.entries import entries_of, keys_of
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec, TaggedHop
from horizon_ryu.core.flows.migration import Cause, Migration, MigrationState
from horizon_ryu.core.flows.reconcile import repair
from horizon_ryu.core.flows.record import (
    flow_from_json,
    flow_to_json,
    migration_from_json,
    migration_to_json,
)
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.ownership import Owner, flow_cookie, flow_number, owner_of
from horizon_ryu.core.routes.route import RouteKind
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import (
    Action,
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    Output,
    SetField,
)

TCP = Match(dl_type=0x0800, nw_proto=6)


def path(number: int, *dpids: int, match: Match = TCP, priority: int = 400) -> Flow:
    src, dst = PortRef(dpids[0], 90), PortRef(dpids[-1], 90)
    ends = (90, *dpids[:-1]), (*dpids[1:], 90)
    hops = tuple(TaggedHop(*hop) for hop in zip(dpids, *ends, strict=True))
    return Flow(number, PathSpec(match, src, dst, priority=priority), hops)


def entry(number: int, dpid: int = 1, port: int = 1) -> Flow:
    spec = EntrySpec(dpid, TCP._replace(in_port=port), (SetField("dl_src", bytes(6)), Output(2)))
    return Flow(number, spec)


def kept(*flows: Flow) -> FlowRegistry:
    registry = FlowRegistry()
    for flow in flows:
        registry.restore(flow)
    return registry


def test_cookies_tell_whose_and_which() -> None:
    cookie = flow_cookie(0xDEADBEEF)
    assert (owner_of(cookie), flow_number(cookie)) == (Owner.FLOW_MANAGER, 0xDEADBEEF)


def test_flows_are_found_by_number_switch_link_and_match() -> None:
    one, two, three = path(1, 1, 2, 3), path(2, 3, 2), entry(3, 2)
    registry = kept(three, two, one)
    assert registry.flows() == (one, two, three)
    assert (len(registry), 2 in registry, 4 in registry) == (3, True, False)
    assert registry.with_switch(2) == (one, two, three)
    assert registry.over_link(PortRef(2, 3)) == (one,)
    assert registry.over_link(PortRef(3, 90)) == (), "the last port is no link"
    assert registry.matching(path(9, 1, 3).spec) == (one,)
    assert registry.switches() == {1, 2, 3}
    with pytest.raises(NotFound, match="00000004"):
        registry.get(4)


def test_entries_belong_to_one_flow() -> None:
    registry = kept(path(1, 1, 2, 3))
    with pytest.raises(Conflict, match="00000001"):
        registry.restore(path(2, 1, 2))
    registry.restore(path(2, 1, 2, priority=500))
    assert all(registry.is_claimed(key) for key in keys_of(path(1, 1, 2, 3)))


def test_what_changes_is_neither_wanted_nor_free() -> None:
    old, new = path(1, 1, 2, 3), path(1, 1, 4, 3)
    registry = kept(old)
    registry.claim(1, new, {*keys_of(old), *keys_of(new)})
    assert registry.is_changing(1)
    assert not any(registry.is_wanted(key) for key in keys_of(old))
    assert all(registry.is_claimed(key) for key in (*keys_of(old), *keys_of(new)))
    with pytest.raises(Conflict, match="under way"):
        registry.claim(1, new, ())
    with pytest.raises(Conflict):
        registry.claim(2, path(2, 4, 3), keys_of(new)[1:2])
    registry.release(1, new)
    assert all(registry.is_wanted(key) for key in keys_of(new))
    assert not registry.is_claimed(keys_of(old)[1])
    assert registry.get(1) == new


def test_flows_that_can_have_one_frame_do_not_change_at_one_time() -> None:
    broad, narrow = path(1, 1, 2), path(2, 1, 2, match=TCP._replace(tp_dst=80), priority=500)
    elsewhere = path(3, 3, 2, match=TCP._replace(tp_dst=80), priority=500)
    registry = kept(broad, narrow, elsewhere)
    registry.claim(1, broad, keys_of(broad))
    with pytest.raises(Conflict, match="overlaps"):
        registry.claim(2, narrow, keys_of(narrow))
    registry.claim(3, elsewhere, keys_of(elsewhere))
    registry.release(1, None)
    registry.claim(2, narrow, keys_of(narrow))
    assert 1 not in registry


def test_states_tags_and_meters_are_known() -> None:
    tagged = replace(
        path(1, 1, 2), hops=(TaggedHop(1, 90, 2, None, 3000), TaggedHop(2, 1, 90, 3000))
    )
    named = path(2, 1, 2, match=Match(dl_vlan=7))
    metered = replace(entry(3), meter=5)
    broken = replace(path(4, 1, 2, priority=600), state=FlowState.BROKEN)
    registry = kept(tagged, named, metered, broken)
    assert registry.tags() == {3000, 7}
    assert (registry.meters(1), registry.meters(2)) == ({5}, frozenset())
    assert registry.broken() == (broken,)
    registry.update(replace(broken, state=FlowState.ACTIVE))
    assert registry.broken() == ()


def test_records_survive_json() -> None:
    spec = PathSpec(
        Match(dl_vlan=5, dl_src=b"\2" * 6),
        PortRef(1, 90),
        PortRef(2, 90),
        (3, 1),
        (),
        3,
        priority=500,
        idle_timeout=1,
        hard_timeout=2,
        rate_kbps=4,
    )
    tagged = Flow(
        7, spec, (TaggedHop(1, 90, 2, None, 3000),), RouteKind.TAGGED, FlowState.BROKEN, 8, 9
    )
    for flow in (tagged, entry(3), path(1, 1, 2, 3)):
        assert flow_from_json(flow_to_json(flow)) == flow
    record = Migration(
        "ab",
        path(1, 1, 2),
        path(1, 1, 3),
        MigrationState.DRAINING,
        Cause.SET,
        5.5,
        1.25,
        3,
        "no",
        2,
    )
    for migration in (record, replace(record, old=None)):
        assert migration_from_json(migration_to_json(migration)) == migration


@pytest.mark.parametrize("row", [{}, {"number": 1}, {**flow_to_json(entry(1)), "state": "odd"}])
def test_rows_that_cannot_be_read_are_refused(row) -> None:
    with pytest.raises(InvalidInput, match="not a stored"):
        flow_from_json(row)
    with pytest.raises(InvalidInput, match="not a stored"):
        migration_from_json({"old": None, "new": row})


def as_sent(match: Match, actions: tuple[Action, ...]) -> tuple[Match, tuple[Action, ...]]:
    return match, actions


def report(mod: FlowMod, **changes) -> FlowEntry:
    seen = FlowEntry(
        mod.match, mod.priority, mod.cookie, mod.actions, idle_timeout=mod.idle_timeout,
        hard_timeout=mod.hard_timeout, meter=mod.meter,
    )  # fmt: skip
    return replace(seen, **changes)


def repaired(registry: FlowRegistry, dpid: int, entries: Sequence[FlowEntry]):
    return repair(registry.wanted(dpid), registry.is_claimed, dpid, entries, as_sent)


FLOW = path(1, 1, 2, 3)
MOD = entries_of(FLOW)[1].mod
FOREIGN = FlowEntry(Match(), 700, 0x77, ())


def test_a_switch_that_has_what_it_should_is_left_alone() -> None:
    assert repaired(kept(FLOW), 2, [report(MOD), FOREIGN]).messages == ()


def test_what_is_missing_is_added_and_what_is_wrong_is_written_again() -> None:
    found = repaired(kept(FLOW), 2, [FOREIGN])
    assert (found.messages, found.missing) == ((MOD,), 1)
    for change in (
        {"actions": ()},
        {"idle_timeout": 9},
        {"cookie": 5},
        {"meter": 1},
        {"exact": False},
    ):
        found = repaired(kept(FLOW), 2, [report(MOD, **change)])
        assert (found.messages, found.wrong, found.missing) == ((MOD,), 1, 0)


def test_orphans_go_first_and_others_stay() -> None:
    orphan = report(entries_of(path(9, 2, 3))[0].mod)
    found = repaired(
        kept(FLOW), 2, [orphan, FOREIGN, replace(FOREIGN, cookie=0x485A_0300_0000_0001)]
    )
    assert found.orphans == 1
    assert [message.command for message in found.messages] == [
        FlowCommand.DELETE_STRICT, FlowCommand.ADD,
    ]  # fmt: skip
    assert found.messages[0].match == orphan.match


def test_what_we_never_wrote_is_counted_and_left() -> None:
    strange = report(MOD, priority=1, exact=False)
    elsewhere = report(MOD, table_id=3, exact=False)
    found = repaired(kept(FLOW), 2, [report(MOD), strange, elsewhere])
    assert (found.messages, found.unknown) == ((), 2)


def test_an_entry_of_ours_in_another_table_is_another_entry() -> None:
    found = repaired(kept(FLOW), 2, [report(MOD), report(MOD, table_id=3)])
    assert (found.missing, found.wrong, found.orphans) == (0, 0, 1)
    assert [message.table_id for message in found.messages] == [3]
    assert repaired(kept(FLOW), 2, [report(MOD, table_id=3)]).missing == 1


def test_entries_of_a_flow_that_changes_are_no_orphans() -> None:
    old, new = FLOW, path(1, 1, 4, 3)
    registry = kept(old)
    registry.claim(1, new, {*keys_of(old), *keys_of(new)})
    for flow, place in ((old, 1), (new, 1)):
        item = entries_of(flow)[place]
        assert repaired(registry, item.key.dpid, [report(item.mod)]).messages == ()
    assert repaired(registry, 2, []).messages == ()
