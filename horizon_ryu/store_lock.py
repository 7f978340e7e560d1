"""Lock of a store's file: one controller at a time writes a store, and a second one is refused.

Two would answer as done what the other undoes. Two files are locked, by the kernel, so that the
locks end with the process, however that ends: one beside the database, which says who holds it,
and the database itself, for the one beside it is easily removed. A network file system may know no
such locks, and databases other than SQLite have none: see the README.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from horizon_ryu.core.errors import StoreError

LOG = logging.getLogger("horizon.store")

_END = "-lock"
_OWNER = 0o600
_LONGEST_PID = 20
_NO_SUCH_LOCK = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
_TAKEN = (errno.EAGAIN, errno.EACCES)
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
_SQLITE_FIRST = 0x4000_0000
"""First byte of those that SQLite locks (its PENDING_BYTE)."""
_OURS = _SQLITE_FIRST - 1
"""The byte of a database that we lock."""
_FLOCK = "@hhqqi"
"""The kernel's struct flock: type, whence, start, length, process."""


class StoreLock:
    """A lock that is held until :meth:`release`, or the end of the process."""

    def __init__(self, database: Path) -> None:
        """Take the lock of ``database``, made if it is missing; StoreError names who has it."""
        self._database = database
        self._path = database.with_name(database.name + _END)
        self._file = self._lock_beside()
        try:
            # In this order: whoever is refused leaves no new database where one was removed.
            self._opened = self._lock_database(database)
        except BaseException:
            os.close(self._file)
            raise
        self._sign()

    def renew(self) -> None:
        """Take the lock anew if its file was removed, or else others would; StoreError."""
        if not _is_at(self._file, self._path):
            file = self._lock_beside()
            os.close(self._file)
            self._file = file
            self._sign()

    def take_over(self, database: Path) -> None:
        """Lock the file that will have the database's name from now on; StoreError."""
        file = self._lock_database(database)
        os.close(self._opened)
        self._opened = file

    def release(self) -> None:
        """Let others have it; the file stays, for to remove it would let in two at once.

        The store must be closed: SQLite's own locks end when the process closes any descriptor
        of the database's file.
        """
        os.close(self._file)
        os.close(self._opened)

    def _lock_beside(self) -> int:
        """Return the descriptor of the file beside the database, locked; StoreError."""
        return self._locked(self._path, os.O_NOFOLLOW, _lock_file)

    def _lock_database(self, database: Path) -> int:
        """Return a descriptor of a database's file, a byte of it locked; StoreError."""
        return self._locked(database, 0, _lock_byte)

    def _sign(self) -> None:
        """Write who has the lock, if there is room: it is held all the same."""
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _locked(self, path: Path, flags: int, lock: Callable[[int], None]) -> int:
        try:
            file = os.open(path, _FLAGS | flags, _OWNER)
        except OSError as error:
            raise StoreError(f"store {self._database}: {path}: {error.strerror}") from error
        try:
            self._take(file, path, lock)
        except BaseException:
            os.close(file)
            raise
        return file

    def _take(self, file: int, path: Path, lock: Callable[[int], None]) -> None:
        try:
            lock(file)
        except OSError as error:
            if error.errno in _TAKEN:
                raise StoreError(
                    f"store {self._database}: {self._holder()} uses it; one controller a store: "
                    "end that one, or name another with [store] url"
                ) from error
            if error.errno not in _NO_SUCH_LOCK:
                raise StoreError(f"store {self._database}: {path}: {error.strerror}") from error
            LOG.warning(
                "store %s: its file system has no locks: nothing keeps a second controller off",
                self._database,
            )

    def _holder(self) -> str:
        """Return who has the lock, as the file beside the database says it."""
        try:
            text = self._path.read_bytes()[:_LONGEST_PID].decode("ascii", "replace").strip()
        except OSError:
            text = ""
        return f"the controller with process id {text}" if text.isdecimal() else "another one"


def _lock_file(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_byte(file: int) -> None:
    """Lock our byte of a database, for this open file.

    SQLite's own locks belong to the process, so that they would be let go with any descriptor;
    this one, of an open file description (fcntl(2)), neither meets them nor goes with theirs.
    """
    wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _OURS, 1, 0)
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, wanted)


def _is_at(file: int, path: Path) -> bool:
    """Tell whether an open file is the one that has that name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False
