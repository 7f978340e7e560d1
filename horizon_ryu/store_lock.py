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
        self._database = database
        self._path = database.with_name(database.name + _END)
        self._file = self._locked()

    def _locked(self) -> int:
        """Return the descriptor of the file that is there, locked; StoreError."""
        database = self._database
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            file = os.open(self._path, flags, _OWNER)
        except OSError as error:
            raise StoreError(f"store {database}: {self._path}: {error.strerror}") from error
        try:
            self._take(file, database)
        except BaseException:
            os.close(file)
            raise
        return file

    def renew(self) -> None:
        """Take the lock anew if its file was removed, or else others would; StoreError."""
        held = os.fstat(self._file)
        try:
            there = self._path.stat()
        except OSError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino):
            file = self._locked()
            os.close(self._file)
            self._file = file

    def _take(self, file: int, database: Path) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"store {database}: {_holder(file)} uses it; one controller a store: "
                "end that one, or name another with [store] url"
            ) from error
        except OSError as error:
            if error.errno not in _NO_SUCH_LOCK:
                raise StoreError(f"store {database}: {self._path}: {error.strerror}") from error
            LOG.warning(
                "store %s: its file system has no locks: nothing keeps a second controller off",
                database,
            )
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others have it; the file stays, for to remove it would let in two at once."""
        os.close(self._file)


def _holder(file: int) -> str:
    text = os.pread(file, _LONGEST_PID, 0).decode("ascii", "replace").strip()
    return f"the controller with process id {text}" if text.isdecimal() else "another one"
