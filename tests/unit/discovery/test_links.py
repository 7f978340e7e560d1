"""Links under hostile and awkward conditions: what is no cable never becomes one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import Link, PortRef, TopologyChange
from horizon_ryu.wire.messages import DropBuffered, Outgoing, PacketIn
from unit.discovery.small_network import KEY, SmallNetwork, both, outgoing, port, switch

A, B, C = 1, 2, 3


@pytest.fixture
def pair() -> SmallNetwork:
    network = SmallNetwork()
    network.segment((A, 1), (B, 1))
    network.join(A)
    network.join(B)
    return network


# ---- joining, leaving, changing


def test_a_link_is_known_the_moment_its_probe_is_heard(pair: SmallNetwork) -> None:
    pair.send(pair.core.tick(pair.now))
    assert pair.links == both((A, 1), (B, 1))
    assert [kind for kind in pair.kinds() if kind != "switch_join"] == ["link_add", "link_add"]


def test_a_leave_is_known_without_a_tick(pair: SmallNetwork) -> None:
    pair.run(0.5)
    pair.kinds()
    pair.core.switch_left(B, pair.now)
    assert pair.links == set()
    assert pair.kinds() == ["link_delete", "link_delete", "switch_leave"]
    assert set(pair.core.view().switches) == {A}


def test_leaving_twice_or_unknown_says_nothing(pair: SmallNetwork) -> None:
    pair.run(0.5)
    pair.kinds()
    pair.core.switch_left(99, pair.now)
    pair.core.switch_left(B, pair.now)
    pair.core.switch_left(B, pair.now)
    assert pair.kinds().count("switch_leave") == 1


def test_a_switch_that_comes_back_is_probed_anew(pair: SmallNetwork) -> None:
    pair.run(0.5)
    pair.core.switch_left(B, pair.now)
    pair.run(0.5)
    pair.join(B)
    pair.run(0.2)
    assert pair.links == both((A, 1), (B, 1))


def test_ports_come_and_go_with_their_kinds(pair: SmallNetwork) -> None:
    pair.run(0.5)
    pair.kinds()
    pair.core.port_changed(A, 9, port(9), pair.now)
    pair.core.port_changed(A, 9, port(9), pair.now)
    pair.core.port_changed(A, 9, port(9, up=False), pair.now)
    pair.core.port_changed(A, 9, None, pair.now)
    pair.core.port_changed(A, 9, None, pair.now)
    assert pair.kinds() == ["port_add", "port_modify", "port_delete"]


@pytest.mark.parametrize("number", [0, 0xFFFFFF01, 0xFFFFFFFD, 0xFFFFFFFF])
def test_reserved_ports_are_no_ports(pair: SmallNetwork, number: int) -> None:
    pair.core.port_changed(A, number, port(number), pair.now)
    pair.join(C, (1, number))
    pair.run(0.5)
    assert number not in pair.core.view().switches[A].ports
    assert set(pair.core.view().switches[C].ports) == {1}
    assert all(src.port_no != number for _, src in pair.sent)


def test_down_ports_are_not_probed_and_hear_nothing() -> None:
    network = SmallNetwork()
    network.segment((A, 1), (B, 1))
    network.join(A)
    described = switch(B, (1, 2))
    network.core.switch_joining(B, network.now)
    network.core.switch_ready(
        replace(described, ports={**described.ports, 1: port(1, up=False)}), network.now
    )
    network.run(1.0)
    assert network.links == set()
    assert PortRef(B, 1) not in {src for _, src in network.sent}
    assert set(network.outcomes) == {"port_down"}


def test_one_way_is_marked_until_the_other_is_heard(pair: SmallNetwork) -> None:
    pair.deaf.add(PortRef(A, 1))
    pair.run(0.5)
    (link,) = pair.links
    assert link == Link(PortRef(A, 1), PortRef(B, 1))
    assert not pair.core.view().is_bidirectional(link)
    pair.deaf.clear()
    pair.run(0.2)
    assert pair.links == both((A, 1), (B, 1))
    assert pair.core.view().is_bidirectional(link)


def test_parallel_cables_and_a_cable_to_oneself_are_kept_apart() -> None:
    network = SmallNetwork()
    network.segment((A, 1), (B, 1))
    network.segment((A, 2), (B, 2))
    network.segment((A, 3), (A, 4))
    network.join(A)
    network.join(B)
    network.run(0.5)
    assert network.links == (both((A, 1), (B, 1)) | both((A, 2), (B, 2)) | both((A, 3), (A, 4)))


def test_a_cable_that_is_replugged_is_followed_without_alarm(pair: SmallNetwork) -> None:
    pair.join(C)
    pair.run(1.0)
    pair.kinds()
    pair.unplug((A, 1), (B, 1))
    for dpid, up in ((A, False), (B, False), (A, True)):
        pair.core.port_changed(dpid, 1, port(1, up=up), pair.now)
    pair.segment((A, 1), (C, 1))
    pair.run(0.5)
    assert pair.links == both((A, 1), (C, 1))
    assert not [kind for kind in pair.kinds() if kind.startswith("alarm")]


# ---- forged, replayed, late, misplaced


def test_a_probe_of_another_key_is_forged(pair: SmallNetwork) -> None:
    pair.run(0.1)
    frame = lldp.build(b"guessed", A, 2, bytes(6), 1)
    assert pair.hear(PortRef(B, 2), frame) == "forged"


def test_a_probe_naming_another_port_is_forged(pair: SmallNetwork) -> None:
    frame = pair.probe(A, 2)
    probe = lldp.parse(frame)
    assert probe is not None
    lie = lldp.build(KEY, A, 3, bytes(6), probe.number)
    assert pair.hear(PortRef(B, 3), lie) == "unknown"
    body = frame[14:].replace((2).to_bytes(4, "big"), (3).to_bytes(4, "big"), 1)
    relabelled = frame[:14] + body
    assert lldp.parse(relabelled) == probe._replace(port_no=3)
    assert pair.hear(PortRef(B, 3), relabelled) == "forged"


def test_a_number_never_sent_is_unknown(pair: SmallNetwork) -> None:
    pair.run(0.1)
    frame = lldp.build(KEY, A, 2, bytes(6), 10**9)
    assert pair.hear(PortRef(B, 2), frame) == "unknown"


def test_a_replay_refreshes_nothing(pair: SmallNetwork) -> None:
    pair.run(0.5)
    pair.unplug((A, 1), (B, 1))
    frame = pair.probe(A, 1)
    pair.kinds()
    assert pair.hear(PortRef(B, 1), frame) == "new"
    end = pair.now + 40.0
    while pair.now < end:
        pair.run(0.2)
        pair.hear(PortRef(B, 1), frame)
    assert pair.links == set()


def test_a_late_probe_is_refused(pair: SmallNetwork) -> None:
    frame = pair.probe(A, 2)
    pair.run(5.5)
    assert pair.hear(PortRef(B, 2), frame) == "unknown"
    assert pair.links == both((A, 1), (B, 1))


def test_probes_under_way_are_void_when_their_port_goes_down(pair: SmallNetwork) -> None:
    frame = pair.probe(A, 2)
    pair.core.port_changed(A, 2, port(2, up=False), pair.now)
    pair.core.port_changed(A, 2, port(2), pair.now)
    assert pair.hear(PortRef(B, 2), frame) == "unknown"


def test_a_probe_at_an_unknown_switch_or_port_is_refused(pair: SmallNetwork) -> None:
    frame = pair.probe(A, 2)
    assert pair.hear(PortRef(99, 1), frame) == "port_down"
    assert pair.hear(PortRef(B, 77), frame) == "port_down"


@given(st.binary(max_size=120), st.integers(0, 5), st.integers(0, 70000))
def test_bytes_of_strangers_change_nothing(data: bytes, dpid: int, number: int) -> None:
    network = SmallNetwork()
    network.join(A)
    network.run(0.05)
    network.kinds()
    for frame in (data, lldp.NEAREST_BRIDGE + bytes(6) + lldp.ETHERTYPE + data):
        outcome = network.hear(PortRef(dpid, number), frame)
        assert outcome in {"foreign", "forged", "port_down"}
    assert network.kinds() == []


def test_whatever_it_is_the_switch_keeps_no_buffer(pair: SmallNetwork) -> None:
    for data in (pair.probe(A, 2), b"", lldp.ETHERTYPE * 40):
        heard = pair.core.frame_in(PacketIn(B, 2, data, buffer_id=5), pair.now)
        assert heard.messages == (Outgoing(B, DropBuffered(5, 2)),)
        assert pair.core.frame_in(PacketIn(B, 2, data), pair.now).messages == ()


# ---- hybrid switches (report 3.4, figure 3.6)


def relaying() -> SmallNetwork:
    """A - B - C, where B relays whatever it was not told to drop."""
    network = SmallNetwork()
    network.segment((A, 1), (B, 1))
    network.segment((B, 2), (C, 1))
    network.hybrids[B] = (1, 2, 3, 4)
    return network


def test_a_hybrid_switch_makes_no_false_link_while_it_joins() -> None:
    network = relaying()
    network.join(A)
    network.core.switch_joining(B, network.now)
    network.join(C)
    network.run(3.0)
    assert network.links == set()
    assert "unsettled" in network.outcomes
    del network.hybrids[B]
    network.core.switch_ready(switch(B, range(1, 5)), network.now)
    network.run(0.2)
    assert network.links == both((A, 1), (B, 1)) | both((B, 2), (C, 1))


def test_what_it_relayed_just_before_its_drop_is_void() -> None:
    network = relaying()
    network.join(A)
    network.join(C)
    network.core.switch_joining(B, network.now)
    relayed = dict(map(outgoing, network.core.tick(network.now + 0.2)))
    del network.hybrids[B]
    network.core.switch_ready(switch(B, range(1, 5)), network.now)
    assert network.hear(PortRef(C, 1), relayed[PortRef(A, 1)]) == "unsettled"
    assert network.links == set()


def test_a_relayed_probe_heard_twice_while_joining_blames_nobody() -> None:
    """B gives A's probe to C and to us: two places, and no shared segment."""
    network = relaying()
    network.segment((B, 3), (4, 1))
    network.join(A)
    network.join(C)
    network.join(4)
    network.core.switch_joining(B, network.now)
    network.run(1.0)
    assert "shared" in network.outcomes
    del network.hybrids[B]
    network.core.switch_ready(switch(B, range(1, 5)), network.now)
    network.run(0.2)
    assert network.links == (both((A, 1), (B, 1)) | both((B, 2), (C, 1)) | both((B, 3), (4, 1)))
    assert "alarm_shared_segment" not in network.kinds()


