"""Records of groups, meters and roles of tenants: numbers, chains, elections."""

from __future__ import annotations

import pytest

from horizon_ryu.core.slicing.group_table import (
    MOST_BYTES,
    MOST_DEPTH,
    GroupLoop,
    GroupTable,
    GroupTooDeep,
    GroupTooLarge,
    TenantGroup,
)
from horizon_ryu.core.slicing.id_map import IdMap, IdsExhausted, IdTaken
from horizon_ryu.core.slicing.version_trail import MOST_VERSIONS, Refused, VersionTrail
from horizon_ryu.core.slicing.virtual_roles import (
    NO_GENERATION,
    AsyncKind,
    AsyncMask,
    RoleUnavailable,
    StaleGeneration,
    UnknownRole,
    VirtualRole,
    VirtualRoles,
)

# ---- numbers


def test_two_slices_have_the_same_number_for_objects_of_their_own() -> None:
    ids = IdMap(100)
    real_a, real_b = (ids.take(name, 0xFFFF_FF00, 9) for name in ("a", "b"))
    assert real_a != real_b
    assert (ids.find("a", 0xFFFF_FF00), ids.find("b", 0xFFFF_FF00)) == (real_a, real_b)
    assert ids.owner(real_b) == ("b", 0xFFFF_FF00)
    assert ids.find("c", 0xFFFF_FF00) is None
    assert dict(ids.of_slice("a")) == {0xFFFF_FF00: real_a}


def test_a_number_is_taken_once_and_a_quota_is_the_slices_own() -> None:
    ids = IdMap(100)
    ids.take("a", 7, 1)
    with pytest.raises(IdTaken):
        ids.take("a", 7, 9)
    with pytest.raises(IdsExhausted):
        ids.take("a", 8, 1)
    assert ids.take("b", 8, 1)


def test_a_number_of_the_switch_rests_until_the_switch_is_through_with_it() -> None:
    ids = IdMap(2)
    first, _ = ids.take("a", 1, 9), ids.take("a", 2, 9)
    assert ids.release("a", 1) == first
    assert ids.owner(first) is None
    with pytest.raises(IdsExhausted):
        ids.take("b", 1, 9)
    assert ids.resting == {first}
    ids.settle((first, first, 77))
    assert ids.take("b", 1, 9) == first


def test_a_switch_that_never_answers_holds_back_a_bounded_number() -> None:
    ids = IdMap(1_000_000, most_resting=50)
    for _ in range(51):
        ids.take("a", 1, 9)
        ids.release("a", 1)
    with pytest.raises(IdsExhausted):
        ids.take("a", 1, 9)


# ---- chains of groups


def group(number: int, *chained: int, size: int = 10, watched: tuple[int, ...] = ()) -> TenantGroup:
    return TenantGroup(number, 0, (), size, chained, frozenset(watched))


def table_of(*groups: TenantGroup) -> GroupTable:
    found = GroupTable()
    for one in groups:
        found.check(one)
        found.put(one)
    return found


@pytest.mark.parametrize("last", [group(1, 1), group(1, 3), group(2, 3), group(1, watched=(3,))])
def test_groups_that_come_back_to_themselves_are_refused(last: TenantGroup) -> None:
    table = table_of(group(3, 2), group(2, 1))
    with pytest.raises(GroupLoop):
        table.check(last)


def test_a_loop_that_a_missing_group_would_close_is_seen_when_it_comes() -> None:
    with pytest.raises(GroupLoop):
        table_of(group(1, 2), group(2, 3), group(3, 1))


def test_groups_that_multiply_frames_are_refused() -> None:
    doubling = [group(at, at - 1, at - 1) for at in range(1, 12)]
    with pytest.raises(GroupTooLarge):
        table_of(*doubling, group(12, 11, 11))
    # The inner one grows later: those above are judged again.
    table = table_of(*doubling)
    with pytest.raises(GroupTooLarge):
        table.check(group(1, *([0] * 5)))


def test_groups_behind_one_another_have_an_end() -> None:
    deepest = [group(at, at - 1) for at in range(1, MOST_DEPTH)]
    table = table_of(group(0), *deepest)
    with pytest.raises(GroupTooDeep):
        table.check(group(MOST_DEPTH, MOST_DEPTH - 1))
    with pytest.raises(GroupTooDeep):
        table.check(group(0, 99))


