"""Audit service: has every application compare what it stands on with what switches have.

Removals and changes by others are noticed by looking, not by what a switch tells of itself: a
change is told by none, and who tells of removals without end costs nothing that way.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection
from typing import TypeAlias

from horizon_ryu.core.audit_schedule import PATIENCE, AuditSchedule
from horizon_ryu.core.errors import RequestUnanswered, SwitchAway, SwitchError
from xen_bridge.runtime.port import Runtime
from xen_bridge.runtime.task_pool import TaskPool

LOG = logging.getLogger("horizon.audit")

Audit: TypeAlias = Callable[[int], int]
"""Compares a switch, by dpid, restores what differs and returns how much that was; it waits.

SwitchError if the switch cannot be read.
"""

_AT_ONCE = 64
"""Switches that are audited at one time."""
_TICK = 0.1


class AuditService:
    """Runs the audits of all applications, switch by switch.

    ``repairs`` counts what differed, ``failures`` audits that came to no end, by application.
    """

    def __init__(
        self,
        runtime: Runtime,
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
        self._connected = connected
        self._clock = clock
        self._failed = failed
        self._audits: dict[str, Audit] = {}
        self._schedule = AuditSchedule()
        self._pool = TaskPool(runtime, _AT_ONCE)

    def register(self, application: str, audit: Audit) -> None:
        """Have ``audit`` called for each switch, after those registered before."""
        self._audits[application] = audit

    def turn(self) -> None:
        """Begin the audits that are due: one turn of a loop."""
        now = self._clock()
        self._schedule.follow(self._connected(), now)
        for dpid in self._schedule.take_due(now):
            self._pool.spawn(self._audit, dpid)
        self._runtime.sleep(_TICK)

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
        """Have every application compare one switch; tell whether all was as it should be."""
        is_fine = True
        for application, audit in self._audits.items():
            try:
                found = audit(dpid)
            except RequestUnanswered:
                # There is nothing to compare with, and that is told elsewhere.
                continue
            except SwitchError as error:
                if not isinstance(error, SwitchAway):
                    self.failures[application] += 1
                    LOG.info("audit: %s: %s", application, error)
                return False
            except Exception as error:
                # Nobody else restores what the applications stand on.
                self.failures[application] += 1
                is_fine = False
                self._failed(f"audit of {application}", error)
                continue
            self.repairs[application] += found
            is_fine &= not found
        return is_fine