def test_known_links_live_on_while_another_switch_joins(pair: SmallNetwork) -> None:
    pair.run(1.0)
    pair.kinds()
    pair.core.switch_joining(C, pair.now)
    pair.run(40.0)
    assert pair.links == both((A, 1), (B, 1))
    assert pair.kinds() == []


def test_a_join_that_ends_in_nothing_frees_the_others(pair: SmallNetwork) -> None:
    pair.core.switch_joining(C, pair.now)
    pair.run(1.0)
    assert pair.links == set()
    pair.core.switch_left(C, pair.now)
    pair.run(0.2)
    assert pair.links == both((A, 1), (B, 1))


def test_a_drop_that_was_lost_and_restored_costs_no_link_and_makes_none() -> None:
    network = relaying()
    del network.hybrids[B]
    for dpid in (A, B, C):
        network.join(dpid)
    network.run(1.0)
    true = both((A, 1), (B, 1)) | both((B, 2), (C, 1))
    assert network.links == true
    network.kinds()
    network.core.switch_joining(B, network.now)
    network.hybrids[B] = (1, 2, 3, 4)
    network.run(0.9)
    del network.hybrids[B]
    network.core.drop_restored(B, network.now)
    network.run(1.0)
    assert network.links == true
    assert network.kinds() == []


