"""Both sides of a migration decide rightly whatever fails, and whenever either is killed.

A world in memory stands for the two hosts and the wire; the journals outlive the programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.migration import incoming, outgoing
from xen_bridge.migration.commands import (
    Command,
    DoStep,
    Event,
    Locate,
    Located,
    StepDone,
    StepFailed,
    UndoStep,
    Wait,
)
from xen_bridge.migration.incoming import IncomingMigration
from xen_bridge.migration.outgoing import MOVE, STEPS, OutgoingMigration
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import MigrateDomain, MigrationStatus, Mode
from xen_bridge.protocol.documents.migration_advise import LEASE_SECONDS, PrepareIncoming, SiteFact

UUID = "11111111-2222-3333-4444-555555555555"
DEFINITION = CreateDomain("r1", uuid=UUID)
FAULTS = ("refused", "lost", "killed before", "killed half", "killed after", "destination killed")
"""Nothing was done; done, but the answer is lost; the source is killed then; so is the other."""


def order(mode: Mode = "standard") -> MigrateDomain:
    return MigrateDomain(
        id="0123456789ab",
        domain="r1",
        destination="xen2",
        destination_url="https://192.0.2.2:7443",
        destination_pk="A" * 60,
        mode=mode,
    )


def fresh(mode: Mode = "standard") -> OutgoingMigration:
    status = MigrationStatus(
        id="0123456789ab",
        domain="r1",
        uuid=UUID,
        destination="xen2",
        mode=mode,
        state="planned",
        started=0.0,
    )
    return OutgoingMigration(order=order(mode), definition=DEFINITION, status=status)


class Killed(Exception):
    """The source's program has ended."""


@dataclass
class World:
    """Two hosts. ``is_there`` is where the router is; it stands still while it is ``frozen``."""

    is_there: bool = False
    frozen: bool = False
    half_moved: bool = False
    room: IncomingMigration | None = None
    named: bool = False
    """The destination has done what is left to do for a router that has come."""
    known_at_source: bool = True
    now: float = 0.0
    heard: float = 0.0

    def carry_out(self, record: OutgoingMigration, command: Command, fault: str | None) -> Event:
        self.now += 1.0
        if isinstance(command, Wait):
            return StepDone()
        if fault == "killed before":
            raise Killed
        if fault == "destination killed":
            self.heard = self.now
            if command in (DoStep("prepare"), DoStep("finish"), UndoStep("prepare")):
                return StepFailed("away")
        if fault == "refused" and command != Locate():
            return StepFailed("refused")
        if fault == "killed half" and command == DoStep(MOVE):
            self.frozen = self.half_moved = True
            raise Killed
        event = self.done(command)
        if fault in ("killed half", "killed after"):
            raise Killed
        return StepFailed("no answer") if fault == "lost" else event

    def done(self, command: Command) -> Event:
        if isinstance(command, Locate):
            self.frozen = self.half_moved = False
            return Located(self.is_there)
        if isinstance(command, UndoStep):
            return self.undone(command.step)
        assert isinstance(command, DoStep)
        return getattr(self, command.step)()  # type: ignore[no-any-return]

    def undone(self, step: str) -> Event:
        if step == "prepare":
            assert not self.is_there, "what was prepared is removed although the router has come"
            self.room = None if self.room is None else incoming.removed(self.room)
        elif step == MOVE:
            assert not self.is_there
            self.frozen = self.half_moved = False
        else:
            raise AssertionError(f"{step} is taken back")
        return StepDone()

    # ---- steps

    def prepare(self) -> Event:
        if self.room is not None and self.room.has_ended:
            return StepFailed("has ended here")
        wanted = PrepareIncoming(id="0123456789ab", definition=DEFINITION, mode="standard")
        self.room = self.room or IncomingMigration(wanted=wanted, source_pk="A" * 60)
        self.heard = self.now
        return StepDone(site=(SiteFact("place", "there"),))

    def move(self) -> Event:
        if self.room is None or self.room.has_ended:
            self.frozen = True
            return StepFailed("no room is kept any longer")
        assert not self.is_there, "it is moved twice"
        self.is_there, self.frozen, self.half_moved = True, False, False
        return StepDone(pause_s=0.5)

    def finish(self) -> Event:
        assert self.is_there
        self.named = True
        self.room = incoming.finished(self.room) if self.room is not None else None
        return StepDone()

    def forget(self) -> Event:
        assert self.is_there
        assert self.named
        self.known_at_source = False
        return StepDone()

    # ---- the destination by itself

    def destination_looks(self) -> None:
        if self.room is None:
            return
        due = incoming.overdue(self.room, self.heard, self.is_there, self.now)
        if due == "remove":
            assert not self.is_there
            self.room = incoming.removed(self.room)
        elif due == "finish":
            self.finish()


