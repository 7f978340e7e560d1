"""Turning socket: what a client of HTTP reads from, which lets somebody look before each read.

A peer that sends without end, or a byte now and then, is read without end: a client of HTTP goes on
through interim answers, fields and trailers, however many, and a deadline of each read is none of
all. And a task that never waits holds up everybody else.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class TurningSocket:
    """Stands for a connected ``socket``; ``before`` is called before each read.

    It may let others turn, or raise what ends the reading.
    """

    def __init__(self, socket: Any, before: Callable[[], None]) -> None:
        self._socket = socket
        self._before = before

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what reads from it, also once the socket itself is closed; ``mode`` is "rb"."""
        return io.BufferedReader(_TurningReader(self._socket.makefile(mode), self._before))

    def __getattr__(self, name: str) -> Any:
        """Be the socket in all else."""
        return getattr(self._socket, name)


class _TurningReader(io.RawIOBase):
    def __init__(self, file: Any, before: Callable[[], None]) -> None:
        self._file = file
        self._before = before

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._before()
        data = self._file.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
