"""The second line behind the wire guard: a hung controller ends, so that it can be restarted.

A task that loops without yielding holds the whole process, every timer of the hub included.
Only a thread of the operating system still runs then.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from xen_bridge.runtime.port import Runtime, Task

LOG = logging.getLogger(__name__)

EXIT_STATUS = 70
"""EX_SOFTWARE of sysexits.h: an internal error was detected."""

DEFAULT_SECONDS = 30.0
BEATS = 4
"""Heartbeats in the time after which the hub counts as hung."""


def end_process(silence: float) -> None:
    """Write the stacks of all threads to standard error and end at once, without clean-up.

    No logging here: the hung task may hold the lock of a log handler.
    """
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
        # A thread whatever the runtime has for tasks: Ryu's manager leaves threads as they are.
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start the heartbeat in the hub and the thread that listens for it."""
        if self._seconds <= 0:
            return
        self._heard = self._clock()
        self._heart = self._runtime.spawn(self._beat)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the process may then take its time."""
        self._stopped.set()
        if self._heart is not None:
            self._heart.kill()

    def _beat(self) -> None:
        while True:
            self._heard = self._clock()
            self._runtime.sleep(self._seconds / BEATS)

    def _watch(self) -> None:
        silence = Silence(self._heard)
        while not self._stopped.wait(self._seconds / BEATS):
            if silence.lasts(self._heard):
                self._bite(self._clock() - self._heard)
                return
