"""Routers that go to another machine: they are started anew there, and end here when they run."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backstop import BACKSTOP
from integration.test_plane_protocols import FRR, ROUTER, STATION, Speaker
from migration_lab import MigrationLab, Traffic, pause, until
from network_namespace import NetworkNamespace
from tools.bridge_process import PROGRAM
from xen_bridge.leaving import CLAIM
from xen_bridge.protocol.documents.domains import CreateDomain, DeleteDomain, NewInterface
from xen_bridge.protocol.documents.migration import AbortMigration

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigrationLab]:
    with MigrationLab(tmp_path_factory.mktemp("lab"), machines=True) as made:
        yield made


@pytest.fixture
def lab(built: MigrationLab) -> Iterator[MigrationLab]:
    """Two machines, as they behave to each other, and a router at the first."""
    with built.router():
        yield built


def test_a_router_is_started_anew_at_the_other_machine_and_runs_at_one_at_any_moment(
    lab: MigrationLab,
) -> None:
    had = set(lab.processes(0))
    order = lab.order(0, pause_s=0.5)
    assert lab.ask(0, order).state == "running"
    ended = lab.ended(0, order.id)
    assert (ended.state, ended.problem) == ("done", None)
    assert (ended.pause_s or 0.0) >= 0.5
    assert (lab.domains(0), lab.domains(1)) == ([], ["r1"])
    assert lab.leftovers(0) == []
    assert not had & set(lab.processes(1))
    until(lab.forwards, "it forwards there")
    assert lab.migrate(1).state == "done"
    until(lab.forwards, "and here again")


def test_a_separated_router_loses_no_packet_while_it_is_started_anew(lab: MigrationLab) -> None:
    lab.separate(routes=10)
    with Traffic(lab, 1000) as traffic:
        ended = lab.migrate(0, "plane-separation")
        assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
        plane = until(lambda: lab.plane(1), "its plane is whole there")
        # Its routes are held until its own daemons tell of them.
        assert (plane.routes, plane.pinned) == (12, False)
        pause(0.2)
    assert (traffic.lost, traffic.duplicated) == (0, 0), traffic.tallies
    until(lambda: lab.reaches("10.0.1.1"), "it hears and answers itself")
    assert lab.leftovers(0) + lab.plane_leftovers(0) == []


@pytest.mark.parametrize("killed", [False, True], ids=["aborted", "killed"])
def test_one_that_was_not_started_there_goes_on_here(lab: MigrationLab, killed: bool) -> None:
    had = set(lab.processes(0))
    order = lab.order(0, pause_s=3600.0)
    lab.ask(0, order)
    until(lambda: lab.states(0) == {"T"}, "it stands still")
    if killed:
        port = lab.services[0].port
        lab.services[0].kill()
        lab.services[0].start(port)
    else:
        lab.ask(0, AbortMigration(order.id))
    assert lab.ended(0, order.id).state == "rolled_back"
    until(lab.forwards, "it forwards where it was")
    assert set(lab.processes(0)) == had
    assert (lab.domains(0), lab.domains(1)) == (["r1"], [])
    until(lambda: lab.leftovers(1) == [], "nothing of it is at the other machine")


def _is_claimed(path: Path) -> bool:
    """Tell whether somebody works in a service's place, without asking for its lock."""
    inode = f":{path.stat().st_ino} "
    held = (line for line in Path("/proc/locks").read_text().splitlines() if inode in line)
    return any(" WRITE " in line for line in held)


def _migrations(lab: MigrationLab, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the first host's operator."""
    service, host = lab.services[0], lab.hosts[0]
    where = ("--url", service.url, "--directory", str(host.folder / "bridge"))
    command = ("ip", "netns", "exec", host.namespace.name, *PROGRAM, "migrations", *words, *where)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=BACKSTOP)


