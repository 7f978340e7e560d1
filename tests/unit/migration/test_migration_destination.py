"""A destination makes room for a domain, and takes it over or removes all of it again."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tools.work_clock import WorkClock, wait_for_work
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.dom0.hypervisor.moving import DomainMover, MoveHooks, MoveOrder, Site
from xen_bridge.errors import (
    BridgeError,
    DomainEnded,
    HypervisorError,
    InvalidRequest,
    PathNotAllowed,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.migration.destination import MigrationDestination
from xen_bridge.migration.incoming import IncomingMigration
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.landing import PlaneLandings
from xen_bridge.netlink.links import KernelLink
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.hello import RouterHello
from xen_bridge.protocol.documents.migration_advise import (
    LEASE_SECONDS,
    AbortIncoming,
    AdviseMigration,
    DeliverFrames,
    OfferPlane,
    PrepareIncoming,
)
from xen_bridge.separation import bridge_ports
from xen_bridge.virtual_management import PhysicalHost

NUMBER, UUID = "0123456789ab", "11111111-2222-3333-4444-555555555555"
SOURCE, OTHER = "A" * 60, "B" * 60
WANTED = PrepareIncoming(
    id=NUMBER, definition=CreateDomain("r1", uuid=UUID, weight=512, cap=50), mode="standard"
)


class MovingMemoryHost(MemoryHost):
    """A host in memory with room for domains that are to come."""

    def __init__(self) -> None:
        super().__init__(MemoryWorld(), "two", 4, 8 << 20)
        self.room: set[str] = set()
        self.came: set[str] = set()

    def definition_of(self, domain: str) -> CreateDomain:
        raise NotImplementedError

    def check_incoming(self, definition: CreateDomain) -> Site:
        return {"place": "here"}

    def prepare_incoming(self, migration: str, definition: CreateDomain) -> Site:
        self._at("prepare")
        self.room.add(definition.uuid or "")
        return {"place": "here"}

    def check_site(self, uuid: str, site: Site) -> None:
        raise NotImplementedError

    def move(self, order: MoveOrder, pause_s: float, hooks: MoveHooks) -> float:
        raise NotImplementedError

    def settle(self, order: MoveOrder) -> bool:
        raise NotImplementedError

    def forget_outgoing(self, order: MoveOrder) -> None:
        raise NotImplementedError

    def is_here(self, uuid: str) -> bool:
        return uuid in self.came

    def abort_incoming(self, migration: str, uuid: str) -> None:
        if uuid in self.came:
            raise RequestConflict("it has come")
        self.room.discard(uuid)

    def finish_incoming(self, migration: str, uuid: str) -> None:
        self.room.discard(uuid)

    def arrive(self) -> None:
        self.define(replace(WANTED.definition, weight=None, cap=None))
        self.start(UUID)
        self.came.add(UUID)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def journal(folder: Path) -> MigrationJournal[IncomingMigration]:
    return MigrationJournal(folder, IncomingMigration, lambda one: one.has_ended)


@pytest.fixture
def host() -> MovingMemoryHost:
    made = MovingMemoryHost()
    assert isinstance(made, DomainMover)
    return made


def destination(
    host: MemoryHost, folder: Path, clock: Clock | None = None, landings: object = None
) -> MigrationDestination:
    return MigrationDestination(
        PhysicalHost("memory:///two", host),
        journal(folder),
        landings=landings,  # type: ignore[arg-type]
        clock=clock or Clock(),
    )


def test_a_domain_that_has_come_gets_its_weight_and_cap(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    made = destination(host, tmp_path)
    made.prepare(WANTED, SOURCE)
    assert made.prepare(WANTED, SOURCE).facts[0].value == "here"
    assert host.room == {UUID}
    with pytest.raises(RequestConflict, match="has not come"):
        made.advise(AdviseMigration(NUMBER, "finish"), SOURCE)
    host.arrive()
    with pytest.raises(RequestConflict, match="has come"):
        made.abort(AbortIncoming(NUMBER), SOURCE)
    for _ in range(2):
        assert made.advise(AdviseMigration(NUMBER, "finish"), SOURCE).state == "finished"
    seen = made._host.domain("r1").scheduler
    assert (seen.weight, seen.cap) == (512, 50)
    assert journal(tmp_path).load()[NUMBER].state == "finished"


class ReconnectingMemoryHost(MovingMemoryHost):
    """One whose domains are not connected at once."""

    connected = False

    def is_connected(self, uuid: str) -> bool:
        return self.connected


class NoLandings:
    """Stands for planes that are to come."""

    def __init__(self) -> None:
        self.bound: list[str] = []
        self.removed: list[str] = []

    def bind(self, migration: str, _uuid: str) -> None:
        self.bound.append(migration)

    def check(self, _interfaces: Collection[str]) -> None:
        pass

    def remove(self, migration: str, _uuid: str) -> None:
        self.removed.append(migration)


def test_a_router_that_hears_nothing_yet_is_bound_but_not_done_with(tmp_path: Path) -> None:
    """Else what is passed on to it would be lost."""
    host, landings = ReconnectingMemoryHost(), NoLandings()
    made = destination(host, tmp_path, Clock(), landings)
    made.prepare(WANTED, SOURCE)
    host.arrive()
    with pytest.raises(RequestConflict, match="not connected here yet"):
        made.advise(AdviseMigration(NUMBER, "bind"), SOURCE)
    host.connected = True
    made.advise(AdviseMigration(NUMBER, "bind"), SOURCE)
    assert landings.bound == [NUMBER, NUMBER]


def test_of_a_router_that_has_come_and_ended_nothing_is_left(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    """It was killed as it stood still: its plane is bound to nothing, and would stay for ever."""
    landings, clock = NoLandings(), Clock()
    made = destination(host, tmp_path, clock, landings)
    made.prepare(replace(WANTED, mode="plane-separation"), SOURCE)
    host.arrive()
    host.destroy(UUID)
    with pytest.raises(HypervisorError, match="has ended here"):
        made.advise(AdviseMigration(NUMBER, "bind"), SOURCE)
    assert (landings.bound, landings.removed) == ([], [])
    clock.now += LEASE_SECONDS + 1
    made._look_at(made._records[NUMBER])
    assert (landings.removed, made._records[NUMBER].state) == ([NUMBER], "finished")


def test_a_source_that_knows_it_has_come_hears_that_it_has_ended_and_of_its_end_once_more(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    """Also when the room was removed meanwhile: its back end may not find the domain any more."""
    landings, clock = NoLandings(), Clock()
    made = destination(host, tmp_path, clock, landings)
    made.prepare(replace(WANTED, mode="plane-separation"), SOURCE)
    for step in ("bind", "announce", "finish", "finish", "bind"):
        with pytest.raises(DomainEnded, match="has ended here"):
            made.advise(AdviseMigration(NUMBER, step, has_come=True), SOURCE)  # type: ignore[arg-type]
    assert (landings.removed, made._records[NUMBER].state) == ([NUMBER], "finished")


def test_frames_for_a_router_that_has_ended_are_refused_for_that(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    class Gone(NoLandings):
        def deliver(self, _told: DeliverFrames, _uuid: str) -> None:
            raise BridgeError("frames cannot be given to vif1.0: No such device")

    made = destination(host, tmp_path, Clock(), Gone())
    made.prepare(replace(WANTED, mode="plane-separation"), SOURCE)
    host.arrive()
    with pytest.raises(BridgeError, match="No such device"):
        made.deliver(DeliverFrames(NUMBER, 0, ()), SOURCE)
    host.destroy(UUID)
    with pytest.raises(DomainEnded):
        made.deliver(DeliverFrames(NUMBER, 0, ()), SOURCE)


def test_a_migration_is_advised_and_aborted_only_by_the_node_that_prepared_it(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    made = destination(host, tmp_path)
    made.prepare(WANTED, SOURCE)
    with pytest.raises(SubjectNotFound):
        made.advise(AdviseMigration(NUMBER, "renew"), OTHER)
    with pytest.raises(RequestConflict, match="another one"):
        made.prepare(WANTED, OTHER)
    assert made.abort(AbortIncoming(NUMBER), OTHER).state == "aborted"
    assert host.room == {UUID}
    assert made.abort(AbortIncoming(NUMBER), SOURCE).state == "aborted"
    assert host.room == set()
    with pytest.raises(RequestConflict, match="has ended"):
        made.prepare(WANTED, SOURCE)
    with pytest.raises(RequestConflict, match="removed"):
        made.advise(AdviseMigration(NUMBER, "renew"), SOURCE)


def test_what_a_domain_may_not_have_here_is_refused_and_leaves_nothing(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    def none(_definition: CreateDomain) -> CreateDomain:
        raise PathNotAllowed("none")

    strict = MigrationDestination(PhysicalHost("memory:///two", host), journal(tmp_path), none)
    with pytest.raises(PathNotAllowed):
        strict.prepare(WANTED, SOURCE)
    made = destination(host, tmp_path)
    host.define(CreateDomain("r1"))
    for wanted in (WANTED, replace(WANTED, dry_run=True)):
        with pytest.raises(RequestConflict, match="r1"):
            made.prepare(wanted, SOURCE)
    host.undefine("r1")
    assert made.prepare(replace(WANTED, dry_run=True), SOURCE).facts
    host.fail("prepare", HypervisorError("no memory"))
    with pytest.raises(HypervisorError):
        made.prepare(WANTED, SOURCE)
    assert host.room == set()
    assert journal(tmp_path).load()[NUMBER].state == "aborted"
    plain = MemoryWorld().host("plain")
    with pytest.raises(RequestUnsupported):
        destination(plain, tmp_path / "plain").prepare(WANTED, SOURCE)


@pytest.mark.parametrize("has_come", [False, True])
def test_what_nobody_asks_for_any_more_is_ended_here_also_after_a_restart(
    host: MovingMemoryHost, tmp_path: Path, has_come: bool
) -> None:
    clock = Clock()
    destination(host, tmp_path, clock).prepare(WANTED, SOURCE)
    made = destination(host, tmp_path, clock)
    (record,) = made._records.values()
    clock.now += LEASE_SECONDS / 2
    made.advise(AdviseMigration(NUMBER, "renew"), SOURCE)
    clock.now += LEASE_SECONDS / 2
    made._look_at(record)
    assert host.room == {UUID}
    if has_come:
        host.arrive()
    clock.now += LEASE_SECONDS
    made._look_at(record)
    assert host.room == set()
    assert made._records[NUMBER].state == ("finished" if has_come else "aborted")
    if has_come:
        assert made._host.domain("r1").scheduler.weight == 512


def test_a_domain_that_came_when_its_room_had_been_removed_is_taken_over(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    """libvirt goes on by itself while its source's node is killed, and then ends it here."""
    clock = Clock()
    made = destination(host, tmp_path, clock)
    made.prepare(WANTED, SOURCE)
    clock.now += LEASE_SECONDS
    made._look_at(made._records[NUMBER])
    assert made._records[NUMBER].state == "aborted"
    for step in ("renew", "finish"):
        with pytest.raises(RequestConflict, match="was removed here"):
            made.advise(AdviseMigration(NUMBER, step), SOURCE)
    host.arrive()
    with pytest.raises(RequestConflict, match="was removed here"):
        made.advise(AdviseMigration(NUMBER, "renew"), SOURCE)
    assert made.advise(AdviseMigration(NUMBER, "finish"), SOURCE).state == "finished"
    assert made._host.domain("r1").scheduler.weight == 512
    assert made.advise(AdviseMigration(NUMBER, "finish"), SOURCE).state == "finished"


