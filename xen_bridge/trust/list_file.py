"""A text file with an entry on each line, read again when it has changed.

Edited by hand or by a command while the service runs: no restart, no signal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar

from xen_bridge.atomic_write import replace_file
from xen_bridge.errors import InvalidRequest
from xen_bridge.private_file import read_regular

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

    def put(self, key: str, line: str | None) -> None:
        """Have ``line`` (None: nothing) be the one of ``key``, at once or not at all.

        All other lines stay as they are: comments, and what is damaged, are their writer's.
        """
        present = self._lines() if self._path.exists() else []
        kept = [text for text in present if self._key_of(text) != key]
        lines = kept if line is None else [*kept, line]
        replace_file(self._path, "".join(f"{text}\n" for text in lines))

    def _key_of(self, line: str) -> str | None:
        words = _words(line)
        try:
            return self._read_line(words)[0] if words else None
        except InvalidRequest:
            return None

    def _lines(self) -> list[str]:
        return read_regular(self._path).decode("utf-8-sig", "replace").splitlines()

    def _state(self) -> tuple[int, int, int] | None:
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _read(self) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for number, line in enumerate(self._lines(), 1):
            words = _words(line)
            if not words:
                continue
            try:
                key, entry = self._read_line(words)
            except InvalidRequest as error:
                LOG.warning("%s, line %d is passed over: %s", self._path, number, error)
            else:
                found[key] = entry
        return found


def _words(line: str) -> list[str]:
    return line.partition("#")[0].split()
