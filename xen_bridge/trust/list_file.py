"""A text file with an entry on each line, read again when it has changed.

Edited by hand or by a command while the service runs: no restart, no signal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar

from xen_bridge.atomic_write import replace_file
from xen_bridge.errors import InvalidRequest

LOG = logging.getLogger(__name__)
Entry = TypeVar("Entry")
ReadLine = Callable[[list[str]], tuple[str, Entry]]
"""Makes an entry and its key of the words of a line; raises InvalidRequest."""


class ListFile(Generic[Entry]):
    """The entries of a file, by their keys."""

    def __init__(self, path: Path, read_line: ReadLine[Entry]) -> None:
        """Read ``path``; a file that is not there has no entries."""
        self._path = path
        self._read_line = read_line
        self._seen: tuple[int, int, int] | None = None
        self._entries: Mapping[str, Entry] = MappingProxyType({})
        self._is_unreadable = False

    def entries(self) -> Mapping[str, Entry]:
        """Return the entries as the file has them now; a damaged line is logged and passed over.

        While a file that is there cannot be read, those that it had hold, and it is tried again
        each time: a moment without descriptors must shut nobody out for ever.
        """
        try:
            seen = self._state()
            if seen != self._seen:
                self._entries = MappingProxyType(self._read() if seen is not None else {})
                self._seen = seen
            self._is_unreadable = False
        except OSError as error:
            if not self._is_unreadable:
                LOG.error("%s cannot be read, so what it had holds: %s", self._path, error.strerror)
            self._is_unreadable = True
        return self._entries

    def entries_to_change(self) -> Mapping[str, Entry]:
        """Return the entries for who is to write them; OSError if they cannot be read."""
        found = self.entries()
        if self._is_unreadable:
            self._read()
        return found

    def write(self, lines: Iterable[str]) -> None:
        """Replace the file by ``lines``, at once or not at all."""
        replace_file(self._path, "".join(f"{line}\n" for line in lines))

    def _state(self) -> tuple[int, int, int] | None:
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _read(self) -> dict[str, Entry]:
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        found: dict[str, Entry] = {}
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                key, entry = self._read_line(words)
            except InvalidRequest as error:
                LOG.warning("%s, line %d is passed over: %s", self._path, number, error)
            else:
                found[key] = entry
        return found
