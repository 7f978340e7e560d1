"""Tally of scans: how many addresses were asked, of those of all scans that a node makes now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from xen_bridge.protocol.documents.neighborhood import ScanProgress


class ScanTally:
    """Counts what scans have done; any thread may call. With the last scan it begins anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scans = 0
        self._done = 0
        self._of = 0

    @contextmanager
    def scanning(self, addresses: int) -> Iterator[Callable[[int], None]]:
        """Count a scan of so many addresses; yields what takes in how many more were asked."""
        with self._lock:
            self._scans += 1
            self._of += addresses
        try:
            yield self._add
        finally:
            with self._lock:
                self._scans -= 1
                if not self._scans:
                    self._done = self._of = 0

    def _add(self, count: int) -> None:
        with self._lock:
            self._done += count

    def told(self) -> ScanProgress:
        """Return how far the scans have come that are made now; 0 of 0 without any."""
        with self._lock:
            return ScanProgress(self._done, self._of)
