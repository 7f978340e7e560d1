"""BFD sessions of a router are raised before it stands still, and put back when it goes on."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from xen_bridge.dom0.hypervisor.moving import MoveHooks, MoveOrder
from xen_bridge.errors import (
    BridgeError,
    Deadline,
    HypervisorError,
    PeerUnreached,
    RequestConflict,
    RequestUnsupported,
)
from xen_bridge.migration.commands import DoStep, StepDone, UndoStep
from xen_bridge.migration.held_sessions import SessionHolder, no_agent, seconds_of
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.source_steps import SourceSteps
from xen_bridge.protocol.documents.dead_times import HeldSessions, HoldSessions, ReleaseSessions
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import MigrateDomain, MigrationStatus

UUID = "11111111-2222-3333-4444-555555555555"


class HoldingAgent:
    """A router's agent: answers, or fails as told, and notes what it is asked in ``log``."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.fault: BridgeError | None = None
        self.peers: tuple[str, ...] = ("10.0.0.2", "10.0.0.3")

    def connect(self, status: MigrationStatus) -> HoldingAgent:
        assert status.uuid == UUID
        return self

    def ask(self, body: Any, router: str | None = None, seconds: float | None = None) -> Any:
        assert router is None
        assert seconds is not None
        self.log.append(f"hold {body.seconds:g}" if isinstance(body, HoldSessions) else "release")
        assert isinstance(body, (HoldSessions, ReleaseSessions))
        if self.fault is not None:
            raise self.fault
        return HeldSessions(self.peers)

    def close(self) -> None:
        pass


class SlowMover:
    """Moves a domain, or fails to; it stands still in between."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.fault: BridgeError | None = None

    def move(self, _order: MoveOrder, _pause_s: float, hooks: MoveHooks) -> float:
        self.log.append("stands still")
        hooks.stopped()
        hooks.may_go_on(0.25)
        if self.fault is not None:
            raise self.fault
        hooks.arrived()
        self.log.append("goes on")
        return 0.25

    def settle(self, _order: MoveOrder) -> bool:
        return False

    def forget_outgoing(self, _order: MoveOrder) -> None:
        self.log.append("forgotten")


class OneMigration:
    """The steps of a migration that has come to its move."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.agent, self.mover = HoldingAgent(self.log), SlowMover(self.log)
        order = MigrateDomain(
            id="0123456789ab",
            domain="r1",
            destination="xen2",
            destination_url="https://192.0.2.2:7443",
            destination_pk="A" * 60,
            mode="standard",
        )
        status = MigrationStatus(
            id=order.id,
            domain="r1",
            uuid=UUID,
            destination="xen2",
            mode="standard",
            state="running",
        )
        self.record = OutgoingMigration(
            order=order, definition=CreateDomain("r1", uuid=UUID), status=status
        )
        self.steps = self.started()

    def started(self) -> SourceSteps:
        """Return the steps as a program has them that knows nothing of what was done."""
        host: Any = SimpleNamespace(forget_settings=lambda _uuid: None)
        mover: Any = self.mover
        sessions = SessionHolder(self.agent.connect)
        return SourceSteps(host, mover, self._peer, lambda: False, None, sessions)

    def _peer(self, _order: MigrateDomain) -> Any:
        raise PeerUnreached("nobody asks the destination here")

    def do(self, step: str) -> StepDone:
        done = self.steps.carry_out(self.record, DoStep(step))
        assert isinstance(done, StepDone)
        return done

    def undo(self, step: str) -> None:
        self.steps.carry_out(self.record, UndoStep(step))


@pytest.fixture
def migration() -> OneMigration:
    return OneMigration()


def test_sessions_are_held_before_the_standstill_and_released_after_the_arrival(
    migration: OneMigration,
) -> None:
    done = migration.do("move")
    migration.do("forget")
    assert migration.log == ["hold 5", "stands still", "goes on", "release", "forgotten"]
    assert (done.pause_s, done.detail) == (
        0.25,
        "stood still for 0.250 s; 2 BFD sessions were held",
    )


def test_sessions_are_released_when_the_move_is_taken_back(migration: OneMigration) -> None:
    migration.mover.fault = HypervisorError("no room")
    with pytest.raises(HypervisorError, match="no room"):
        migration.do("move")
    migration.undo("move")
    migration.undo("move")
    assert migration.log == ["hold 5", "stands still", "release"]


def test_a_program_that_was_started_anew_releases_what_the_one_before_may_have_held(
    migration: OneMigration,
) -> None:
    migration.do("move")
    migration.steps = migration.started()
    migration.do("forget")
    assert migration.log[-2:] == ["release", "forgotten"]
    migration.steps = migration.started()
    migration.undo("move")
    assert migration.log[-1] == "release"


@pytest.mark.parametrize(
    ("fault", "is_released"),
    [
        (PeerUnreached("10.0.0.1:7444: no route to host"), False),
        (RequestConflict("the sessions are held already"), False),
        (Deadline("10.0.0.1:7444 did not answer in time"), True),
        (BridgeError("FRR refuses 'bfd'"), True),
    ],
)
def test_what_the_agent_fails_in_is_told_and_fails_no_migration(
    migration: OneMigration, fault: BridgeError, is_released: bool
) -> None:
    migration.agent.fault = fault
    done = migration.do("move")
    assert done.detail == f"stood still for 0.250 s; BFD sessions are not held: {fault}"
    # It fails once more, which is no failure either.
    migration.do("forget")
    assert ("release" in migration.log) is is_released
    assert migration.log[-1] == "forgotten"


def test_a_router_without_frr_or_without_sessions_has_nothing_told_or_released(
    migration: OneMigration,
) -> None:
    migration.agent.fault = RequestUnsupported("no daemon of FRR runs here")
    assert migration.do("move").detail == "stood still for 0.250 s"
    migration.do("forget")
    migration.agent.fault, migration.agent.peers = None, ()
    assert migration.do("move").detail == "stood still for 0.250 s"
    migration.do("forget")
    assert "release" not in migration.log


def test_a_router_without_an_agent_is_asked_nothing(migration: OneMigration) -> None:
    holder = SessionHolder(no_agent)
    assert holder.hold(migration.record.order, migration.record.status) is None
    holder.release(migration.record.status)
    assert migration.log == []


@pytest.mark.parametrize(
    ("pause_s", "longest", "seconds"),
    [
        (None, None, 5.0),
        (2.0, None, 7.0),
        (3600.0, None, 60.0),
        (2.0, 30.0, 30.0),
        (None, 1e-6, 1.0),
        (None, 1000.0, 60.0),
    ],
)
def test_sessions_outlast_what_the_order_allows(
    migration: OneMigration, pause_s: float | None, longest: float | None, seconds: float
) -> None:
    order = replace(migration.record.order, pause_s=pause_s, abort_if_pause_over_s=longest)
    assert seconds_of(order) == seconds
    assert HoldSessions(seconds_of(order)).seconds == seconds
