"""Locks of the log that tasks and native threads share: native ones.

Ryu has eventlet put its own in the place of every lock. Such a one knows the tasks of one thread
alone: a task that waited for it while a native thread wrote a line was never woken, and after it
nobody who had anything to say. A native lock is held for as long as it takes to write one line,
which waits for nobody (:mod:`xen_bridge.serving.unread_log`); a task that is in it already, of
whatever handler, enters again.
"""

from __future__ import annotations

import _thread
import logging


def share_with_threads() -> None:
    """Give the log, and all handlers that there are, native locks; nobody is to log meanwhile."""
    # The private names are those of the interpreter's own modules, 3.11 to 3.13.
    module = vars(logging)
    # Whoever is told of for the first time is looked up under this one.
    module["_lock"] = _thread.RLock()
    for reference in list(module["_handlerList"]):
        handler = reference()
        if handler is not None and handler.lock is not None:
            handler.lock = _thread.RLock()
