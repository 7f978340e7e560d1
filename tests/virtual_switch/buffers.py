"""Buffers for frames of which the controller was sent the beginning (1.0.0 section 5.4.1)."""

from __future__ import annotations

from collections import OrderedDict

from virtual_switch.refusal import SwitchRefusal


class FrameBuffers:
    """Holds up to ``room`` frames; the oldest gives way."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self._held: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._last = 0

    def hold(self, in_port: int, frame: bytes) -> int | None:
        """Keep a frame and return its number; None without room."""
        if not self.room:
            return None
        while len(self._held) >= self.room:
            self._held.popitem(last=False)
        self._last = self._last % 0xFFFF + 1
        self._held[self._last] = in_port, frame
        return self._last

    def take(self, buffer_id: int) -> tuple[int, bytes]:
        """Return port and frame of a buffer and free it; SwitchRefusal."""
        if buffer_id not in self._held:
            raise SwitchRefusal("BAD_REQUEST", "BUFFER_UNKNOWN")
        return self._held.pop(buffer_id)

    def clear(self) -> None:
        """Lose everything."""
        self._held.clear()
