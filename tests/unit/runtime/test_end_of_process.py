"""The end of a process that has native threads which never end."""

from __future__ import annotations

import subprocess
import sys

from backstop import BACKSTOP

PROGRAM = """
import eventlet
from eventlet import patcher
from xen_bridge.runtime.green import GreenRuntime
runtime, threading = GreenRuntime(), patcher.original("threading")
begun, never = threading.Event(), threading.Event()
runtime.spawn(runtime.in_thread, lambda: (begun.set(), never.wait()))
while not begun.is_set():
    runtime.sleep(0.01)
print("stopped", flush=True)
"""


def test_a_thread_that_hangs_does_not_hold_it_up() -> None:
    """A disk that does not answer, say: whoever supervises it would wait, and kill it."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    ended = subprocess.run(command, capture_output=True, timeout=BACKSTOP, check=True)
    assert ended.stdout == b"stopped\n"
