"""Dead times: after how much silence the sessions of a router's protocols end, as its agent tells.

Asked of the agent of a virtual router, through its Domain 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from xen_bridge.protocol.document_schema import document_field


@dataclass(frozen=True, slots=True)
class GetDeadTimes:
    """Ask for those of all protocols that run."""


@dataclass(frozen=True, slots=True)
class SessionDeadTime:
    """A session: its protocol, with whom, or by which interface, and the seconds that end it."""

    protocol: str = document_field(pattern=r"[A-Za-z0-9]{1,16}")
    peer: str = document_field(most=80)
    seconds: float = document_field(least=0)


@dataclass(frozen=True, slots=True)
class DeadTimesAnswer:
    """All of them, the shortest first; ``unknown`` says why some could not be read."""

    times: tuple[SessionDeadTime, ...] = document_field((), tag="Session", at_most=256)
    unknown: tuple[str, ...] = document_field((), tag="Unknown", at_most=16)


@dataclass(frozen=True, slots=True)
class HoldSessions:
    """Have the BFD sessions of a router outlast ``seconds`` of silence, until they are released.

    They are released a minute after that in any case. RequestConflict while they are held.
    """

    seconds: float = document_field(least=0.1, most=60)


@dataclass(frozen=True, slots=True)
class ReleaseSessions:
    """Put the timers back that were raised."""


@dataclass(frozen=True, slots=True)
class HeldSessions:
    """With whom the sessions are whose timers were changed."""

    peers: tuple[str, ...] = document_field((), tag="Peer", at_most=256)
