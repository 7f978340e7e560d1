"""The end of a process that has native threads which never end."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from socket import socketpair

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


ABANDONED = """
import sys, threading
from xen_bridge.serving.abandonment import abandon_process, close_sockets
never = threading.Event()
threading.Thread(target=never.wait).start()
file = open(sys.executable, "rb")
close_sockets()
file.read(1)
print("stopped", flush=True)
sys.stdin.readline()
abandon_process(7)
"""


def test_peers_and_ports_are_let_go_before_a_thread_that_hangs_is_over() -> None:
    """Its files stay: a lock on one of them must outlive what such a thread may still write."""
    ours, theirs = socketpair()
    with closing(ours):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", ABANDONED],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        ours.settimeout(BACKSTOP)
        assert ours.recv(1) == b"", "it is closed while the process lives"
        told, _ = process.communicate(b"\n", timeout=BACKSTOP)
    assert (told, process.returncode) == (b"stopped\n", 7)
