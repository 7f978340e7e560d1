"""The file descriptors that a process may have: as many as it is allowed, and shared out."""

from __future__ import annotations

import os
import resource

UNLIMITED = 1 << 20
LEAST_RESERVE, MOST_RESERVE = 64, 1024
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


def raise_limit() -> int:
    """Raise the limit of open descriptors as far as it goes (RLIMIT_NOFILE); return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            # A kernel may refuse even what it calls the hard limit; then it stays as it was.
            pass
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def for_connections(limit: int) -> int:
    """Return how many of ``limit`` descriptors clients may have, at least 1.

    The rest is for the process's own files, its log and its connections to others.
    """
    reserve = min(max(limit // 8, LEAST_RESERVE), MOST_RESERVE)
    return max(limit - reserve, 1)
