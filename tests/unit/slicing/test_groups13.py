"""Groups of two tenants of one switch of 1.3: each its own, by its own numbers."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.slicing.group_table import MOST_DEPTH
from horizon_ryu.core.slicing.limits import SliceLimits
from horizon_ryu.slicer.xid_map import CAPACITY, Asked
from horizon_ryu.wire.error_codes13 import OFPBAC, OFPBRC, OFPET, OFPGMFC
from horizon_ryu.wire.of13.asynchronous import FlowRemoved13, PortStatus13
from horizon_ryu.wire.of13.controller import FlowMod13, GroupMod
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    Counter,
    GroupDesc,
    GroupFeatures,
    GroupStats,
    GroupStatsRequest,
)
from horizon_ryu.wire.of13.structures import (
    ActionDecNwTtl,
    ActionGroup,
    ActionOutput13,
    ActionSetQueue,
)
from horizon_ryu.wire.ofp13 import OFPMP, OFPP, OFPPR, OFPRR, OFPT
from horizon_ryu.wire.symmetric import Error
from unit.slicing.objects13 import (
    ALL,
    ALL_GROUPS,
    DELETE,
    FF,
    INDIRECT,
    MODIFY,
    SELECT,
    ObjectLab,
    bucket,
    group_mod,
)
from unit.slicing.sliced10 import MACS_0, mac
from unit.slicing.sliced13 import flow_mod13, match13, output13, port13, rules13

FAILED = OFPET.GROUP_MOD_FAILED
FLOOD = int(OFPP.FLOOD)
GROUP_MOD = int(OFPT.GROUP_MOD)


def own(**fields: int) -> Any:
    return match13(**{"in_port": 4, "eth_src": mac(MACS_0[0]), **fields})


def outputs(mod: GroupMod) -> list[int]:
    return [
        action.port
        for one in mod.buckets
        for action in one.actions
        if isinstance(action, ActionOutput13)
    ]


def test_two_tenants_have_the_same_group_and_the_switch_has_two() -> None:
    lab = ObjectLab()
    (one,) = lab.a.say_all(group_mod(0x485A0001, bucket(output13(2)), bucket(output13(3))))
    (other,) = lab.b.say_all(group_mod(0x485A0001, bucket(output13(1))))
    assert one.group_id != other.group_id
    assert (outputs(one), outputs(other)) == ([2, 3], [1])
    lab.a.refused(group_mod(0x485A0001), FAILED, OFPGMFC.GROUP_EXISTS)
    (changed,) = lab.b.say_all(group_mod(0x485A0001, bucket(output13(3)), command=MODIFY))
    assert (changed.group_id, changed.command, outputs(changed)) == (other.group_id, MODIFY, [3])
    assert lab.b.say_all(group_mod(0x485A0001, command=DELETE)) == [
        GroupMod(DELETE, ALL, other.group_id)
    ]
    assert not lab.a.news()
    assert not lab.b.news()


def test_a_flow_entry_names_the_group_of_its_own_slice() -> None:
    lab = ObjectLab()
    lab.b.say_all(group_mod(7, bucket(output13(3))))
    lab.a.refused(flow_mod13(own(), ActionGroup(7)), OFPET.BAD_ACTION, OFPBAC.BAD_OUT_GROUP)
    (made,) = lab.a.say_all(group_mod(7, bucket(output13(2))))
    (entry,) = lab.a.say_all(flow_mod13(own(), ActionGroup(7)))
    assert ActionGroup(made.group_id) in entry.instructions[0].actions


@pytest.mark.parametrize(
    ("mod", "kind", "code"),
    [
        (group_mod(9, command=MODIFY), FAILED, OFPGMFC.UNKNOWN_GROUP),
        (group_mod(9, command=77), FAILED, OFPGMFC.BAD_COMMAND),
        (group_mod(9, kind=77), FAILED, OFPGMFC.BAD_TYPE),
        (group_mod(ALL_GROUPS), FAILED, OFPGMFC.INVALID_GROUP),
        (group_mod(0xFFFFFF01), FAILED, OFPGMFC.INVALID_GROUP),
        (group_mod(0xFFFFFF01, command=DELETE), FAILED, OFPGMFC.INVALID_GROUP),
        (group_mod(9, bucket(output13(1))), OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT),
        (group_mod(9, bucket(ActionGroup(8))), OFPET.BAD_ACTION, OFPBAC.BAD_OUT_GROUP),
        (group_mod(9, bucket(ActionGroup(9))), FAILED, OFPGMFC.LOOP),
        (group_mod(9, bucket(group=9), kind=FF), FAILED, OFPGMFC.LOOP),
        (group_mod(9, bucket(port=1), kind=FF), FAILED, OFPGMFC.BAD_WATCH),
        (group_mod(9, bucket(group=8), kind=FF), FAILED, OFPGMFC.BAD_WATCH),
        (group_mod(9, bucket(output13(2)), kind=FF), FAILED, OFPGMFC.INVALID_GROUP),
        (
            group_mod(9, bucket(ActionSetQueue(5), output13(2))),
            OFPET.BAD_ACTION,
            OFPBAC.BAD_QUEUE,
        ),
    ],
)
def test_what_a_group_may_not_be_is_refused_and_leaves_nothing(
    mod: GroupMod, kind: int, code: int
) -> None:
    lab = ObjectLab()
    lab.b.say_all(group_mod(8, bucket(output13(1))))
    lab.a.refused(mod, kind, code)
    lab.a.question(OFPMP.GROUP_DESC)
    assert lab.a.told() == ()


def test_the_quota_of_groups_is_the_slices_own() -> None:
    lab = ObjectLab(limits={"c0": SliceLimits(groups=2), "c1": SliceLimits(groups=1)})
    lab.a.say_all(group_mod(1), group_mod(2))
    lab.a.refused(group_mod(3), FAILED, OFPGMFC.OUT_OF_GROUPS)
    lab.b.say_all(group_mod(3))
    lab.a.say_all(group_mod(1, command=DELETE))
    assert lab.a.say_all(group_mod(3))


def test_a_fast_failover_group_watches_its_own_ports_and_groups() -> None:
    lab = ObjectLab()
    (inner,) = lab.a.say_all(group_mod(1, bucket(output13(3)), kind=INDIRECT))
    (outer,) = lab.a.say_all(
        group_mod(2, bucket(output13(2), port=2), bucket(ActionGroup(1), group=1), kind=FF)
    )
    assert [one.watch_port for one in outer.buckets] == [2, 0xFFFFFFFF]
    assert [one.watch_group for one in outer.buckets] == [0xFFFFFFFF, inner.group_id]
    assert outer.buckets[1].actions == (ActionGroup(inner.group_id),)


def test_chains_are_mapped_and_what_another_group_sends_to_is_not_deleted() -> None:
    lab = ObjectLab()
    (inner,) = lab.a.say_all(group_mod(1, bucket(output13(2))))
    (outer,) = lab.a.say_all(group_mod(2, bucket(ActionGroup(1))))
    assert outer.buckets[0].actions == (ActionGroup(inner.group_id),)
    lab.a.refused(group_mod(1, command=DELETE), FAILED, OFPGMFC.CHAINED_GROUP)
    lab.a.refused(group_mod(1, bucket(ActionGroup(2)), command=MODIFY), FAILED, OFPGMFC.LOOP)
    gone = lab.a.say_all(group_mod(ALL_GROUPS, command=DELETE))
    assert [one.group_id for one in gone] == [outer.group_id, inner.group_id]


def test_chains_that_multiply_frames_or_have_no_end_are_refused() -> None:
    lab = ObjectLab()
    lab.a.say_all(group_mod(0, bucket(output13(2))))
    for number in range(1, MOST_DEPTH):
        lab.a.say_all(group_mod(number, bucket(ActionGroup(number - 1))))
    lab.a.refused(
        group_mod(99, bucket(ActionGroup(MOST_DEPTH - 1))), FAILED, OFPGMFC.CHAINING_UNSUPPORTED
    )
    twice = [bucket(ActionGroup(100)), bucket(ActionGroup(100))] * 32
    lab.a.say_all(group_mod(100, *[bucket(output13(2))] * 64))
    lab.a.say_all(group_mod(101, *twice[:32]))
    lab.a.say_all(group_mod(102, *[bucket(ActionGroup(101))] * 60))
    lab.a.refused(group_mod(103, *[bucket(ActionGroup(102))] * 64), FAILED, OFPGMFC.OUT_OF_BUCKETS)


def test_a_group_that_could_not_be_told_again_is_refused() -> None:
    lab = ObjectLab()
    most = [bucket(output13(2))] * 2047
    lab.a.say_all(group_mod(1, *most))
    lab.a.question(OFPMP.GROUP_DESC)
    assert len(lab.a.told()[0].buckets) == 2047
    # 65,512 bytes of buckets fit into a group-mod, and not into its description.
    larger = [*most[1:], bucket(ActionDecNwTtl(), output13(2))]
    lab.a.refused(group_mod(2, *larger), FAILED, OFPGMFC.OUT_OF_BUCKETS)
    lab.a.say_all(group_mod(2, bucket(output13(2))))


def test_all_groups_are_those_of_the_slice() -> None:
    lab = ObjectLab()
    first = lab.a.say_all(group_mod(1), group_mod(2))
    lab.b.say_all(group_mod(1), group_mod(2))
    gone = lab.a.say_all(group_mod(ALL_GROUPS, command=DELETE))
    assert {one.group_id for one in gone} == {one.group_id for one in first}
    assert all(one.command == DELETE for one in gone)
    assert not lab.a.say_all(group_mod(ALL_GROUPS, command=DELETE))
    assert not lab.a.say_all(group_mod(5, command=DELETE)), "that there is none is no error"
    lab.b.question(OFPMP.GROUP_DESC)
    assert [one.group_id for one in lab.b.told()] == [1, 2]


def test_a_number_comes_again_when_the_switch_is_through_with_it() -> None:
    lab = ObjectLab()
    (first,) = lab.a.say_all(group_mod(1))
    lab.a.say_all(group_mod(1, command=DELETE))
    (second,) = lab.b.say_all(group_mod(1))
    assert second.group_id != first.group_id
    lab.settle()
    (third,) = lab.a.say_all(group_mod(9))
    assert third.group_id == first.group_id


def test_numbers_come_again_though_the_question_whether_they_may_was_forgotten() -> None:
    lab = ObjectLab()
    (first,) = lab.a.say_all(group_mod(1))
    lab.a.say_all(group_mod(1, command=DELETE))
    for _ in range(CAPACITY):
        lab.datapath._link.xids.translate(Asked(lab.b, 1, b""))
    lab.settle()
    (second,) = lab.a.say_all(group_mod(2))
    assert second.group_id != first.group_id, "the answer to what is forgotten says nothing"
    lab.a.say_all(group_mod(2, command=DELETE))
    lab.settle()
    again = lab.a.say_all(group_mod(1), group_mod(2))
    assert {one.group_id for one in again} == {first.group_id, second.group_id}


def test_entries_of_a_group_that_is_deleted_go_with_it_and_are_told_of() -> None:
    lab = ObjectLab()
    (made,) = lab.a.say_all(group_mod(1, bucket(output13(2))))
    (entry,) = lab.a.say_all(flow_mod13(own(), ActionGroup(1), flags=1, cookie=99))
    lab.a.say_all(flow_mod13(own(eth_type=0x800), output13(2), flags=1))
    sent = lab.a.say_all(group_mod(1, command=DELETE))
    assert [type(one) for one in sent] == [FlowMod13, GroupMod]
    assert sent[0].command in (3, 4)
    assert sent[1].group_id == made.group_id
    lab.removed(entry, int(OFPRR.DELETE))
    (told,) = lab.a.news()
    assert isinstance(told, FlowRemoved13)
    assert (told.cookie, told.reason) == (99, OFPRR.GROUP_DELETE)
    assert len(lab.datapath.sliced.table("c0")) == 1


def test_what_the_switch_refuses_is_not_there_and_what_leads_to_it_is_emptied() -> None:
    lab = ObjectLab()
    (made,) = lab.a.say_all(group_mod(1, bucket(output13(2))))
    xid = lab.xid_of_last(GROUP_MOD)
    lab.a.say_all(group_mod(2, bucket(ActionGroup(1))), flow_mod13(own(), ActionGroup(1)))
    lab.answer(Error(FAILED, OFPGMFC.OUT_OF_GROUPS, bytes(64)), xid)
    (error,) = lab.a.news()
    assert (error.type, error.code) == (FAILED, OFPGMFC.OUT_OF_GROUPS)
    sent = [one for one in lab.news() if isinstance(one, GroupMod)]
    assert [(one.command, one.group_id) for one in sent][:1] == [(DELETE, made.group_id)]
    assert sent[1].command == MODIFY
    assert not sent[1].buckets[0].actions, "it must not lead to whose the number is next"
    assert not len(lab.datapath.sliced.table("c0"))
    lab.a.refused(flow_mod13(own(), ActionGroup(1)), OFPET.BAD_ACTION, OFPBAC.BAD_OUT_GROUP)
    # When it is there again, the group that sends to it does so again.
    sent = lab.a.say_all(group_mod(1, bucket(output13(2))))
    assert sent[1].buckets[0].actions == (ActionGroup(sent[0].group_id),)


def test_a_change_that_the_switch_refuses_leaves_what_was_there() -> None:
    lab = ObjectLab()
    lab.a.say_all(group_mod(1, bucket(output13(2))))
    lab.a.say_all(group_mod(1, bucket(output13(3)), command=MODIFY))
    lab.refuse_last(GROUP_MOD, FAILED, OFPGMFC.OUT_OF_BUCKETS)
    lab.a.news()
    lab.a.question(OFPMP.GROUP_DESC)
    assert lab.a.told() == (GroupDesc(ALL, 1, (bucket(output13(2)),)),)


def test_a_change_of_what_the_switch_has_refused_meanwhile_leaves_nothing() -> None:
    lab = ObjectLab()
    lab.a.say_all(group_mod(1, bucket(output13(2))))
    made = lab.xid_of_last(GROUP_MOD)
    lab.a.say_all(group_mod(1, bucket(output13(3)), command=MODIFY))
    lab.answer(Error(FAILED, OFPGMFC.OUT_OF_GROUPS, bytes(64)), made)
    lab.refuse_last(GROUP_MOD, FAILED, OFPGMFC.UNKNOWN_GROUP)
    lab.a.news()
    lab.a.question(OFPMP.GROUP_DESC)
    assert lab.a.told() == ()


def test_floods_of_a_bucket_go_to_the_ports_of_the_slice() -> None:
    lab = ObjectLab()
    flood, made = lab.a.say_all(group_mod(1, bucket(output13(FLOOD))))
    assert (flood.type, outputs(flood)) == (ALL, [2, 3, 4])
    assert made.buckets[0].actions == (ActionGroup(flood.group_id),)
    other, _ = lab.b.say_all(group_mod(1, bucket(output13(FLOOD))))
    assert outputs(other) == [1, 3]
    (second,) = lab.a.say_all(group_mod(2, bucket(output13(FLOOD))))
    assert second.buckets[0].actions == (ActionGroup(flood.group_id),)
    lab.a.question(OFPMP.GROUP_DESC)
    assert [one.group_id for one in lab.a.told()] == [1, 2], "the slicer's own is not told"


def test_groups_follow_the_ports_of_the_switch() -> None:
    lab = ObjectLab(rules=[*rules13("c0", [2, 3, 6], MACS_0, 1), *rules13("c1", [1], MACS_0, 9)])
    flood, _ = lab.a.say_all(group_mod(1, bucket(output13(FLOOD))))
    lab.answer(PortStatus13(int(OFPPR.ADD), port13(6)))
    (changed,) = [one for one in lab.news() if isinstance(one, GroupMod)]
    assert (changed.command, changed.group_id) == (MODIFY, flood.group_id)
    assert outputs(changed) == [2, 3, 6]
    lab.answer(PortStatus13(int(OFPPR.DELETE), port13(2)))
    (changed,) = [one for one in lab.news() if isinstance(one, GroupMod)]
    assert outputs(changed) == [3, 6]


def test_groups_follow_the_flowspace_and_come_back_with_it() -> None:
    lab = ObjectLab()
    (plain,) = lab.a.say_all(
        group_mod(1, bucket(output13(2), weight=3), bucket(output13(3), weight=1), kind=SELECT)
    )
    (failover,) = lab.a.say_all(
        group_mod(2, bucket(output13(2), port=2), bucket(output13(3), port=3), kind=FF)
    )
    before = lab.datapath.flowspace
    lab.move_to([*rules13("c0", [4, 3], MACS_0, 1), *rules13("c1", [1, 2], MACS_0, 9)])
    sent = {one.group_id: one for one in lab.news() if isinstance(one, GroupMod)}
    assert [len(one.actions) for one in sent[plain.group_id].buckets] == [0, 1]
    assert [one.weight for one in sent[plain.group_id].buckets] == [3, 1]
    assert [one.watch_port for one in sent[failover.group_id].buckets] == [3]
    lab.a.news()
    lab.a.question(OFPMP.GROUP_DESC)
    assert len(lab.a.told()[0].buckets) == 2, "it is told as it was written"
    lab.datapath.set_flowspace(before, lab.now)
    sent = {one.group_id: one for one in lab.news() if isinstance(one, GroupMod)}
    assert outputs(sent[plain.group_id]) == [2, 3]
    assert outputs(sent[failover.group_id]) == [2, 3]


def test_the_groups_of_a_slice_that_goes_are_taken_away() -> None:
    lab = ObjectLab()
    made = lab.a.say_all(group_mod(1, bucket(output13(FLOOD))))
    lab.b.say_all(group_mod(1, bucket(output13(FLOOD))))
    lab.datapath.remove_slice("c0", lab.now)
    gone = [one for one in lab.news() if isinstance(one, GroupMod)]
    assert {(one.command, one.group_id) for one in gone} == {(DELETE, one.group_id) for one in made}


def test_counters_are_those_of_own_groups_by_own_numbers() -> None:
    lab = ObjectLab()
    (mine,) = lab.a.say_all(group_mod(70, bucket(output13(2))))
    (other,) = lab.b.say_all(group_mod(70, bucket(output13(1))))
    lab.a.say_all(flow_mod13(own(), ActionGroup(70)), group_mod(71, bucket(ActionGroup(70))))
    assert lab.a.question(OFPMP.GROUP, GroupStatsRequest(70)) == [
        MultipartRequest(OFPMP.GROUP, 0, GroupStatsRequest(mine.group_id))
    ]
    (asked,) = lab.a.question(OFPMP.GROUP, GroupStatsRequest(ALL_GROUPS))
    assert asked.body.group_id == ALL_GROUPS
    xid = lab.last_xid()
    stats = [GroupStats(one.group_id, 9, 5, 500, 1, 0, (Counter(5, 500),)) for one in (mine, other)]
    lab.answer(MultipartReply(OFPMP.GROUP, 1, tuple(stats)), xid)
    lab.answer(MultipartReply(OFPMP.GROUP, 0, (stats[1],)), xid)
    first, last = lab.a.news()
    assert (first.flags, last.flags, last.body) == (1, 0, ())
    assert first.body == (GroupStats(70, 2, 5, 500, 1, 0, (Counter(5, 500),)),)
    assert not lab.a.question(OFPMP.GROUP, GroupStatsRequest(other.group_id + 100))
    assert lab.a.told() == ()


def test_many_groups_are_told_in_parts_that_fit() -> None:
    lab = ObjectLab()
    for number in range(4):
        lab.a.say_all(group_mod(number, *[bucket(output13(2))] * 900))
    lab.a.question(OFPMP.GROUP_DESC)
    parts = lab.a.news()
    assert [one.flags for one in parts] == [1, 0]
    assert [one.group_id for part in parts for one in part.body] == [0, 1, 2, 3]


def test_the_features_tell_as_many_groups_as_the_slice_may_have() -> None:
    lab = ObjectLab(limits={"c0": SliceLimits(groups=5)})
    lab.a.question(OFPMP.GROUP_FEATURES)
    features = GroupFeatures(15, 3, 1000, 4, 1000, 1000, 1, 1, 1, 1)
    lab.answer(MultipartReply(OFPMP.GROUP_FEATURES, 0, features), lab.last_xid())
    told = lab.a.told()
    assert (told.max_groups_all, told.max_groups_select, told.max_groups_ff) == (5, 4, 5)


def test_group_mods_count_as_flow_mods_where_those_are_limited() -> None:
    lab = ObjectLab(limits={"c0": SliceLimits(flow_mods_per_s=2)})
    lab.a.say_all(group_mod(1), group_mod(2))
    lab.a.refused(group_mod(3), FAILED, OFPGMFC.EPERM)


def test_a_question_in_parts_that_has_but_one_is_refused() -> None:
    lab = ObjectLab()
    question = MultipartRequest(int(OFPMP.GROUP_DESC), 1)
    lab.a.refused(question, OFPET.BAD_REQUEST, OFPBRC.BAD_MULTIPART)
