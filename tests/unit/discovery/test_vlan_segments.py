"""Segments within one VLAN: trunks of others that drop what has no tag, as tagged probes find."""

from __future__ import annotations

from horizon_ryu.core.discovery import tagged_lldp
from horizon_ryu.core.topology import PortRef, Segment
from unit.discovery.heard_hosts import asks
from unit.discovery.small_network import KEY, SmallNetwork, both

A, B, C = 1, 2, 3
VLAN = 10


def trunked(*ends: tuple[int, int], vlans: tuple[int | None, ...] = (VLAN,)) -> SmallNetwork:
    """Three switches, a cable from port 4 of the first to port 4 of the second, and a trunk."""
    network = SmallNetwork()
    network.segment((A, 4), (B, 4))
    network.bridge(*ends, vlans=vlans)
    for dpid in (A, B, C):
        network.join(dpid)
    return network


def in_vlan(*ends: tuple[int, int], vlan: int | None = VLAN) -> Segment:
    return Segment(tuple(PortRef(*end) for end in ends), vlan)


def found(network: SmallNetwork) -> set[Segment]:
    network.collect()
    view = network.core.view()
    return set(view.vlan_segments) | set(view.segments.values())


def test_a_trunk_of_one_vlan_is_a_segment_in_it_once_somebody_is_heard_in_it_anywhere() -> None:
    network = trunked((A, 1), (B, 1))
    network.run(5.0)
    assert found(network) == set()
    assert network.tagged_sent == []
    asks(network, PortRef(C, 3), vlan=VLAN)
    network.run(2.0)
    assert found(network) == {in_vlan((A, 1), (B, 1))}
    network.run(60.0)
    assert found(network) == {in_vlan((A, 1), (B, 1))}
    told = ("segment", "vlan_segment", "alarm", "link_held")
    assert [kind for kind in network.kinds() if kind.startswith(told)] == ["vlan_segment_add"]
    assert network.links == both((A, 4), (B, 4))


def test_no_tagged_probe_leaves_over_links_of_ours_nor_in_vlans_that_nobody_uses() -> None:
    network = trunked((A, 1), (B, 1))
    asks(network, PortRef(C, 3), vlan=VLAN)
    network.run(30.0)
    assert {vlan for _, _, vlan in network.tagged_sent} == {VLAN}
    assert {PortRef(A, 4), PortRef(B, 4)}.isdisjoint(ref for _, ref, _ in network.tagged_sent)
    per_port = [ref for _, ref, _ in network.tagged_sent].count(PortRef(A, 1))
    assert 25 <= per_port <= 31


def test_a_trunk_that_passes_two_vlans_is_a_segment_in_each() -> None:
    network = trunked((A, 1), (B, 1), (C, 1), vlans=(10, 20))
    for vlan in (10, 20, 30):
        asks(network, PortRef(C, 3), vlan=vlan)
    network.run(10.0)
    ends = (A, 1), (B, 1), (C, 1)
    assert found(network) == {in_vlan(*ends, vlan=10), in_vlan(*ends, vlan=20)}


def test_a_bridge_that_passes_everything_is_a_segment_in_no_vlan_first() -> None:
    network = trunked((A, 1), (B, 1), vlans=(None, VLAN))
    network.run(1.0)
    assert found(network) == {in_vlan((A, 1), (B, 1), vlan=None)}
    asks(network, PortRef(C, 3), vlan=VLAN)
    network.run(10.0)
    ends = (A, 1), (B, 1)
    assert found(network) == {in_vlan(*ends, vlan=None), in_vlan(*ends)}


def test_a_vlan_that_passes_no_more_is_no_segment_any_more() -> None:
    network = trunked((A, 1), (B, 1))
    asks(network, PortRef(C, 3), vlan=VLAN)
    network.run(10.0)
    network.unplug((A, 1), (B, 1))
    network.run(30.0)
    assert found(network) == set()
    assert network.kinds()[-1] == "vlan_segment_delete"


def test_stations_of_the_vlan_behind_the_trunk_are_asked_before_it_is_believed() -> None:
    network = trunked((A, 1), (B, 1))
    asks(network, PortRef(A, 1), vlan=VLAN)
    network.run(0.5)
    assert "link_held" in network.kinds()
    assert found(network) == set()
    # Nobody answers, so that the probes are believed; the station was elsewhere, or is gone.
    network.run(10.0)
    assert found(network) == {in_vlan((A, 1), (B, 1))}


def test_what_is_replayed_forged_or_in_another_vlan_proves_nothing() -> None:
    network = trunked((A, 1), (B, 1))
    asks(network, PortRef(C, 3), vlan=VLAN)
    network.run(1.0)
    core, now = network.core, network.now
    network.core.port_changed(C, 2, None, now)
    frame = network.core._evidence.vlans.build(PortRef(A, 2), bytes(6), VLAN, now)
    retagged = frame[:14] + (20).to_bytes(2, "big") + frame[16:]
    assert network.hear(PortRef(B, 2), retagged) == "other_vlan"
    assert network.hear(PortRef(B, 2), frame[:12] + frame[16:]) == "other_vlan"
    assert network.hear(PortRef(C, 2), frame) == "port_down"
    forged = tagged_lldp.build(b"another key", A, 2, bytes(6), 1 << 61, VLAN)
    assert network.hear(PortRef(B, 2), forged) == "forged"
    unsent = tagged_lldp.build(KEY, A, 2, bytes(6), 1 << 60, VLAN)
    assert network.hear(PortRef(B, 2), unsent) == "unknown"
    assert network.hear(PortRef(A, 2), frame) == "beside"
    assert network.hear(PortRef(A, 2), frame) == "repeated"
    core.switch_joining(9, now)
    assert network.hear(PortRef(B, 2), frame) == "unsettled"
    core.switch_left(9, now)
    assert in_vlan((A, 2), (B, 2)) not in found(network)
    assert network.hear(PortRef(B, 3), frame) == "beside"
    assert in_vlan((A, 2), (B, 3)) in found(network)


def test_a_port_that_goes_down_is_forgotten_with_its_vlans() -> None:
    network = trunked((A, 1), (B, 1))
    asks(network, PortRef(C, 3), vlan=VLAN)
    network.run(10.0)
    network.core.port_changed(B, 1, None, network.now)
    assert found(network) == set()
