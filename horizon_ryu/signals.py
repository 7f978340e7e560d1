"""Signals: SIGINT and SIGTERM end the controller cleanly, however busy it is; SIGHUP is told.

Ryu leaves SIGINT to whichever greenlet happens to run (it can be swallowed) and SIGTERM to the
default, which closes nothing. Both are turned into a KeyboardInterrupt of the main task, the one
path on which ryu-manager closes its applications.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from xen_bridge.runtime.port import Runtime


def on_hangup(runtime: Runtime, react: Callable[[], object]) -> None:
    """Have SIGHUP run ``react`` in a task; by default it would end the process."""
    # A handler runs in the middle of whatever task there is: it only leaves word.
    signal.signal(signal.SIGHUP, lambda _signum, _frame: runtime.spawn(react))


def end_cleanly_on_signals(runtime: Runtime) -> None:
    """Install the handlers; call it from the main task, before any loop starts."""
    interrupt = runtime.interrupter(KeyboardInterrupt())

    def handle(signum: int, _frame: FrameType | None) -> None:
        # A second signal must still be able to end a closing that hangs.
        signal.signal(signum, signal.SIG_DFL)
        interrupt()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
