"""Who is woken late by a hub that was held up has what came meanwhile be read first."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from socket import socketpair

import pytest

from horizon_ryu.openflow.lateness import HELD_UP, sleep_in_time, wait_and_clear, wait_in_time
from xen_bridge.runtime.green import GreenRuntime

PAUSE, HELD = 0.02, 0.02 + 2 * HELD_UP


def waited(runtime: GreenRuntime) -> None:
    wait_and_clear(runtime, runtime.event(), PAUSE)


def slept(runtime: GreenRuntime) -> None:
    sleep_in_time(runtime, runtime.now() + PAUSE)


def unanswered(runtime: GreenRuntime) -> None:
    wait_in_time(runtime, runtime.event(), runtime.now() + PAUSE)


@pytest.mark.parametrize("wait", [waited, slept, unanswered])
def test_what_came_while_the_hub_was_held_up_is_read_before(
    wait: Callable[[GreenRuntime], None],
) -> None:
    runtime = GreenRuntime()
    (near, far), (busy, begin) = socketpair(), socketpair()
    with closing(near), closing(far), closing(busy), closing(begin):
        read: list[bytes] = []
        connection, held = runtime.adopt(near), runtime.adopt(busy)
        runtime.spawn(lambda: read.append(connection.recv(10)))
        # Whoever holds the hub up has been woken by what came: by then it knows who else has some.
        runtime.spawn(lambda: (held.recv(1), far.send(b"answer"), time.sleep(HELD)))
        runtime.sleep(0.0)
        begin.send(b"x")
        wait(runtime)
        assert read == [b"answer"]


def test_who_is_told_to_hurry_does_and_is_to_be_told_again() -> None:
    runtime = GreenRuntime()
    hurry = runtime.event()
    hurry.set()
    wait_and_clear(runtime, hurry, 3600.0)
    assert not hurry.wait(0.0)
