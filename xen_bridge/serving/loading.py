"""Loading of a program: what its process must be like before the rest of it is imported."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

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
