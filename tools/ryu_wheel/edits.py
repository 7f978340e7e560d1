"""Changes to a text that are refused unless the text is exactly the one they were written for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.ryu_wheel.errors import RyuWheelError


class Edit(Protocol):
    """One change to one file of a source tree."""

    @property
    def path(self) -> str:
        """The file, relative to the tree."""

    def apply(self, text: str) -> str:
        """Return ``text`` changed; RyuWheelError when it is not as expected."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Put ``new`` in the place of ``old``, which must occur exactly once."""

    path: str
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return ``text`` changed; RyuWheelError unless ``old`` is there exactly once."""
        found = text.count(self.old)
        if found != 1:
            raise RyuWheelError(f"{self.path}: expected {self.old!r} once, found it {found} times")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class ReplaceBlock:
    """Put ``new`` in the place of the lines from ``first`` to ``last``.

    Only the two ends are named; ``sha256`` vouches for all that lies between them, so that the
    replaced text itself need not be kept here.
    """

    path: str
    first: str
    last: str
    sha256: str
    new: str

    def apply(self, text: str) -> str:
        """Return ``text`` changed; RyuWheelError unless exactly the known lines are there."""
        lines = text.splitlines(keepends=True)
        start = self._line_of(self.first, lines, 0)
        end = self._line_of(self.last, lines, start) + 1
        digest = hashlib.sha256("".join(lines[start:end]).encode()).hexdigest()
        if digest != self.sha256:
            raise RyuWheelError(f"{self.path}: lines {start + 1}-{end} are not the expected ones")
        return "".join([*lines[:start], self.new, *lines[end:]])

    def _line_of(self, wanted: str, lines: list[str], start: int) -> int:
        for number in range(start, len(lines)):
            if lines[number].strip() == wanted:
                return number
        raise RyuWheelError(f"{self.path}: expected a line {wanted!r}, found none")


@dataclass(frozen=True, slots=True)
class Append:
    """Add whole lines at the end of a file."""

    path: str
    lines: tuple[str, ...]

    def apply(self, text: str) -> str:
        """Return ``text`` with the lines behind it."""
        missing_newline = "" if not text or text.endswith("\n") else "\n"
        return text + missing_newline + "".join(f"{line}\n" for line in self.lines)


@dataclass(frozen=True, slots=True)
class Prepend:
    """Put a line before all others, but behind one that says how the file is encoded or run."""

    path: str
    line: str

    def apply(self, text: str) -> str:
        """Return ``text`` with the line in it."""
        lines = text.splitlines(keepends=True)
        at = 0
        while at < min(2, len(lines)) and (lines[at].startswith("#!") or "coding" in lines[at]):
            at += 1
        return "".join([*lines[:at], f"{self.line}\n", *lines[at:]])


def apply_edits(tree: Path, edits: tuple[Edit, ...]) -> None:
    """Change the files under ``tree`` in order; RyuWheelError at the first misfit."""
    for edit in edits:
        path = tree / edit.path
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RyuWheelError(f"{edit.path}: cannot be read: {error}") from error
        path.write_text(edit.apply(text), encoding="utf-8")
