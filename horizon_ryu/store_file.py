"""File of the store, watched: a database that is removed while it is used goes unnoticed else.

SQLite goes on in the file that has no name any more, and all that is answered as done is gone at
the end of the process. What is still open has everything, so it is given its name again.
"""

from __future__ import annotations

import logging
import os
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, connect

import sqlalchemy as sa

from horizon_ryu.core.errors import StoreError
from horizon_ryu.store_lock import StoreLock
from horizon_ryu.store_place import keep_to_owner

LOG = logging.getLogger("horizon.store")

_LOG_END = "-wal"
_NEW_END = "-new"


@dataclass(frozen=True, slots=True)
class _Identity:
    """Device and inode of the database and of its write-ahead log; None where there is no file."""

    database: tuple[int, int] | None
    log: tuple[int, int] | None


class StoreFile:
    """The database's file and its log, as they were when they were opened."""

    def __init__(self, path: Path, lock: StoreLock | None = None) -> None:
        """Watch what is at ``path``; ``lock`` is what keeps other controllers off it."""
        self._path = path
        self._lock = lock
        self._log = path.with_name(path.name + _LOG_END)
        self._opened = self._look()

    def note_opened(self) -> None:
        """Take what is there now for what is open."""
        self._opened = self._look()

    def check(self) -> None:
        """Raise StoreError unless what is open is what is there."""
        reason = self._fault()
        if reason is not None:
            raise StoreError(f"{self._path} {reason}")

    def restore(self, engine: sa.Engine) -> None:
        """Give the file back its name if it has lost it; StoreError if that cannot be.

        Where another file has the name, that one is not touched: it may be a backup put back.
        Of ``engine`` no connection may be in use; each is opened anew.
        """
        reason = self._fault()
        if reason is None:
            return
        now = self._look()
        if now.database not in (None, self._opened.database):
            raise StoreError(
                f"{self._path} {reason}: restart the controller to use that one, or move it "
                "away to have the store written anew"
            )
        self._write_anew(engine, is_there=now.database is not None)
        engine.dispose()
        with engine.connect() as connection:
            # Opens the log too, which is made by the first read.
            connection.execute(sa.text("SELECT count(*) FROM sqlite_master"))
        self.note_opened()
        LOG.warning("%s %s: it has been written anew, nothing is lost", self._path, reason)

    def _write_anew(self, engine: sa.Engine, is_there: bool) -> None:
        pooled = engine.raw_connection()
        try:
            opened = pooled.driver_connection
            if not isinstance(opened, Connection):
                raise StoreError(f"{self._path}: cannot be written anew")
            if is_there:
                opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                self._copy(opened)
        finally:
            pooled.close()

    def _copy(self, opened: Connection) -> None:
        """Write what is open to a new file, and give that the name when it is whole."""
        new = self._path.with_name(self._path.name + _NEW_END)
        try:
            with suppress(FileNotFoundError):
                new.unlink()
            keep_to_owner(new)
            with closing(connect(new)) as target:
                opened.backup(target)
            self._log.unlink(missing_ok=True)
            if self._lock is not None:
                self._lock.take_over(new)
            # Unlike a rename it never takes the place of what somebody puts back meanwhile.
            os.link(new, self._path)
        except OSError as error:
            raise StoreError(
                f"{self._path} was removed, and cannot be written anew: {error.strerror}"
            ) from error
        finally:
            with suppress(OSError):
                new.unlink()

    def _fault(self) -> str | None:
        """Return what is wrong with the file; None: nothing."""
        now = self._look()
        if now.database is None:
            return "was removed"
        if now.database != self._opened.database:
            return "was replaced by another file"
        if self._opened.log is not None and now.log != self._opened.log:
            return f"has lost its log, {self._log.name}"
        return None

    def _look(self) -> _Identity:
        return _Identity(_identity(self._path), _identity(self._log))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