def test_the_bytes_of_all_groups_have_a_bound_and_a_change_counts_once() -> None:
    table = table_of(group(1, size=MOST_BYTES - 10))
    with pytest.raises(GroupTooLarge):
        table.check(group(2, size=11))
    table.check(group(1, size=MOST_BYTES))
    table.remove(1)
    table.check(group(2, size=MOST_BYTES))


def test_each_group_comes_before_those_that_it_sends_to() -> None:
    table = table_of(group(1), group(2, 1), group(3, 2, 1), group(4, watched=(3,)))
    order = table.outermost_first()
    assert sorted(order) == [1, 2, 3, 4]
    assert order.index(4) < order.index(3) < order.index(2) < order.index(1)
    assert table.needing(1) == {2, 3}
    table.remove(3)
    assert table.needing(1) == {2}


# ---- versions


def test_what_counts_is_the_last_version_that_was_not_refused() -> None:
    first, second, third = group(1), group(1, 2), group(1, 3)
    trail: VersionTrail[TenantGroup] = VersionTrail()
    trail.came("one", None, first)
    trail.came("one", first, second)
    trail.came("one", second, third)
    assert trail.refused("one", first) is None, "a later one has been sent"
    assert trail.refused("one", third) == Refused(second)
    assert trail.refused("one", second) == Refused(None), "the first was refused before"
    assert trail.refused("one", second) is None
    trail.came("one", None, first)
    trail.forget("one")
    assert trail.refused("one", first) is None
    for number in range(100):
        trail.came("one", None, group(number))
    assert len(trail._trails["one"]) == MOST_VERSIONS


# ---- roles


def roles_of(*members: str) -> VirtualRoles:
    found = VirtualRoles()
    for member in members:
        found.join(member, is_monitor=member == "monitor")
    return found


def test_a_master_makes_slaves_of_other_masters_and_of_nobody_else() -> None:
    roles = roles_of("a", "b", "c")
    roles.request("a", 2, 5)
    roles.request("b", 2, 6)
    assert [roles.role(one) for one in "abc"] == [
        VirtualRole.SLAVE,
        VirtualRole.MASTER,
        VirtualRole.EQUAL,
    ]
    assert [roles.may_modify(one) for one in "abc"] == [False, True, True]


def test_a_stale_generation_changes_nothing_and_generations_go_round() -> None:
    roles = roles_of("a", "b")
    assert roles.generation == NO_GENERATION
    roles.request("a", 2, NO_GENERATION - 1)
    roles.request("b", 2, 3)
    with pytest.raises(StaleGeneration):
        roles.request("a", 2, 2)
    with pytest.raises(StaleGeneration):
        roles.request("a", 3, NO_GENERATION)
    assert roles.role("b") is VirtualRole.MASTER
    assert roles.generation == 3
    # Nobody asks for the generation of an equal, and to ask for one's role changes none.
    assert roles.request("a", 1, 0) is VirtualRole.EQUAL
    assert roles.request("a", 0, 0) is VirtualRole.EQUAL
    assert roles.generation == 3


def test_the_generation_outlives_the_connection_of_the_master() -> None:
    roles = roles_of("a", "b")
    roles.request("a", 2, 9)
    roles.leave("a")
    roles.join("a")
    with pytest.raises(StaleGeneration):
        roles.request("a", 2, 8)


def test_a_monitor_is_never_master_and_a_role_that_is_none_is_refused() -> None:
    roles = roles_of("a", "monitor")
    roles.request("a", 2, 9)
    with pytest.raises(RoleUnavailable):
        roles.request("monitor", 2, 10)
    with pytest.raises(UnknownRole):
        roles.request("a", 4, 10)
    assert roles.generation == 9
    assert roles.role("a") is VirtualRole.MASTER


def test_slaves_hear_of_ports_only_until_they_ask_for_more() -> None:
    roles = roles_of("a", "b")
    roles.request("b", 3, 1)
    assert roles.wants("a", AsyncKind.PACKET_IN, 0)
    assert not roles.wants("a", AsyncKind.PACKET_IN, 2)
    assert not roles.wants("b", AsyncKind.PACKET_IN, 0)
    assert not roles.wants("b", AsyncKind.FLOW_REMOVED, 2)
    assert roles.wants("b", AsyncKind.PORT_STATUS, 2)
    roles.set_masks("b", {**roles.masks("b"), AsyncKind.PACKET_IN: AsyncMask(0, 0b100)})
    assert roles.wants("b", AsyncKind.PACKET_IN, 2)
    assert roles.wanted(AsyncKind.PACKET_IN) == 0b111
    assert not roles.wants("stranger", AsyncKind.PACKET_IN, 0)
