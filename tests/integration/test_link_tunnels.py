"""Virtual links over several physical hops: a tunnel comes and goes with the router."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from migration_lab import MigrationLab, Traffic, pause, until
from network_namespace import NetworkNamespace
from xen_bridge.protocol.documents.domains import DeleteDomain
from xen_bridge.protocol.documents.migration import AbortMigration
from xen_bridge.protocol.documents.planes import ListPlanes

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigrationLab]:
    with MigrationLab(tmp_path_factory.mktemp("lab"), routed=True) as made:
        yield made


@pytest.fixture
def lab(built: MigrationLab) -> Iterator[MigrationLab]:
    """Two hosts with a router between them, and a virtual router at the first."""
    with built.router():
        yield built
    until(lambda: not any(map(tunnels, (built, built), (0, 1))), "no tunnel is left")


def links(lab: MigrationLab, host: int) -> dict[str, int]:
    """Return the links of a host, each with its MTU."""
    rows = lab.hosts[host].namespace.ip_json("link")
    return {row["ifname"]: int(row["mtu"]) for row in rows}


def tunnels(lab: MigrationLab, host: int) -> list[str]:
    """Return what a host has of tunnels: the bridges, at the second."""
    bridges = ("to1", "to2") if host else ()
    return [name for name in links(lab, host) if name.startswith("hzt") or name in bridges]


def router_mtus(lab: MigrationLab, host: int) -> set[int]:
    """Return the MTUs that the router itself believes in."""
    space = NetworkNamespace()
    space.name = f"hz-{lab.hosts[host].name}-r1"
    return {int(row["mtu"]) for row in space.ip_json("link") if row["ifname"] != "lo"}


def longest(lab: MigrationLab, size: int) -> bool:
    """Tell whether a packet of so many bytes comes through that nobody may fragment."""
    command = ("ping", "-c1", "-W1", "-M", "do", "-s", str(size - 28), "10.0.2.2")
    done = subprocess.run(
        ("ip", "netns", "exec", lab.client.name, *command), capture_output=True, check=False
    )
    return done.returncode == 0


def test_a_separated_router_goes_over_a_routed_hop_and_back_and_no_packet_is_lost(
    lab: MigrationLab,
) -> None:
    lab.separate(routes=10)
    with Traffic(lab, 1000) as traffic:
        ended = lab.migrate(0, "plane-separation", tunnels=True)
        assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
        assert ended.steps[0].detail == "to1, to2 by a tunnel"
        assert len([name for name in links(lab, 0) if name.startswith("hzt")]) == 2
        there = links(lab, 1)
        assert {"to1", "to2", "r1p0", "r1p1"} <= set(there)
        for host, count in ((0, 2), (1, 2)):
            told = lab.ask(host, ListPlanes(check=True)).tunnels
            assert [one.device for one in told] == sorted(
                name for name in links(lab, host) if name.startswith("hzt")
            )
            assert [(one.is_away, one.faults) for one in told] == [(host == 1, ())] * count
        # Of 1,500 bytes the tunnel takes 50: whoever sends more is told so.
        assert (there["r1p0"], there["r1p1"], router_mtus(lab, 1)) == (1450, 1450, {1450})
        assert not longest(lab, 1451)
        assert until(lambda: longest(lab, 1450), "what fits comes through")
        pause(0.2)
        ended = lab.migrate(1, "plane-separation")
        assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
        pause(0.2)
    assert (traffic.lost, traffic.duplicated) == (0, 0), traffic.tallies
    assert (tunnels(lab, 0), tunnels(lab, 1), router_mtus(lab, 0)) == ([], [], {1500})
    assert lab.plane_leftovers(1) == []


@pytest.mark.parametrize("killed", [0, 1], ids=["source", "destination"])
def test_a_bridge_killed_while_the_tunnel_is_turned_leaves_nothing_half_made(
    lab: MigrationLab, killed: int
) -> None:
    lab.separate(routes=10)
    with Traffic(lab, 1000) as traffic:
        order = lab.order(0, "plane-separation", tunnels=True)
        lab.ask(0, order)

        def is_turning() -> bool:
            return lab.status(0, order.id).is_committed

        until(is_turning, "the router is there, and frames are led to it")
        port = lab.services[killed].port
        lab.services[killed].kill()
        lab.services[killed].start(port)
        ended = lab.ended(0, order.id)
        assert (ended.state, ended.problem) == ("done", None)
        pause(0.2)
    assert (traffic.lost, traffic.duplicated) == (0, 0), traffic.tallies
    for host in (0, 1):
        ends = lab.ask(host, ListPlanes(check=True)).tunnels
        assert [one.faults for one in ends] == [(), ()]
        # No chain of the migration is left; what is there is the plane, and the tunnels.
        half = [one for one in lab.plane_leftovers(host) if order.id in one or "hzw" in one]
        assert half == []
    lab.separate(1, routes=10)
    with Traffic(lab, 1000) as traffic:
        assert lab.migrate(1, "plane-separation").state == "done"
        pause(0.2)
    assert (traffic.lost, traffic.duplicated) == (0, 0), traffic.tallies
    assert tunnels(lab, 0) + tunnels(lab, 1) == []


def test_without_being_asked_for_a_tunnel_the_bridge_is_missing_and_one_taken_back_leaves_none(
    lab: MigrationLab,
) -> None:
    found = lab.ask(0, lab.order(0))
    assert [one.reason for one in found.refusals] == ["has no bridge to1, to2"]
    assert lab.ask(0, lab.order(0, dry_run=True, tunnels=True)).state == "planned"
    assert tunnels(lab, 0) + tunnels(lab, 1) == []
    order = lab.order(0, tunnels=True, pause_s=3600.0)
    lab.ask(0, order)
    until(lambda: lab.states(0) == {"T"}, "it stands still")
    assert tunnels(lab, 0)
    assert tunnels(lab, 1)
    lab.ask(0, AbortMigration(order.id))
    assert lab.ended(0, order.id).state == "rolled_back"
    assert tunnels(lab, 0) + tunnels(lab, 1) == []
    assert until(lab.forwards, "it forwards where it was")


def test_a_router_that_ends_over_there_takes_its_tunnels_along(lab: MigrationLab) -> None:
    assert lab.migrate(0, "standard", tunnels=True).state == "done"
    until(lab.forwards, "it forwards from over there")
    # A service that is started anew finds them again.
    port = lab.services[1].port
    lab.services[1].kill()
    lab.services[1].start(port)
    lab.ask(1, DeleteDomain("r1"))
    until(lambda: not tunnels(lab, 0) + tunnels(lab, 1), "both ends are gone")
