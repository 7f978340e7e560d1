"""Kept document: the slices that an engine worked by last, for the one that comes after it.

It is replaced as a whole, and only its owner may read it: slices tell where controllers are.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from horizon_ryu.core.slicing.control_frames import MOST_BYTES, BrokenFrame, read_control_body

_ENCODER = json.JSONEncoder(separators=(",", ":"))


class UnusableDocument(ValueError):
    """What is on disk is not what an engine has written there."""


class KeptDocument:
    """The file of one engine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: str | None = None
        """Why what is on disk is old; None if it is not."""

    def read(self) -> Mapping[str, Any] | None:
        """Return the document that was worked by last; None if there is none; UnusableDocument."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnusableDocument(str(error)) from error
        try:
            _check_private(os.fstat(file))
            with open(file, "rb", closefd=False) as reader:
                data = reader.read(MOST_BYTES + 1)
        finally:
            os.close(file)
        if len(data) > MOST_BYTES:
            raise UnusableDocument(f"it has more than {MOST_BYTES} bytes")
        try:
            return read_control_body(data)
        except BrokenFrame as error:
            raise UnusableDocument(str(error)) from error

    def write(self, document: Mapping[str, Any]) -> None:
        """Put a document in the place of the one before; what fails is told by :attr:`fault`."""
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            beside.unlink(missing_ok=True)
            file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(file, "wb") as writer:
                # In pieces: nothing else runs in a process while one text is written.
                writer.writelines(piece.encode() for piece in _ENCODER.iterencode(document))
                writer.flush()
                os.fsync(file)
            beside.replace(self.path)
        except OSError as error:
            self.fault = str(error)
            # Half of a file would keep the room that it lacked.
            with suppress(OSError):
                beside.unlink()
        else:
            self.fault = None


def _check_private(about: os.stat_result) -> None:
    """UnusableDocument for a file that others may have written."""
    if not stat.S_ISREG(about.st_mode):
        raise UnusableDocument("it is no file")
    if about.st_uid != os.geteuid() or about.st_mode & 0o077:
        raise UnusableDocument("others may read or write it")
