"""Dead times: after how much silence the sessions of a router's protocols end, as its agent tells.

Asked of the agent of a virtual router, through its Domain 0.
"""

from __future__ import annotations

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field


@document_form
class GetDeadTimes:
    """Ask for those of all protocols that run."""


@document_form
class SessionDeadTime:
    """A session: its protocol, with whom, or by which interface, and the seconds that end it."""

    protocol: str = document_field(pattern=r"[A-Za-z0-9]{1,16}")
    peer: str = document_field(most=80)
    seconds: float = document_field(least=0)


@document_form
class DeadTimesAnswer:
    """All of them, the shortest first; ``unknown`` says why some could not be read."""

    times: tuple[SessionDeadTime, ...] = document_field((), tag="Session", at_most=256)
    unknown: tuple[str, ...] = document_field((), tag="Unknown", at_most=16)


@document_form
class HoldSessions:
    """Have the BFD sessions of a router outlast ``seconds`` of silence, until they are released.

    They are released a minute after that in any case. RequestConflict while they are held.
    """

    seconds: float = document_field(least=0.1, most=60)


@document_form
class ReleaseSessions:
    """Put the timers back that were raised."""


@document_form
class HeldSessions:
    """With whom the sessions are whose timers were changed."""

    peers: tuple[str, ...] = document_field((), tag="Peer", at_most=256)
