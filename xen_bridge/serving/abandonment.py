"""Abandonment of a process of which a thread may hang in the kernel, where nothing can end it.

The kernel closes what a process has open when its last thread is at its end. One that waits for a
disk that does not answer would keep connections that nobody serves, and ports that others need. Its
files stay open: their locks keep others off what such a thread may yet write.
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from typing import NoReturn

_STDERR = 2
_OPEN = "/proc/self/fd"


def close_sockets() -> None:
    """Close every socket of this process but those that are its standard streams."""
    with suppress(OSError):
        for name in os.listdir(_OPEN):
            descriptor = int(name)
            # The descriptor of the listing itself is closed by now.
            with suppress(OSError):
                if descriptor > _STDERR and stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    os.close(descriptor)


def abandon_process(status: int) -> NoReturn:
    """End this process at once, whatever its threads do; what was logged is written."""
    logging.shutdown()
    close_sockets()
    os._exit(status)
