"""Logs a person and a program can read: one line per record, as ``key=value`` or as JSON."""

from __future__ import annotations

import _thread
import json
import logging
import time

from xen_bridge.serving.unread_log import keep_nobody


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO discovery message``; tracebacks follow."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s")
        self.datefmt = "%Y-%m-%dT%H:%M:%S"


class JsonFormatter(TextFormatter):
    """One JSON object per line: time, level, logger, message, and error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as one line of JSON; nothing in it can forge a second line."""
        entry = {
            "time": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def set_up(kind: str, level: str) -> None:
    """Give every handler of the root logger the format ``kind`` (text or json) and the level.

    What Ryu says about its own insides stays out below WARNING unless everything is asked for.
    """
    root = logging.getLogger()
    formatter = JsonFormatter() if kind == "json" else TextFormatter()
    for handler in root.handlers:
        handler.setFormatter(formatter)
    keep_nobody(root)
    _share_with_threads()
    root.setLevel(level)
    for name in ("ryu", "ofp_event", "alembic", "routes"):
        logging.getLogger(name).setLevel("DEBUG" if level == "DEBUG" else "WARNING")


def _share_with_threads() -> None:
    """Give the log, and all handlers that there are, native locks; nobody is to log meanwhile.

    Ryu has eventlet put its own in the place of every lock. Such a one knows the tasks of one
    thread alone: a task that waited for it while a native thread wrote a line was never woken, and
    after it nobody who had anything to say. A native lock is held for as long as a line takes,
    which waits for nobody (:mod:`xen_bridge.serving.unread_log`).
    """
    # The private names are those of Python 3.11 to 3.13.
    module = vars(logging)
    module["_lock"] = _thread.RLock()
    for reference in list(module["_handlerList"]):
        handler = reference()
        if handler is not None and handler.lock is not None:
            handler.lock = _thread.RLock()
