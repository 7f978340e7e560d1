"""Links where hosts are known: held, and believed only if nothing speaks against them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core import frames
from horizon_ryu.core.discovery.host_questions import PROBER
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.discovery.link_trials import MOST_AT_PORT, TrialLimits
from horizon_ryu.core.topology import Host, Link, PortRef, Segment
from horizon_ryu.wire.messages import DropBuffered, PacketIn
from unit.discovery.small_network import port
from unit.discovery.trial_network import (
    ALICE,
    BOB,
    CABLE,
    Inhabitant,
    P,
    Passes,
    Q,
    TrialNetwork,
    everything,
    probes_only,
    swallows_lldp,
)

BETWEEN = {Segment((P, Q))}


@pytest.fixture
def network() -> TrialNetwork:
    return TrialNetwork()


def alarms(network: TrialNetwork) -> list[str]:
    return [kind for kind in network.kinds() if kind.startswith("alarm")]


# ---- relayed probes


def test_lldp_relayed_between_ports_with_hosts_makes_no_link(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.live(BOB, 2, Q)
    network.kinds()
    network.passes, network.delay = probes_only, 0.020
    network.run(0.5)
    assert network.held == ["asking"]
    network.run(120.0)
    assert not network.are_linked
    assert network.segments == set()
    assert network.held == ["relayed"]
    kinds = network.kinds()
    assert kinds.count("link_held") == 2, "asking, then relayed: and no more of it"
    assert {kind for kind in kinds if kind.startswith("alarm")} == {"alarm_relayed_link"}
    assert 1 <= kinds.count("alarm_relayed_link") <= 3
    assert network.core.locate(ALICE) == P
    assert network.core.locate(BOB) == Q


def test_the_alarm_names_both_ports_and_where_a_host_answered(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(2.0)
    (alarm,) = [change for change in network.changes if change.kind == "alarm_relayed_link"]
    assert isinstance(alarm.subject, Link)
    assert set(alarm.subject) == {P, Q}
    assert alarm.port in (P, Q)


def test_one_honest_host_beside_the_liar_is_enough(network: TrialNetwork) -> None:
    network.live(BOB, 2, P).answers = False
    network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(5.0)
    assert network.held == ["relayed"]


def test_relayed_group_probes_make_no_segment_and_cut_nobody_off(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.passes = lambda data: probes_only(data) and swallows_lldp(data)
    network.run(30.0)
    assert network.segments == set()
    assert not network.are_linked
    assert network.held == ["relayed"]


def test_who_begins_to_relay_broadcasts_is_a_segment_a_second_later(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(5.0)
    network.passes = everything
    network.run(1.1)
    assert network.segments == BETWEEN
    assert network.held == []
    assert not network.are_linked


def test_who_stops_to_relay_them_is_none_any_more(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.passes = everything
    network.run(5.0)
    assert network.segments == BETWEEN
    network.kinds()
    network.passes = probes_only
    network.run(40.0)
    assert network.segments == set()
    assert network.held == ["relayed"]
    assert not network.are_linked


def test_nothing_is_held_any_more_when_the_probes_stop(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(5.0)
    network.passes = lambda _data: False
    network.run(15.0)
    assert network.held == []
    assert not network.core.trials
    assert network.kinds()[-1] == "link_released"


def test_a_pinned_host_need_not_answer(network: TrialNetwork) -> None:
    network.core.pin_host(Host(ALICE, ("10.0.0.1",), P))
    network.passes = probes_only
    network.run(5.0)
    assert network.held == ["relayed"]


# ---- what is slow


def test_a_link_slower_than_the_known_ones_allow_is_none(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P).answers = False
    network.passes, network.delay = probes_only, 0.020
    network.kinds()
    network.run(5.0)
    assert network.held == ["slow"]
    assert alarms(network) == ["alarm_slow_link"]


def test_a_slow_way_that_passes_broadcasts_is_a_segment(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P).answers = False
    network.passes, network.delay = everything, 0.020
    network.kinds()
    network.run(5.0)
    assert not network.are_linked
    assert network.segments == BETWEEN
    assert alarms(network) == ["alarm_slow_link"]


def test_the_latency_bound_can_be_put_off() -> None:
    network = TrialNetwork(DiscoveryLimits(trials=TrialLimits(latency_factor=0.0)))
    network.live(ALICE, 1, P).answers = False
    network.passes, network.delay = everything, 0.020
    network.run(5.0)
    assert network.are_linked


# ---- honest links


def test_a_switch_plugged_in_where_a_host_was_is_believed_after_the_hold(
    network: TrialNetwork,
) -> None:
    network.live(ALICE, 1, P).answers = False
    network.passes = everything
    network.run(0.9)
    assert not network.are_linked
    network.run(0.4)
    assert network.core.view().links[P] == Link(P, Q)
    assert network.core.view().links[Q] == Link(Q, P)
    assert network.core.locate(ALICE) is None
    assert network.segments == set()
    assert network.held == []
    assert network.core.trials.counts == {"begun": 1, "cleared": 1}


def test_while_it_is_held_a_way_for_broadcasts_is_a_segment_at_once(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P).answers = False
    network.passes = everything
    network.run(0.15)
    assert network.segments == BETWEEN, "or it would be a loop until the hosts had their time"


def test_where_no_host_is_known_a_link_is_believed_at_once(network: TrialNetwork) -> None:
    network.passes = everything
    network.run(0.15)
    assert network.are_linked
    assert network.core.trials.counts == {}
    assert not [data for _, data in network.sent if not probes_only(data)]


def test_a_known_link_is_not_held_though_a_frame_came_first(network: TrialNetwork) -> None:
    for end in CABLE:
        network.core.port_changed(*end, port(1, up=False), network.now)
        network.core.port_changed(*end, port(1), network.now)
    network.run(0.05)
    assert network.core.view().links[CABLE[0]] == Link(*CABLE)


def test_the_hold_can_be_switched_off() -> None:
    network = TrialNetwork(DiscoveryLimits(trials=TrialLimits(hold=0.0)))
    network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(0.2)
    assert network.are_linked


def test_a_host_that_leaves_lets_the_link_be_found_soon(network: TrialNetwork) -> None:
    alice = network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(5.0)
    alice.answers = False
    network.passes = everything
    network.run(1.1)
    # It passes broadcasts: a segment; it becomes a cable when a port goes down and up.
    assert network.segments == BETWEEN
    network.core.port_changed(*P, port(2, up=False), network.now)
    network.core.port_changed(*P, port(2), network.now)
    network.run(1.5)
    assert network.are_linked


def test_refuted_pairs_are_tried_again(network: TrialNetwork) -> None:
    alice = network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(5.0)
    alice.answers = False
    network.run(12.0)
    assert network.are_linked, "whoever was there is gone"


# ---- bridges with hosts


@pytest.mark.parametrize("passes", [everything, swallows_lldp])
def test_a_bridge_with_hosts_between_two_ports_is_a_segment(
    network: TrialNetwork, passes: Passes
) -> None:
    network.live(ALICE, 1, P)
    network.kinds()
    network.passes = passes
    network.run(10.0)
    assert network.segments == BETWEEN
    assert not network.are_linked
    assert network.core.locate(ALICE) == P
    assert alarms(network) == (["alarm_relayed_link"] if passes is everything else [])
    network.run(100.0)
    assert network.segments == BETWEEN
    assert "segment_delete" not in network.kinds()


def test_its_hosts_may_sleep(network: TrialNetwork) -> None:
    alice = network.live(ALICE, 1, P)
    network.passes = everything
    network.run(3.0)
    alice.answers = False
    network.run(60.0)
    assert network.segments == BETWEEN


def test_broadcasts_are_tried_in_the_vlans_of_the_hosts(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P, vlan=7)
    network.passes = lambda data: probes_only(data) or data[12:16] == b"\x81\x00\x00\x07"
    network.run(3.0)
    assert network.segments == BETWEEN


# ---- what else comes in


def test_no_frame_of_ours_is_forwarded_or_learned(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.live(BOB, 2, Q)
    network.passes = everything
    network.arrived.clear()
    network.run(5.0)
    sources = {data[6:12] for _, data in network.arrived}
    assert sources == {ALICE, BOB}, "their answers"
    assert set(network.core.view().hosts) == {ALICE, BOB}


def test_an_answer_that_was_heard_elsewhere_too_speaks_against_nothing(
    network: TrialNetwork,
) -> None:
    network.live(ALICE, 1, P).answers = False
    network.passes = everything
    network.run(0.3)
    # It has moved to another port, and its multicast comes through the new link.
    solicitation = b"\x33\x33\xff" + bytes.fromhex("000001") + ALICE + b"\x86\xdd" + bytes(60)
    network.hear(PortRef(1, 3), solicitation)
    network.hear(P, solicitation)
    network.run(1.2)
    assert network.are_linked


def test_a_check_that_comes_in_elsewhere_says_nothing(network: TrialNetwork) -> None:
    network.live(ALICE, 1, P)
    network.passes = probes_only
    network.run(3.0)
    sources = {ALICE, BOB, PROBER}
    checks = [
        data
        for src, data in network.sent
        if src == P and not probes_only(data) and data[6:12] not in sources
    ]
    network.hear(PortRef(2, 3), checks[-1])
    network.hear(P, checks[-1])
    network.run(2.0)
    assert network.held == ["relayed"]
    network.hear(Q, checks[-1])
    network.run(0.1)
    assert network.segments == BETWEEN


def test_one_port_has_few_trials_and_nobody_else_waits_for_them(network: TrialNetwork) -> None:
    trials = network.core.trials
    network.live(ALICE, 1, P)
    for number in range(100, 100 + 3 * MOST_AT_PORT):
        trials.judge(Link(P, PortRef(2, number)), 0.001, network.now)
    assert trials.counts["begun"] == MOST_AT_PORT


def test_a_frame_of_ours_that_a_switch_has_kept_is_dropped_there(network: TrialNetwork) -> None:
    question = frames.build_arp_probe(ALICE, PROBER, bytes((10, 0, 0, 1)))
    frame = frames.decode(question)
    assert frame is not None
    heard = network.core.own_frame(PacketIn(1, 3, question, buffer_id=7), frame, network.now)
    assert heard is not None
    assert [sent.message for sent in heard.messages] == [DropBuffered(7, 3)]


# ---- whatever happens


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["everything", "probes", "swallows", "nothing", "port", "silent", "talk"]
            ),
            st.floats(0.05, 8.0),
        ),
        max_size=8,
    )
)
@settings(max_examples=examples(10, 25), suppress_health_check=list(HealthCheck))
def test_ports_that_broadcasts_join_are_a_link_or_a_segment_whatever_was_before(
    steps: list[tuple[str, float]],
) -> None:
    network = TrialNetwork()
    people: list[Inhabitant] = [network.live(ALICE, 1, P), network.live(BOB, 2, Q)]
    kinds = {
        "everything": everything,
        "probes": probes_only,
        "swallows": swallows_lldp,
        "nothing": lambda _data: False,
    }
    for what, seconds in steps:
        if what in kinds:
            network.passes = kinds[what]
        elif what == "port":
            network.core.port_changed(*P, port(2, up=False), network.now)
            network.core.port_changed(*P, port(2), network.now)
        else:
            for person in people:
                person.answers = what == "talk"
        network.run(seconds)
        trials = network.core.trials
        assert len(network.held) <= 1
        assert bool(network.held) <= bool(trials)
    network.passes = everything
    network.run(6.0)
    assert network.are_linked or network.segments == BETWEEN
    for person in people:
        person.answers = True
    network.passes = probes_only
    if not network.are_linked:
        network.run(60.0)
        known = any(host.location in (P, Q) for host in network.core.view().hosts.values())
        assert not known or (network.segments == set() and not network.are_linked)
    network.passes = lambda _data: False
    network.run(40.0)
    assert not network.core.trials
    assert network.segments == set()
    assert not network.are_linked