def run(world: World, faults: list[str | None], gaps: list[float]) -> OutgoingMigration:
    """Return the source's record when it has ended, having been started anew after each kill."""
    left, waits = list(faults), list(gaps)
    record, command = outgoing.begun(fresh())
    for _ in range(2000):
        if command is None:
            return record
        journal = record
        world.now += waits.pop(0) if waits else 0.0
        world.destination_looks()
        fault = left.pop(0) if left else None
        try:
            event = world.carry_out(record, command, fault)
            record, command = outgoing.advanced(record, command, event, world.now)
        except Killed:
            record, command = outgoing.resumed(journal, world.now)
    raise AssertionError("it does not end")


def check_whole(world: World, record: OutgoingMigration) -> None:
    """The router is whole at one host, and nothing of it at the other."""
    assert not world.frozen
    assert not world.half_moved
    world.now += LEASE_SECONDS
    world.destination_looks()
    assert world.room is None or world.room.has_ended
    assert world.is_there == record.status.is_committed
    if world.is_there:
        assert record.status.state == "done"
        assert world.named
        assert not world.known_at_source
        assert all(step.state == "done" for step in record.status.steps)
    else:
        assert record.status.state == "rolled_back"
        assert world.known_at_source
        assert not world.named
        assert world.room is None or world.room.state == "aborted"
        assert all(step.state in ("pending", "undone") for step in record.status.steps)
        assert record.status.problem


def test_a_migration_that_nothing_disturbs_does_its_steps_in_order_and_ends() -> None:
    world = World()
    record = run(world, [], [])
    check_whole(world, record)
    assert (record.status.state, record.status.pause_s, record.status.problem) == (
        "done",
        0.5,
        None,
    )
    assert [step.name for step in record.status.steps] == list(STEPS["standard"])
    times = [(step.began_s, step.ended_s) for step in record.status.steps]
    assert times == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_at_each_step_leaves_the_router_whole_at_one_host(place: int, fault: str) -> None:
    world = World()
    record = run(world, [None] * place + [fault], [])
    check_whole(world, record)
    turned = STEPS["standard"].index(MOVE)
    if place < turned and fault != "destination killed":
        assert not world.is_there, "what fails before the move is taken back"
    if place > turned:
        assert world.is_there, "behind the move it goes forward"


@given(
    faults=st.lists(st.sampled_from((None, None, *FAULTS)), max_size=30),
    gaps=st.lists(st.sampled_from((0.0, 0.0, LEASE_SECONDS / 2, LEASE_SECONDS)), max_size=30),
)
def test_whatever_fails_however_often_the_router_is_whole_at_one_host_in_the_end(
    faults: list[str | None], gaps: list[float]
) -> None:
    world = World()
    check_whole(world, run(world, faults, gaps))


@given(data=st.data())
def test_a_migration_that_is_aborted_before_it_moves_leaves_nothing_at_the_destination(
    data: st.DataObject,
) -> None:
    world = World()
    record, command = outgoing.begun(fresh())
    for _ in range(data.draw(st.integers(0, 1))):
        assert command is not None
        event = world.carry_out(record, command, None)
        record, command = outgoing.advanced(record, command, event, world.now)
    record, command = outgoing.aborted(record, "it was to be aborted", world.now)
    while command is not None:
        event = world.carry_out(record, command, None)
        record, command = outgoing.advanced(record, command, event, world.now)
    check_whole(world, record)
    assert record.status.problem == "it was to be aborted"


