"""Bridges that are nobody's switches in a simulated network: no frame goes round, none is lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core import frames
from horizon_ryu.core.discovery.group_probes import GROUP_INTERVAL
from horizon_ryu.core.topology import PortRef
from simulator.full_controller import FullController
from simulator.network import Network, random_graph
from unit.simulated.heard_broadcasts import stations_hear_once

OPENFLOW_10, OPENFLOW_13 = 1, 4


def everybody_hears_once(network: Network, bridges: list[list[PortRef]]) -> None:
    """One broadcast of each host, on switches and on bridges, reaches every other one once."""
    stations_hear_once(network, [*network.hosts, *network.bridged_hosts.values()], bridges)


def started(network: Network) -> FullController:
    controller = FullController(network)
    for dpid in network.switches:
        network.connect(dpid, controller)
    # Even while ports are undecided nothing may go round.
    for _ in range(60):
        network.broadcast(network.hosts[0])
        network.clock.run(0.1)
    return controller


@pytest.mark.parametrize("openflow", [OPENFLOW_10, OPENFLOW_13])
def test_a_bridge_beside_a_cable_makes_no_storm(openflow: int) -> None:
    network = Network(1)
    for dpid in (1, 2):
        network.add_switch(dpid, openflow)
        network.add_host(dpid)
    cable = network.add_cable(1, 2)
    ends = network.add_bridge(1, 2)
    controller = started(network)
    assert controller.tree.forest().blocked == {ends[1]}
    assert controller.tree.settled()
    everybody_hears_once(network, [ends])
    network.unplug(cable)
    network.clock.run(1.0)
    assert controller.tree.forest().blocked == set()
    everybody_hears_once(network, [ends])
    network.plug(cable)
    network.clock.run(5.0)
    everybody_hears_once(network, [ends])
    assert max(network.passes.values()) == 1


def bridged(
    seed: int, size: int, bridges: int, versions: tuple[int, ...]
) -> tuple[Network, random.Random, list[list[PortRef]]]:
    """Return a random network with bridges at random switches, and the ends of each bridge."""
    network, chance = Network(seed), random.Random(seed)
    network.hop_limit = 1
    random_graph(network, chance, size, 2, versions)
    ends = [
        network.add_bridge(*(chance.randint(1, size) for _ in range(chance.randint(2, 4))))
        for _ in range(bridges)
    ]
    return network, chance, ends


@given(
    st.integers(0, 2**32),
    st.integers(2, 6),
    st.integers(0, 3),
    st.sampled_from([(OPENFLOW_10,), (OPENFLOW_13,), (OPENFLOW_10, OPENFLOW_13)]),
)
@settings(max_examples=examples(10, 25), derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_bridges_in_any_network_make_no_storm(
    seed: int, size: int, bridges: int, versions: tuple[int, ...]
) -> None:
    network, _chance, ends = bridged(seed, size, bridges, versions)
    started(network)
    everybody_hears_once(network, ends)


@given(
    st.integers(0, 2**32),
    st.integers(2, 6),
    st.integers(1, 3),
    st.sampled_from([(OPENFLOW_10,), (OPENFLOW_13,), (OPENFLOW_10, OPENFLOW_13)]),
)
@settings(max_examples=examples(10, 25), derandomize=True, suppress_health_check=list(HealthCheck))
def test_switches_that_lose_their_controller_at_bridges_make_no_storm(
    seed: int, size: int, bridges: int, versions: tuple[int, ...]
) -> None:
    network, chance, ends = bridged(seed, size, bridges, versions)
    controller = started(network)
    lost = chance.sample(range(1, size + 1), chance.randint(1, size - 1))
    for dpid in lost:
        network.channels[dpid].lose(chance.uniform(0, 0.8))
        broadcasts(network, chance, 20)
    for dpid in lost:
        network.connect(dpid, controller)
        broadcasts(network, chance, 20)
    broadcasts(network, chance, 60)
    everybody_hears_once(network, ends)


def broadcasts(network: Network, chance: random.Random, turns: int) -> None:
    """Have some host send every 0.1 s; nothing may go round."""
    for _ in range(turns):
        network.broadcast(chance.choice(network.hosts))
        network.clock.run(0.1)


def two_bridges(openflow: int) -> tuple[Network, FullController, list[PortRef], list[PortRef]]:
    """A running network of two switches, each with a bridge of others that nothing joins."""
    network = Network(3)
    for dpid in (1, 2):
        network.add_switch(dpid, openflow)
        network.add_host(dpid)
    network.add_cable(1, 2)
    near, far = network.add_bridge(1), network.add_bridge(2)
    controller = started(network)
    assert controller.tree.forest().blocked == set()
    return network, controller, near, far


def copies(network: Network, seconds: float) -> int:
    """Let what goes round go on for a while; return how many frames have left meanwhile."""
    before = sum(network.passes.values())
    network.clock.run(seconds)
    return sum(network.passes.values()) - before


@pytest.mark.parametrize("openflow", [OPENFLOW_10, OPENFLOW_13])
def test_a_cable_between_two_bridges_goes_round_until_the_next_probe_only(openflow: int) -> None:
    network, controller, near, far = two_bridges(openflow)
    network.watched, network.hop_limit = False, 100_000
    network.join_bridges(near, far)
    network.broadcast(network.hosts[0])
    assert copies(network, GROUP_INTERVAL + 0.5) > 0
    assert copies(network, 1.0) == 0, "one of the two ports is closed before it is a segment"
    assert controller.view.segments == {}
    assert len(controller.view.suspected) == 1
    assert not controller.tree.settled()
    network.watched, network.hop_limit = True, 1
    broadcasts(network, random.Random(1), 60)
    assert len(set(controller.view.segments.values())) == 1
    assert controller.view.suspected == ()
    everybody_hears_once(network, [near])


@pytest.mark.parametrize("openflow", [OPENFLOW_10, OPENFLOW_13])
def test_who_is_heard_at_both_ends_of_such_a_cable_makes_them_be_looked_at_at_once(
    openflow: int,
) -> None:
    network, _controller, near, far = two_bridges(openflow)
    station = network.bridged_hosts[near[0]]
    nobody = bytes.fromhex("0a000000ffff")
    says = frames.build_arp_reply(station.mac, b"\x0a\0\0\x09", nobody, b"\x0a\0\0\x08")
    network.send_from_bridge(near, says)
    network.clock.run(1.0)
    network.watched, network.hop_limit = False, 100_000
    network.join_bridges(near, far)
    network.broadcast(network.hosts[0])
    network.send_from_bridge(near, says)
    assert copies(network, 0.15) > 0
    assert copies(network, 1.0) == 0


@pytest.mark.parametrize("openflow", [OPENFLOW_10, OPENFLOW_13])
def test_a_cable_between_two_bridges_that_alone_joins_switches_closes_nothing(
    openflow: int,
) -> None:
    network = Network(4)
    network.hop_limit = 1
    for dpid in (1, 2):
        network.add_switch(dpid, openflow)
        network.add_host(dpid)
    near, far = network.add_bridge(1), network.add_bridge(2)
    controller = started(network)
    network.join_bridges(near, far)
    for _ in range(60):
        assert not controller.tree.forest().blocked
        assert controller.tree.open_ports(1) | controller.tree.open_ports(2)
        network.broadcast(network.hosts[0])
        network.clock.run(0.1)
    everybody_hears_once(network, [near])


def test_what_was_suspected_for_a_moment_only_opens_again() -> None:
    network, controller, near, far = two_bridges(OPENFLOW_13)
    network.watched, network.hop_limit = False, 100_000
    network.join_bridges(near, far)
    network.clock.run(1.5)
    assert controller.view.suspected
    network.part_bridges(near, far)
    network.clock.run(4.0)
    assert controller.view.suspected == ()
    assert controller.tree.settled()
    network.watched, network.hop_limit = True, 1
    everybody_hears_once(network, [near, far])
