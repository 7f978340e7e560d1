"""Events and stages of a session: what a message is, and what has become of the session by it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class SessionStage(Enum):
    """How far a session has come; it only moves down this list.

    ::

        OPENED ──Hello──▶ NEGOTIATED ──features──▶ IDENTIFIED ──ports (1.3)──▶ READY
           └───────────────────┴───── violation, deadline, hung up ─────┴────────┴──▶ CLOSED
    """

    OPENED = "opened"
    """Our Hello is on its way; nothing but the peer's may come."""
    NEGOTIATED = "negotiated"
    """The version is settled."""
    IDENTIFIED = "identified"
    """The switch has told its dpid."""
    READY = "ready"
    """The handshake is complete."""
    CLOSED = "closed"
    """Nothing is taken and nothing is asked any more."""


class SessionEvent(Enum):
    """What a message is for whoever stands above the session.

    NEGOTIATED, IDENTIFIED and READY tell that the stage of that name begins with the message.
    """

    PACKET_IN = "packet_in"
    """A frame of a switch that is ready."""
    ANSWER = "answer"
    """It belonged to a pending request, which has taken it."""
    MESSAGE = "message"
    """Anything else; the session has done with it what is its own to do, such as to reply."""
    UNKNOWN = "unknown"
    """It names what the version lacks; the session has answered it with an error."""
    NEGOTIATED = "negotiated"
    IDENTIFIED = "identified"
    READY = "ready"


class SessionEnd(NamedTuple):
    """Why a session is closed.

    ``reason`` is a short fixed word, a label of counters, empty if somebody just hung up.
    ``violation``: the peer broke the protocol. ``farewell``: the last bytes of the output tell
    the peer why, and are worth sending.
    """

    reason: str = ""
    detail: str = ""
    violation: bool = False
    farewell: bool = False

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason
