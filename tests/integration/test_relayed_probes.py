"""Hosts of real switches that relay what they hear: no link, no storm, and nobody is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from integration.shared_network import on
from tools.controller_process import wait_until
from tools.lab import Lab
from topologies.graphs import GraphHost

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

RELAY = Path(__file__).with_name("frame_relay.py")
PATIENCE = 30.0


@pytest.fixture(scope="module")
def make_lab() -> Callable[[Path], Lab]:
    return Lab


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    return shared_lab


def liars(lab: Lab) -> tuple[GraphHost, GraphHost]:
    """Return two hosts at different switches; Horizon knows all hosts afterwards."""
    one, other = lab.graph.hosts[:2]
    lab.expect_no_loss()
    known = {host["mac"] for host in topology(lab)["hosts"]}
    assert {one.mac, other.mac} <= known
    return one, other


@contextmanager
def relaying(lab: Lab, folder: Path, what: str, delay: float = 0.0) -> Iterator[None]:
    """Have two hosts relay what comes in to one another."""
    one, other = lab.graph.hosts[:2]
    ends = {one: other, other: one}
    jobs = []
    try:
        for host, peer in ends.items():
            sockets = [str(folder / name) for name in (host.name, peer.name)]
            command = ["/usr/bin/python3", str(RELAY), host.interface, *sockets, what, str(delay)]
            jobs.append(lab.network.spawn(host.name, command))
            lab.network.wait_for_output(jobs[-1], "relaying")
        yield
    finally:
        for job in jobs:
            lab.network.interrupt(job)


def topology(lab: Lab) -> Any:
    return lab.controller.get("/v1/topology")


def held(lab: Lab) -> list[str]:
    return [link["state"] for link in topology(lab).get("held_links", [])]


def ends_of(lab: Lab) -> set[tuple[int, int]]:
    return {(host.dpid, host.port) for host in lab.graph.hosts[:2]}


def warnings(lab: Lab) -> list[str]:
    return [line for line in lab.controller.log().splitlines() if "no link is believed" in line]


@pytest.mark.parametrize("delay", [0.0, 0.020])
@on("ring", "1.0", "1.3", n=4)
def test_relayed_probes_make_no_link_and_cut_nobody_off(
    lab: Lab, tmp_path: Path, delay: float
) -> None:
    liars(lab)
    truth = lab.cables_seen()
    blocked = lab.controller.get("/v1/spanning-tree")["blocked"]
    before = len(warnings(lab))
    with relaying(lab, tmp_path, "probes", delay):
        wait_until(lambda: held(lab) == ["relayed"], PATIENCE, "the relay is found out")
        assert lab.cables_seen() == truth
        assert lab.controller.get("/v1/spanning-tree")["blocked"] == blocked
        lab.expect_no_loss()
        lab.expect_each_broadcast_once()
        assert lab.cables_seen() == truth
        assert held(lab) == ["relayed"]
        # Told once a minute: that may have been for the test before.
        assert 1 <= len(warnings(lab)) <= before + 1
        assert "probes are relayed" in warnings(lab)[-1]
    wait_until(lambda: held(lab) == [], PATIENCE, "nothing is held any more")
    lab.expect_no_loss()


@on("ring", "1.0", "1.3", n=4)
def test_who_relays_everything_makes_no_storm_and_gets_no_link(lab: Lab, tmp_path: Path) -> None:
    liars(lab)
    truth = lab.cables_seen()
    honest = lab.graph.hosts[2:]

    def closed() -> int:
        found = lab.controller.get("/v1/spanning-tree")["blocked"]
        return len({(int(end["dpid"], 16), end["port_no"]) for end in found} & ends_of(lab))

    with relaying(lab, tmp_path, "everything"):
        wait_until(lambda: closed() == 1, PATIENCE, "one of the two ports closes")
        assert lab.cables_seen() == truth
        lab.expect_no_loss(honest)
        lab.expect_each_broadcast_once(honest)
    wait_until(lambda: closed() == 0, 2 * PATIENCE, "both ports are open again")
    lab.expect_holds_over()
    # Of the two liars one was at the other's port for the time being.
    everybody = [host.name for host in lab.graph.hosts]
    wait_until(lambda: not lab.network.ping_all(everybody).lost, PATIENCE, "all are reached")


@on("ring", "1.0", "1.3", n=4)
def test_a_cable_where_hosts_were_is_a_link_after_the_hold(lab: Lab, tmp_path: Path) -> None:
    gone = liars(lab)
    truth = lab.cables_seen()
    for host in gone:
        lab.network.run(host.name, ["ip", "link", "set", host.interface, "arp", "off"])
    try:
        with relaying(lab, tmp_path, "everything"):
            new = {frozenset(ends_of(lab))}
            wait_until(lambda: lab.cables_seen() == truth | new, PATIENCE, "the cable is found")
            assert held(lab) == []
            assert not {host["mac"] for host in topology(lab)["hosts"]} & {
                host.mac for host in gone
            }
    finally:
        for host in gone:
            lab.network.run(host.name, ["ip", "link", "set", host.interface, "arp", "on"])
    wait_until(lambda: lab.cables_seen() == truth, 2 * PATIENCE, "the cable is gone")
    lab.expect_holds_over()
    lab.expect_no_loss()
