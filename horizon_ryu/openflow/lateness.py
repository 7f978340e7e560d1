"""Lateness of the hub: who is woken late lets be read what came meanwhile, before that is late.

A hub that is held up, by work or by a machine without a processor for it, wakes those whose time is
over before it reads anything: a switch that had answered in time was disconnected for it.
"""

from __future__ import annotations

from xen_bridge.runtime.port import Event, Runtime

HELD_UP = 0.05
"""Seconds by which who is woken late was held up, and not just behind others of its turn."""
MOST_AGAIN = 2.0
"""Seconds for which an answer that may be there unread is waited for, at most."""


def sleep_in_time(runtime: Runtime, due: float) -> None:
    """Sleep until ``due``; who is woken late, as long again."""
    runtime.sleep_until(due)
    late = runtime.now() - due
    if late > HELD_UP:
        runtime.sleep(min(late, MOST_AGAIN))


def wait_in_time(runtime: Runtime, done: Event, deadline: float) -> None:
    """Wait until ``done`` is set, until ``deadline`` at most; who is woken late, as long again."""
    done.wait(max(0.0, deadline - runtime.now()))
    late = runtime.now() - deadline
    if late > HELD_UP:
        done.wait(min(late, MOST_AGAIN))


def wait_and_clear(runtime: Runtime, hurry: Event, seconds: float) -> None:
    """Wait until ``hurry`` is set, so many seconds at most, and clear it.

    Who is woken late has one piece of what came on each connection be read first: what a station
    has answered in time, say, of whom silence would be believed.
    """
    due = runtime.now() + seconds
    hurry.wait(seconds)
    if runtime.now() - due > HELD_UP:
        runtime.sleep(0.0)
    hurry.clear()
