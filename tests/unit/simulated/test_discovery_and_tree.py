"""The real Discovery and Spanning Tree in a simulated network, hybrid switches included.

Every view that Discovery publishes is compared with the cables that exist: a false link ends the
test at once (:class:`FalseLinkError`), as does a frame that passes a cable twice.
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
from simulator.chaos import Chaos
from simulator.full_controller import FullController
from simulator.network import Network, random_graph

pytestmark = pytest.mark.timeout(900)
"""A test takes up to a minute of a processor, of which a busy machine has little to give."""
LONGER = os.environ.get("HORIZON_SIMULATIONS")
OPENFLOW_10, OPENFLOW_13 = 1, 4
VERSIONS = st.sampled_from([(OPENFLOW_10,), (OPENFLOW_13,), (OPENFLOW_10, OPENFLOW_13)])
JOINING = 10.0
"""Seconds until everything is found, whatever hybrid switches relayed in the first moments."""


def simulated(count: int) -> settings:
    return settings(
        max_examples=int(LONGER or count),
        derandomize=LONGER is None,
        suppress_health_check=list(HealthCheck),
    )


def assert_quiet_and_right(network: Network, controller: FullController) -> None:
    assert frozenset(controller.view.links.values()) == network.live_links()
    assert set(controller.view.switches) == set(network.switches)
    for host in network.hosts:
        number = network.broadcast(host)
        network.clock.run(0.3)
        heard = {one.location: one.heard[number] for one in network.hosts}
        assert heard == {one.location: int(one in network.audience(host)) for one in network.hosts}


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(0, 6), VERSIONS)
@simulated(examples(10, 40))
def test_hybrid_switches_make_no_false_link_while_joining(
    seed: int, size: int, extra: int, versions: tuple[int, ...]
) -> None:
    network = Network(seed)
    random_graph(network, random.Random(seed), size, extra, versions, hybrid_share=0.8)
    controller = FullController(network)
    network.disturb(lldp_loss=0.3, lldp_delay=0.1)
    for dpid in network.switches:
        delay = network.chance.uniform(0, 3)
        network.clock.after(delay, partial(network.connect, dpid, controller))
    network.clock.run(JOINING)
    network.disturb(0.0, 0.0)
    network.clock.run(4)
    assert_quiet_and_right(network, controller)
    assert max(network.passes.values(), default=1) == 1
    assert controller.transactions.errors == []


@given(st.integers(0, 2**32), st.integers(2, 8), st.integers(0, 6), VERSIONS)
@simulated(examples(25, 120))
def test_no_false_link_and_no_storm_whatever_happens(
    seed: int, size: int, extra: int, versions: tuple[int, ...]
) -> None:
    network = Network(seed)
    network.hop_limit = 1
    chance = random.Random(seed)
    random_graph(network, chance, size, extra, versions, hybrid_share=0.3)

    def start(generation: int, memory: TreeMemory | None) -> FullController:
        return FullController(network, generation, memory=memory)

    chaos = Chaos(network, chance, start)
    network.disturb(lldp_loss=0.3, lldp_delay=0.05)
    for dpid in network.switches:
        network.connect(dpid, chaos.controller)
    network.clock.run(JOINING)
    for _ in range(12):
        chaos.strike()
        end = network.clock.now + chance.choice((0.01, 0.1, 1.0, 3.0))
        while network.clock.now < end:
            network.broadcast(chance.choice(network.hosts))
            network.clock.run(0.05)
    chaos.make_good()
    network.disturb(0.0, 0.0)
    network.clock.run(9)
    controller = chaos.controller
    assert isinstance(controller, FullController)
    assert_quiet_and_right(network, controller)
