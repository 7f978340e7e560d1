"""Log that nobody reads: lines are lost, and nobody is held up for them.

Standard error may be a pipe, a socket or a terminal whose other end has stopped to read. To write
there waits without an end, in whatever task has something to say, and with it in everybody else who
has: a controller served nobody any more, and its watchdog, which says why it ends it, waited, too.
"""

from __future__ import annotations

import _socket
import logging
import os
import posix
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial

Send = Callable[[bytes], int]
"""Writes what there is room for, and returns how many bytes; BlockingIOError if there is none."""


class UnreadStream:
    """Stands for a stream of text that is written to by ``send``."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lost = 0

    def write(self, text: str) -> int:
        """Write a line, or what there is room for; the next one says how many were lost."""
        told = f"({self._lost} lines of the log were lost: nobody read it)\n" if self._lost else ""
        data = (told + text).encode("utf-8", "backslashreplace")
        try:
            written = self._send(data)
        except BlockingIOError:
            written = 0
        if written < len(told):
            self._lost += 1
        else:
            self._lost = int(written < len(data))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def keep_nobody(logger: logging.Logger) -> None:
    """Have the handlers of a logger that write to a stream, not to a file, hold nobody up."""
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:
            with suppress(OSError, ValueError, AttributeError):
                send = _sender(handler.stream.fileno())
                if send is not None:
                    handler.setStream(UnreadStream(send))


def _sender(descriptor: int) -> Send | None:
    """Return what never waits; None for files, which take all. OSError if it cannot be had.

    The descriptor itself is left as it is: it is shared with who has started us. Of ``os`` and
    ``socket`` another runtime may have made what waits, and lets others have their turn.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        connection = _socket.socket(fileno=os.dup(descriptor))
        return lambda data: connection.send(data, _socket.MSG_DONTWAIT)
    if not (stat.S_ISFIFO(mode) or os.isatty(descriptor)):
        return None
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    return partial(posix.write, os.open(f"/proc/self/fd/{descriptor}", flags))
