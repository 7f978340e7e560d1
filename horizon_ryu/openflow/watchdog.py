"""The second line behind the wire guard: a hung controller ends, so that it can be restarted.

A task that loops without yielding holds the whole process, every timer of the hub included.
Only a thread of the operating system still runs then.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import time
from collections.abc import Callable

from xen_bridge.runtime.port import Runtime, Task
from xen_bridge.serving.abandonment import close_sockets

LOG = logging.getLogger(__name__)

EXIT_STATUS = 70
"""EX_SOFTWARE of sysexits.h: an internal error was detected."""

DEFAULT_SECONDS = 30.0
TELL_SECONDS = 3.0
"""For the words and stacks of a process that is ended; SIGALRM ends it then."""
BEATS = 4
"""Heartbeats in the time after which the hub counts as hung."""


def end_process(silence: float) -> None:
    """Write the stacks of all threads to standard error and end at once, without clean-up.

    No logging here: the hung task may hold the lock of a log handler. And nobody may read what is
    written: the kernel ends the process when that takes too long.
    """
    signal.setitimer(signal.ITIMER_REAL, TELL_SECONDS)
    close_sockets()
    os.write(2, f"horizon: no life for {silence:.1f} s, ending\n".encode())
    faulthandler.dump_traceback(file=sys.__stderr__ or 2, all_threads=True)
    os._exit(EXIT_STATUS)


class Silence:
    """Tells a hub that hangs from a machine that stood still, by the listener's own turns.

    A listener that did not run either (a virtual machine was paused, a process stopped) heard
    nothing for a long time, but in one turn.
    """

    def __init__(self, heard: float) -> None:
        self._heard = heard
        self._turns = 0

    def lasts(self, heard: float) -> bool:
        """Tell, once a turn, whether the last heartbeat, at ``heard``, is BEATS turns old."""
        self._turns = self._turns + 1 if heard == self._heard else 0
        self._heard = heard
        return self._turns >= BEATS


class Watchdog:
    """Ends the process when the hub did not turn for ``seconds``; 0 switches it off.

    ``bite`` gets the seconds of silence; ``clock`` must not stand still (time.monotonic).
    """

    def __init__(
        self,
        runtime: Runtime,
        seconds: float = DEFAULT_SECONDS,
        bite: Callable[[float], None] = end_process,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._seconds = seconds
        self._bite = bite
        self._clock = clock
        self._heard = 0.0
        self._heart: Task | None = None
        self._is_stopped = False
        self._silence = Silence(0.0)

    def start(self) -> None:
        """Start the heartbeat in the hub and the thread that listens for it."""
        if self._seconds <= 0:
            return
        self._heard = self._clock()
        self._silence = Silence(self._heard)
        self._heart = self._runtime.spawn(self._beat)
        # No thread of Python's: in Ryu's manager that is a task of the hub, and hangs with it.
        self._runtime.watch(self._is_alive, self._seconds / BEATS)

    def stop(self) -> None:
        """Stop watching; the process may then take its time."""
        self._is_stopped = True
        if self._heart is not None:
            self._heart.kill()

    def _beat(self) -> None:
        while True:
            self._heard = self._clock()
            self._runtime.sleep(self._seconds / BEATS)

    def _is_alive(self) -> bool:
        """Tell, once a turn of the thread that listens, whether it is to listen on."""
        if self._is_stopped:
            return False
        if self._silence.lasts(self._heard):
            self._bite(self._clock() - self._heard)
            return False
        return True
