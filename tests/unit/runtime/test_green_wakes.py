"""Native threads wake tasks by no network: a router's own firewall or NAT has nothing to say."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from eventlet import tpool

from xen_bridge.runtime.green import GreenRuntime

NAT = "table ip n { chain out { type nat hook postrouting priority 100; masquerade; }; }"
WAKES = """
import subprocess, sys
from xen_bridge.runtime.green import GreenRuntime
runtime = GreenRuntime(2)
runtime.in_thread(int)
if len(sys.argv) > 1:
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
    subprocess.run(("nft", sys.argv[1]), check=True)
print(sum(runtime.in_thread(int, "1") for _ in range(3)))
"""


def test_tasks_are_woken_by_a_pair_of_sockets() -> None:
    runtime = GreenRuntime()
    assert [runtime.in_thread(abs, -number) for number in range(3)] == [0, 1, 2]
    assert tpool._rsock.fd.family == tpool._wsock.family == socket.AF_UNIX


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace: needs root")
def test_a_router_that_translates_whatever_it_sends_wakes_its_tasks() -> None:
    command = ("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")
    words = (*command, sys.executable, "-c", WAKES, NAT)
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "3", done.stderr
