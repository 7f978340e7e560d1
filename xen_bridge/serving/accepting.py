"""An accept loop that no error ends, and what is known of its errors.

A connection that was reset before it was accepted, or no descriptor left, is no reason to serve
nobody ever after.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from xen_bridge.runtime.checkpoints import checkpoint_every
from xen_bridge.runtime.port import Runtime

RETRY_SECONDS = 0.1
"""After an error: closing connections will free what was missing."""
LASTING_SECONDS = 10 * RETRY_SECONDS
"""Since the last error: as long as accepting fails, it fails again sooner than that."""
LOG_SECONDS = 60.0
"""Between two log lines about one server."""
PER_TURN = 16
"""Connections accepted in a row before others have their turn."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors that the end of another connection mends."""


def listen(runtime: Runtime, address: tuple[str, int], backlog: int) -> Any:
    """Return a socket that listens on (host, port): IPv4, IPv6, or a Unix socket's path."""
    host = address[0]
    if host and os.path.isdir(os.path.dirname(host)):
        return runtime.listen(host, socket.AF_UNIX, backlog)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return runtime.listen(address, family, backlog)


def host_of(address: Any) -> str:
    """Return the host of a peer's address, as it comes with a connection."""
    return str(address[0]) if isinstance(address, tuple) else str(address)


def accepted(
    runtime: Runtime,
    listening: Any,
    failed: Callable[[Exception], None],
    make_room: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Any, Any]]:
    """Yield connections and their addresses until ``listening`` is closed.

    ``failed`` is told of each error; after it, accepting pauses for a moment. ``make_room`` is
    called after one that the end of another connection mends.
    """
    let_others = checkpoint_every(runtime, PER_TURN)
    while True:
        try:
            connection = listening.accept()
        except Exception as error:
            if listening.fileno() < 0:
                return
            # A native thread that is killed sees but the end of its socket.
            runtime.checkpoint()
            failed(error)
            if isinstance(error, OSError) and error.errno in _EXHAUSTED:
                make_room()
            runtime.sleep(RETRY_SECONDS)
            continue
        yield connection
        let_others()


class AcceptFailures:
    """What kept connections from being accepted, by server: counted, and logged once a minute."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter()
        """By server and kind of error, such as ``rest EMFILE``."""
        self._logger = logger
        self._clock = clock
        self._last: dict[str, float] = {}
        self._logged: dict[str, float] = {}

    def note(self, server: str, error: Exception) -> None:
        """Take in an error of the accept loop of ``server``."""
        now = self._clock()
        self.counts[f"{server} {_kind(error)}"] += 1
        self._last[server] = now
        if now - self._logged.get(server, now - LOG_SECONDS) >= LOG_SECONDS:
            self._logged[server] = now
            self._logger.error("%s accepts no connections: %s; retrying", server, error)

    def lasting(self) -> list[str]:
        """Return the servers that fail to accept connections now."""
        now = self._clock()
        return sorted(name for name, last in self._last.items() if now - last < LASTING_SECONDS)


def _kind(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number or 0, type(error).__name__)
