"""Turning socket: what a client of HTTP reads from, which lets everybody else turn meanwhile.

A peer that sends without end is read without end, and a task that never waits is never late.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class TurningSocket:
    """Stands for a connected ``socket``; ``checkpoint`` is called before each read."""

    def __init__(self, socket: Any, checkpoint: Callable[[], None]) -> None:
        self._socket = socket
        self._checkpoint = checkpoint

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what reads from it, also once the socket itself is closed; ``mode`` is "rb"."""
        return io.BufferedReader(_TurningReader(self._socket.makefile(mode), self._checkpoint))

    def __getattr__(self, name: str) -> Any:
        """Be the socket in all else."""
        return getattr(self._socket, name)


class _TurningReader(io.RawIOBase):
    def __init__(self, file: Any, checkpoint: Callable[[], None]) -> None:
        self._file = file
        self._checkpoint = checkpoint

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._checkpoint()
        data = self._file.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
