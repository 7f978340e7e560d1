"""Files that are replaced whole: a reader, or a power failure, finds the old one or the new."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Have ``path`` hold ``text`` in UTF-8, at once or not at all; one writer at a time."""
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        # Without it a power failure may leave the new name on an empty file (rename(2) orders
        # nothing by itself).
        os.fsync(file.fileno())
    os.replace(new, path)
