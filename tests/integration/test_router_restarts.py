"""Routers that go to another machine: they are started anew there, and end here when they run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from migration_lab import MigrationLab, Traffic, pause, until
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
