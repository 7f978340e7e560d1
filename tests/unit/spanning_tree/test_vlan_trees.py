"""VLAN trees: which ports are closed in a VLAN beside what the common tree has closed."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.spanning_tree.vlan_trees import VlanGround, by_switch, closed_in
from horizon_ryu.core.topology import Link, PortRef

VLAN = 10


def ref(dpid: int, number: int) -> PortRef:
    return PortRef(dpid, number)


def closed(
    segments: list[list[PortRef]],
    cables: Collection[tuple[PortRef, PortRef]] = (),
    unusable: Collection[PortRef] = (),
    fixed: Collection[PortRef] = (),
    shut: Collection[PortRef] = (),
) -> frozenset[PortRef]:
    ground = VlanGround(
        [Link(*ends) for ends in cables],
        lambda one: one not in unusable,
        lambda _vlan, one: one in fixed,
        lambda _vlan, one: one not in shut,
    )
    return closed_in(VLAN, segments, ground)


CABLE = (ref(1, 9), ref(2, 9))
TRUNK = [ref(1, 1), ref(2, 1)]


def test_beside_a_cable_one_port_is_closed_and_alone_none() -> None:
    assert closed([TRUNK], [CABLE]) == {ref(2, 1)}
    assert closed([TRUNK]) == frozenset()
    assert closed([[ref(1, 1), ref(1, 2), ref(1, 3)]]) == {ref(1, 2), ref(1, 3)}


def test_what_is_open_in_the_vlan_stays_open() -> None:
    assert closed([TRUNK], [CABLE], shut=[ref(1, 1)]) == {ref(1, 1)}


def test_what_the_common_tree_has_closed_makes_no_loop() -> None:
    assert closed([TRUNK], [CABLE], unusable=[ref(2, 1)]) == frozenset()


def test_what_a_lost_switch_has_open_cannot_be_closed() -> None:
    assert closed([TRUNK], [CABLE], fixed=[ref(2, 1)]) == {ref(1, 1)}


def test_segments_that_share_a_port_are_one() -> None:
    one, other = [ref(1, 1), ref(2, 1)], [ref(2, 1), ref(1, 2)]
    assert closed([one, other]) == {ref(1, 2)}


def test_a_link_with_an_end_in_a_segment_leads_into_it() -> None:
    # Without the port at the switch itself, the link is the way into the segment for both.
    assert closed([[CABLE[0], ref(1, 2)]], [CABLE]) == {ref(1, 2)}
    assert closed([[CABLE[0], ref(3, 1)]], [CABLE]) == frozenset()


def test_what_is_closed_is_told_by_switch() -> None:
    found = by_switch({10: [ref(1, 1), ref(1, 2), ref(2, 1)], 20: [ref(1, 1)]})
    assert found == {1: {10: {1, 2}, 20: {1}}, 2: {10: {1}}}


@given(st.data())
def test_each_vlan_tree_joins_what_can_be_joined_and_has_no_loop(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 6))
    free = {dpid: iter(range(1, 100)) for dpid in range(1, size + 1)}
    dpids = st.integers(1, size)
    cables, joined = [], DisjointSets()
    for one, other in data.draw(st.lists(st.tuples(dpids, dpids), max_size=8)):
        if joined.join(one, other):
            cables.append((ref(one, next(free[one])), ref(other, next(free[other]))))
    segments = [
        [ref(dpid, next(free[dpid])) for dpid in ends]
        for ends in data.draw(st.lists(st.lists(dpids, min_size=2, max_size=5), max_size=5))
    ]
    found = closed(segments, cables)
    without, everything = DisjointSets(), DisjointSets()
    for one, other in cables:
        without.join(one.dpid, other.dpid)
        everything.join(one.dpid, other.dpid)
    for node, ports in enumerate(segments, size + 1):
        for port in ports:
            everything.join(port.dpid, node)
            if port not in found:
                assert without.join(port.dpid, node), "no loop"
    for number in range(1, size + len(segments) + 1):
        same = [one for one in range(1, number) if everything.find(one) == everything.find(number)]
        assert all(without.find(one) == without.find(number) for one in same)
