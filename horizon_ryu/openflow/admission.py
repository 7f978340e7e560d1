"""Admission of connections: so many per address, and one living one per dpid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from horizon_ryu.openflow.context import ConnectionContext, ConnectionLimits
from xen_bridge.serving.room import Place, Room

KNOWN_SECONDS = 300.0
"""For which a dpid has to be here once to be known from then on."""
MAX_KNOWN = 65_536
"""Dpids that are remembered; beyond that the first is forgotten."""


class Holder(Protocol):
    """A connection as its admission sees it."""

    @property
    def peer(self) -> str:
        """Its address."""

    def answers(self, seconds: float) -> bool:
        """Send an echo request and wait for its reply; False after ``seconds`` or if it died."""

    def abort(self, reason: str) -> None:
        """Close it."""

    def wait_gone(self, seconds: float) -> bool:
        """Wait until its applications were told that it is dead; False after ``seconds``."""


class ConnectionAdmission:
    """Counts who is in and keeps the first connection of each dpid while it lives.

    CVE-2018-1000155: a controller that believes any dpid and closes the OLD connection lets an
    attacker evict the real switch. Here the newcomer waits until the holder was asked.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._room = Room(limits.connections, limits.connections_per_address)
        self._holders: dict[int, Holder] = {}
        self._challenged: set[int] = set()
        self._known: dict[int, None] = {}

    @property
    def total(self) -> int:
        """Connections inside."""
        return self._room.total

    def enter(self, host: str) -> Place | None:
        """Return a place for one more connection from ``host``; None if there are too many.

        Connections that have not completed their handshake give way to it.
        """
        return self._room.enter(host)

    def make_room(self) -> None:
        """End the connection that has owed its handshake longest, if there is one."""
        self._room.make_room()

    def holder(self, dpid: int) -> str | None:
        """Return the address of the connection that has ``dpid``; None if none has."""
        found = self._holders.get(dpid)
        return None if found is None else found.peer

    def claim(self, dpid: int, newcomer: Holder) -> bool:
        """Make ``newcomer`` the connection of ``dpid``; False if another one lives.

        Waits up to twice the challenge time in the task of the newcomer, who is suspect.
        Whoever comes while a challenge is under way is refused at once.
        """
        if dpid in self._challenged:
            return False
        holder = self._holders.get(dpid)
        if holder is newcomer:
            return True
        if holder is not None and not self._evict(dpid, holder):
            return False
        self._holders[dpid] = newcomer
        return True

    def _evict(self, dpid: int, holder: Holder) -> bool:
        """Tell whether the place of ``dpid`` is free now, after asking its holder."""
        seconds = self._limits.challenge_seconds
        self._challenged.add(dpid)
        try:
            if holder.answers(seconds):
                return False
            holder.abort("challenge_failed")
            return holder.wait_gone(seconds)
        finally:
            self._challenged.discard(dpid)

    def settle(
        self, context: ConnectionContext, dpid: int, place: Place, end: Callable[[], None]
    ) -> None:
        """Let a connection whose handshake is over keep its ``place``.

        Anybody can invent a dpid. One that neither the operator named nor was here for long gives
        way, by ``end``, where all places are taken; of those the last to come goes first.
        """
        if context.allowed_dpids is not None or dpid in context.certificates or dpid in self._known:
            place.busy()
        else:
            place.doubtful(end)

    def remember(self, dpid: int, seconds: float) -> None:
        """Take note that ``dpid`` was connected for ``seconds``."""
        if seconds >= KNOWN_SECONDS:
            self._known.pop(dpid, None)
            self._known[dpid] = None
            if len(self._known) > MAX_KNOWN:
                del self._known[next(iter(self._known))]

    def release(self, dpid: int, holder: Holder) -> None:
        """Free the place of ``dpid`` if ``holder`` has it."""
        if self._holders.get(dpid) is holder:
            del self._holders[dpid]
