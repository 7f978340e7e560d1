"""Green runtime: tasks are eventlet's green threads, which give way where they wait.

The one place that knows eventlet's tasks; blocking work goes to its native threads (tpool).
"""

from __future__ import annotations

import atexit
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TypeVar

import eventlet
import eventlet.event
import eventlet.hubs
import eventlet.patcher
import eventlet.queue
import eventlet.semaphore
import greenlet
from eventlet import tpool
from eventlet.green.ssl import GreenSSLContext
from eventlet.greenio import GreenSocket

from xen_bridge.runtime.port import AtOnce, Event, Queue, Reader, Semaphore, Shutdownable, Task
from xen_bridge.runtime.task_runtime import TaskRuntime, name_of

T = TypeVar("T")
_FAULTS = (Exception, eventlet.Timeout, SystemExit)
"""A library that calls sys.exit in a task would end the whole process, and call that well."""
_native_socket = eventlet.patcher.original("socket").socket
_native_threading = eventlet.patcher.original("threading")
_native_time = eventlet.patcher.original("time")
_FIRST_READ = 4096
"""Bytes that are read of a socket at first: room for 64 KiB costs more than reading 100."""


class GreenTask:
    """A green thread."""

    def __init__(self, thread: Any) -> None:
        self._thread = thread

    def kill(self) -> None:
        """Have it end where it waits; it has ended on return."""
        self._thread.kill()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for its end; tell whether it has ended."""
        if self._thread.dead:
            return True
        ended = GreenEvent()
        self.link(ended.set)
        return ended.wait(seconds)

    def link(self, ended: Callable[[], object]) -> None:
        """Have ``ended`` called at its end."""
        self._thread.link(lambda _thread: ended())

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return bool(self._thread.dead)


class GreenEvent:
    """A flag; setting it wakes all who wait at that moment."""

    def __init__(self) -> None:
        self._raised = eventlet.event.Event()

    def set(self) -> None:
        """Raise it."""
        if not self._raised.ready():
            self._raised.send(True)

    def clear(self) -> None:
        """Lower it."""
        if self._raised.ready():
            self._raised = eventlet.event.Event()

    def is_set(self) -> bool:
        """Tell whether it is raised."""
        return bool(self._raised.ready())

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is raised."""
        return bool(self._raised.wait(seconds))


class GreenQueue:
    """A bounded queue."""

    def __init__(self, size: int) -> None:
        self._items = eventlet.queue.LightQueue(size)

    def put(self, item: Any) -> None:
        """Add an item, when there is room."""
        self._items.put(item)

    def offer(self, item: Any) -> bool:
        """Add an item if there is room now."""
        if self._items.full():
            return False
        self._items.put(item, block=False)
        return True

    def get(self, seconds: float | None = None) -> Any:
        """Take the first item."""
        return self._items.get(timeout=seconds)


class _GreenTimeout:
    """Raises its error where its own timer fired, however many others are about."""

    def __init__(self, seconds: float, error: Exception | None) -> None:
        self._seconds = seconds
        self._error = error

    def __enter__(self) -> None:
        # No Exception: what is under it may catch those.
        self._timer = eventlet.Timeout(self._seconds)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        raised: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if raised is self._timer:
            raise self._error or TimeoutError(f"no end in {self._seconds:g} s") from None