# ---- shared segments


@pytest.mark.parametrize("interval", [0.05, 5.0])
def test_a_hub_is_no_link_however_slowly_it_is_probed(interval: float) -> None:
    network = SmallNetwork(DiscoveryTimers(lldp_interval=interval, link_max_idle=60.0))
    network.segment((A, 1), (B, 1), (C, 1))
    for dpid in (A, B, C):
        network.join(dpid)
    network.run(0.2)
    kinds = network.kinds()
    assert {PortRef(dpid, 1) for dpid in (A, B, C)} == {
        PortRef(dpid, 1) for dpid in (A, B, C) if network.core._evidence._links.is_shared(
            PortRef(dpid, 1), network.now)
    }  # fmt: skip
    assert kinds.count("alarm_shared_segment") == 3
    network.run(120.0)
    assert network.links == set()
    assert network.kinds().count("link_add") <= 2


def test_a_segment_that_is_a_cable_again_is_believed_again() -> None:
    network = SmallNetwork()
    network.segment((A, 1), (B, 1), (C, 1))
    for dpid in (A, B, C):
        network.join(dpid)
    network.run(1.0)
    network.unplug((C, 1))
    network.segment((A, 1), (B, 1))
    network.run(4.0)
    assert network.links == both((A, 1), (B, 1))


