"""Moves of Xen domains, over a stand-in for libvirt: what is refused, ended, and made whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import libvirt
import pytest

from fake_libvirt import NO_DOMAIN, refusal
from xen_bridge.dom0.hypervisor.moving import DomainMover, MoveHooks, MoveOrder
from xen_bridge.dom0.hypervisor.xen.live_move import LiveMove
from xen_bridge.dom0.hypervisor.xen.migration_uri import MigrationUri
from xen_bridge.dom0.hypervisor.xen.xen_mover import MovingXenHost
from xen_bridge.errors import (
    HypervisorAway,
    HypervisorError,
    InvalidRequest,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.protocol.documents.domains import CreateDomain, NewDisk, NewInterface

UUID = "7f07538e-d65a-4a85-83a9-dc320db2695e"
XML = f"""<domain type='xen'><name>r1</name><uuid>{UUID}</uuid>
<memory unit='KiB'>196608</memory><vcpu placement='static' current='1'>2</vcpu>
<os><type arch='x86_64' machine='xenpv'>linux</type><kernel>/k</kernel><initrd>/i</initrd>
<cmdline>quiet</cmdline></os><on_reboot>restart</on_reboot><on_crash>destroy</on_crash><devices>
<disk type='block' device='disk'><source dev='/dev/vdb'/><target dev='xvda'/><readonly/></disk>
<interface type='bridge'><mac address='00:16:3E:77:00:0b'/><source bridge='xenbr0'/></interface>
{{more}}</devices></domain>"""
PCI = """<hostdev type='pci'><source><address domain='0' bus='3' slot='0' function='1'/></source>
</hostdev>"""
THERE = MigrationUri.read("xen+tcp://two/system")
RUNNING, PAUSED = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED
BY_MIGRATION = libvirt.VIR_DOMAIN_PAUSED_MIGRATION


@dataclass
class FakeDomain:
    """A domain of libvirt's, and the one that Xen has (``is_stopped``)."""

    number: int = 5
    now: tuple[int, int] = (RUNNING, 1)
    job: int = libvirt.VIR_DOMAIN_JOB_NONE
    more: str = ""
    is_stopped: bool = False
    persistent: bool = True
    done: list[Any] = field(default_factory=list)
    migrates: Callable[[], None] = lambda: None

    def name(self) -> str:
        return "r1"

    def ID(self) -> int:
        return self.number

    def state(self) -> list[int]:
        return list(self.now)

    def jobInfo(self) -> list[int]:
        return [self.job]

    def isActive(self) -> bool:
        return self.number >= 0

    def isPersistent(self) -> bool:
        return self.persistent

    def XMLDesc(self, _flags: int = 0) -> str:
        return XML.format(more=self.more)

    def resume(self) -> None:
        # As libxl has it: what is not paused cannot be resumed.
        if not self.is_stopped:
            raise refusal(text="Failed to resume domain '5' with libxenlight")
        self.is_stopped, self.now = False, (RUNNING, 5)

    def destroy(self) -> None:
        self.done.append("destroy")

    def undefine(self) -> None:
        self.done.append("undefine")

    def migrateToURI3(self, uri: str, parameters: dict[str, Any], flags: int) -> None:
        self.done.append((uri, parameters, flags))
        self.migrates()


class FakeXenHost(MovingXenHost):
    """A host that has one domain, or none."""

    def __init__(self, domain: FakeDomain | None, uri: MigrationUri | None = THERE) -> None:
        super().__init__("xen:///system", uri, self._xl_says)
        self.fake = domain
        self.xl_state = "-b----"
        self.commands: list[Sequence[str]] = []

    def find(self, domain: str) -> Any:
        if self.fake is None:
            raise SubjectNotFound(f"no domain {domain}")
        return self.fake

    def _xl_says(self, command: Sequence[str]) -> str:
        self.commands.append(command)
        if command[1] == "pause" and self.fake is not None:
            self.fake.is_stopped = True
        return f"r1   5   192   1   {self.xl_state}   9.9 {UUID}\n"


def test_it_is_a_mover() -> None:
    assert isinstance(FakeXenHost(None), DomainMover)


