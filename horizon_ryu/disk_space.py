"""Room on the disk of the store, measured off the hub: a disk that hangs holds up nobody else."""

from __future__ import annotations

import shutil
from pathlib import Path

from xen_bridge.runtime.port import Runtime

INTERVAL = 5.0
"""Seconds between two measurements."""
_LEAST, _MOST = 256 * 1024, 64 * 1024 * 1024
"""Bytes between which the hundredth part lies that shall be free."""


class DiskSpace:
    """What is free where ``folder`` is; :meth:`measure` is one turn of a loop."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._folder = folder
        self._runtime = runtime
        self.free: int | None = None
        """Bytes; None: not known."""
        self.total: int | None = None

    @property
    def is_short(self) -> bool:
        """Whether less is free than a hundredth, at least 256 KiB and at most 64 MiB."""
        if self.free is None or self.total is None:
            return False
        return self.free < min(max(self.total // 100, _LEAST), _MOST)

    def measure(self) -> None:
        """Measure, and wait until the next time; OSError if the folder is gone."""
        try:
            found = self._runtime.in_thread(shutil.disk_usage, self._folder)
            self.free, self.total = found.free, found.total
        except OSError:
            self.free = self.total = None
            raise
        finally:
            self._runtime.sleep(INTERVAL)
