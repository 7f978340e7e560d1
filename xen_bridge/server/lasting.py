"""Lasting work: what a node is there for runs until it is told to stop, or the process ends.

What ends it too early is logged once with its traceback, and it is begun again. If that does not
help, the process ends with a status on which systemd starts it again (``Restart=on-failure``): a
node that lives and answers nobody is worse than none.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger(__name__)

EXIT_STATUS = 70
"""EX_SOFTWARE of sysexits.h: an internal error was detected."""
MAX_ENDS = 10
"""Ends in a row after which no further beginning helps."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds after the first end; twice as many after each further one."""
LASTED = 60.0
"""Seconds after which an end is the first of its row."""


class EndedEarly(RuntimeError):
    """What should run for ever has returned."""


def end_process() -> None:
    """End at once: what hangs must not hold up the end."""
    logging.shutdown()
    os._exit(EXIT_STATUS)


def run_lasting(
    runtime: Runtime,
    name: str,
    work: Callable[[], object],
    is_over: Callable[[], bool],
    end: Callable[[], None] = end_process,
) -> None:
    """Call ``work`` again and again until ``is_over``; ``end`` is called when that is in vain."""
    ends, told = 0, set[str]()
    while ends < MAX_ENDS:
        began = runtime.now()
        error = _end_of(runtime, name, work)
        if is_over():
            return
        ends = 1 if runtime.now() - began >= LASTED else ends + 1
        if type(error).__name__ not in told:
            told.add(type(error).__name__)
            LOG.error("%s has ended, and is begun again", name, exc_info=error)
        runtime.sleep(min(FIRST_PAUSE * 2 ** (ends - 1), LONGEST_PAUSE))
    LOG.critical("%s has ended %d times in a row; ending, to be started again", name, ends)
    end()


def _end_of(runtime: Runtime, name: str, work: Callable[[], object]) -> BaseException:
    """Call ``work`` and return what ended it."""
    try:
        work()
    except runtime.faults as error:
        return error
    return EndedEarly(f"{name} has returned")
