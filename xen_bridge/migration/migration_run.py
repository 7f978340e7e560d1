"""Run of one migration at its source, in a thread of its own: it keeps, does, and tries again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from xen_bridge.errors import BridgeError, DomainEnded
from xen_bridge.migration import outgoing
from xen_bridge.migration.commands import Command, Event, StepDone, StepFailed, Wait
from xen_bridge.migration.keeper import Keeper
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.source_steps import SourceSteps
from xen_bridge.protocol.documents.migration import MigrationStatus, Whereabouts

LOG = logging.getLogger(__name__)
First: TypeAlias = Callable[[OutgoingMigration, float], outgoing.Decision]
"""Decides what a migration that is taken up begins with, from its record and the time."""
FAULT_SECONDS, LONGEST_FAULT_SECONDS = 2.0, 60.0
"""After a fault of our own, before the same is tried again: at first, and at most."""
TOLD_AFTER = 3
"""Attempts in vain after which the log tells that a step is tried again and again."""


class RunOrders:
    """What is wanted of a migration by others than the thread that carries it out."""

    def __init__(self) -> None:
        self.aborting = threading.Event()
        self.halted = threading.Event()
        """Set to have it stop before its next command: somebody else goes on with it."""
        self.hurry = threading.Event()
        """Set to have it look at once."""
        self._given_up: list[Whereabouts | None] = []

    def halt(self) -> None:
        """Have it stop before its next command."""
        self.halted.set()
        self.hurry.set()

    def abort(self) -> None:
        """Have it taken back."""
        self.aborting.set()
        self.hurry.set()

    def give_up(self, where: Whereabouts | None) -> None:
        """Have it end without trying anything again."""
        self._given_up.append(where)
        self.hurry.set()

    def taken(self, record: OutgoingMigration, now: float) -> outgoing.Decision | None:
        """Return how a migration ends that was given up since this was asked; else None."""
        if not self._given_up:
            return None
        return outgoing.given_up(record, self._given_up.pop(), now)

    def wait(self, seconds: float) -> None:
        """Wait until something is wanted, or so many seconds."""
        self.hurry.wait(seconds)
        self.hurry.clear()


class RunJournal(Protocol):
    """Where a migration is kept."""

    def record(self) -> OutgoingMigration:
        """Return how it stands."""

    def keep(self, record: OutgoingMigration) -> None:
        """Have the journal know; BridgeError where it cannot be written."""


class MigrationRun:
    """One migration, in its own thread."""

    def __init__(
        self,
        journal: RunJournal,
        orders: RunOrders,
        steps: SourceSteps,
        keeper: Callable[[], Keeper],
        now: Callable[[], float],
    ) -> None:
        """``now`` is in seconds since the migration began."""
        self._journal = journal
        self._orders = orders
        self._steps = steps
        self._keeper = keeper
        self._now = now

    def carry_out(self, first: First) -> None:
        """Do what there is to do until it has ended, or is halted."""
        seconds = FAULT_SECONDS
        with self._keeper():
            while not self._is_carried_out(first):
                self._orders.wait(seconds)
                first, seconds = outgoing.resumed, min(2 * seconds, LONGEST_FAULT_SECONDS)

    def _is_carried_out(self, first: First) -> bool:
        """Do what there is to do; tell whether that came to an end, and not to a fault."""
        try:
            record, command = first(self._journal.record(), self._now())
            while command is not None and not self._orders.halted.is_set():
                record, command = self._next(record, command)
            self._keep(record)
            status = record.status
            if command is None:
                LOG.warning("migration %s of %s: %s", status.id, status.domain, in_words(status))
        except Exception:
            LOG.exception("a migration is gone on with in a while")
            return False
        finally:
            self._steps.close()
        return True

    def _next(self, record: OutgoingMigration, command: Command) -> outgoing.Decision:
        self._keep(record)
        event = self._event(record, command)
        if self._is_to_be_aborted(record):
            decided = outgoing.aborted(record, "it was to be aborted", self._now())
        else:
            decided = outgoing.advanced(record, command, event, self._now())
        if decided[1] is None:
            return decided
        if decided[0].attempts == TOLD_AFTER and isinstance(decided[1], Wait):
            _tell(decided[0].status)
        return self._orders.taken(decided[0], self._now()) or decided

    def _is_to_be_aborted(self, record: OutgoingMigration) -> bool:
        status = record.status
        is_early = status.state == "running" and not status.is_committed
        # A move is aborted by itself, as long as that can be; and then it is located first.
        is_moving = any(
            one.name == outgoing.MOVE and one.state == "running" for one in status.steps
        )
        return self._orders.aborting.is_set() and is_early and not is_moving

    def _event(self, record: OutgoingMigration, command: Command) -> Event:
        if isinstance(command, Wait):
            self._orders.wait(command.seconds)
            return StepDone()
        try:
            return self._steps.carry_out(record, command)
        except BridgeError as error:
            LOG.info("migration %s: %s: %s", record.order.id, command, error)
            return StepFailed(str(error) or error.title, isinstance(error, DomainEnded))
        except Exception as error:
            LOG.exception("migration %s: %s", record.order.id, command)
            return StepFailed(f"the node failed; its log says why ({type(error).__name__})")

    def _keep(self, record: OutgoingMigration) -> None:
        while True:
            try:
                self._journal.keep(record)
                return
            except BridgeError as error:
                # Nothing is done that the journal does not know of.
                LOG.error("migration %s waits: %s", record.order.id, error)
                if self._orders.halted.is_set():
                    return
                time.sleep(FAULT_SECONDS)


def _tell(status: MigrationStatus) -> None:
    LOG.warning(
        "migration %s of %s is unsettled, and goes on being tried: %s; it can be ended by hand"
        " (xen-bridge migrations give-up %s)",
        status.id,
        status.domain,
        status.unsettled,
        status.id,
    )


def in_words(status: MigrationStatus) -> str:
    """Return how a migration stands."""
    if status.is_committed and status.state == "running":
        return "committed"
    return f"{status.state}: {status.problem}" if status.problem else status.state
