"""Task runtime: what all runtimes do in the same way, on the tasks that each of them has."""

from __future__ import annotations

import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, Self, TypeVar

from xen_bridge.runtime.outcome import Outcome
from xen_bridge.runtime.port import AtOnce, Limiter, Reader, Runtime, Task
from xen_bridge.runtime.task_pool import TaskPool

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class SocketReader:
    """Reads a socket that has its own way to wait: a native one, or one of TLS."""

    gives_way = False

    def __init__(self, connection: Any) -> None:
        self.read: Callable[[int], bytes] = connection.recv

    def close(self) -> None:
        """Leave it to the end of the connection: who waits hears of that."""


class TaskRuntime(Runtime):
    """Clocks, functions side by side, and native threads of which there may be a limit."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    _native_thread: Callable[..., Any] = threading.Thread
    _native_sleep = staticmethod(time.sleep)

    def __init__(self) -> None:
        self.task_failed: Callable[[str, BaseException], None] = _log
        self._limiter: Limiter | None = None
        self._seconds = 0.0

    def watch(self, turn: Callable[[], bool], seconds: float) -> None:
        """Call ``turn`` again and again in a native thread of its own."""

        def run() -> None:
            self._native_sleep(seconds)
            while turn():
                self._native_sleep(seconds)

        self._native_thread(target=run, name=name_of(turn), daemon=True).start()

    def gather(self, functions: Sequence[Callable[[], T]], at_once: int | None = None) -> list[T]:
        """Return what ``functions`` return."""
        outcomes: list[Outcome[T]] = [Outcome() for _ in functions]
        pool = TaskPool(self, at_once or max(len(functions), 1))
        tasks: list[Task] = []
        try:
            for outcome, function in zip(outcomes, functions, strict=True):
                tasks.append(pool.spawn(outcome.take, function))
            for task in tasks:
                task.join()
        finally:
            for task in tasks:
                task.kill()
        return [outcome.result() for outcome in outcomes]

    def soon(self, function: Callable[[], object]) -> None:
        """Have ``function`` called beside others."""
        self.spawn(function)

    def reader(self, connection: Any, at_once: AtOnce | None = None) -> Reader:
        """Return what reads ``connection`` by its own means; all comes to who reads."""
        return SocketReader(connection)

    def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(*args)``, by way of the limiter if there is one."""
        if self._limiter is not None:
            return self._limiter.call(self._seconds, function, *args)
        return self._blocking(function, *args)

    @abstractmethod
    def _blocking(self, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(*args)``, which blocks, run where that holds no other task up."""

    def limited_by(self, limiter: Limiter, seconds: float) -> Self:
        """Return this runtime with an :meth:`in_thread` that goes through ``limiter``."""
        limited = copy(self)
        limited._limiter, limited._seconds = limiter, seconds
        return limited


def _log(name: str, error: BaseException) -> None:
    LOG.error("a task ended by an error: %s", name, exc_info=error)


def name_of(function: Callable[..., object]) -> str:
    """Return the name of a task's function: its class and method."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__name__))
