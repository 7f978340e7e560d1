"""Limits on what a parser may take, that also end an endless loop (main thread only)."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

AGAIN_SECONDS = 0.05
TICKS = 4
_Item = TypeVar("_Item")


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


def each_within(seconds: float, items: Iterable[_Item]) -> Iterator[_Item]:
    """Yield ``items``; raise Hung in whoever has one of them for longer than ``seconds``.

    Of the processor, as in ``alarm``, and again and again. One timer serves them all: to set one
    for each of a hundred thousand short turns takes as long as the turns.
    """
    turns = seen = still = 0
    hung = False

    def ring(_signum: int, _frame: FrameType | None) -> None:
        nonlocal seen, still, hung
        still = still + 1 if turns == seen else 0
        seen = turns
        if still >= TICKS:
            hung = True
            raise Hung

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds / TICKS, seconds / TICKS)
    try:
        for item in items:
            turns += 1
            yield item
            if hung:
                # Whoever had the item has swallowed it.
                raise Hung
    finally:
        _disarm(before)


@contextmanager
def lines_at_most(count: int, seconds: float) -> Iterator[None]:
    """Raise Hung in the block when it comes to more than ``count`` lines of Python.

    That is far quicker than to wait until it has lasted. Tracing ends with the exception, so that
    what swallows it and goes on is ended by an alarm after ``seconds``.
    """
    left = count

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        left -= event == "line"
        if left < 0:
            raise Hung
        return trace

    before = sys.gettrace()
    with alarm(seconds):
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(before)
    if left < 0:
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
