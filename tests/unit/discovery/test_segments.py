"""Segments: bridges that are not ours between ports of ours, whether they pass LLDP or not."""

from __future__ import annotations

import pytest

from executed_lines import executed_lines
from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.segments import MAX_PENDING, SegmentTable
from horizon_ryu.core.spanning_tree.forest import Forest, Tree
from horizon_ryu.core.topology import Link, PortRef, Segment
from horizon_ryu.wire.messages import PacketIn
from unit.discovery.heard_hosts import asks
from unit.discovery.small_network import KEY, SmallNetwork, both, outgoing, port

A, B, C = 1, 2, 3


def bridged(*ends: tuple[int, int], passes_lldp: bool = False) -> SmallNetwork:
    """Three switches, a cable from port 4 of the first to port 4 of the second, and a bridge."""
    network = SmallNetwork()
    network.passes_lldp = passes_lldp
    network.segment((A, 4), (B, 4))
    network.bridge(*ends)
    for dpid in (A, B, C):
        network.join(dpid)
    return network


def segments(network: SmallNetwork) -> set[Segment]:
    network.collect()
    return set(network.core.view().segments.values())


def of(*ends: tuple[int, int]) -> Segment:
    return Segment(tuple(PortRef(*end) for end in ends))


def test_ports_that_hear_one_another_through_a_bridge_only_share_a_segment() -> None:
    network = bridged((A, 1), (B, 1))
    network.run(0.5)
    assert segments(network) == {of((A, 1), (B, 1))}
    assert network.links == both((A, 4), (B, 4))
    network.run(60.0)
    assert segments(network) == {of((A, 1), (B, 1))}
    kinds = network.kinds()
    assert [kind for kind in kinds if kind.startswith(("alarm", "segment"))] == ["segment_add"]


def test_two_ports_of_one_switch_share_a_segment_too() -> None:
    network = bridged((A, 1), (A, 2), (C, 3))
    network.run(0.5)
    assert segments(network) == {of((A, 1), (A, 2), (C, 3))}


def test_a_bridge_that_passes_lldp_is_a_segment_when_it_has_three_ports_of_ours() -> None:
    network = bridged((A, 1), (B, 1), (C, 1), passes_lldp=True)
    network.run(60.0)
    assert segments(network) == {of((A, 1), (B, 1), (C, 1))}
    assert network.links == both((A, 4), (B, 4))


def test_a_cable_is_no_segment_though_group_probes_pass_it_and_sends_none_once_known() -> None:
    network = bridged()
    network.run(30.0)
    assert segments(network) == set()
    assert not [kind for kind in network.kinds() if kind.startswith("segment")]
    assert PortRef(A, 4) not in {src for at, src in network.groups_sent if at > 1001.0}


def test_a_cable_whose_lldp_is_lost_once_is_no_segment_for_long() -> None:
    network = bridged()
    network.run(1.0)
    network.core.port_changed(A, 4, port(4, up=False), network.now)
    network.core.port_changed(A, 4, port(4), network.now)
    network.run(0.5)
    assert segments(network) == set()
    assert network.links == both((A, 4), (B, 4))


def test_one_direction_is_enough() -> None:
    network = bridged((A, 1), (B, 1))
    network.deaf = {PortRef(A, 1)}
    network.run(20.0)
    assert segments(network) == {of((A, 1), (B, 1))}


def test_a_segment_that_loses_a_port_is_another_and_one_port_alone_is_none() -> None:
    network = bridged((A, 1), (B, 1), (C, 1))
    network.run(0.5)
    network.core.port_changed(C, 1, port(1, up=False), network.now)
    assert segments(network) == {of((A, 1), (B, 1))}
    network.core.switch_left(B, network.now)
    assert segments(network) == set()
    assert network.kinds().count("segment_delete") == 2


def test_a_bridge_that_is_unplugged_without_a_sign_is_forgotten_by_silence() -> None:
    network = bridged((A, 1), (B, 1))
    network.run(5.0)
    network.unplug((A, 1), (B, 1))
    network.run(8.0)
    assert segments(network) == {of((A, 1), (B, 1))}
    network.run(12.0)
    assert segments(network) == set()


