"""Loading of a program: what its process must be like before the rest of it is imported."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_STDERR = 2


def occupy_standard() -> None:
    """Have descriptors 0 to 2 lead to nowhere where they are closed, here and in children.

    A file or a socket would be given their numbers, and be written what a library, or a child,
    says. Call it before anything else is opened.
    """
    opened = os.open(os.devnull, os.O_RDWR)
    while opened <= _STDERR:
        os.set_inheritable(opened, True)
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)


@contextmanager
def interrupted_in_silence() -> Iterator[None]:
    """Have SIGINT end the process meanwhile as it ends any; Python would tell of what it loads."""
    usual = signal.default_int_handler
    if signal.getsignal(signal.SIGINT) is not usual:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, usual)


def run_loaded(load: Callable[[], Callable[[], T]]) -> T:
    """Run the program that ``load`` returns; an interrupt is no traceback, whenever it comes.

    What the program does when it is interrupted is its own; where it does nothing, before it has
    begun, say, or when it is at its end, it ends as by the signal.
    """
    try:
        with interrupted_in_silence():
            main = load()
        return main()
    except KeyboardInterrupt:
        _end_by_interrupt()
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_by_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
