"""Agent silence: for how long the agent of a router has said nothing, though it could have spoken.

Pure; times are seconds of a clock that does not go back. An agent says Hello every five seconds.
What Domain 0 has of the router's routes is as old as the silence.
"""

from __future__ import annotations

from xen_bridge.protocol.documents.domains import Domain

SILENCE_SECONDS = 60.0
"""Of silence before it is told: a router may be starved, and asks several hosts when it moves."""
LATE_SECONDS = 10.0
"""Between two looks, more of which is our own standstill: nobody was heard meanwhile."""
EXCUSED = frozenset({"paused", "shutdown"})
"""States of a domain in which its agent cannot speak, and which end."""


class AgentSilence:
    """The silence of one agent. It is heard from any thread, and looked at by one."""

    def __init__(self, now: float) -> None:
        self.is_told = False
        self._heard = self._looked = now

    def heard(self, now: float) -> None:
        """Take that the agent spoke, or could not have."""
        self._heard = now

    def look(self, now: float, domain: Domain | None) -> None:
        """Count the time since the last look, unless ``domain`` stands still, or we did."""
        late = now - self._looked - LATE_SECONDS
        self._looked = now
        if domain is not None and domain.state in EXCUSED:
            self._heard = now
        elif late > 0:
            self._heard = min(self._heard + late, now)

    def seconds(self, now: float) -> float | None:
        """Return for how long it has been silent, if that is long."""
        silent = now - self._heard
        return silent if silent >= SILENCE_SECONDS else None

    def news(self, now: float) -> bool:
        """Tell whether it has fallen silent, or spoken again, since this was asked last."""
        before, self.is_told = self.is_told, self.seconds(now) is not None
        return before != self.is_told