def test_a_bridge_that_comes_to_be_ours_is_a_switch_and_no_segment() -> None:
    network = SmallNetwork()
    network.segment((A, 1), (B, 1))
    network.segment((B, 2), (C, 1))
    network.hybrids[B] = (1, 2, 3, 4)
    network.join(A)
    network.join(C)
    network.run(3.0)
    network.kinds()
    del network.hybrids[B]
    network.join(B)
    network.run(5.0)
    assert segments(network) == set()
    assert network.links == both((A, 1), (B, 1)) | both((B, 2), (C, 1))
    network.run(20.0)
    assert segments(network) == set()


def test_group_probes_take_the_place_of_one_lldp_in_ten() -> None:
    network = bridged((A, 1), (B, 1))
    network.run(2.0)
    network.sent.clear()
    network.groups_sent.clear()
    network.run(20.0)
    ports = {src for _, src in network.groups_sent}
    assert PortRef(A, 1) in ports
    assert PortRef(A, 4) not in ports
    assert 18 * len(ports) <= len(network.groups_sent) <= 20 * len(ports)
    assert len(network.sent) <= 201 * len({src for _, src in network.sent})


@pytest.mark.parametrize("how", ["forged", "repeated", "unknown", "as LLDP"])
def test_a_host_makes_no_segment(how: str) -> None:
    network = bridged()
    network.run(1.0)
    network.kinds()
    frame = network.group_probe(A, 2)
    probe = lldp.parse(frame)
    assert probe is not None
    if how == "forged":
        frame = lldp.build(b"guessed", A, 2, bytes(6), probe.number, lldp.ANY_BRIDGE)
    elif how == "unknown":
        frame = lldp.build(KEY, A, 2, bytes(6), probe.number + 1000, lldp.ANY_BRIDGE)
    elif how == "as LLDP":
        frame = lldp.NEAREST_BRIDGE + frame[6:]
    else:
        assert network.hear(PortRef(A, 2), frame) == "beside"
    here = PortRef(A, 2) if how == "repeated" else PortRef(B, 3)
    outcome = network.hear(here, frame)
    assert outcome == ("unknown" if how == "as LLDP" else how)
    assert segments(network) == set()
    assert network.links == both((A, 4), (B, 4))


def test_stations_of_a_segment_are_at_one_of_its_ports_wherever_they_are_heard() -> None:
    network = bridged((A, 1), (B, 1))
    network.run(0.5)
    network.kinds()
    assert asks(network, PortRef(A, 1)) == ()
    assert asks(network, PortRef(B, 1)) == ()
    assert network.kinds() == ["host_add"]
    (host,) = network.core.view().hosts.values()
    assert host.location == PortRef(A, 1)


def test_stations_elsewhere_whose_frames_pass_a_segment_stay_where_they_are() -> None:
    network = bridged((A, 1), (B, 1))
    network.run(0.5)
    asks(network, PortRef(A, 3))
    network.kinds()
    assert asks(network, PortRef(B, 1)) == ()
    assert network.kinds() == []
    # By the tree its frames enter the segment at B: it is not heard there unless it has moved.
    network.core.tree_changed(crossing((B, 1), (C, 2)))
    assert len(asks(network, PortRef(B, 1))) == 1
    network.run(2.0)
    assert network.kinds() == ["host_move"]


def crossing(near: tuple[int, int], far: tuple[int, int]) -> Forest:
    """A tree of three switches: cables join the first two, a segment joins the last two."""
    cable = Link(PortRef(A, 4), PortRef(B, 4))
    links = (cable, cable.reversed())
    joint = (PortRef(*near), PortRef(*far))
    return Forest((Tree(A, (A, B, C), links),), joints=(joint,), _links=frozenset(links))


def test_stations_whose_frames_cross_a_segment_are_not_taken_to_have_moved_onto_it() -> None:
    network = bridged((B, 1), (C, 1))
    network.run(0.5)
    asks(network, PortRef(A, 3))
    network.kinds()
    network.core.tree_changed(crossing((B, 1), (C, 1)))
    assert asks(network, PortRef(C, 1)) == ()
    assert network.kinds() == []
    assert len(asks(network, PortRef(B, 1))) == 1


def test_stations_at_a_port_that_the_tree_closes_are_at_an_open_one_of_the_segment() -> None:
    network = bridged((A, 1), (B, 1), (C, 1))
    network.run(0.5)
    asks(network, PortRef(A, 1))
    network.kinds()
    network.core.tree_changed(crossing((B, 1), (C, 1)))
    assert network.kinds() == ["host_move"]
    (host,) = network.core.view().hosts.values()
    assert host.location == PortRef(B, 1)
    network.core.tree_changed(crossing((B, 1), (C, 1)))
    assert network.kinds() == []


def test_a_station_of_a_segment_is_heard_at_another_port_when_its_own_is_down() -> None:
    network = bridged((A, 1), (B, 1), (C, 1))
    network.run(0.5)
    asks(network, PortRef(A, 1))
    network.core.port_changed(A, 1, port(1, up=False), network.now)
    network.kinds()
    asks(network, PortRef(B, 1))
    assert network.kinds() == ["host_move"]


def test_the_frame_is_for_a_group_of_nobody_and_of_lldps_type() -> None:
    network = bridged()
    network.run(0.1)
    frame = network.group_probe(A, 2)
    assert frame[0] & 3 == 3, "a group, of local administration"
    assert lldp.is_lldp(frame)
    assert len(outgoing(next(iter(network.core.tick(network.now + 1))))[1]) >= 60
    heard = network.core.frame_in(PacketIn(A, 3, frame, buffer_id=7), network.now)
    assert heard.messages != ()


def test_what_is_heard_for_a_moment_only_is_no_segment() -> None:
    table = SegmentTable(lambda _one, _other: False)
    one, other = PortRef(A, 1), PortRef(B, 1)

    def heard(*times: float, at_once: bool = False) -> bool:
        for now in times:
            table.note(one, other, now, 2.5, at_once)
        table.take_changes()
        return one in table.segments

    # A switch of ours that somebody has relay, until the next audit.
    assert not heard(100.0, 101.0, 102.0)
    # The same once more, much later: not the same bridge all the time.
    assert not heard(160.0, 161.0, 162.0)
    assert heard(162.5, 163.1)
    table.remove_at(one)
    assert not heard(200.0)
    assert heard(200.1, at_once=True)


def test_pairs_that_are_not_believed_are_few_and_go() -> None:
    table = SegmentTable(lambda _one, _other: False)
    for number in range(MAX_PENDING + 10):
        table.note(PortRef(A, number), PortRef(B, number), 100.0, 2.5, False)
    assert len(table._pending) == MAX_PENDING
    table.remove_at(PortRef(A, 0))
    assert len(table._pending) == MAX_PENDING - 1
    table.idle(110.0, lambda _ref: 5.0)
    assert table._pending == {}


def test_a_port_that_goes_costs_its_own_pairs_only_however_many_are_pending() -> None:
    def cost(others: int) -> int:
        table = SegmentTable(lambda _one, _other: False)
        for number in range(others):
            table.note(PortRef(2, number), PortRef(3, number), 0.0, 1.0, False)
        table.note(PortRef(1, 1), PortRef(1, 2), 0.0, 1.0, False)
        table.note(PortRef(1, 1), PortRef(1, 3), 0.0, 1.0, False)
        lines = executed_lines(lambda: table.remove_at(PortRef(1, 1)))
        assert len(table._pending) == len(table._pending_at) // 2 == others
        return lines

    assert cost(MAX_PENDING - 2) == cost(10)


def test_what_is_suspected_and_shares_a_port_is_told_as_one_with_what_is_known() -> None:
    table = SegmentTable(lambda _one, _other: False, 10)
    one, two, three, four, five = (PortRef(A, number) for number in range(1, 6))
    table.note(one, two, 0.0, 2.5, at_once=True)
    table.note(two, three, 0.0, 2.5, at_once=False)
    table.note(four, five, 0.0, 2.5, at_once=False)
    table.take_changes()
    table.take_suspicions()
    assert sorted(table.joined()) == [Segment((one, two, three), 10), Segment((four, five), 10)]
    table.lapse(5.0)
    table.take_suspicions()
    assert table.joined() == [Segment((one, two), 10)]
