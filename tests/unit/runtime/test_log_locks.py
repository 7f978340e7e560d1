"""Log of a process whose locks are eventlet's, written by tasks and by native threads at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from backstop import BACKSTOP

PROGRAM = """
import eventlet
eventlet.monkey_patch()
import logging, sys
from horizon_ryu.log import set_up
from xen_bridge.runtime.green import GreenRuntime

native_sleep = eventlet.patcher.original("time").sleep
runtime, begun, written = GreenRuntime(), [], []

class Slow(logging.StreamHandler):
    def emit(self, record):
        said = record.getMessage()
        begun.append(said)
        if said == "thread":
            native_sleep(0.3)
        written.append(said)

logging.basicConfig(handlers=[Slow()])
set_up("text", "INFO")
LOG = logging.getLogger("someone")

def in_thread():
    if sys.argv[1] == "loggers":
        # Whoever asks for a logger, or how much of it is wanted, goes by the log's own lock.
        with vars(logging)["_lock"]:
            begun.append("thread")
            native_sleep(0.3)
    else:
        LOG.error("thread")

def other(number):
    logging.getLogger(f"other.{number}").error("task")

thread = runtime.spawn(runtime.in_thread, in_thread)
while not begun:
    eventlet.sleep(0.001)
tasks = [runtime.spawn(other, number) for number in range(3)]
for task in (thread, *tasks):
    task.join()
LOG.info("end")
print(*written)
"""


@pytest.mark.parametrize(
    ("held", "written"),
    [("handler", "thread task task task end"), ("loggers", "task task task end")],
)
def test_a_task_that_waits_for_a_thread_goes_on(held: str, written: str) -> None:
    # Another would never end.
    command = (sys.executable, "-W", "ignore", "-c", PROGRAM, held)
    done = subprocess.run(command, capture_output=True, text=True, timeout=BACKSTOP)
    assert (done.stdout.split(), done.returncode) == (written.split(), 0), done.stderr
