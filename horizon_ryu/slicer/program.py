"""Program of the slicer, ``horizon-slicer``: its objects lie in huge pages.

Between two messages other programs run, and the processor has forgotten where the slicer's objects
are: with pages of 4 KB it looks up hundreds of places for each message, which took a quarter of the
time. The C library's allocator asks the kernel for huge pages where it is told to (glibc 2.35;
transparent_hugepage may be ``madvise``), and Python uses that allocator where it is told to. Both
are told by the environment, before the program begins.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping

from xen_bridge.serving.loading import occupy_standard, run_loaded

_ALLOCATOR, _TUNABLES = "PYTHONMALLOC", "GLIBC_TUNABLES"
_HUGE = "glibc.malloc.hugetlb=1"


def with_huge_pages(environment: Mapping[str, str]) -> dict[str, str] | None:
    """Return the environment of a program with huge pages; None if an allocator is named in it."""
    if _ALLOCATOR in environment:
        return None
    tunables = ":".join(filter(None, (environment.get(_TUNABLES), _HUGE)))
    return {**environment, _ALLOCATOR: "malloc", _TUNABLES: tunables}


def begin_with_huge_pages() -> None:
    """Have this very process begin anew with huge pages, unless it has: as its first step.

    An interrupt is held back until that is over: Python would tell of where it met it.
    """
    environment = with_huge_pages(os.environ) if sys.platform == "linux" else None
    if environment is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def pass_over_hangups() -> None:
    """Have SIGHUP end nothing until it is known what is to be read again.

    It is ignored, not handled: so it is in a process that begins anew. No other is started.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def run() -> None:
    """Run ``horizon-slicer``."""
    occupy_standard()
    pass_over_hangups()
    run_loaded(_load)


def _load() -> Callable[[], object]:
    # What a process that begins anew has loaded before is loaded twice.
    begin_with_huge_pages()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
    from horizon_ryu.slicer.command import main

    return main


if __name__ == "__main__":
    run()
