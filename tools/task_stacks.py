"""Stacks of all tasks of a process, written when it is asked by a signal: of what does not end.

Python's own fault handler tells of threads alone, and a hub has one, which waits.
"""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from importlib import import_module
from types import FrameType

ASK = signal.SIGUSR2


def tell_when_asked() -> None:
    """Have this process write the stacks of its tasks to standard error at each :data:`ASK`."""
    signal.signal(ASK, _tell)


def _tell(_signum: int, frame: FrameType | None) -> None:
    greenlet = import_module("greenlet").greenlet
    written = ["stacks of all tasks, that which runs first:\n", *traceback.format_stack(frame)]
    for one in gc.get_objects():
        # One that has ended, or has not begun, has no frame.
        if isinstance(one, greenlet) and one.gr_frame is not None:
            written += ["task:\n", *traceback.format_stack(one.gr_frame)]
    print("".join(written), file=sys.__stderr__, flush=True)