def test_a_destination_that_is_gone_for_good_keeps_nobody_waiting_and_is_given_up_by_hand(
    tmp_path: Path,
) -> None:
    with MigrationLab(tmp_path, machines=True) as lab, contextlib.ExitStack() as stack:
        lab.create()
        until(lab.forwards, "the router forwards")
        lab.separate(routes=10)
        traffic = stack.enter_context(Traffic(lab, 1000))
        order = lab.order(0, "plane-separation", pause_s=lab.standstill())
        lab.ask(0, order)
        until(lambda: lab.states(0) == {"T"}, "it stands still")
        lab.services[1].kill()
        until(lambda: lab.status(0, order.id).unsettled, "its destination does not answer")
        port = lab.services[0].port
        lab.services[0].kill()
        claim = lab.hosts[0].folder / "bridge" / CLAIM
        until(lambda: _is_claimed(claim), "another program goes on with it")
        # It listens at once, and serves what is not about that router.
        lab.services[0].start(port)
        assert lab.create(name="r2").state == "running"
        lab.ask(0, DeleteDomain("r2"))
        refused = lab.ask(0, lab.order(0))
        assert "is being migrated already" in refused.refusals[0].reason
        told = until(lambda: lab.status(0, order.id).unsettled, "it is told again")
        assert told.startswith("move, ")
        shown = _migrations(lab, "list").stdout
        assert f"{order.id}: r1 to host1, plane-separation, running\n" in shown
        assert "  unsettled: move, " in shown
        given_up = _migrations(lab, "give-up", order.id)
        assert given_up.returncode == 1
        assert "only host1 knows whether r1 was started there" in given_up.stderr
        given_up = _migrations(lab, "give-up", order.id, "--router-is", "here")
        assert given_up.returncode == 0, given_up.stderr
        assert lab.ended(0, order.id).state == "rolled_back"
        until(lambda: "T" not in lab.states(0), "it goes on here")
        until(lambda: lab.reaches("10.0.1.1"), "it hears and answers")
        stack.close()
        assert (traffic.lost, traffic.duplicated) == (0, 0), traffic.tallies
        lab.separate(routes=10)
        assert until(lambda: lab.plane(0), "its planes are whole").pinned is False


_HELPER = STATION.replace(
    "router ospf", "router ospf\n capability opaque\n graceful-restart helper enable"
)
_FAR = ("10.0.2.0/24", "203.0.113.0/24")
"""What the client knows of the router alone: by OSPF, and by BGP."""


@contextlib.contextmanager
def _forgotten(space: NetworkNamespace) -> Iterator[list[str]]:
    """Yield the routes that a namespace loses meanwhile, complete when it is left."""
    found: list[str] = []
    command = ("ip", "-n", space.name, "monitor", "route")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as monitor:
        try:
            yield found
        finally:
            monitor.terminate()
            lines = monitor.communicate()[0].splitlines()
            found += [line for line in lines if line.startswith("Deleted")]


@pytest.mark.skipif(not FRR.is_dir(), reason="needs Debian's frr")
def test_neighbors_keep_the_routes_of_daemons_that_are_started_anew(built: MigrationLab) -> None:
    assert shutil.which("nsenter")
    lab = built
    interfaces = tuple(
        NewInterface(f"to{number}", addresses=(f"10.0.{number}.1/24",)) for number in (1, 2)
    )
    text = f"{ROUTER}{' no bgp network import-check'}\n{' network 203.0.113.0/24'}\n"
    daemons = ("ospfd", "bgpd")
    lab.ask(0, CreateDomain("r1", interfaces=interfaces, daemons=daemons, configuration=text))
    lab.separate()
    # What comes to the server is there by what the router told, and by nothing else.
    lab.client.ip("route", "del", "default")
    with Speaker(lab.client, 1, _HELPER) as client, Speaker(lab.server, 2, _HELPER) as server:
        speakers = (client, server)
        until(lambda: all(one.is_up() for one in speakers), "its sessions are up")
        known = {row["dst"] for row in lab.client.ip_json("route")}
        until(
            lambda: {row["dst"] for row in lab.client.ip_json("route")} >= set(_FAR),
            f"the client has learned {_FAR}, it knows {known}",
        )
        with _forgotten(lab.client) as forgotten, Traffic(lab, 1000) as traffic:
            order = lab.order(0, "plane-separation", pause_s=3600.0)
            lab.ask(0, order)
            until(lambda: lab.states(0) == {"T"}, "it stands still, its neighbors were told")
            lab.ask(0, AbortMigration(order.id))
            assert lab.ended(0, order.id).state == "rolled_back"
            until(
                lambda: all(one.helped() == "Successful graceful restart" for one in speakers),
                "OSPF begins anew where it stays: else it would follow no route any more",
            )
            until(lambda: all(one.is_up() for one in speakers), "its sessions are up where it is")
            dropped = [one.bgp["connectionsDropped"] for one in speakers]
            # A second time: they are told again.
            ended = lab.migrate(0, "plane-separation")
            assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
            until(lambda: all(one.is_up() for one in speakers), "its sessions are up again")
            until(lambda: [one.bgp["connectionsDropped"] for one in speakers] != dropped, "anew")
            until(
                lambda: all(
                    one.helped() == "Successful graceful restart" and not one.helps()
                    for one in speakers
                ),
                "OSPF has told its neighbors that it is there again",
            )
        assert (traffic.lost, traffic.duplicated) == (0, 0), traffic.tallies
        assert [line for line in forgotten if any(one in line for one in _FAR)] == []
        detail = next(step.detail for step in ended.steps if step.name == "move")
        assert "neighbors of ospfd wait for 1" in (detail or ""), detail
        assert "BGP with" not in (detail or "")
    lab.ask(1, DeleteDomain("r1"))
