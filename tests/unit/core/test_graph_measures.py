"""Measures of a network as a graph: known graphs have known measures."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from horizon_ryu.core.errors import LimitExceeded
from horizon_ryu.core.graph_measures import MAX_MEASURED, MAX_THOROUGH, GraphMeasures, measure
from horizon_ryu.core.topology import Link, Port, PortRef, Switch, TopologyView

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