def test_what_cannot_be_taken_back_here_is_told_and_not_tried_for_ever() -> None:
    record, _ = outgoing.begun(fresh())
    record, command = outgoing.advanced(record, DoStep("prepare"), StepDone(), 1.0)
    assert command == DoStep(MOVE)
    record, command = outgoing.advanced(record, command, StepFailed("no link"), 2.0)
    assert command == Locate()
    record, command = outgoing.advanced(record, command, Located(False), 3.0)
    tries = 0
    while isinstance(command, UndoStep):
        tries += 1
        record, command = outgoing.advanced(record, command, StepFailed("no bridge"), 4.0)
        if isinstance(command, Wait):
            record, command = outgoing.advanced(record, command, StepDone(), 5.0)
    assert (record.status.state, tries) == ("failed", outgoing.MAX_UNDO_ATTEMPTS)
    problem = record.status.problem or ""
    assert problem == "no link; and move is not taken back: no bridge"


def test_a_step_behind_the_move_is_tried_again_ever_more_seldom_and_told_meanwhile() -> None:
    record, command = outgoing.begun(fresh())
    for event in (StepDone(), StepDone(pause_s=0.1)):
        assert command is not None
        record, command = outgoing.advanced(record, command, event, 1.0)
    waits = []
    for _ in range(10):
        assert command == DoStep("finish")
        record, command = outgoing.advanced(record, command, StepFailed("away"), 2.0)
        assert isinstance(command, Wait)
        waits.append(command.seconds)
        assert (record.status.state, record.status.problem) == ("running", "away")
        record, command = outgoing.advanced(record, command, StepDone(), 3.0)
    assert waits == sorted(waits)
    assert waits[-1] == outgoing.LONGEST_WAIT


def test_a_destination_gives_nothing_up_that_it_hears_of() -> None:
    wanted = PrepareIncoming(id="0123456789ab", definition=DEFINITION, mode="standard")
    record = IncomingMigration(wanted=wanted, source_pk="A" * 60)
    assert incoming.overdue(record, 10.0, False, 10.0 + LEASE_SECONDS / 2) is None
    assert incoming.overdue(record, 10.0, False, 10.0 + LEASE_SECONDS) == "remove"
    assert incoming.overdue(record, 10.0, True, 10.0 + LEASE_SECONDS) == "finish"
    for ended in (incoming.finished(record), incoming.removed(record)):
        assert incoming.overdue(ended, 10.0, True, 1000.0) is None
    assert replace(record, state="here").has_ended is False


@pytest.mark.parametrize(
    ("here", "there", "lost"), [(0, 0, 0), (2, 3, 5), (None, 3, None), (2, None, None)]
)
def test_what_was_lost_is_known_only_where_both_sides_counted(
    here: int | None, there: int | None, lost: int | None
) -> None:
    order = replace(fresh().order, mode="plane-separation")
    record, command = outgoing.begun(replace(fresh(), order=order))
    while command is not None:
        assert isinstance(command, DoStep)
        told = {"drain": StepDone(lost_here=here), "finish": StepDone(lost_there=there)}
        event = told.get(command.step, StepDone())
        record, command = outgoing.advanced(record, command, event, 1.0)
    assert (record.status.state, record.status.lost) == ("done", lost)


def test_what_was_lost_before_it_was_taken_back_is_told() -> None:
    record, command = outgoing.begun(fresh())
    record, command = outgoing.aborted(record, "it was to be aborted", 1.0)
    while command is not None:
        record, command = outgoing.advanced(record, command, StepDone(lost_here=4), 2.0)
    assert (record.status.state, record.status.lost) == ("rolled_back", 4)
