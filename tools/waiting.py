"""Waits for conditions that follow the machine: what has no processor has not had its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from horizon_ryu.turn_rest import waited_for_processor

PAUSE = 0.05
"""Seconds between the first two looks."""
LONGEST_PAUSE = 0.25
PAUSES_GROW = 1.05
"""From each pause to the next: who waits long looks less often, and waits a twentieth longer.

A look may be a request over TLS: at twenty a second it takes a third of a processor from what is
waited for.
"""


def never() -> float:
    """Tell that nothing was held up."""
    return 0.0


def wait_until(
    condition: Callable[[], Any],
    seconds: float,
    what: str,
    held_up: Callable[[], float] = never,
) -> Any:
    """Return the first true value of ``condition``; AssertionError after ``seconds``.

    ``held_up`` tells for how many seconds, since any time, whoever is waited for was ready to run
    and had no processor: these do not count. Each look counts a pause at least, so that there is an
    end.
    """
    left, then, without = seconds, time.monotonic(), held_up()
    pause = PAUSE
    while True:
        value = condition()
        if value:
            return value
        if left < 0:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
        now, waited = time.monotonic(), held_up()
        left -= max(pause, now - then - max(0.0, waited - without))
        pause = longer(pause)
        then, without = now, waited


def longer(pause: float) -> float:
    """Return how long to pause after a pause of so many seconds, and a look in vain."""
    return max(pause, min(LONGEST_PAUSE, PAUSES_GROW * pause))


def without_processor(pid: int) -> float:
    """Return for how many seconds the main thread of a process was ready to run, and did not.

    Zero where that is not told, and where there is no such process.
    """
    return waited_for_processor(str(pid))
