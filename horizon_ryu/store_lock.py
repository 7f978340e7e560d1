"""Lock of a store's file: one controller at a time writes a store, and a second one is refused.

Two would answer as done what the other undoes. The lock is the kernel's (flock): it ends with the
process, however that ends. The file beside the database says who holds it. A network file system
may know no such lock, and databases other than SQLite have none: see the README.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from pathlib import Path

from horizon_ryu.core.errors import StoreError

LOG = logging.getLogger("horizon.store")

_END = "-lock"
_OWNER = 0o600
_LONGEST_PID = 20
_NO_SUCH_LOCK = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


class StoreLock:
    """A lock that is held until :meth:`release`, or the end of the process."""

    def __init__(self, database: Path) -> None:
        """Take the lock of ``database``; StoreError names who has it."""
        self._path = database.with_name(database.name + _END)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file = os.open(self._path, flags, _OWNER)
        except OSError as error:
            raise StoreError(f"store {database}: {self._path}: {error.strerror}") from error
        try:
            self._take(database)
        except BaseException:
            os.close(self._file)
            raise

    def _take(self, database: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"store {database}: {self._holder()} uses it; one controller a store: "
                "end that one, or name another with [store] url"
            ) from error
        except OSError as error:
            if error.errno not in _NO_SUCH_LOCK:
                raise StoreError(f"store {database}: {self._path}: {error.strerror}") from error
            LOG.warning(
                "store %s: its file system has no locks: nothing keeps a second controller off",
                database,
            )
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _holder(self) -> str:
        text = os.pread(self._file, _LONGEST_PID, 0).decode("ascii", "replace").strip()
        return f"the controller with process id {text}" if text.isdecimal() else "another one"

    def release(self) -> None:
        """Let others have it; the file stays, for to remove it would let in two at once."""
        os.close(self._file)
