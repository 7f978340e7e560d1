"""SIGINT and SIGTERM end the controller cleanly, however busy it is.

Ryu leaves SIGINT to whichever greenlet happens to run (it can be swallowed) and SIGTERM to the
default, which closes nothing. Both are turned into a KeyboardInterrupt of the main greenlet,
the one path on which ryu-manager closes its applications.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

import eventlet.hubs
import greenlet


def end_cleanly_on_signals() -> None:
    """Install the handlers; call it from the main greenlet, before any loop starts."""
    main = greenlet.getcurrent()

    def handle(signum: int, _frame: FrameType | None) -> None:
        # A second signal must still be able to end a closing that hangs.
        signal.signal(signum, signal.SIG_DFL)
        eventlet.hubs.get_hub().schedule_call_global(0, _interrupt, main)

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)


def _interrupt(main: Any) -> None:
    if not main.dead:
        main.throw(KeyboardInterrupt())
