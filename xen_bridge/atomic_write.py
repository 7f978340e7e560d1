"""Files that are replaced whole: a reader, or a power failure, finds the old one or the new."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_MODE = 0o644


def replace_file(path: Path, text: str) -> None:
    """Have ``path`` hold ``text`` in UTF-8, at once or not at all; one writer at a time.

    Nobody but its owner may write it, whatever the umask: it may say whom we trust.
    """
    new = _beside(path)
    try:
        with open(new, "w", encoding="utf-8", opener=_open) as file:
            file.write(text)
            file.flush()
            # Without it a power failure may leave the new name on an empty file (rename(2) orders
            # nothing by itself).
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError:
        # Half of a file would keep the room that it lacked.
        with suppress(OSError):
            new.unlink()
        raise


def forget_file(path: Path) -> None:
    """Remove ``path``, and what a writer that was killed left beside it; neither need be there."""
    # In this order: whoever is killed in between finds what names the other.
    _beside(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, _MODE)