def test_a_source_is_heard_while_a_slow_hypervisor_is_looked_at(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    """What it says waits for the lock; that it says something does not."""
    clock = Clock()
    made = destination(host, tmp_path, clock)
    made.prepare(WANTED, SOURCE)
    clock.now += LEASE_SECONDS + 1
    advising = threading.Thread(
        target=made.advise, args=(AdviseMigration(NUMBER, "renew"), SOURCE), daemon=True
    )
    with made._lock:
        advising.start()
        own_work = WorkClock(lambda: (os.getpid(),))
        wait_for_work(lambda: made._heard[NUMBER] == clock.now, own_work, 10, "it is heard")
        made._look_at(made._records[NUMBER])
        assert host.room == {UUID}
    advising.join(30)
    assert not advising.is_alive()


class NarrowLandings(PlaneLandings):
    """Planes that cannot stand on one of the interfaces of this host."""

    def __init__(self) -> None:
        pass

    def check(self, interfaces: Collection[str]) -> None:
        if "vlans" in interfaces:
            raise InvalidRequest(("destination",), "bridge vlans has frames by VLAN")


@pytest.mark.parametrize("dry_run", [True, False])
def test_planes_that_cannot_stand_here_are_refused_before_anything_is_done(
    host: MovingMemoryHost, tmp_path: Path, dry_run: bool
) -> None:
    machine = PhysicalHost("memory:///two", host)
    made = MigrationDestination(machine, journal(tmp_path), landings=NarrowLandings())
    wanted = replace(WANTED, mode="plane-separation", planes_on=("lan0", "vlans"), dry_run=dry_run)
    with pytest.raises(InvalidRequest, match="VLAN"):
        made.prepare(wanted, SOURCE)
    assert (host.room, list(tmp_path.iterdir())) == (set(), [])
    assert made.prepare(replace(wanted, planes_on=("lan0",)), SOURCE).facts
    assert made.prepare(replace(wanted, id="1" * 12, mode="standard", dry_run=True), SOURCE).facts


def test_a_bridge_that_has_frames_by_vlan_is_named_and_what_is_none_is_not() -> None:
    rows = [("vlans", "bridge", True), ("plain", "bridge", False), ("eth0", None, False)]
    links = {
        name: cast(KernelLink, SimpleNamespace(name=name, kind=kind, filters_vlans=filters))
        for name, kind, filters in rows
    }
    found = bridge_ports._unfit(("vlans", "plain", "eth0", "missing"), links)
    assert [one.split()[:2] for one in found] == [["bridge", "vlans"]]


def test_a_plane_that_takes_longer_than_a_lease_to_make_is_kept(
    host: MovingMemoryHost, tmp_path: Path
) -> None:
    clock = Clock()

    class SlowLandings(NarrowLandings):
        def plane(self, _told: OfferPlane, _uuid: str) -> None:
            clock.now += 2 * LEASE_SECONDS

    made = destination(host, tmp_path, clock, SlowLandings())
    made.prepare(replace(WANTED, mode="plane-separation"), SOURCE)
    hello = RouterHello("r1", 1, ())
    made.offer_plane(OfferPlane(id=NUMBER, router="r1", router_pk=SOURCE, hello=hello), SOURCE)
    made._look_at(made._records[NUMBER])
    assert made.under_way() == {NUMBER}
