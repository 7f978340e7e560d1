"""A limit on what a parser may take, that also ends an endless loop (main thread only)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Hung(Exception):
    """The code under test did not return in time."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise Hung in the block after ``seconds``, whatever it is doing, and again at its end.

    Again, because what the block calls may swallow every exception, as Ryu's parsers do.
    """
    rung = False

    def ring(_signum: int, _frame: FrameType | None) -> None:
        nonlocal rung
        rung = True
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if rung:
        raise Hung
