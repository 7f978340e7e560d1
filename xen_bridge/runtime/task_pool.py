"""Task pool: tasks of one kind, so many at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xen_bridge.runtime.port import Runtime, Task


class TaskPool:
    """Spawns tasks while fewer than ``limit`` of them run."""

    def __init__(self, runtime: Runtime, limit: int) -> None:
        self._runtime = runtime
        self._free = runtime.semaphore(limit)

    def spawn(self, function: Callable[..., object], *args: Any) -> Task:
        """Run ``function(*args)`` as a task; waits for the end of another if there are too many."""
        self._free.acquire()
        task = self._runtime.spawn(function, *args)
        task.link(self._free.release)
        return task
