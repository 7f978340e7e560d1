"""Audit service: has every application compare what it stands on with what switches have.

Removals and changes by others are noticed by looking, not by what a switch tells of itself: a
change is told by none, and who tells of removals without end costs nothing that way.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeAlias

from horizon_ryu.audit.examination import Examination, FineAnswers
from horizon_ryu.core.audit_schedule import PATIENCE, AuditSchedule
from horizon_ryu.core.errors import RequestUnanswered, SwitchAway, SwitchError
from horizon_ryu.openflow.queries import Query, SwitchAnswer
from xen_bridge.runtime.port import Runtime
from xen_bridge.runtime.task_pool import TaskPool

LOG = logging.getLogger("horizon.audit")

Audit: TypeAlias = Callable[[int], Examination | int]
"""Begins with a switch, by dpid: returns what is to be asked of it.

Or, if nothing is, how much was restored; it may wait for that. SwitchError. Of a switch of which
something was asked it begins again and again, and does not wait.
"""


class OpenRequest(Protocol):
    """What was asked again."""

    def give_up(self) -> None:
        """End it as late: that is told."""


class AuditedSwitches(Protocol):
    """The part of the switch registry that is used."""

    def repeat(
        self, dpid: int, answers: Sequence[SwitchAnswer], told: Callable[[bool], None]
    ) -> OpenRequest | None:
        """Ask a switch again what it answered so; ``told`` hears once whether it says the same.

        Never waits. None if that cannot be asked, or not be compared.
        """

    def read(self, dpid: int, queries: Sequence[Query]) -> Sequence[SwitchAnswer | SwitchError]:
        """Ask a switch several questions in one write; return what came of each."""


_AT_ONCE = 64
"""Switches that are audited at one time."""
_TICK = 0.1
_PATIENCE = 2.0
"""Seconds for an answer that should be that of the last time."""


class AuditService:
    """Runs the audits of all applications, switch by switch.

    ``repairs`` counts what differed, ``failures`` audits that came to no end, by application.
    """

    def __init__(
        self,
        runtime: Runtime,
        switches: AuditedSwitches,
        connected: Callable[[], Collection[int]],
        clock: Callable[[], float],
        failed: Callable[[str, Exception], None],
    ) -> None:
        """``connected`` tells the dpids of the connected switches.

        ``failed`` is told the name of an audit that raised, and what: the supervisor.
        """
        self.repairs: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._runtime = runtime
        self._switches = switches
        self._fine = FineAnswers()
        self._connected = connected
        self._clock = clock
        self._failed = failed
        self._audits: dict[str, Audit] = {}
        self._schedule = AuditSchedule()
        self._repeated: dict[int, tuple[float, OpenRequest]] = {}
        """What was asked again, by switch, and until when it may be answered: the oldest first."""
        self._differing: list[int] = []
        """Switches that said something else than the last time."""
        self._pool = TaskPool(runtime, _AT_ONCE)

    def register(self, application: str, audit: Audit) -> None:
        """Have ``audit`` begun for each switch, after those registered before."""
        self._audits[application] = audit

    def turn(self) -> None:
        """Begin the audits that are due: one turn of a loop."""
        now = self._clock()
        connected = self._connected()
        self._schedule.follow(connected, now)
        self._fine.follow(connected)
        self._give_up_late(now)
        differing, self._differing = self._differing, []
        for dpid in differing:
            self._pool.spawn(self._audit, dpid)
        for dpid in self._schedule.take_due(now):
            if not self._repeat(dpid, now):
                self._pool.spawn(self._audit, dpid)
        self._runtime.sleep(_TICK)

    def _give_up_late(self, now: float) -> None:
        while self._repeated:
            dpid, (until, request) = next(iter(self._repeated.items()))
            if until > now:
                return
            del self._repeated[dpid]
            request.give_up()

    def _repeat(self, dpid: int, now: float) -> bool:
        """Ask a switch again what was answered as it should be, in no task of its own.

        False if something else is believed by now: then it is to be looked at anew.
        """
        if dpid not in self._fine:
            return False
        try:
            begun = {name: audit(dpid) for name, audit in self._audits.items()}
        except Exception as error:
            # The audit that follows meets it again, and tells it.
            LOG.debug("switch %016x cannot be asked again: %s", dpid, error)
            return False
        answers = self._fine.standing(dpid, begun)
        if answers is None:
            return False
        # It may be told at once, if the connection is dead.
        self._repeated.pop(dpid, None)
        request = self._switches.repeat(dpid, answers, partial(self._told, dpid))
        if request is None:
            return False
        self._repeated[dpid] = now + _PATIENCE, request
        return True

    def _told(self, dpid: int, is_same: bool) -> None:
        """Take note of what a switch said again; the next turn looks at it if that is new."""
        self._repeated.pop(dpid, None)
        if is_same:
            self._schedule.done(dpid, True, self._clock())
        else:
            self._differing.append(dpid)

    def _audit(self, dpid: int) -> None:
        is_fine = False
        try:
            is_fine = self.audit(dpid)
        finally:
            self._schedule.done(dpid, is_fine, self._clock())
            if self._schedule.strikes(dpid) == PATIENCE + 1:
                LOG.warning(
                    "audit: switch %016x is never as it should be; it is looked at more rarely",
                    dpid,
                )

    def audit(self, dpid: int) -> bool:
        """Have every application compare one switch; tell whether all was as it should be.

        What they ask is asked together. An application whose questions cannot be answered ends
        the audit; one that fails otherwise does not.
        """
        begun: dict[str, Examination | int] = {}
        is_fine = True
        try:
            for name in self._audits:
                is_fine &= self._begin(dpid, name, begun)
            answers = iter(self._ask(dpid, begun))
            for name, examined in begun.items():
                told = [next(answers) for _ in _queries(examined)]
                is_fine &= self._finish(dpid, name, examined, told)
        except SwitchError:
            return False
        return is_fine

    def _begin(self, dpid: int, application: str, begun: dict[str, Examination | int]) -> bool:
        with self._telling(application) as failed:
            begun[application] = self._audits[application](dpid)
        return not failed

    def _ask(
        self, dpid: int, begun: Mapping[str, Examination | int]
    ) -> Sequence[SwitchAnswer | SwitchError]:
        queries = [query for examined in begun.values() for query in _queries(examined)]
        return self._switches.read(dpid, queries) if queries else ()

    def _finish(
        self,
        dpid: int,
        application: str,
        examined: Examination | int,
        told: Sequence[SwitchAnswer | SwitchError],
    ) -> bool:
        found = 0
        with self._telling(application) as failed:
            if isinstance(examined, int):
                found = examined
            else:
                found = self._fine.judge(dpid, application, examined, _all_of(told))
            self.repairs[application] += found
        return not (found or failed)

    @contextmanager
    def _telling(self, application: str) -> Iterator[list[Exception]]:
        """Count what an application raises; let pass what concerns all: SwitchError."""
        failed: list[Exception] = []
        try:
            yield failed
        except RequestUnanswered:
            # There is nothing to compare with, and that is told elsewhere.
            return
        except SwitchError as error:
            if not isinstance(error, SwitchAway):
                self.failures[application] += 1
                LOG.info("audit: %s: %s", application, error)
            raise
        except Exception as error:
            # Nobody else restores what the applications stand on.
            self.failures[application] += 1
            failed.append(error)
            self._failed(f"audit of {application}", error)


def _queries(examined: Examination | int) -> Sequence[Query]:
    return () if isinstance(examined, int) else examined.queries


def _all_of(told: Sequence[SwitchAnswer | SwitchError]) -> list[SwitchAnswer]:
    """Return the answers; raise the first error."""
    answers = []
    for one in told:
        if isinstance(one, SwitchError):
            raise one
        answers.append(one)
    return answers
