"""Stacks of tasks: a process that is asked tells what each of its tasks waits for, and goes on."""

from __future__ import annotations

import subprocess
import sys

from backstop import BACKSTOP
from tools.task_stacks import ASK

PROGRAM = """
import sys, eventlet
from tools.task_stacks import tell_when_asked

def waits_for_ever():
    eventlet.Event().wait()

def goes_on():
    eventlet.sleep(0)
    print("ready", flush=True)
    eventlet.hubs.trampoline(sys.stdin, read=True)

tell_when_asked()
eventlet.spawn(waits_for_ever)
goes_on()
"""


def test_all_tasks_are_told() -> None:
    command = (sys.executable, "-c", PROGRAM)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as asked:
        assert asked.stdout is not None
        assert asked.stdout.readline() == b"ready\n"
        asked.send_signal(ASK)
        # It ends when its input does.
        _, told = asked.communicate(timeout=BACKSTOP)
    assert asked.returncode == 0
    assert b"stacks of all tasks" in told
    assert b"in waits_for_ever" in told
    assert b"in goes_on" in told
