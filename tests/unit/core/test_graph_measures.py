"""Measures of a network as a graph: known graphs have known measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from horizon_ryu.core.errors import LimitExceeded
from horizon_ryu.core.graph_measures import MAX_MEASURED, MAX_THOROUGH, GraphMeasures, measure
from horizon_ryu.core.topology import Link, Port, PortRef, Segment, Switch, TopologyView

Cable = tuple[int, int]


def network(switches: int, cables: Sequence[Cable], one_way: Sequence[Cable] = ()) -> TopologyView:
    """Each cable has ports of its own; those of ``one_way`` carry frames in one direction."""
    ports: dict[int, dict[int, Port]] = {dpid: {} for dpid in range(1, switches + 1)}
    links: dict[PortRef, Link] = {}
    for place, (one, other) in enumerate([*cables, *one_way]):
        ends = []
        for dpid in (one, other):
            number = len(ports[dpid]) + 1
            ports[dpid][number] = Port(number, f"p{number}", bytes(6), True)
            ends.append(PortRef(dpid, number))
        links[ends[0]] = Link(ends[0], ends[1])
        if place < len(cables):
            links[ends[1]] = Link(ends[1], ends[0])
    found = {dpid: Switch(dpid, "192.0.2.1:1", 4, own) for dpid, own in ports.items()}
    return TopologyView(1, found, links, {})


RING = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1)]
LINE = [(1, 2), (2, 3), (3, 4)]
BARBELL = [(1, 2), (2, 3), (3, 1), (3, 4), (4, 5), (5, 6), (6, 4)]


def cut(found: GraphMeasures) -> list[Cable]:
    return [(link.src.dpid, link.dst.dpid) for link in found.cut_cables]


def test_a_ring_has_nothing_to_lose_once() -> None:
    found = measure(network(5, RING), is_thorough=True)
    assert (found.switches, found.cables, found.parts) == (5, 5, ((1, 2, 3, 4, 5),))
    assert (found.cut_switches, found.cut_cables) == ((), ())
    assert (found.diameter, found.mean_distance) == (2, 1.5)
    assert (found.switch_connectivity, found.cable_connectivity) == (2, 2)
    assert len(set(found.betweenness.values())) == 1


def test_in_a_line_every_loss_splits() -> None:
    found = measure(network(4, LINE), is_thorough=True)
    assert (found.cut_switches, cut(found)) == ((2, 3), LINE)
    assert (found.diameter, round(found.mean_distance, 4)) == (3, 1.6667)
    assert (found.switch_connectivity, found.cable_connectivity) == (1, 1)
    assert found.betweenness[2] == found.betweenness[3] > found.betweenness[1] == 0


def test_the_bridge_of_a_barbell_is_found() -> None:
    found = measure(network(6, BARBELL))
    assert (found.cut_switches, cut(found), found.diameter) == ((3, 4), [(3, 4)], 3)
    assert (found.switch_connectivity, found.cable_connectivity, dict(found.betweenness)) == (
        *(None, None),
        {},
    )


def test_of_parallel_cables_one_can_be_lost() -> None:
    found = measure(network(2, [(1, 2), (1, 2), (1, 2)]), is_thorough=True)
    assert (found.cables, cut(found), found.cut_switches) == (3, [], ())
    assert (found.switch_connectivity, found.cable_connectivity) == (1, 3)


def test_parts_are_told_the_largest_first() -> None:
    found = measure(network(6, [(4, 5), (5, 6)]), is_thorough=True)
    assert found.parts == ((4, 5, 6), (1,), (2,), (3,))
    assert (found.diameter, found.cut_switches) == (2, (5,))
    assert (found.switch_connectivity, found.cable_connectivity) == (0, 0)


def test_a_cable_that_carries_one_direction_does_not_count() -> None:
    found = measure(network(2, [], one_way=[(1, 2)]))
    assert (found.cables, len(found.parts)) == (0, 2)


@pytest.mark.parametrize("is_thorough", [False, True])
def test_no_network_and_one_switch_are_measured(is_thorough: bool) -> None:
    assert measure(network(0, []), is_thorough) == GraphMeasures()
    one = measure(network(1, []), is_thorough)
    assert (one.switches, one.parts, one.diameter, one.mean_distance) == (1, ((1,),), 0, 0.0)


@pytest.mark.parametrize(("switches", "is_thorough"), [(MAX_MEASURED, False), (MAX_THOROUGH, True)])
def test_what_would_take_too_long_is_refused_with_a_way_out(
    switches: int, is_thorough: bool
) -> None:
    with pytest.raises(LimitExceeded, match="export the graph"):
        measure(network(switches + 1, []), is_thorough)


def joined(view: TopologyView, *segments: Sequence[int]) -> TopologyView:
    """Add segments between switches; each switch has a port of its own in each."""
    found = {}
    for number, dpids in enumerate(segments, 101):
        segment = Segment(tuple(PortRef(dpid, number) for dpid in dpids))
        found |= dict.fromkeys(segment.ports, segment)
    return replace(view, segments=found)


def test_a_segment_joins_what_cables_do_not_and_is_crossed_in_one_hop() -> None:
    found = measure(joined(network(4, [(1, 2), (3, 4)]), (2, 3)), is_thorough=True)
    assert (found.switches, found.cables, found.segments) == (4, 2, 1)
    assert found.parts == ((1, 2, 3, 4),)
    assert (found.cut_switches, cut(found)) == ((2, 3), [(1, 2), (3, 4)])
    assert [one.ports for one in found.cut_segments] == [(PortRef(2, 101), PortRef(3, 101))]
    assert found.cut_ports == (PortRef(2, 101), PortRef(3, 101))
    assert (found.diameter, round(found.mean_distance, 4)) == (3, 1.6667)
    assert (found.switch_connectivity, found.cable_connectivity) == (1, 1)
    line = measure(network(4, LINE), is_thorough=True)
    assert dict(found.betweenness) == pytest.approx(dict(line.betweenness))


def test_a_segment_beside_a_cable_is_no_loss() -> None:
    found = measure(joined(network(2, [(1, 2)]), (1, 2)), is_thorough=True)
    assert (found.cut_switches, cut(found), found.cut_segments, found.cut_ports) == ((), [], (), ())
    assert (found.diameter, found.switch_connectivity, found.cable_connectivity) == (1, 1, 2)


def test_a_segment_of_many_is_one_place_to_lose_and_a_port_of_it_one_switch() -> None:
    found = measure(joined(network(4, []), (1, 2, 3, 4)), is_thorough=True)
    assert len(found.cut_segments) == 1
    assert [ref.dpid for ref in found.cut_ports] == [1, 2, 3, 4]
    assert (found.cut_switches, found.diameter, found.mean_distance) == ((), 1, 1.0)
    assert (found.switch_connectivity, found.cable_connectivity) == (3, 1)
    assert set(found.betweenness.values()) == {0}


def test_two_segments_between_the_same_switches_need_two_losses() -> None:
    found = measure(joined(network(3, []), (1, 2, 3), (1, 2, 3)), is_thorough=True)
    assert (found.cut_segments, found.cut_ports, found.cable_connectivity) == ((), (), 2)


def test_a_segment_at_one_switch_or_of_strangers_joins_nothing() -> None:
    found = measure(joined(network(2, []), (1, 1), (1, 9)))
    assert (found.segments, found.parts) == (0, ((1,), (2,)))


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda it: it[0] != it[1])),
    st.lists(st.lists(st.integers(1, 6), min_size=2, max_size=4, unique=True), max_size=3),
)
@settings(max_examples=60)
def test_whatever_is_joined_losses_split_as_they_are_told(
    cables: list[Cable], segments: list[list[int]]
) -> None:
    view = joined(network(6, cables), *segments)
    found = measure(view, is_thorough=True)
    parts = len(found.parts)

    def without(dpids: set[int], refs: set[PortRef]) -> int:
        kept = {ref: one for ref, one in view.links.items() if not {ref, one.dst} & refs}
        left = {}
        for segment in set(view.segments.values()):
            ports = tuple(ref for ref in segment.ports if ref not in refs)
            left |= dict.fromkeys(ports, Segment(ports))
        kept = {ref: one for ref, one in kept.items() if not {ref.dpid, one.dst.dpid} & dpids}
        switches = {dpid: one for dpid, one in view.switches.items() if dpid not in dpids}
        return len(measure(TopologyView(1, switches, kept, {}, left)).parts)

    for dpid in range(1, 7):
        assert (without({dpid}, set()) > parts) == (dpid in found.cut_switches)
    for ref, link in view.links.items():
        told = {link, link.reversed()} & set(found.cut_cables)
        assert (without(set(), {ref, link.dst}) > parts) == bool(told)
    for ref, segment in view.segments.items():
        assert (without(set(), {ref}) > parts) == (ref in found.cut_ports)
        assert (without(set(), set(segment.ports)) > parts) == (segment in found.cut_segments)
