"""Hosts that relay what they hear, in simulated networks: no false link, no storm, no cut."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core.discovery.lldp import is_lldp
from horizon_ryu.core.topology import Segment
from simulator.full_controller import FullController
from simulator.network import HostRelay, Network, Station, random_graph

OPENFLOW_10, OPENFLOW_13 = 1, 4


def everything(_data: bytes) -> bool:
    return True


def nothing(_data: bytes) -> bool:
    return False


def settled(network: Network) -> FullController:
    controller = FullController(network)
    for dpid in network.switches:
        network.connect(dpid, controller)
    network.clock.run(8.0)
    return controller


def each_hears_once(network: Network, stations: list[Station]) -> None:
    """One broadcast of each of these reaches each other one once."""
    for sender in stations:
        number = network.broadcast(sender)
        network.clock.run(0.3)
        heard = {one.mac: one.heard[number] for one in stations}
        assert heard == {one.mac: int(one is not sender) for one in stations}


def honest(network: Network, relay: HostRelay) -> list[Station]:
    return [host for host in network.hosts if host not in relay.hosts]


def built(seed: int, size: int, versions: tuple[int, ...]) -> tuple[Network, HostRelay]:
    network, chance = Network(seed), random.Random(seed)
    network.hop_limit = 1
    random_graph(network, chance, size, 2, versions)
    relay = network.add_relay(*(chance.sample(range(1, size + 1), 2)))
    return network, relay


VERSIONS = st.sampled_from([(OPENFLOW_10,), (OPENFLOW_13,), (OPENFLOW_10, OPENFLOW_13)])
FEW = settings(
    max_examples=examples(8, 20), derandomize=True, suppress_health_check=list(HealthCheck)
)


@given(st.integers(0, 2**32), st.integers(2, 6), VERSIONS)
@FEW
def test_who_relays_probes_gets_no_link_and_cuts_nobody_off(
    seed: int, size: int, versions: tuple[int, ...]
) -> None:
    network, relay = built(seed, size, versions)
    controller = settled(network)
    network.greet(relay)
    network.clock.run(0.1)
    assert len(controller.view.hosts) == 2
    blocked = controller.tree.forest().blocked
    relay.passes = is_lldp
    # A link between the hosts' ports would raise FalseLinkError.
    network.clock.run(20.0)
    assert controller.tree.forest().blocked == blocked
    assert controller.view.segments == {}
    assert [one.state for one in controller.view.held] == ["relayed"]
    each_hears_once(network, network.hosts)


@given(st.integers(0, 2**32), st.integers(2, 6), VERSIONS)
@FEW
def test_who_relays_everything_is_a_segment_and_draws_nothing_to_itself(
    seed: int, size: int, versions: tuple[int, ...]
) -> None:
    network, relay = built(seed, size, versions)
    controller = settled(network)
    network.greet(relay)
    network.clock.run(0.1)
    relay.passes = everything
    network.clock.run(3.0)
    ends = {host.location for host in relay.hosts}
    assert set(controller.view.segments.values()) == {Segment(tuple(sorted(ends)))}
    assert len(controller.tree.forest().blocked & ends) == 1, "links join all switches already"
    each_hears_once(network, honest(network, relay))
    # It stops, and is believed to have stopped a while later.
    relay.passes = nothing
    network.clock.run(60.0)
    each_hears_once(network, network.hosts)


@pytest.mark.parametrize("openflow", [OPENFLOW_10, OPENFLOW_13])
def test_who_relays_everything_after_probes_alone_goes_round_for_a_second_at_most(
    openflow: int,
) -> None:
    network, relay = built(7, 4, (openflow,))
    controller = settled(network)
    network.greet(relay)
    network.clock.run(0.1)
    relay.passes = is_lldp
    network.clock.run(5.0)
    relay.passes = everything
    network.clock.run(1.5)
    ends = {host.location for host in relay.hosts}
    assert len(controller.tree.forest().blocked & ends) == 1
    each_hears_once(network, honest(network, relay))
