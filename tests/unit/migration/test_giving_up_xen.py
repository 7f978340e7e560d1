"""A migration of Xen whose destination is gone for good, given up at its source over libvirt."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import libvirt
import pytest

from unit.migration.test_giving_up_source import GonePeer, has_ended, waited
from unit.migration.test_migration_begin import NUMBER
from unit.migration.test_migration_core import fresh
from unit.migration.test_xen_mover import UUID, FakeDomain, FakeXenHost
from xen_bridge.errors import RequestConflict
from xen_bridge.migration import outgoing
from xen_bridge.migration.commands import StepDone
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.source import MigrationSource
from xen_bridge.protocol.documents.migration import MigrationStatus, Whereabouts
from xen_bridge.protocol.documents.migration_advise import SiteFact
from xen_bridge.virtual_management import PhysicalHost

NOBODY = {"uri": "xen+tcp://127.0.0.1:1/system", "boot": "b", "libvirt": "l", "xen": "4.17.5"}


def interrupted(xen: FakeXenHost, folder: Path) -> MigrationSource:
    """Return a source that was ended in the middle of a move to where nobody answers since."""
    journal = MigrationJournal(folder, OutgoingMigration, lambda one: one.has_ended)
    made = fresh()
    status = replace(made.status, id=NUMBER, uuid=UUID, started=time.time())
    record = replace(made, order=replace(made.order, id=NUMBER), status=status)
    site = tuple(SiteFact(name, value) for name, value in NOBODY.items())
    record, command = outgoing.begun(record)
    record, _ = outgoing.advanced(record, command, StepDone(site=site), 0.1)  # type: ignore[arg-type]
    journal.keep(NUMBER, record)
    source = MigrationSource(PhysicalHost("xen:///system", xen), journal, lambda _order: GonePeer())
    source.resume()
    told = waited(source, lambda one: one.unsettled)
    assert "nobody listens" in (told.unsettled or "")
    return source


def given_up(source: MigrationSource, where: Whereabouts | None = None) -> MigrationStatus:
    source.give_up(NUMBER, where)
    return waited(source, has_ended)


@pytest.mark.parametrize("where", [None, "here", "there"])
def test_one_that_runs_here_is_here_whatever_is_said(
    tmp_path: Path, where: Whereabouts | None
) -> None:
    xen = FakeXenHost(FakeDomain())
    ended = given_up(interrupted(xen, tmp_path), where)
    assert (ended.state, ended.is_committed) == ("rolled_back", False)
    assert {one.name: one.state for one in ended.steps}["move"] == "undone"
    assert xen.fake is not None
    assert xen.fake.done == []


def test_one_that_has_gone_is_forgotten_here(tmp_path: Path) -> None:
    ended = given_up(interrupted(FakeXenHost(None), tmp_path))
    assert (ended.state, ended.is_committed) == ("failed", True)
    assert (ended.problem or "").startswith("given up by hand, the router is at the destination")
    assert {one.name: one.state for one in ended.steps}["forget"] == "done"


def test_of_one_that_is_off_somebody_has_to_say_and_may_say_it_later(tmp_path: Path) -> None:
    xen = FakeXenHost(FakeDomain(number=-1))
    source = interrupted(xen, tmp_path)
    ended = given_up(source)
    assert ended.state == "failed"
    assert "say whether it is here or there" in (ended.problem or "")
    assert xen.fake is not None
    assert xen.fake.done == []
    ended = given_up(source, "there")
    assert (ended.state, ended.is_committed, xen.fake.done) == ("failed", True, ["undefine"])


def test_one_that_libvirt_still_moves_is_given_up_when_that_has_ended(tmp_path: Path) -> None:
    xen = FakeXenHost(FakeDomain())
    source = interrupted(xen, tmp_path)
    assert xen.fake is not None
    xen.fake.job = libvirt.VIR_DOMAIN_JOB_UNBOUNDED
    ended = given_up(source, "here")
    assert (ended.state, xen.fake.done) == ("failed", [])
    assert "still moving" in (ended.problem or "")
    xen.fake.job = libvirt.VIR_DOMAIN_JOB_NONE
    assert given_up(source, "here").state == "rolled_back"
    with pytest.raises(RequestConflict, match="rolled_back"):
        source.give_up(NUMBER)
