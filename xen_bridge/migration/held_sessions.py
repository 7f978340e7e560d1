"""Held sessions: a router's BFD sessions, raised before it stands still and put back afterwards.

Its agent does that; nothing that the agent fails in is a failure of the migration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from xen_bridge.errors import BridgeError, PeerUnreached, RequestConflict, RequestUnsupported
from xen_bridge.migration.peer import PeerConnection
from xen_bridge.protocol.documents.dead_times import HeldSessions, HoldSessions, ReleaseSessions
from xen_bridge.protocol.documents.migration import MigrateDomain, MigrationStatus

LOG = logging.getLogger(__name__)
ASKED_SECONDS = 3.0
"""For an answer of the agent. It is asked before the standstill, or when traffic flows again."""
EXPECTED_SECONDS = 5.0
"""Of standstill, beside what it is lengthened by, where the order allows any."""
LEAST_SECONDS, MOST_SECONDS = 1.0, 60.0
MAX_REASON = 200

ConnectAgent: TypeAlias = Callable[[MigrationStatus], PeerConnection | None]
"""Returns a connection to the agent of a migration's router; None where none is known."""


def no_agent(_status: MigrationStatus) -> PeerConnection | None:
    """Know no agent."""
    return None


def seconds_of(order: MigrateDomain) -> float:
    """Return for how long a router's sessions have to outlast silence in a migration."""
    longest = order.abort_if_pause_over_s
    wanted = (order.pause_s or 0.0) + EXPECTED_SECONDS if longest is None else longest
    return min(max(wanted, LEAST_SECONDS), MOST_SECONDS)


class SessionHolder:
    """The sessions of one migration's router. Not for several threads at once; raises nothing."""

    def __init__(self, connect: ConnectAgent) -> None:
        self._connect = connect
        # Who was started anew meanwhile does not know; to put back what is not held is no harm.
        self._may_be_held = True

    def hold(self, order: MigrateDomain, status: MigrationStatus) -> str | None:
        """Have them outlast the standstill; return what is to be told, None if there are none."""
        self._may_be_held = False
        try:
            answer = self._ask(status, HoldSessions(seconds_of(order)))
        except RequestUnsupported:
            # No FRR, or an agent that knows no BFD.
            return None
        except BridgeError as error:
            # An agent that did not answer in time may have raised them.
            self._may_be_held = not _has_refused(error)
            return f"BFD sessions are not held: {_reason(error)}"
        if answer is None or not answer.peers:
            return None
        self._may_be_held = True
        return f"{len(answer.peers)} BFD sessions were held"

    def release(self, status: MigrationStatus) -> None:
        """Put back what was raised; where that fails the agent does so by itself, a while later."""
        if not self._may_be_held:
            return
        self._may_be_held = False
        try:
            self._ask(status, ReleaseSessions())
        except BridgeError as error:
            LOG.info("migration %s: BFD is left to the agent: %s", status.id, _reason(error))

    def _ask(
        self, status: MigrationStatus, body: HoldSessions | ReleaseSessions
    ) -> HeldSessions | None:
        agent = self._connect(status)
        if agent is None:
            return None
        try:
            answer = agent.ask(body, None, ASKED_SECONDS)
        finally:
            agent.close()
        return answer if isinstance(answer, HeldSessions) else None


def _has_refused(error: BridgeError) -> bool:
    """Tell whether the sessions are as they were, or somebody else's to put back."""
    return isinstance(error, (RequestConflict, PeerUnreached))


def _reason(error: BridgeError) -> str:
    return (str(error) or error.title)[:MAX_REASON]
