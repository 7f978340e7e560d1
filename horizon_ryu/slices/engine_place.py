"""Place of the slicer's engine: its folder and address, checked before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from horizon_ryu.core.errors import InvalidInput

_MOST_PATH = 100
"""Bytes of a socket's path (unix(7): 107, and room for what a start may put beside it)."""
_MOST_INSTANCE = 45
_LAST_PORT = 65_535


class EnginePlaceOptions(Protocol):
    """The options of the slicer."""

    @property
    def listen(self) -> str:
        """Where switches connect."""

    @property
    def instance(self) -> str:
        """Its name in LLDP."""

    @property
    def folder(self) -> str | None:
        """Where its files are."""


def engine_folder(option: str | None, store: Path) -> Path:
    """Return the folder of the engine's files; InvalidInput if its socket's name is too long."""
    folder = (Path(option) if option else store / "slicer").absolute()
    if len(bytes(folder / "control")) > _MOST_PATH:
        text = f"{folder}: a socket's path has at most {_MOST_PATH} bytes; name a shorter one"
        raise InvalidInput(("slicing", "folder"), text)
    return folder


def check_engine(options: EnginePlaceOptions, store: Path) -> None:
    """Refuse, by InvalidInput, options by which no engine could be started."""
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
        text = f"{options.listen!r} is not HOST:PORT, as in 127.0.0.1:6633"
        raise InvalidInput(("slicing", "listen"), text)
    name = options.instance
    if not 0 < len(name.encode()) <= _MOST_INSTANCE or not name.isprintable():
        text = f"must be 1 to {_MOST_INSTANCE} bytes that print"
        raise InvalidInput(("slicing", "instance"), text)
    if options.folder is not None:
        engine_folder(options.folder, store)
