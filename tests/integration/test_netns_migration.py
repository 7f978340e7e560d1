"""Migrations of a running router between two Domain 0s that are network namespaces."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_lab import MigrationLab, Traffic, pause, until
from xen_bridge.dom0.hypervisor.netns.processes import read_process
from xen_bridge.errors import PeerAway, RequestConflict
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    DeleteDomain,
    GetDomain,
    SetDomain,
    VcpuPins,
)
from xen_bridge.protocol.documents.migration import AbortMigration, ListMigrations
from xen_bridge.trust.identity import Identity

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigrationLab]:
    with MigrationLab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture
def lab(built: MigrationLab) -> Iterator[MigrationLab]:
    """The lab, with a router that forwards at the first host."""
    for service, identity in zip(built.services, built.services[::-1], strict=True):
        service.authorize(identity.identity)
    with built.router():
        yield built


def test_a_router_goes_there_and_back_with_its_processes_its_links_and_its_pinning(
    lab: MigrationLab,
) -> None:
    cpu = sorted(os.sched_getaffinity(0))[0]
    lab.ask(0, SetDomain("r1", affinity=(VcpuPins((cpu,)),)))
    had = lab.processes(0)
    router = f"hz-{lab.hosts[0].name}-r1"
    monitor = subprocess.Popen(
        ("ip", "-n", router, "monitor", "link"), stdout=subprocess.PIPE, text=True
    )
    try:
        for source in (0, 1):
            ended = lab.migrate(source)
            assert (ended.state, ended.problem, ended.is_committed) == ("done", None, True)
            assert [step.state for step in ended.steps] == ["done"] * 4
            assert ended.pause_s is not None
            # Nobody counts what bridges drop at ports that they have closed.
            assert ended.lost is None
            there = 1 - source
            assert lab.domains(source) == []
            assert lab.leftovers(source) == []
            assert lab.domains(there) == ["r1"]
            assert lab.processes(there) == had
            until(lab.forwards, "the router forwards")
        found = lab.ask(0, GetDomain("r1")).domain
        assert (found.state, found.vcpus.affinity) == ("running", (VcpuPins((cpu,)),))
    finally:
        monitor.terminate()
        told, _ = monitor.communicate()
    # A routing daemon that sees its carrier go drops its neighbors.
    heads = [line for line in told.splitlines() if ": eth" in line]
    assert heads
    assert [line for line in heads if "LOWER_UP" not in line] == []
    listed = lab.ask(0, ListMigrations()).migrations
    assert listed[-1].state == "done"


def test_a_router_stands_still_for_as_long_as_it_is_told_and_not_longer_than_is_allowed(
    lab: MigrationLab,
) -> None:
    refused = lab.ask(0, lab.order(0, pause_s=2.0, abort_if_pause_over_s=1.0))
    assert (refused.state, refused.refusals[0].field) == ("refused", "abort_if_pause_over_s")
    ended = lab.migrate(0, pause_s=0.5)
    assert ended.state == "done"
    assert (ended.pause_s or 0.0) >= 0.5
    rolled = lab.migrate(1, abort_if_pause_over_s=1e-6)
    assert rolled.state == "rolled_back"
    assert "stood still for more than 1e-06 s" in (rolled.problem or "")
    assert lab.domains(1) == ["r1"]
    assert lab.leftovers(0) == []
    until(lab.forwards, "the router forwards where it was")
    assert {one.state for pid in lab.processes(1) if (one := read_process(pid))} <= set("SR")


def test_a_migration_can_be_aborted_while_the_router_stands_still(lab: MigrationLab) -> None:
    order = lab.order(0, pause_s=600.0)
    assert lab.ask(0, order).state == "running"
    assert lab.ask(0, order).id == order.id
    until(lambda: lab.status(0, order.id).steps[1].state == "running", "it is being moved")
    other = lab.ask(0, lab.order(0))
    assert (other.state, other.refusals[0].is_conflict) == ("refused", True)
    with pytest.raises(RequestConflict, match="moved"):
        until(lambda: lab.ask(0, SetDomain("r1", state="destroyed")) and False, "refused")
    lab.ask(0, AbortMigration(order.id))
    ended = lab.ended(0, order.id)
    assert (ended.state, ended.problem) == ("rolled_back", "it was to be aborted")
    until(lab.forwards, "the router forwards where it was")
    assert lab.leftovers(1) == []
    with pytest.raises(RequestConflict):
        lab.ask(0, AbortMigration(order.id))


@pytest.mark.parametrize("killed", [0, 1], ids=["source", "destination"])
def test_a_bridge_that_is_killed_during_the_move_leaves_the_router_whole_at_one_host(
    lab: MigrationLab, killed: int
) -> None:
    order = lab.order(0, pause_s=3600.0 if killed == 0 else lab.standstill())
    lab.ask(0, order)
    until(lambda: lab.status(0, order.id).steps[1].state == "running", "it is being moved")
    until(
        lambda: lab.states(0) == {"T"},
        "it stands still",
    )
    port = lab.services[killed].port
    lab.services[killed].kill()
    lab.services[killed].start(port)
    ended = lab.ended(0, order.id)
    until(lab.forwards, "the router forwards")
    if killed == 0:
        assert (ended.state, lab.domains(0), lab.domains(1)) == ("rolled_back", ["r1"], [])
        assert "started anew" in (ended.problem or "") or "interrupted" in (ended.problem or "")
        assert lab.leftovers(1) == []
    elif ended.state == "done":
        assert (lab.domains(0), lab.domains(1)) == ([], ["r1"])
        assert lab.leftovers(0) == []
    else:
        assert (lab.domains(0), lab.domains(1)) == (["r1"], [])


def test_a_destination_that_ends_before_the_router_has_come_to_it_is_waited_for(
    lab: MigrationLab,
) -> None:
    order = lab.order(0, pause_s=lab.standstill())
    lab.ask(0, order)
    until(lambda: lab.status(0, order.id).steps[1].state == "running", "it is being moved")
    port = lab.services[1].port
    lab.services[1].kill()
    until(lambda: lab.status(0, order.id).is_committed, "it has been moved all the same")
    until(lab.forwards, "the router forwards before its new host's bridge is there")
    assert lab.status(0, order.id).state == "running"
    lab.services[1].start(port)
    assert lab.ended(0, order.id).state == "done"
    assert lab.domains(1) == ["r1"]


def test_what_cannot_be_is_refused_before_anything_is_done(
    lab: MigrationLab, tmp_path: Path
) -> None:
    def refusal(**more: Any) -> tuple[str, str, bool]:
        found = lab.ask(0, lab.order(0, **more))
        assert found.state == "refused"
        (one,) = found.refusals
        return one.field, one.reason, one.is_conflict

    assert lab.ask(0, lab.order(0, dry_run=True)).state == "planned"
    lab.ask(1, CreateDomain("r1"))
    assert refusal()[::2] == ("destination", True)
    lab.ask(1, DeleteDomain("r1"))
    lab.services[1].forbid(lab.services[0].identity)

    def told_of_the_key() -> bool:
        field, reason, _ = refusal()
        assert field == "destination"
        return "does not know our key" in reason or "not in the list" in reason

    # Until its list is in force, a connection that was let in is only cut.
    until(told_of_the_key, "the key is named as the matter")
    lab.services[1].authorize(lab.services[0].identity)
    lab.hosts[1].namespace.ip("link", "set", "to2", "name", "no2")
    try:
        assert refusal(dry_run=True) == ("destination", "has no bridge to2", False)
    finally:
        lab.hosts[1].namespace.ip("link", "set", "no2", "name", "to2")
    itself = lab.order(1)
    assert lab.ask(0, itself).refusals[0].field == "destination"
    stranger = Identity.create(tmp_path / "stranger")
    client = lab.services[1].client(stranger)
    with pytest.raises(PeerAway):
        lab.wire.run(client.ask, ListMigrations())
    assert (lab.domains(0), lab.domains(1)) == (["r1"], [])
    assert lab.leftovers(1) == []


def test_traffic_goes_on_after_each_of_several_standard_migrations(lab: MigrationLab) -> None:
    with Traffic(lab, 1000) as traffic:
        for source in (0, 1):
            assert lab.migrate(source).state == "done"
            pause(0.3)
    assert all(one["received"] > 0 for one in traffic.tallies)
    assert traffic.duplicated == 0
