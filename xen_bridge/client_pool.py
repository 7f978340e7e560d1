"""Pool of idle connections to one node: each is used by one caller at a time, then kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

MAX_IDLE = 8
"""Connections kept open to one node."""


class Closable(Protocol):
    """A connection."""

    def close(self) -> None:
        """End it."""


Connection = TypeVar("Connection", bound=Closable)


class IdlePool(Generic[Connection]):
    """The idle connections to one node; taking and giving back are atomic in any thread."""

    def __init__(self, connect: Callable[[], Connection], limit: int = MAX_IDLE) -> None:
        """Keep ``limit`` at most; ``connect`` makes one more."""
        self._connect = connect
        self._limit = limit
        self._idle: deque[Connection] = deque()
        self._is_closed = False

    def take(self) -> Connection:
        """Return the connection that was used last, or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def put_back(self, connection: Connection) -> None:
        """Keep a connection for the next caller, or close it where there is no room."""
        if self._is_closed or len(self._idle) >= self._limit:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it is given back."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()