def test_what_defines_a_domain_is_read_back() -> None:
    assert FakeXenHost(FakeDomain()).definition_of(UUID) == CreateDomain(
        "r1",
        uuid=UUID,
        memory_kb=196608,
        vcpus=1,
        max_vcpus=2,
        kernel="/k",
        ramdisk="/i",
        arguments="quiet",
        interfaces=(NewInterface("xenbr0", "00:16:3e:77:00:0b"),),
        disks=(NewDisk("/dev/vdb", "xvda", read_only=True),),
        on_crash="destroy",
    )


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        (FakeDomain(now=(PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER)), "r1 is paused"),
        (FakeDomain(number=-1), "r1 does not run"),
        (FakeDomain(job=libvirt.VIR_DOMAIN_JOB_UNBOUNDED), "is busy with another job"),
        (FakeDomain(more=PCI), r"has PCI devices of this host: 0000:03:00\.1"),
        (FakeDomain(more="<interface type='network'/>"), "interface that is in no bridge"),
        (FakeDomain(more="<disk type='network'/>"), "disk that is no file and no device"),
    ],
)
def test_what_cannot_be_moved_as_it_is(domain: FakeDomain, why: str) -> None:
    with pytest.raises(RequestConflict, match=why):
        FakeXenHost(domain).definition_of(UUID)


def test_a_host_without_a_migration_uri_takes_none() -> None:
    with pytest.raises(InvalidRequest, match="has no --migration-uri"):
        FakeXenHost(None, None).check_incoming(CreateDomain("r1"))


def test_libvirt_is_told_that_a_domain_runs_that_it_takes_for_paused() -> None:
    """Found on libvirt 9.0 after a migration that failed before the domain was suspended."""
    xen = FakeXenHost(FakeDomain(now=(PAUSED, BY_MIGRATION)))
    assert xen.definition_of(UUID).name == "r1"
    assert ("xl", "pause", "5") in xen.commands
    assert xen.fake is not None
    assert (xen.fake.now, xen.fake.is_stopped) == ((RUNNING, 5), False)


def test_one_that_xen_has_paused_too_is_left_alone() -> None:
    xen = FakeXenHost(FakeDomain(now=(PAUSED, BY_MIGRATION)))
    xen.xl_state = "--p---"
    with pytest.raises(RequestConflict, match="is paused"):
        xen.definition_of(UUID)
    assert ("xl", "pause", "5") not in xen.commands


def test_while_nobody_answers_there_libvirt_is_told_all_the_same() -> None:
    """One that runs here runs: its copy goes on by no word but ours."""
    xen = FakeXenHost(FakeDomain(now=(PAUSED, BY_MIGRATION)))
    site = {"uri": "xen+tcp://127.0.0.1:1/system", "boot": "b", "libvirt": "l", "xen": "4.17.5"}
    with pytest.raises(HypervisorAway, match="nobody listens"):
        xen.settle(MoveOrder("a" * 12, UUID, site))
    assert xen.fake is not None
    assert xen.fake.now == (RUNNING, 5)


# ---- at the destination


def test_a_paused_copy_is_neither_let_go_on_nor_removed_without_its_source() -> None:
    xen = FakeXenHost(FakeDomain(now=(PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER)))
    with pytest.raises(RequestConflict, match="until its source"):
        xen.is_here(UUID)
    with pytest.raises(RequestConflict, match="it is paused here"):
        xen.abort_incoming("a" * 12, UUID)
    assert xen.fake is not None
    assert xen.fake.done == []


def test_who_has_come_and_who_has_not() -> None:
    assert FakeXenHost(FakeDomain()).is_here(UUID)
    assert not FakeXenHost(None).is_here(UUID)
    assert not FakeXenHost(FakeDomain(number=-1)).is_here(UUID)
    assert not FakeXenHost(FakeDomain(job=libvirt.VIR_DOMAIN_JOB_UNBOUNDED)).is_here(UUID)
    FakeXenHost(None).abort_incoming("a" * 12, UUID)
    with pytest.raises(RequestConflict, match="it is running here"):
        FakeXenHost(FakeDomain()).abort_incoming("a" * 12, UUID)


# ---- the move


class FakeWatch:
    """Stands for xenstore's watch."""

    def __init__(self, _domain: int) -> None:
        self.has_fired = False

    def wait(self, seconds: float) -> bool:
        time.sleep(min(seconds, 0.01))
        return self.has_fired

    def __enter__(self) -> FakeWatch:
        return self

    def __exit__(self, *_args: object) -> None:
        pass


