"""Thread runtime: tasks are native threads; of eventlet and greenlet it knows nothing.

What it cannot do as the green one does: a task that computes, or waits for what it was not
spawned with, neither ends when it is killed nor hears of a timeout until it waits in here again.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from xen_bridge.runtime.parking import Condition, Parking, TimeIsUp, Timeout
from xen_bridge.runtime.port import Event, Queue, Semaphore, Shutdownable, Task
from xen_bridge.runtime.task_runtime import TaskRuntime, name_of

LOG = logging.getLogger(__name__)
T = TypeVar("T")
_here = threading.local()


class TaskKilled(BaseException):
    """Somebody wants this task to end."""


def parking() -> Parking:
    """Return where the calling thread waits."""
    found: Parking | None = getattr(_here, "parking", None)
    if found is None:
        found = _here.parking = Parking()
    return found


class ThreadTask:
    """A native thread."""

    def __init__(
        self,
        function: Callable[..., object],
        args: tuple[Any, ...],
        connection: Shutdownable | None,
        failed: Callable[[str, BaseException], None],
    ) -> None:
        self._failed = failed
        self._function = function
        self._args = args
        self._parking = Parking(connection)
        self._is_killed = False
        self._is_over = False
        self._ended = Condition(parking)
        self._links: list[Callable[[], object]] = []
        name = getattr(function, "__qualname__", type(function).__name__)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kill(self) -> None:
        """Ask it to end where it waits, and shut its connection."""
        self._is_killed = True
        if not self._is_over:
            self._parking.interrupt(TaskKilled())

    def join(self, seconds: float | None = None) -> bool:
        """Wait for its end; tell whether it has ended."""
        with self._ended:
            return self._ended.wait_for(lambda: self._is_over, seconds)

    def link(self, ended: Callable[[], object]) -> None:
        """Have ``ended`` called at its end, in its thread."""
        with self._ended:
            is_over = self._is_over
            if not is_over:
                self._links.append(ended)
        if is_over:
            ended()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._is_over

    def _run(self) -> None:
        _here.parking = self._parking
        try:
            if not self._is_killed:
                self._function(*self._args)
        except TaskKilled:
            LOG.debug("%s was ended", self._thread.name)
        except (Exception, SystemExit, TimeIsUp) as error:
            self._failed(name_of(self._function), error)
        finally:
            self._end()

    def _end(self) -> None:
        with self._ended:
            self._is_over = True
            links, self._links = self._links, []
            self._ended.changed()
        for ended in links:
            try:
                ended()
            except Exception:
                LOG.exception("what follows a task failed")


class ThreadEvent:
    """A flag; raising it wakes all who wait at that moment."""

    def __init__(self) -> None:
        self._condition = Condition(parking)
        self._is_set = False
        self._raised = 0

    def set(self) -> None:
        """Raise it."""
        with self._condition:
            self._is_set = True
            self._raised += 1
            self._condition.changed()

    def clear(self) -> None:
        """Lower it."""
        with self._condition:
            self._is_set = False

    def is_set(self) -> bool:
        """Tell whether it is raised."""
        return self._is_set

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is raised."""
        with self._condition:
            raised = self._raised
            return self._condition.wait_for(lambda: self._is_set or self._raised != raised, seconds)


class ThreadQueue:
    """A bounded queue."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._condition = Condition(parking)
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        """Add an item, when there is room."""
        with self._condition:
            self._condition.wait_for(lambda: len(self._items) < self._size, None)
            self._add(item)

    def offer(self, item: Any) -> bool:
        """Add an item if there is room now."""
        with self._condition:
            if len(self._items) >= self._size:
                return False
            self._add(item)
            return True

    def _add(self, item: Any) -> None:
        self._items.append(item)
        self._condition.changed()

    def get(self, seconds: float | None = None) -> Any:
        """Take the first item."""
        with self._condition:
            if not self._condition.wait_for(lambda: bool(self._items), seconds):
                raise queue.Empty
            item = self._items.popleft()
            self._condition.changed()
            return item


class ThreadSemaphore:
    """So many at a time."""

    def __init__(self, count: int) -> None:
        self._condition = Condition(parking)
        self._free = count

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Go in."""
        with self._condition:
            seconds = timeout if blocking else 0.0
            if not self._condition.wait_for(lambda: self._free > 0, seconds):
                return False
            self._free -= 1
            return True

    def release(self) -> None:
        """Go out."""
        with self._condition:
            self._free += 1
            self._condition.changed()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_raised: object) -> None:
        self.release()


class ThreadRuntime(TaskRuntime):
    """Tasks in native threads, and plain sockets."""

    faults = (Exception, SystemExit)

    def spawn(
        self,
        function: Callable[..., object],
        *args: Any,
        connection: Shutdownable | None = None,
    ) -> Task:
        """Run ``function(*args)`` in a thread."""
        task = ThreadTask(function, args, connection, self.task_failed)
        task.start()
        return task

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.sleep_until(time.monotonic() + seconds)

    def sleep_until(self, when: float) -> None:
        """Wait until :meth:`now` is ``when``."""
        here = parking()
        while (left := when - time.monotonic()) > 0:
            here.wait(left)
        self.checkpoint()

    def checkpoint(self) -> None:
        """Give up the rest of this thread's turn, and look whether it shall end."""
        time.sleep(0)
        parking().look()

    def timeout(
        self, seconds: float, error: Exception | None = None
    ) -> AbstractContextManager[None]:
        """Return what ends the block under it after ``seconds``."""
        return Timeout(parking(), seconds, error)

    def event(self) -> Event:
        """Return an event."""
        return ThreadEvent()

    def queue(self, size: int) -> Queue:
        """Return a queue."""
        return ThreadQueue(size)

    def semaphore(self, count: int = 1) -> Semaphore:
        """Return a semaphore."""
        return ThreadSemaphore(count)

    def _blocking(self, function: Callable[..., T], *args: Any) -> T:
        # This thread may block: the others run on.
        return function(*args)

    def interrupter(self, error: BaseException) -> Callable[[], None]:
        """Return what raises ``error`` in the thread that asks."""
        here = parking()
        return lambda: here.interrupt(error)

    def listen(self, address: Any, family: socket.AddressFamily, backlog: int) -> Any:
        """Return a listening socket."""
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(backlog)
        except OSError:
            listening.close()
            raise
        return listening

    def connect(self, address: Any, family: socket.AddressFamily) -> Any:
        """Return a connected socket."""
        connecting = socket.socket(family, socket.SOCK_STREAM)
        try:
            connecting.connect(address)
        except OSError:
            connecting.close()
            raise
        return connecting

    def adopt(self, native: socket.socket) -> Any:
        """Return ``native``, which then blocks."""
        native.setblocking(True)
        return native

    def server_tls(self) -> ssl.SSLContext:
        """Return a TLS context."""
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def secure(self, context: ssl.SSLContext, connection: Any) -> Any:
        """Return ``connection`` wrapped for the server's side; it has its descriptor now."""
        secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        here = parking()
        if here.connection is connection:
            here.connection = secured
        return secured
