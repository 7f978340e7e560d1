"""Spanning Tree in a simulated network that is struck again and again.

Discovery is replaced by one that finds links with losses and in any order but never lies, so
what fails here is Spanning Tree's. ``HORIZON_SIMULATIONS`` in the environment
sets how many networks are tried, new ones each time.
"""

from __future__ import annotations

import os
import random
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core.spanning_tree.lost_switches import TreeMemory
from horizon_ryu.wire.messages import FlowCommand, FlowMod
from simulator.chaos import Chaos
from simulator.controller import OracleController
from simulator.network import Network, random_graph

pytestmark = pytest.mark.timeout(900)
"""A test takes up to a minute of a processor, of which a busy machine has little to give."""
LONGER = os.environ.get("HORIZON_SIMULATIONS")
OPENFLOW_10, OPENFLOW_13 = 1, 4
VERSIONS = st.sampled_from([(OPENFLOW_10,), (OPENFLOW_13,), (OPENFLOW_10, OPENFLOW_13)])
SIMULATED = settings(
    max_examples=int(LONGER or examples(40, 200)),
    derandomize=LONGER is None,
    suppress_health_check=list(HealthCheck),
)


def network_of(seed: int, size: int, extra: int, versions: tuple[int, ...]) -> Network:
    network = Network(seed)
    random_graph(network, random.Random(seed), size, extra, versions, hybrid_share=0.3)
    return network


def assert_each_broadcast_reaches_each_host_once(network: Network) -> None:
    for host in network.hosts:
        number = network.broadcast(host)
        network.clock.run(0.3)
        heard = {one.location: one.heard[number] for one in network.hosts}
        assert heard == {one.location: int(one in network.audience(host)) for one in network.hosts}


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(0, 7), VERSIONS)
@SIMULATED
def test_network_of_any_shape_is_served_as_switches_join(
    seed: int, size: int, extra: int, versions: tuple[int, ...]
) -> None:
    network = network_of(seed, size, extra, versions)
    controller = OracleController(network)
    controller.discovery.loss = 0.3
    for dpid in network.switches:
        delay = network.chance.uniform(0, 4)
        network.clock.after(delay, partial(network.connect, dpid, controller))
    network.clock.run(7)
    controller.discovery.loss = 0.0
    network.clock.run(4)
    assert frozenset(controller.view.links.values()) == network.live_links()
    assert len(controller.tree.forest().trees) == len(network.parts())
    assert_each_broadcast_reaches_each_host_once(network)
    assert max(network.passes.values(), default=1) == 1
    assert controller.transactions.errors == []


@given(st.integers(0, 2**32), st.integers(2, 8), st.integers(0, 6), VERSIONS)
@SIMULATED
def test_no_storm_ever_and_service_once_quiet(
    seed: int, size: int, extra: int, versions: tuple[int, ...]
) -> None:
    """Broadcasts go on while cables, switches and controllers come and go."""
    network = network_of(seed, size, extra, versions)
    network.hop_limit = 1
    chance = random.Random(seed)

    def start(generation: int, memory: TreeMemory | None) -> OracleController:
        controller = OracleController(network, generation, memory=memory)
        controller.discovery.loss = 0.3
        return controller

    chaos = Chaos(network, chance, start)
    for dpid in network.switches:
        network.connect(dpid, chaos.controller)
    network.clock.run(4)
    for _ in range(15):
        chaos.strike()
        end = network.clock.now + chance.choice((0.01, 0.1, 1.0, 3.0))
        while network.clock.now < end:
            network.broadcast(chance.choice(network.hosts))
            network.clock.run(0.05)
    chaos.make_good()
    controller = chaos.controller
    assert isinstance(controller, OracleController)
    controller.discovery.loss = 0.0
    network.clock.run(8)
    assert frozenset(controller.view.links.values()) == network.live_links()
    assert_each_broadcast_reaches_each_host_once(network)


@given(st.integers(0, 2**32), st.integers(2, 8), st.integers(0, 6), VERSIONS)
@SIMULATED
def test_what_others_delete_comes_back_without_a_loop_on_the_way(
    seed: int, size: int, extra: int, versions: tuple[int, ...]
) -> None:
    """Broadcasts go on while entries and groups vanish and cables come and go."""
    network = Network(seed)
    random_graph(network, random.Random(seed), size, extra, versions)
    network.hop_limit = 1
    chance = random.Random(seed)
    chaos = Chaos(network, chance, lambda generation, memory: OracleController(network, generation))
    for dpid in network.switches:
        network.connect(dpid, chaos.controller)
    network.clock.run(4)
    for _ in range(8):
        harm(network, chance)
        if chance.random() < 0.3:
            chance.choice((chaos.cut, chaos.restore))()
        end = network.clock.now + chance.choice((0.01, 0.1, 1.0, 2.5))
        while network.clock.now < end:
            network.broadcast(chance.choice(network.hosts))
            network.clock.run(0.05)
    network.clock.run(5)
    assert_each_broadcast_reaches_each_host_once(network)


def harm(network: Network, chance: random.Random) -> None:
    """Delete what somebody could delete on a switch: everything, the groups or one entry."""
    switch = network.switches[chance.choice(sorted(network.switches))]
    kind = chance.choice(("flows", "groups", "both", "entry"))
    if kind in ("flows", "both"):
        switch.delete_flows()
    if kind in ("groups", "both"):
        switch.delete_groups()
    entries = switch.entries()
    if kind == "entry" and entries:
        one = chance.choice(entries)
        command = FlowCommand.DELETE_STRICT
        switch.apply(FlowMod(command, one.match, one.priority, one.cookie))
