"""A migration begins in the time that whoever asked waits for it, or never."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.dom0.hypervisor.moving import MoveHooks, MoveOrder, Site
from xen_bridge.errors import Deadline, SubjectNotFound
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.source import MigrationSource
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import BEGIN_SECONDS, MigrateDomain, Mode
from xen_bridge.protocol.documents.migration_advise import IncomingSite, SiteFact
from xen_bridge.virtual_management import PhysicalHost

NUMBER = "0123456789ab"


class LeavingMemoryHost(MemoryHost):
    """A host in memory from which domains could go."""

    def definition_of(self, domain: str) -> CreateDomain:
        found = self.domain(domain)
        return CreateDomain(found.name, uuid=found.uuid)

    def check_site(self, uuid: str, site: Site) -> None:
        assert site == {"place": "there"}

    def check_incoming(self, definition: CreateDomain) -> Site:
        raise NotImplementedError

    def prepare_incoming(self, migration: str, definition: CreateDomain) -> Site:
        raise NotImplementedError

    def move(self, order: MoveOrder, pause_s: float, hooks: MoveHooks) -> float:
        raise NotImplementedError

    def settle(self, order: MoveOrder) -> bool:
        raise NotImplementedError

    def forget_outgoing(self, order: MoveOrder) -> None:
        raise NotImplementedError

    def is_here(self, uuid: str) -> bool:
        raise NotImplementedError

    def abort_incoming(self, migration: str, uuid: str) -> None:
        raise NotImplementedError

    def finish_incoming(self, migration: str, uuid: str) -> None:
        raise NotImplementedError


class SlowPeer:
    """A destination that answers after so many seconds of the clock."""

    def __init__(self, passes: Callable[[], None]) -> None:
        self._passes = passes

    def ask(self, _body: Any, _router: str | None = None, _seconds: float | None = None) -> Any:
        self._passes()
        return IncomingSite((SiteFact("place", "there"),))

    def close(self) -> None:
        pass


def order(mode: Mode = "standard") -> MigrateDomain:
    return MigrateDomain(
        id=NUMBER,
        domain="r1",
        destination="two",
        destination_url="https://192.0.2.2:7443",
        destination_pk="A" * 60,
        mode=mode,
    )


def source_of(
    memory: MemoryHost, folder: Path, passes: Callable[[], None], clock: Callable[[], float]
) -> MigrationSource:
    """Return the migrations of a host that has r1; ``passes`` is called while its peer answers."""
    host = PhysicalHost("memory:///one", memory)
    host.create(CreateDomain("r1"))
    journal = MigrationJournal(folder, OutgoingMigration, lambda one: one.has_ended)
    return MigrationSource(host, journal, lambda _order: SlowPeer(passes), clock=clock)


def test_what_could_not_begin_in_time_never_does(tmp_path: Path) -> None:
    now = [100.0]

    def passes() -> None:
        now[0] += BEGIN_SECONDS + 1

    memory = LeavingMemoryHost(MemoryWorld(), "one", 4, 8 << 20)
    source = source_of(memory, tmp_path / "journal", passes, lambda: now[0])
    with pytest.raises(Deadline, match="could not be begun in 50 s"):
        source.begin(order())
    with pytest.raises(SubjectNotFound):
        source.status(NUMBER)
    assert not list(tmp_path.glob("journal/*"))