def test_a_second_neighbour_unmasks_the_first(pair: SmallNetwork) -> None:
    """A third station taps the cable: neither link is to be trusted."""
    pair.join(C)
    pair.run(1.0)
    pair.kinds()
    pair.segment((A, 1), (B, 1), (C, 1))
    pair.run(1.0)
    assert pair.links == set()
    assert "alarm_shared_segment" in pair.kinds()


# ---- time


def test_silence_ends_a_link_by_time_and_by_probes(pair: SmallNetwork) -> None:
    pair.core.set_timers(DiscoveryTimers(1.0, 0.5, 4.0), pair.now)
    pair.run(5.0)
    pair.unplug((A, 1), (B, 1))
    pair.run(2.5)
    assert len(pair.links) == 2
    pair.run(3.5)
    assert pair.links == set()


def test_where_rounds_are_slower_than_the_idle_time_links_stay(pair: SmallNetwork) -> None:
    pair.core.set_timers(DiscoveryTimers(20.0, 1.0, 10.0), pair.now)
    pair.run(1.0)
    pair.kinds()
    pair.run(300.0)
    assert pair.links == both((A, 1), (B, 1))
    assert pair.kinds() == []


@pytest.mark.parametrize("loss", [0.2, 0.5])
def test_losses_make_no_link_flap(loss: float) -> None:
    chance = random.Random(5)
    network = SmallNetwork()
    network.segment((A, 1), (B, 1))
    network.join(A)
    network.join(B)
    network.run(1.0)
    network.kinds()
    for _ in range(300):
        lost = chance.random() < loss
        network.deaf = {PortRef(A, 1), PortRef(B, 1)} if lost else set()
        network.run(0.4)
    assert network.kinds() == []


def test_an_hour_between_rounds_can_be_taken_back(pair: SmallNetwork) -> None:
    pair.run(1.0)
    pair.core.set_timers(DiscoveryTimers(3600.0, 3600.0, 3600.0), pair.now)
    pair.run(30.0)
    pair.core.set_timers(DiscoveryTimers(), pair.now)
    assert pair.core.timers == DiscoveryTimers()
    pair.sent.clear()
    pair.run(1.0)
    assert len(pair.sent) >= 8 * 9


