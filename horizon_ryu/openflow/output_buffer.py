"""Bytes that wait to be sent to one switch."""

from __future__ import annotations

from collections import deque

MAX_TAKE = 256 * 1024
"""Handed to the socket at once: large enough to be efficient, small enough to copy twice."""


class OutputBuffer:
    """A queue of whole messages with a cap on their bytes; appending never waits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: deque[bytes] = deque()
        self.size = 0

    def append(self, data: bytes) -> bool:
        """Add ``data``; False, and nothing is added, if that would exceed the cap."""
        size = self.size + len(data)
        if size > self._most:
            return False
        self._parts.append(data)
        self.size = size
        return True

    def take(self) -> bytes:
        """Remove and return what is at the front, about MAX_TAKE bytes; empty if nothing waits."""
        parts = self._parts
        if self.size <= MAX_TAKE:
            data = b"".join(parts)
            parts.clear()
        else:
            front: list[bytes] = []
            length = 0
            while parts and length < MAX_TAKE:
                front.append(parts.popleft())
                length += len(front[-1])
            data = b"".join(front)
        self.size -= len(data)
        return data

    def put_back(self, data: bytes) -> None:
        """Return what the socket did not take; it is the next to go."""
        if data:
            self._parts.appendleft(data)
            self.size += len(data)

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()
        self.size = 0
