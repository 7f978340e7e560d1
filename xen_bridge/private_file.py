"""Private file: a key or the like, which nobody but its owner, and a group, may read.

As ssh does with its keys, whoever is to use one that is open to others refuses, and says what to
type.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from xen_bridge.errors import BridgeError

_OPEN = stat.S_IRWXO | stat.S_IWGRP
"""A group may read it: a service that is not root is given its key so."""


class OpenToOthers(BridgeError):
    """A private file that others may read, or a group may write; the text has the remedy."""

    title = "A private file is open to others"


def check_mode(path: Path, status: os.stat_result) -> None:
    """Raise OpenToOthers unless the file at ``path``, whose status this is, is private."""
    if status.st_mode & _OPEN:
        mode = stat.S_IMODE(status.st_mode)
        raise OpenToOthers(f"{path}: its mode is {mode:04o}, open to others; chmod 600 {path}")


def read_private(path: Path) -> bytes:
    """Return what is in a private file; raises OSError, OpenToOthers."""
    return read_regular(path, is_private=True)


def read_regular(path: Path, is_private: bool = False, most: int = -1) -> bytes:
    """Return what is in a file, ``most`` bytes at most; raises OSError, OpenToOthers.

    OSError also for what is no regular file: to open a pipe would wait for a writer.
    """
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(opened)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if is_private:
            check_mode(path, status)
        # It closes nothing, whatever it takes: of a directory it would leave the descriptor.
        with open(opened, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(opened)