@pytest.mark.parametrize(("total", "seconds"), [(2000.0, 30.0), (500.0, 60.0)])
def test_ten_thousand_ports_flap_no_link(total: float, seconds: float) -> None:
    """With 500 probes per second a round takes 20 s, twice the idle time of a link.

    Six rounds of the one and three of the other: what flaps at all does in the second.
    """
    network = SmallNetwork(limits=DiscoveryLimits(total_rate=total))
    switches, ports = 100, 100
    for dpid in range(1, switches + 1):
        for number in range(1, ports, 2):
            network.segment((dpid, number), (dpid % switches + 1, number + 1))
    for dpid in range(1, switches + 1):
        network.join(dpid, range(1, ports + 1))
    network.run(2.0)
    assert len(network.links) == 10_000
    network.kinds()
    network.sent.clear()
    network.run(seconds)
    assert network.kinds() == []
    assert len(network.sent) <= total * seconds * 1.01 + total
    assert len({src for _, src in network.sent}) == 10_000


# ---- views


def test_views_are_counted_and_share_what_did_not_change(pair: SmallNetwork) -> None:
    pair.run(1.0)
    pair.collect()
    before = pair.core.view()
    assert pair.core.take_changes() == ()
    assert pair.core.view() is before
    pair.core.port_changed(A, 4, port(4, up=False), pair.now)
    assert pair.core.changed
    assert pair.core.view() is before
    assert pair.core.take_changes() == (TopologyChange("port_modify", PortRef(A, 4)),)
    after = pair.core.view()
    assert after.version == before.version + 1
    assert after.links is before.links
    assert before.switches[A].ports[4].up
    assert not after.switches[A].ports[4].up


# ---- what is expected


def test_at_rest_every_probe_over_a_link_is_told_at_once(pair: SmallNetwork) -> None:
    pair.run(1.0)
    before, pair.expected = len(pair.outcomes), 0
    pair.run(2.0)
    heard = pair.outcomes[before:]
    assert pair.expected == len(heard) == heard.count("refreshed") > 20
    assert pair.kinds().count("link_delete") == 0


@pytest.mark.parametrize(
    ("place", "at", "changed"), [((B, 2), 0, 0), ((B, 1), 3, 1), ((B, 1), -3, 1), ((C, 1), 0, 0)]
)
def test_only_the_very_bytes_where_they_should_come_are_expected(
    pair: SmallNetwork, place: tuple[int, int], at: int, changed: int
) -> None:
    """Any other frame, and any other place, is judged as ever, and nothing has happened to it."""
    pair.run(1.0)
    frame = next(data for src, data in map(outgoing, probes_of(pair)) if src == PortRef(A, 1))
    other = bytearray(frame)
    other[at] ^= changed
    assert not pair.core.is_expected(*place, bytes(other), pair.now)
    assert pair.core.is_expected(B, 1, frame, pair.now)
    assert not pair.core.is_expected(B, 1, frame, pair.now), "it is told once"
    assert pair.hear(PortRef(B, 1), frame) == "repeated"


def test_what_is_too_old_replaced_or_of_a_port_that_was_down_is_not_expected(
    pair: SmallNetwork,
) -> None:
    pair.run(1.0)
    first, second = (
        next(data for src, data in map(outgoing, probes_of(pair)) if src == PortRef(A, 1))
        for _ in range(2)
    )
    assert not pair.core.is_expected(B, 1, first, pair.now)
    assert not pair.core.is_expected(B, 1, second, pair.now + 100.0)
    pair.core.port_changed(B, 1, port(1, up=False), pair.now)
    assert not pair.core.is_expected(B, 1, second, pair.now)
    assert pair.hear(PortRef(B, 1), second) == "port_down"


def probes_of(network: SmallNetwork) -> list[Outgoing]:
    """Return what is due next, and let nobody hear it."""
    while True:
        network.now = max(network.now + 0.001, network.core.next_due(network.now))
        due = network.core.tick(network.now)
        if any(outgoing(one)[0] == PortRef(A, 1) for one in due):
            return due
