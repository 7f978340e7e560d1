"""Place of the controller's key, which Xen hosts know it by."""

from __future__ import annotations

from pathlib import Path

IDENTITY = "xen-identity"


def identity_folder(option: str | None, store: Path) -> Path:
    """Return where the controller's key is: the ``option``, else in the folder of the ``store``."""
    return Path(option) if option else store / IDENTITY
