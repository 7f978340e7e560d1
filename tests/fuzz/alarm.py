"""A limit on what a parser may take, that also ends an endless loop (main thread only)."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

AGAIN_SECONDS = 0.05


class Hung(Exception):
    """The code under test did not return in time."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise Hung in the block after ``seconds``, whatever it is doing, and again at its end.

    Seconds of this process on the processor: a machine that has no time for it costs none.
    Again and again, because what the block calls may swallow an exception, as Ryu's parsers do.
    The garbage collector rests meanwhile: an exception in one of its callbacks is lost, and after
    a thousand tests it has much to do.
    """
    rung = False

    def ring(_signum: int, _frame: FrameType | None) -> None:
        nonlocal rung
        rung = True
        raise Hung

    gc.disable()
    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN_SECONDS)
    try:
        yield
    finally:
        _disarm(before)
        gc.enable()
    if rung:
        raise Hung


def _disarm(before: Any) -> None:
    """Stop the timer, even if it rings just now."""
    while True:
        try:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
        except Hung:
            continue
        return
