"""Journal of tenants' tables: a file that grows with each change, and outlives its writer's kill.

What is written is in the page cache, so a process that is killed has lost none of it. The file is
begun anew when it has grown too long for what it says. Where it cannot be written, that is told,
and slicing goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from horizon_ryu.core.slicing.table_record import MOST_RECORD, ReadRecords, read_records

LEAST_COMPACTED = 1 << 20
"""Bytes up to which a file is not begun anew."""
_GROWTH = 4
_RETRY = 256
"""Records after which a file that could not be written is tried again."""


def is_journal(path: Path) -> bool:
    """Tell whether a file may be written as a journal: it is none yet, is empty, or begins as one.

    What is damaged from its first byte may be anybody's. Raises OSError for what cannot be read.
    """
    if not path.exists():
        return True
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        data = file.read(2 * MOST_RECORD)
    return not data or read_records(data).sound > 0


class TableJournal:
    """One file of records; ``live`` returns records of all that there is."""

    def __init__(
        self, path: Path, live: Callable[[], bytes], failed: Callable[[str], None]
    ) -> None:
        """``failed`` is told once that the file cannot be written, and why."""
        self._path = path
        self._live = live
        self._failed = failed
        self._file = -1
        self._size = 0
        self._limit = LEAST_COMPACTED
        self._due: list[bytes] = []
        self._lost = 0
        self.is_broken = False
        """Whether what it says is old, since it could not be written."""

    def open(self) -> ReadRecords:
        """Read what is there, cut off what is damaged, and go on after it."""
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with open(self._path, "rb") as file:
                found = read_records(file.read())
            os.ftruncate(self._file, found.sound)
        except OSError as error:
            self._break(error)
            return ReadRecords({}, 0, {})
        self._size = found.sound
        return found

    def add(self, record: bytes) -> None:
        """Note a record; it is written by :meth:`flush`."""
        self._due.append(record)

    def flush(self) -> None:
        """Write what was noted, at once."""
        if not self._due:
            return
        due, self._due = self._due, []
        if self.is_broken:
            self._lost += len(due)
            if self._lost >= _RETRY:
                self._begin_anew()
            return
        data = b"".join(due)
        try:
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(f"{written} of {len(data)} bytes were written")
        except OSError as error:
            self._break(error)
            return
        self._size += len(data)
        if self._size > self._limit:
            self._begin_anew()

    def close(self) -> None:
        """Write what is left, and let go of the file."""
        self.flush()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _begin_anew(self) -> None:
        """Put a file in its place that says what there is, and no more."""
        self._lost = 0
        beside = self._path.with_suffix(".new")
        try:
            data = self._live()
            beside.write_bytes(data)
            beside.chmod(0o600)
            file = os.open(beside, os.O_WRONLY | os.O_APPEND)
            beside.replace(self._path)
        except OSError as error:
            self._break(error)
            # Half of a file would keep the room that it lacked.
            with suppress(OSError):
                beside.unlink()
            return
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self.is_broken = file, len(data), False
        self._limit = max(LEAST_COMPACTED, _GROWTH * len(data))

    def _break(self, error: OSError) -> None:
        if not self.is_broken:
            self._failed(str(error))
        self.is_broken = True
