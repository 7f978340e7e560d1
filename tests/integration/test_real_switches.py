"""Discovery, Spanning Tree and Forwarding on real Open vSwitch switches.

Each network is full of loops; each is run with OpenFlow 1.0, 1.3 and both at once. What is shown:
the topology equals what was cabled, hosts reach each other without loss, and a broadcast arrives
at each host exactly once, before and after links and switches fail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integration.shared_network import on, stage
from tools.lab import Lab

pytestmark = [pytest.mark.slow, pytest.mark.integration]

VERSIONS = ("1.0", "1.3", "mixed")
NETWORKS = [
    *(stage("ring", version, n=5) for version in VERSIONS),
    *(stage("torus", version, rows=3, columns=3) for version in VERSIONS),
    *(stage("fattree", version, k=4) for version in VERSIONS),
    *(stage("fig3_6", version) for version in VERSIONS),
]


@pytest.fixture(scope="module")
def make_lab() -> Callable[[Path], Lab]:
    return Lab


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    return shared_lab


@pytest.mark.parametrize("staged", NETWORKS, ids=str, indirect=True)
def test_network_is_found_and_talks(lab: Lab) -> None:
    lab.expect_true_topology()
    lab.expect_tree_spans()
    lab.expect_no_loss()
    lab.expect_each_broadcast_once()


@on("ring", *VERSIONS, n=5)
def test_a_cut_and_its_repair(lab: Lab) -> None:
    lab.expect_true_topology()
    lab.expect_no_loss()
    # The topology is true at once; the tree follows in two confirmed phases.
    edge = lab.tree_edge()
    lab.cut(edge)
    lab.expect_true_topology()
    lab.expect_holds_over()
    lab.expect_no_loss()
    lab.expect_each_broadcast_once()
    lab.restore(edge)
    lab.expect_true_topology()
    lab.expect_holds_over()
    lab.expect_no_loss()
    lab.expect_each_broadcast_once()


@on("ring", *VERSIONS, n=5)
def test_a_switch_stops_and_starts(lab: Lab) -> None:
    lab.expect_true_topology()
    switch = lab.switches()[2]
    lab.stop_switch(switch)
    lab.expect_true_topology()
    lab.expect_holds_over()
    lab.expect_no_loss()
    lab.start_switch(switch)
    lab.expect_true_topology()
    lab.expect_holds_over()
    lab.expect_no_loss()
    lab.expect_each_broadcast_once()


@on("ring", *VERSIONS, n=5)
def test_hosts_talk_on_while_the_controller_restarts(lab: Lab) -> None:
    lab.expect_true_topology()
    lab.expect_no_loss()
    with lab.pinging() as pings:
        lab.restart_controller()
        lab.expect_true_topology()
        lab.expect_tree_spans()
        lab.expect_holds_over()
        lab.expect_entries_of_one_run()
    assert pings.sent > 20
    assert pings.lost == 0
    lab.expect_no_loss()
    lab.expect_each_broadcast_once()