class GreenReader:
    """Reads a plain socket by a registration with the hub that stays while the reader keeps up.

    To come and go with each read, as eventlet has it, costs more than reading. No timeout of the
    socket is kept. What ``at_once`` takes, it takes in the hub: no task is switched to.
    """

    gives_way = True

    def __init__(self, connection: GreenSocket, at_once: AtOnce | None = None) -> None:
        # Who lets go of what eventlet wraps a socket in, closes it.
        self._connection = connection
        self._native: socket.socket = connection.fd
        self._hub = eventlet.hubs.get_hub()
        self._at_once = at_once
        self._most = 0
        self._room = _FIRST_READ
        """Bytes that are read next: more only where as much as there was room for has come."""
        self._listener: Any = None
        self._waiting: Any = None
        self._is_closed = False

    def read(self, most: int) -> bytes:
        """Return what has come."""
        if self._is_closed:
            return b""
        self._most = most
        if self._listener is None:
            number, hub = self._native.fileno(), self._hub
            self._listener = hub.add(hub.READ, number, self._ready, self._obsolete, None)
        self._waiting = greenlet.getcurrent()
        try:
            chunk: bytes = self._hub.switch()
        finally:
            self._waiting = None
        return b"" if self._is_closed else chunk

    def _ready(self, _number: int) -> None:
        """Called by the hub, again and again while there is something to read."""
        if self._waiting is None:
            self._leave()
            return
        try:
            chunk = self._native.recv(min(self._room, self._most))
        except BlockingIOError:
            return
        except OSError as error:
            self._waiting.throw(error)
            return
        self._room = self._most if len(chunk) >= self._room else _FIRST_READ
        taken = 0 if self._at_once is None else self._at_once(chunk)
        if not taken:
            self._waiting.switch(chunk)
        elif taken < len(chunk):
            self._waiting.switch(chunk[taken:])

    def _obsolete(self, error: BaseException) -> None:
        """Called by the hub if somebody else has the number of the socket by now."""
        if self._waiting is not None:
            self._waiting.throw(error)

    def _leave(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._hub.remove(listener)

    def close(self) -> None:
        """Read no more."""
        if not self._is_closed:
            self._is_closed = True
            self._leave()
            self._hub.schedule_call_global(0, self._wake)

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.switch(b"")


def _wake_by_pair() -> None:
    """Have native threads wake tasks by sockets that are of no network.

    Those of eventlet are of 127.0.0.1, where a router's firewall drops what they say, or its NAT
    alters it: no task would be woken any more.
    """
    tpool.setup()
    before = tpool._wsock
    if before.family != socket.AF_UNIX:
        reads, writes = eventlet.patcher.original("socket").socketpair()
        tpool._rsock, tpool._wsock = GreenSocket(reads), writes
        # Who waits for the old one goes on with the new one.
        before.sendall(b" ")
        before.close()


class GreenRuntime(TaskRuntime):
    """Tasks on the hub of the thread that uses it."""

    faults = _FAULTS

    _native_thread = _native_threading.Thread
    _native_sleep = staticmethod(_native_time.sleep)

    def __init__(self, threads: int | None = None) -> None:
        """Have so many native ``threads`` in this process, if none was needed yet (None: 20)."""
        super().__init__()
        if threads is not None:
            tpool.set_num_threads(threads)
        # It has the end of the process wait for every native thread, and for ever for one that
        # waits for a disk, or for somebody else, that does not answer.
        atexit.unregister(tpool.killall)
        self._soon: list[Callable[[], object]] = []

    def spawn(
        self,
        function: Callable[..., object],
        *args: Any,
        connection: Shutdownable | None = None,
    ) -> Task:
        """Run ``function(*args)`` as a green thread, from the next turn of the hub on."""
        return GreenTask(eventlet.spawn(self._run, function, args))

    def _run(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            function(*args)
        except greenlet.GreenletExit:
            return
        except _FAULTS as error:
            self.task_failed(name_of(function), error)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        eventlet.sleep(seconds)

    def sleep_until(self, when: float) -> None:
        """Wait until :meth:`now` is ``when``."""
        eventlet.sleep(max(when - time.monotonic(), 0.0))

    def checkpoint(self) -> None:
        """Let the hub turn."""
        eventlet.sleep(0)

    def soon(self, function: Callable[[], object]) -> None:
        """Have ``function`` called by the hub."""
        if not self._soon:
            eventlet.hubs.get_hub().schedule_call_global(0, self._call_all)
        self._soon.append(function)

    def _call_all(self) -> None:
        functions = tuple(self._soon)
        self._soon.clear()
        for function in functions:
            try:
                function()
            except _FAULTS as error:
                self.task_failed(name_of(function), error)

    def timeout(
        self, seconds: float, error: Exception | None = None
    ) -> AbstractContextManager[None]:
        """Return what ends the block under it after ``seconds``."""
        return _GreenTimeout(seconds, error)

    def event(self) -> Event:
        """Return an event."""
        return GreenEvent()

    def queue(self, size: int) -> Queue:
        """Return a queue."""
        return GreenQueue(size)

    def semaphore(self, count: int = 1) -> Semaphore:
        """Return a semaphore."""
        made: Semaphore = eventlet.semaphore.Semaphore(count)
        return made

    def _blocking(self, function: Callable[..., T], *args: Any) -> T:
        _wake_by_pair()
        result: T = tpool.execute(function, *args)
        return result

    def listen(self, address: Any, family: socket.AddressFamily, backlog: int) -> Any:
        """Return a listening socket."""
        return eventlet.listen(address, family=family, backlog=backlog)

    def connect(self, address: Any, family: socket.AddressFamily) -> Any:
        """Return a connected green socket."""
        connecting = self.adopt(_native_socket(family, socket.SOCK_STREAM))
        try:
            connecting.connect(address)
        except OSError:
            connecting.close()
            raise
        return connecting

    def interrupter(self, error: BaseException) -> Callable[[], None]:
        """Return what raises ``error`` in the green thread that asks."""
        thread, hub = greenlet.getcurrent(), eventlet.hubs.get_hub()

        def interrupt() -> None:
            if not thread.dead:
                thread.throw(error)

        return lambda: hub.schedule_call_global(0, interrupt)

    def adopt(self, native: socket.socket) -> Any:
        """Return a green socket."""
        native.setblocking(False)
        return GreenSocket(native)

    def reader(self, connection: Any, at_once: AtOnce | None = None) -> Reader:
        """Return what reads a green socket; TLS has its own way to wait."""
        if getattr(connection, "fd", None) is None:
            return super().reader(connection, at_once)
        return GreenReader(connection, at_once)

    def server_tls(self) -> ssl.SSLContext:
        """Return a TLS context for green sockets."""
        context: ssl.SSLContext = GreenSSLContext(ssl.PROTOCOL_TLS_SERVER)
        return context

    def secure(self, context: ssl.SSLContext, connection: Any) -> Any:
        """Return ``connection`` wrapped for the server's side."""
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
