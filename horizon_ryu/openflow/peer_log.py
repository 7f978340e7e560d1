"""Log lines that a peer can provoke: once per peer and interval, however often it provokes them."""

from __future__ import annotations

import logging

MAX_PEERS = 1024


class PeerLog:
    """Logs the first incident of each peer; those within ``interval`` seconds are only counted."""

    def __init__(self, logger: logging.Logger, interval: float = 60.0) -> None:
        self._logger = logger
        self._interval = interval
        self._last: dict[str, tuple[float, int]] = {}

    def report(self, peer: str, now: float, what: str) -> None:
        """Log ``what`` about ``peer`` as a warning, unless it was logged a moment ago."""
        since, silenced = self._last.pop(peer, (now - self._interval, 0))
        if now - since < self._interval:
            self._last[peer] = (since, silenced + 1)
            return
        # Peers choose their addresses: what is remembered of them must stay bounded.
        if len(self._last) >= MAX_PEERS:
            del self._last[next(iter(self._last))]
        self._last[peer] = (now, 0)
        more = f" ({silenced} more like it since)" if silenced else ""
        self._logger.warning("%s: %s%s", peer, what, more)
