"""Effects: what comes of an input to a switch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Effects:
    """What comes of an input: messages for the controller, frames by ports, a hang-up."""

    messages: list[bytes] = field(default_factory=list)
    frames: list[tuple[int, bytes]] = field(default_factory=list)
    closes: bool = False

    @property
    def data(self) -> bytes:
        """All messages in one."""
        return b"".join(self.messages)
