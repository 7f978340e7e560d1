from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from ryu.lib import hub

from backstop import BACKSTOP
from horizon_ryu.openflow.watchdog import BEATS, EXIT_STATUS, Silence, Watchdog
from xen_bridge.runtime.green import GreenRuntime

HANG = """
import time
from ryu.lib import hub
from horizon_ryu.openflow.watchdog import Watchdog
from xen_bridge.runtime.green import GreenRuntime
Watchdog(GreenRuntime(), 0.3).start()
hub.sleep(0.1)
while True:
    pass
"""


def test_a_hung_process_ends_and_shows_where() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HANG], capture_output=True, timeout=BACKSTOP
    )
    assert ended.returncode == EXIT_STATUS
    assert b"no life for" in ended.stderr
    assert b"<string>" in ended.stderr


def test_a_hung_process_ends_though_nobody_reads_why() -> None:
    """It may hang since nobody reads what it says."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with open(reading, "rb"), open(writing, "wb", buffering=0) as full:
        while full.write(b"x" * 4096):
            pass
        os.set_blocking(writing, True)
        words = [sys.executable, "-W", "ignore", "-c", HANG]
        ended = subprocess.run(words, stderr=full, check=False, timeout=BACKSTOP)
    assert ended.returncode == -signal.SIGALRM


def test_a_hub_that_turns_is_left_alone() -> None:
    bites: list[float] = []
    dog = Watchdog(GreenRuntime(), 0.4, bites.append)
    dog.start()
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        hub.sleep(0.02)
    dog.stop()
    assert bites == []


def test_silence_is_counted_in_turns_of_the_listener() -> None:
    """However long a turn takes: who did not listen cannot tell."""
    silence = Silence(heard=1.0)
    assert [silence.lasts(1.0) for _ in range(BEATS)] == [False] * (BEATS - 1) + [True]
    assert not silence.lasts(2.0)
    assert [silence.lasts(2.0) for _ in range(BEATS)] == [False] * (BEATS - 1) + [True]


def test_switched_off_it_starts_nothing() -> None:
    bites: list[float] = []
    dog = Watchdog(GreenRuntime(), 0.0, bites.append)
    dog.start()
    time.sleep(0.05)
    dog.stop()
    assert bites == []
