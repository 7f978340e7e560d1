"""A source whose destination is gone for good: told, handed on and ended by hand."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from unit.migration.test_migration_begin import NUMBER, LeavingMemoryHost, order
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.dom0.hypervisor.moving import MoveHooks, MoveOrder, Site
from xen_bridge.errors import PeerAway, RequestConflict
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.migration_run import RunOrders
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.source import MigrationSource
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import ENDED, MigrationStatus, Whereabouts
from xen_bridge.protocol.documents.migration_advise import IncomingSite, PrepareIncoming, SiteFact
from xen_bridge.virtual_management import PhysicalHost


class MovedHost(LeavingMemoryHost):
    """A host whose domains go, or are asked for and stand still until somebody tells."""

    def __init__(self, is_restarting: bool) -> None:
        super().__init__(MemoryWorld(), "one", 4, 8 << 20)
        self._is_restarting = is_restarting
        self.forgotten: list[str] = []
        self.settled: list[bool | None] = []

    def move(self, order: MoveOrder, pause_s: float, hooks: MoveHooks) -> float:
        if self._is_restarting:
            raise PeerAway("no answer")
        return 0.1

    def settle(self, order: MoveOrder) -> bool:
        self.settled.append(order.is_there)
        return order.is_there is True

    def restarts(self, site: Site) -> bool:
        return self._is_restarting

    def is_asked(self, order: MoveOrder) -> bool:
        return self._is_restarting

    def start_incoming(self, *_args: Any) -> None:
        raise NotImplementedError

    def forget_outgoing(self, order: MoveOrder) -> None:
        self.forgotten.append(order.uuid)


class GonePeer:
    """A destination that makes room, and is never heard of again."""

    def ask(self, body: Any, _router: str | None = None, _seconds: float | None = None) -> Any:
        if isinstance(body, PrepareIncoming):
            return IncomingSite((SiteFact("place", "there"),))
        raise PeerAway("gone")

    def close(self) -> None:
        pass


def source_of(memory: MovedHost, folder: Path, domain: bool = True) -> MigrationSource:
    host = PhysicalHost("memory:///one", memory)
    if domain:
        host.create(CreateDomain("r1"))
    journal = MigrationJournal(folder, OutgoingMigration, lambda one: one.has_ended)
    return MigrationSource(host, journal, lambda _order: GonePeer())


def waited(
    source: MigrationSource, condition: Callable[[MigrationStatus], object]
) -> MigrationStatus:
    for _ in range(20_000):
        if condition(status := source.status(NUMBER)):
            return status
        time.sleep(0.005)
    raise AssertionError(status)


def has_ended(status: MigrationStatus) -> bool:
    return status.state in ENDED


def test_one_that_moved_to_a_destination_that_is_gone_is_told_once_and_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = MovedHost(False)
    source = source_of(memory, tmp_path)
    uuid = memory.domain("r1").uuid
    source.begin(order())
    waited(source, lambda one: one.unsettled and "4 times" in one.unsettled)
    told = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [one for one in told if "unsettled" in one] == [
        f"migration {NUMBER} of r1 is unsettled, and goes on being tried: finish, 3 times in vain:"
        f" gone; it can be ended by hand (xen-bridge migrations give-up {NUMBER})"
    ]
    source.give_up(NUMBER)
    ended = waited(source, has_ended)
    assert (ended.state, ended.is_committed, memory.forgotten) == ("failed", True, [uuid])
    assert ended.problem == "given up by hand, the router is at the destination: gone"
    assert not source.is_moving(uuid)
    # Again: nothing is lost by it.
    source.give_up(NUMBER)
    assert waited(source, has_ended).state == "failed"


@pytest.mark.parametrize("where", ["here", "there"])
def test_where_only_a_destination_that_is_gone_knows_somebody_has_to_say(
    tmp_path: Path, where: Whereabouts
) -> None:
    memory = MovedHost(True)
    source = source_of(memory, tmp_path)
    source.begin(order())
    waited(source, lambda one: one.unsettled)
    with pytest.raises(RequestConflict, match="only two knows whether r1 was started there"):
        source.give_up(NUMBER)
    source.give_up(NUMBER, where)
    ended = waited(source, has_ended)
    assert memory.settled == [where == "there"] * len(memory.settled)
    assert (ended.state, ended.is_committed) == (
        ("rolled_back", False) if where == "here" else ("failed", True)
    )
    if where == "here":
        with pytest.raises(RequestConflict, match="rolled_back"):
            source.give_up(NUMBER)


def test_who_is_halted_leaves_what_another_program_goes_on_with(tmp_path: Path) -> None:
    memory = MovedHost(False)
    source = source_of(memory, tmp_path)
    source.begin(order())
    waited(source, lambda one: one.unsettled)
    assert source.halt(60.0)
    other = source_of(memory, tmp_path, domain=False)
    assert other.is_moving(memory.domain("r1").uuid)
    other.resume()
    other.give_up(NUMBER)
    assert waited(other, has_ended).state == "failed"
    assert source.status(NUMBER).state == "running"


def test_nothing_is_kept_of_migrations_that_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host may have made thousands when its service ends."""
    monkeypatch.setattr("xen_bridge.migration.journal.MAX_KEPT", 2)
    source = source_of(MovedHost(False), tmp_path)
    for number in range(5):
        one = replace(order(), id=f"{number:012x}")
        status = MigrationStatus(
            id=one.id, domain="r1", uuid="", destination="two", mode=one.mode, state="done"
        )
        source._orders[one.id], source._threads[one.id] = RunOrders(), Thread()
        source._keep(OutgoingMigration(order=one, definition=CreateDomain("r1"), status=status))
    known = {one.id for one in source.list().migrations}
    assert len(known) == 2
    assert set(source._orders) == set(source._threads) == known
