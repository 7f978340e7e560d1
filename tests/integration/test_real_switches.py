"""Discovery, Spanning Tree and Forwarding on real Open vSwitch switches.

Each network is full of loops; each is run with OpenFlow 1.0, 1.3 and both at once. What is shown:
the topology equals what was cabled, hosts reach each other without loss, and a broadcast arrives
at each host exactly once, before and after links and switches fail.
"""

from __future__ import annotations

import pytest

from tools.lab import Lab

pytestmark = [pytest.mark.slow, pytest.mark.integration]

VERSIONS = {"1.0": ("OpenFlow10",), "1.3": ("OpenFlow13",), "mixed": ("OpenFlow10", "OpenFlow13")}
NETWORKS = {
    "ring": ("ring", {"n": 5}),
    "torus": ("torus", {"rows": 3, "columns": 3}),
    "fattree": ("fattree", {"k": 4}),
    "fig3_6": ("fig3_6", {}),
}


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS.keys())
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_network_is_found_and_talks(lab: Lab, network, versions) -> None:
    name, arguments = network
    lab.build(name, versions, **arguments)
    lab.expect_true_topology()
    lab.expect_tree_spans()
    lab.expect_no_loss()
    lab.expect_each_broadcast_once()


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS.keys())
def test_a_cut_and_its_repair(lab: Lab, versions) -> None:
    lab.build("ring", versions, n=5)
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


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS.keys())
def test_a_switch_stops_and_starts(lab: Lab, versions) -> None:
    lab.build("ring", versions, n=5)
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


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS.keys())
def test_hosts_talk_on_while_the_controller_restarts(lab: Lab, versions) -> None:
    lab.build("ring", versions, n=5)
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
