"""Runtime as everything but its implementations knows it: tasks, waiting, sockets, native threads.

A program makes one :class:`Runtime` at its start and hands it down; nothing of ours asks for a
green thread, a hub or a native thread otherwise. Times are seconds.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self, TypeAlias, TypeVar

T = TypeVar("T")


class Task(Protocol):
    """A function that runs beside others."""

    def kill(self) -> None:
        """Have it end where it waits, if it has not yet; one that did not begin never does.

        A green task has ended on return. A native thread ends at its next wait, for nothing can
        interrupt it: what it was spawned with as its connection is shut, so that it waits no more.
        """

    def join(self, seconds: float | None = None) -> bool:
        """Wait for its end, however it ends, for at most ``seconds``; tell whether it has."""

    def link(self, ended: Callable[[], object]) -> None:
        """Have ``ended`` called at its end, however it ends; at once if that is past."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""


class Event(Protocol):
    """A flag that tasks wait for."""

    def set(self) -> None:
        """Raise it, and wake all who wait; never waits."""

    def clear(self) -> None:
        """Lower it."""

    def is_set(self) -> bool:
        """Tell whether it is raised."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is raised, for at most ``seconds``; tell whether it was."""


class Queue(Protocol):
    """Items from some tasks to others, first in first out."""

    def put(self, item: Any) -> None:
        """Add an item; waits while the queue is full."""

    def offer(self, item: Any) -> bool:
        """Add an item, or tell by False that the queue is full; never waits."""

    def get(self, seconds: float | None = None) -> Any:
        """Take the first item, and wait for it; ``queue.Empty`` if none comes in ``seconds``."""


class Semaphore(AbstractContextManager[Any], Protocol):
    """So many at a time; a lock when that is 1."""

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Go in, and wait for that at most ``timeout`` seconds; tell whether it came to that."""

    def release(self) -> None:
        """Go out."""


class Limiter(Protocol):
    """Lets calls run in native threads, so many at a time."""

    def call(self, seconds: float, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(*args)`` within ``seconds``."""


AtOnce: TypeAlias = Callable[[bytes], int]
"""Takes some of what has come without a turn of the task that reads; returns how many bytes.

It never waits nor raises.
"""


class Reader(Protocol):
    """What comes by one socket, for the one task that reads it."""

    gives_way: bool
    """Whether others have had their turns before each read returns."""

    def read(self, most: int) -> bytes:
        """Return what has come, at most so many bytes, and wait for it; empty at the end.

        TimeoutError where the socket has a timeout that is kept, OSError and the errors of TLS.
        """

    def close(self) -> None:
        """Read no more: who waits has the end. The socket stays as it is."""


class Shutdownable(Protocol):
    """A socket: what ends the waiting of a native thread."""

    def shutdown(self, how: int, /) -> None:
        """End it in the direction ``how``; OSError if it is not connected any more."""


class Runtime(Protocol):
    """What programs stand on. All but :meth:`in_thread` is for tasks of this runtime only."""

    faults: tuple[type[BaseException], ...]
    """Whatever may end a task but a kill: for ``except``. SystemExit is one: no task ends all."""
    task_failed: Callable[[str, BaseException], None]
    """Is told the name of a task's function, and what has ended the task; may be replaced."""

    def now(self) -> float:
        """Return the monotonic clock: for intervals."""

    def wall(self) -> float:
        """Return the seconds since 1970: for dates only."""

    def spawn(
        self,
        function: Callable[..., object],
        *args: Any,
        connection: Shutdownable | None = None,
    ) -> Task:
        """Run ``function(*args)`` as a task; what it raises is told to ``task_failed``.

        ``connection`` is what it waits for besides means of this runtime: it is shut where the
        task cannot be ended or be timed out otherwise.
        """

    def sleep(self, seconds: float) -> None:
        """Wait, and let others run."""

    def sleep_until(self, when: float) -> None:
        """Wait until :meth:`now` is ``when``; at least let others run."""

    def checkpoint(self) -> None:
        """Let others run who can."""

    def soon(self, function: Callable[[], object]) -> None:
        """Have ``function`` called when who can run now has had its turn; it must not wait."""

    def timeout(
        self, seconds: float, error: Exception | None = None
    ) -> AbstractContextManager[None]:
        """Return what ends the block under it after ``seconds`` where it waits, by ``error``.

        TimeoutError by default. Nothing inside the block can catch it, and of several, one in
        the other, each raises its own error at the end of its own block.
        """

    def event(self) -> Event:
        """Return an event that is not set."""

    def queue(self, size: int) -> Queue:
        """Return a queue for at most ``size`` items."""

    def semaphore(self, count: int = 1) -> Semaphore:
        """Return a semaphore that lets ``count`` in; by default a lock."""

    def gather(self, functions: Sequence[Callable[[], T]], at_once: int | None = None) -> list[T]:
        """Return what ``functions`` return, run at the same time, at most ``at_once``.

        All of them end before the first error, in their order, is raised. Whoever is killed in
        here takes them with it.
        """

    def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(*args)``, which blocks: no other task is held up meanwhile."""

    def watch(self, turn: Callable[[], bool], seconds: float) -> None:
        """Call ``turn`` after so many seconds, and again, for as long as it returns True.

        In a native thread of its own, which neither a task that hangs nor the end of all holds up.
        """

    def limited_by(self, limiter: Limiter, seconds: float) -> Self:
        """Return this runtime with an :meth:`in_thread` that goes through ``limiter``."""

    def interrupter(self, error: BaseException) -> Callable[[], None]:
        """Return what raises ``error`` in the task that asks now, where it waits then.

        It may be called by whoever does not wait for it, a handler of signals too.
        """

    def listen(self, address: Any, family: socket.AddressFamily, backlog: int) -> Any:
        """Return a socket that listens on ``address``; OSError if that cannot be had."""

    def connect(self, address: Any, family: socket.AddressFamily) -> Any:
        """Return a socket that is connected to ``address``; OSError if that cannot be had."""

    def adopt(self, native: socket.socket) -> Any:
        """Return ``native`` as a socket that tasks of this runtime can wait for."""

    def reader(self, connection: Any, at_once: AtOnce | None = None) -> Reader:
        """Return what reads ``connection``, which nobody else reads until it is closed.

        What ``at_once`` takes from the start of what comes may not come to who reads.
        """

    def server_tls(self) -> ssl.SSLContext:
        """Return a TLS context for servers, that wraps sockets of this runtime."""

    def secure(self, context: ssl.SSLContext, connection: Any) -> Any:
        """Return ``connection`` wrapped for the server's side; its handshake is still to be done.

        Where the task that asks has been spawned with ``connection``, it has the wrapped one now.
        """
