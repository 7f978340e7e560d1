"""Discovery, Spanning Tree and Forwarding on real Open vSwitch switches.

Each network is full of loops; each is run with OpenFlow 1.0, 1.3 and both at once. What is shown:
the topology equals what was cabled, hosts reach each other without loss, and a broadcast arrives
at each host exactly once, before and after links and switches fail.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.shared_network import on, stage
from tools.controller_process import wait_until
from tools.lab import Cable, Lab
from topologies import openvswitch
from topologies.graphs import GraphHost

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


class AllPairs:
    """Pings between every two hosts, five a second, which neighbours ask about all the time."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        hosts = lab.graph.hosts
        for host in hosts:
            _doubt_neighbors(lab, host)
        lab.expect_no_loss()
        ping = ["ping", "-i", "0.2", "-W", "2"]
        self._jobs = {
            (one.name, other.name): lab.network.spawn(one.name, [*ping, other.ip])
            for one in hosts
            for other in hosts
            if one is not other
        }

    def go_on(self, answers: int) -> None:
        """Wait until every pair, or all that still hear anything, has as many answers more."""
        job = next(iter(self._jobs.values()))
        wanted = self._heard(job) + answers
        wait_until(lambda: self._heard(job) >= wanted, 60.0, "answers to pings")

    def _heard(self, job: int) -> int:
        return self._lab.network.output(job).count("bytes from")

    def lost(self) -> dict[tuple[str, str], int]:
        """Return how many answers each pair is without; end them all."""
        outputs = {
            pair: self._lab.network.interrupt(job).output for pair, job in self._jobs.items()
        }
        # The last request may still have been on its way when ping was interrupted.
        lost = {pair: _missing(output) - 1 for pair, output in outputs.items()}
        return {pair: count for pair, count in lost.items() if count > 0}


def _doubt_neighbors(lab: Lab, host: GraphHost) -> None:
    """Have a host ask after a second what it asks after half a minute otherwise."""
    settings = f"/proc/sys/net/ipv4/neigh/{host.interface}"
    quick = (
        f"echo 1000 > {settings}/base_reachable_time_ms; echo 1 > {settings}/delay_first_probe_time"
    )
    lab.network.run(host.name, ["sh", "-c", quick])


def _missing(output: str) -> int:
    found = re.search(r"(\d+) packets transmitted, (\d+) received", output)
    assert found is not None, output
    return int(found[1]) - int(found[2])


@contextmanager
def without_controller(bridge: str) -> Iterator[None]:
    """A switch that does not find its controller while the block runs."""
    connection = openvswitch.vsctl("get", "Bridge", bridge, "controller").strip().strip("[]")
    target = openvswitch.vsctl("get", "Controller", connection, "target").strip()
    openvswitch.vsctl("set", "Controller", connection, 'target="tcp:127.0.0.1:9"')
    try:
        yield
    finally:
        openvswitch.vsctl("set", "Controller", connection, f"target={target}")


@on("ring", *VERSIONS, n=5)
def test_established_pairs_lose_nothing_when_the_controller_is_killed(lab: Lab) -> None:
    lab.expect_true_topology()
    pairs = AllPairs(lab)
    pairs.go_on(10)
    lab.controller.stop(signal.SIGKILL)
    pairs.go_on(30)
    lab.controller.start()
    lab.expect_true_topology()
    lab.expect_holds_over()
    lab.expect_entries_of_one_run()
    pairs.go_on(10)
    assert pairs.lost() == {}


@on("ring", *VERSIONS, n=5)
def test_nor_when_one_switch_finds_the_new_controller_late(lab: Lab) -> None:
    """Later than all other entries would have been renewed, had nobody waited for it."""
    lab.expect_true_topology()
    pairs = AllPairs(lab)
    lab.controller.stop(signal.SIGKILL)
    late = lab.switches()[-1]
    others = set(lab.switches()) - {late}
    with without_controller(lab.graph.switch(late).name):
        lab.controller.start()
        lab.wait_until(lambda: lab.switches_seen() == others, 30.0, "all switches but one")
        pairs.go_on(30)
    lab.expect_true_topology()
    lab.expect_holds_over()
    lab.expect_entries_of_one_run()
    pairs.go_on(10)
    assert pairs.lost() == {}


@on("ring", *VERSIONS, n=5)
def test_a_lost_switch_that_is_plugged_in_again_makes_no_loop(lab: Lab) -> None:
    """It goes on forwarding, and takes all probes: ports to it look like those of hosts."""
    lab.expect_true_topology()
    lab.expect_tree_spans()
    lab.expect_holds_over()
    joined = [cable for cable in lab.cables_seen() if cable not in closed_cables(lab)]
    lost = next(dpid for dpid in lab.switches() if len(cables_at(dpid, joined)) == 2)
    cables = cables_at(lost, joined)
    with without_controller(lab.graph.switch(lost).name):
        others = set(lab.switches()) - {lost}
        lab.wait_until(lambda: lab.switches_seen() == others, 30.0, "all switches but one")
        for cable in cables:
            lab.cut(cable)
        lab.wait_until(lambda: is_settled(lab), 30.0, "the switch is given up")
        for cable in cables:
            lab.plug(cable)
        lab.wait_until(lambda: has_segments(lab), 30.0, "it is found")
        lab.wait_until(lambda: is_settled(lab), 60.0, "holds over")
        lab.expect_each_broadcast_once()
    lab.expect_true_topology()
    lab.expect_tree_spans()
    lab.expect_holds_over()
    lab.expect_each_broadcast_once()
    assert not has_segments(lab)


def cables_at(dpid: int, cables: Iterable[Cable]) -> list[Cable]:
    return [cable for cable in cables if any(end == dpid for end, _ in cable)]


def is_settled(lab: Lab) -> bool:
    return bool(lab.controller.get("/v1/spanning-tree")["settled"])


def closed_cables(lab: Lab) -> set[Cable]:
    """Return the cables that are not in the tree."""
    blocked = lab.controller.get("/v1/spanning-tree")["blocked"]
    ends = {(int(one["dpid"], 16), one["port_no"]) for one in blocked}
    return {cable for cable in lab.cables_seen() if not ends.isdisjoint(cable)}


def has_segments(lab: Lab) -> bool:
    return bool(lab.controller.get("/v1/topology").get("segments"))
