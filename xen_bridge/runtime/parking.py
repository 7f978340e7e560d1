"""Parking: where a native thread waits, so that others can wake it, end it, or it is too late.

Nothing can interrupt a native thread. So all its waiting goes through one place, where it finds
what others want of it; a socket that it waits for must be shut by them besides.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

from xen_bridge.runtime.port import Shutdownable


class TimeIsUp(BaseException):
    """A deadline has passed; on its way to the block that set it."""

    def __init__(self, deadline: Timeout) -> None:
        super().__init__()
        self.deadline = deadline


class Parking:
    """What one thread waits in, and looks at before and after."""

    def __init__(self, connection: Shutdownable | None = None) -> None:
        """``connection`` is what the thread may wait for besides."""
        self.connection = connection
        self.deadlines: list[Timeout] = []
        self._interrupt: BaseException | None = None
        self._woken = threading.Event()

    def wake(self) -> None:
        """Have the thread look whether what it waits for is there."""
        self._woken.set()

    def interrupt(self, error: BaseException) -> None:
        """Have ``error`` raised once, where the thread waits or will wait."""
        self._interrupt = error
        self.hang_up()
        self._woken.set()

    def hang_up(self) -> None:
        """Shut the connection, if there is one."""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def look(self) -> None:
        """Raise what was sent to this thread, or the outermost deadline that has passed."""
        error, self._interrupt = self._interrupt, None
        if error is not None:
            raise error
        for deadline in self.deadlines:
            if deadline.is_missed():
                raise TimeIsUp(deadline)

    def wait(self, seconds: float | None) -> None:
        """Wait until woken, at most so long; TimeIsUp, or what was sent to this thread."""
        self.look()
        left = [one.left() for one in self.deadlines if not one.told]
        if seconds is not None:
            left.append(seconds)
        self._woken.wait(max(min(left), 0.0) if left else None)
        self._woken.clear()
        self.look()


class Timeout:
    """A block that ends where its thread waits when its time is up."""

    def __init__(self, parking: Parking, seconds: float, error: Exception | None) -> None:
        self._parking = parking
        self._seconds = seconds
        self._error = error
        self._is_late = False
        self.told = False
        """Whether it was raised: what then ends the block may wait again."""

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._at - time.monotonic()

    def is_missed(self) -> bool:
        """Tell once that the time is up."""
        if self.told or self.left() > 0:
            return False
        self.told = True
        return True

    def __enter__(self) -> None:
        self._at = time.monotonic() + self._seconds
        self._parking.deadlines.append(self)
        self._timer = self._start_timer()

    def _start_timer(self) -> threading.Timer | None:
        """Have the connection shut in time: a thread that reads does not look at the clock."""
        if self._parking.connection is None:
            return None
        timer = threading.Timer(self._seconds, self._hang_up)
        timer.daemon = True
        timer.start()
        return timer

    def _hang_up(self) -> None:
        self._is_late = True
        self._parking.hang_up()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        raised: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._parking.deadlines.remove(self)
        is_ours = isinstance(raised, TimeIsUp) and raised.deadline is self
        if is_ours or (self._is_late and (raised is None or isinstance(raised, Exception))):
            raise self._error or TimeoutError(f"no end in {self._seconds:g} s") from None


class Condition:
    """A lock, and the threads that wait for what it guards to change."""

    def __init__(self, here: Callable[[], Parking]) -> None:
        """``here`` tells where the thread that asks waits."""
        self._here = here
        self._lock = threading.Lock()
        self._waiting: list[Parking] = []

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_raised: object) -> None:
        self._lock.release()

    def changed(self) -> None:
        """Have all who wait look again; the lock is held."""
        for parking in self._waiting:
            parking.wake()

    def wait_for(self, is_so: Callable[[], bool], seconds: float | None) -> bool:
        """Wait with the lock held, but given up meanwhile; tell whether it is so in the end."""
        until = None if seconds is None else time.monotonic() + seconds
        while not is_so():
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return False
            self._wait(left)
        return True

    def _wait(self, seconds: float | None) -> None:
        parking = self._here()
        self._waiting.append(parking)
        self._lock.release()
        try:
            parking.wait(seconds)
        finally:
            self._lock.acquire()
            self._waiting.remove(parking)
