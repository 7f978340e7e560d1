"""Executor of plans, wave by wave: sends, waits for every barrier, takes back what fails.

Plans of one call share their waves: what five hundred flows send at one time costs one round
trip, not five hundred.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ryu.lib import hub

from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError
from horizon_ryu.core.flows.plan import Plan, Wave, WaveKind, undo_of
from horizon_ryu.flows.confirmation import Confirmation
from horizon_ryu.wire.messages import Outgoing

LOG = logging.getLogger("horizon.flows")


@dataclass(slots=True, eq=False)
class Job:
    """A plan being carried out. ``error`` is why it was taken back; ``begun`` counts the waves
    before the commit that were sent; ``is_clean``: all that was sent is surely undone.
    """

    plan: Plan
    error: SwitchError | None = None
    begun: int = 0
    is_clean: bool = True
    early: tuple[Wave, ...] = field(init=False)
    late: tuple[Wave, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.early = self.plan.before_commit
        self.late = self.plan.after_commit


class Executor:
    """Runs jobs side by side."""

    def __init__(
        self,
        confirmation: Confirmation,
        drain: float,
        obstacle: Callable[[Plan], SwitchError | None],
    ) -> None:
        """``drain`` in seconds; ``obstacle`` tells, right before a commit, why it must not be."""
        self._confirmation = confirmation
        self._drain = drain
        self._obstacle = obstacle
        self.dubious: Callable[[int], None] = _nobody_asks
        """Told of each switch that may hold something else than it should."""

    def turn(self, jobs: Sequence[Job], committing: Callable[[Sequence[Job]], None]) -> None:
        """Carry out all up to the commit and with it; what fails is taken back and has an error.

        ``committing`` is called with the jobs whose next wave is their commit.
        """
        for place in range(max((len(job.early) for job in jobs), default=0)):
            live = [job for job in jobs if job.error is None and place < len(job.early)]
            last = [job for job in live if place == len(job.early) - 1]
            for job in last:
                job.error = self._obstacle(job.plan)
            committing([job for job in last if job.error is None])
            self._wave([(job, job.early[place]) for job in live if job.error is None])
        self.take_back([job for job in jobs if job.error is not None])

    def take_back(self, jobs: Sequence[Job]) -> None:
        """Undo what jobs have sent before their commit, or with it."""
        undoing = [(job, undo_of(job.early[: job.begun])) for job in jobs]
        self._restore([(job, undo.turned) for job, undo in undoing])
        self._restore([(job, undo.restored) for job, undo in undoing if job.is_clean])
        self._delete([(job, undo.deleted) for job, undo in undoing if job.is_clean])

    def _restore(self, restoring: Sequence[tuple[Job, tuple[Wave, ...]]]) -> None:
        """Give entries back what they were, and wait until packets that met the others are out."""
        for place in range(max((len(waves) for _, waves in restoring), default=0)):
            some = [(job, waves[place]) for job, waves in restoring if place < len(waves)]
            for job, error in self._send(some):
                # The switch may have the new entry still: what it leads to must stay.
                job.is_clean = False
                self.dubious(error.dpid)
        if any(waves for _, waves in restoring):
            hub.sleep(self._drain)

    def finish(self, jobs: Sequence[Job], draining: Callable[[Sequence[Job]], None]) -> None:
        """Carry out what follows the commit. A failure is logged: the reconciler will repair it.

        ``draining`` is called with the jobs that wait for old packets to leave.
        """
        refreshing = [
            (job, wave) for job in jobs for wave in job.late if wave.kind is WaveKind.REFRESH
        ]
        self._log(self._send(refreshing))
        waiting = [job for job in jobs if any(wave.kind is WaveKind.DRAIN for wave in job.late)]
        if waiting:
            draining(waiting)
            hub.sleep(self._drain)
        deleting = [
            (job, tuple(wave for wave in job.late if wave.kind is WaveKind.DELETE)) for job in jobs
        ]
        self._delete(deleting)

    def push_on(self, jobs: Sequence[Job]) -> None:
        """Send every wave up to the commit once more, whatever the switches answer."""
        for place in range(max((len(job.early) for job in jobs), default=0)):
            some = [(job, job.early[place]) for job in jobs if place < len(job.early)]
            self._log(self._send(some))

    def _delete(self, deleting: Sequence[tuple[Job, tuple[Wave, ...]]]) -> None:
        for place in range(max((len(waves) for _, waves in deleting), default=0)):
            some = [(job, waves[place]) for job, waves in deleting if place < len(waves)]
            self._log(self._send(some))

    def _wave(self, pairs: Sequence[tuple[Job, Wave]]) -> None:
        for job, _ in pairs:
            job.begun += 1
        for job, error in self._send(pairs):
            job.error = job.error or error

    def _send(self, pairs: Sequence[tuple[Job, Wave]]) -> list[tuple[Job, SwitchError]]:
        """Send waves together; return which jobs failed, and why.

        An error without a place is about a switch: it fails every job that spoke to it.
        """
        owners: list[Job] = []
        messages: list[Outgoing] = []
        for job, wave in pairs:
            for step in wave.steps:
                owners.append(job)
                messages.append(step.send)
        failures = []
        for error in self._confirmation.confirm(messages):
            if error.index is not None:
                failures.append((owners[error.index], error))
                continue
            concerned = {
                id(owner): owner
                for owner, sent in zip(owners, messages, strict=True)
                if sent.dpid == error.dpid
            }
            failures += [(job, error) for job in concerned.values()]
        return failures

    def _log(self, failures: Sequence[tuple[Job, SwitchError]]) -> None:
        for _, error in failures:
            quiet = isinstance(error, (SwitchAway, SwitchDeadline))
            LOG.log(logging.INFO if quiet else logging.WARNING, "to be repaired: %s", error)
            self.dubious(error.dpid)


def _nobody_asks(_dpid: int) -> None:
    """Do nothing."""