def test_the_copy_is_left_paused_and_the_definition_goes_along() -> None:
    domain = FakeDomain()
    LiveMove(domain, THERE, MoveHooks(), watch=FakeWatch).carry_out()
    ((uri, parameters, flags),) = domain.done
    assert (uri, parameters) == ("xen+tcp://two/system", {})
    assert flags == (
        libvirt.VIR_MIGRATE_LIVE
        | libvirt.VIR_MIGRATE_PEER2PEER
        | libvirt.VIR_MIGRATE_PAUSED
        | libvirt.VIR_MIGRATE_PERSIST_DEST
        | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    )


def test_its_memory_is_as_secret_as_the_connection() -> None:
    domain = FakeDomain(persistent=False)
    secret = MigrationUri.read("xen+tls://two/system")
    LiveMove(domain, secret, MoveHooks(), watch=FakeWatch).carry_out()
    flags = domain.done[0][2]
    assert flags & libvirt.VIR_MIGRATE_TUNNELLED
    assert not flags & libvirt.VIR_MIGRATE_PERSIST_DEST


def test_that_it_stands_still_is_told_once() -> None:
    watch, over = FakeWatch(5), threading.Event()
    told: list[str] = []
    domain = FakeDomain(migrates=lambda: _waits(over))

    def may_go_on(stood: float) -> None:
        watch.has_fired = True
        if told and stood > 0.0:
            over.set()

    hooks = MoveHooks(may_go_on, lambda: told.append("stopped"))
    moving = LiveMove(domain, THERE, hooks, watch=lambda _domain: watch)
    moving.carry_out()
    assert told == ["stopped"]
    assert moving.stopped is not None


def test_what_is_for_it_is_kept_before_it_can_stand_still() -> None:
    told: list[str] = []
    domain = FakeDomain(migrates=lambda: told.append("moves"))
    LiveMove(
        domain, THERE, MoveHooks(may_stop=lambda: told.append("kept")), watch=FakeWatch
    ).carry_out()
    assert told == ["kept", "moves"]


def test_one_whose_frames_cannot_be_kept_does_not_leave() -> None:
    watch, over, ended = FakeWatch(5), threading.Event(), list[int]()
    watch.has_fired = True

    def migrates() -> None:
        _waits(over)
        raise refusal(text="Failed to send migration data")

    def end(number: int) -> int:
        ended.append(number)
        over.set()
        return 1

    def stopped() -> None:
        raise HypervisorError("no room")

    moving = LiveMove(
        FakeDomain(migrates=migrates), THERE, MoveHooks(stopped=stopped), end, lambda _domain: watch
    )
    with pytest.raises(HypervisorError, match="no room"):
        moving.carry_out()
    assert ended


def _waits(over: threading.Event) -> None:
    if not over.wait(30):
        raise AssertionError("nobody ended it")


def test_a_move_that_may_not_go_on_is_ended_and_says_why() -> None:
    over, ended = threading.Event(), list[int]()

    def migrates() -> None:
        _waits(over)
        raise refusal(text="Failed to send migration data")

    def end(number: int) -> int:
        ended.append(number)
        over.set()
        return 1

    def may_go_on(_stood: float) -> None:
        if domain.done:
            raise RequestConflict("it was to be aborted")

    domain = FakeDomain(migrates=migrates)
    moving = LiveMove(domain, THERE, MoveHooks(may_go_on), end, FakeWatch)
    with pytest.raises(RequestConflict, match="it was to be aborted"):
        moving.carry_out()
    assert ended[0] == 5


def test_a_move_that_is_refused_before_it_begins_asks_nothing_of_libvirt() -> None:
    domain = FakeDomain()

    def may_go_on(_stood: float) -> None:
        raise RequestConflict("it was to be aborted")

    with pytest.raises(RequestConflict):
        LiveMove(domain, THERE, MoveHooks(may_go_on), watch=FakeWatch).carry_out()
    assert domain.done == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal(text="Failed to send migration data"), HypervisorError),
        (refusal(libvirt.VIR_ERR_OPERATION_INVALID, "not running"), RequestConflict),
        (refusal(libvirt.VIR_ERR_NO_SUPPORT, "no"), RequestUnsupported),
        (NO_DOMAIN, SubjectNotFound),
    ],
)
def test_what_libvirt_says_is_told(error: Exception, kind: type[Exception]) -> None:
    def migrates() -> None:
        raise error

    with pytest.raises(kind):
        LiveMove(FakeDomain(migrates=migrates), THERE, MoveHooks(), watch=FakeWatch).carry_out()
