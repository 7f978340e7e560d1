"""The nodes that may ask this one: a file with a NodePK on each line, and a name behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xen_bridge.trust.identity import check_node_pk
from xen_bridge.trust.list_file import ListFile

FILE = "authorized_nodes"


class KeyList:
    """The keys of a file, and who has them; like ssh's ``authorized_keys``."""

    def __init__(self, path: Path) -> None:
        self._file = ListFile(path, _read_line)

    def names(self) -> Mapping[str, str]:
        """Return the name of each key, as the file has them now."""
        return self._file.entries()

    def add(self, node_pk: str, name: str = "") -> bool:
        """Add a key; False if it was there. InvalidRequest unless it is one."""
        key = check_node_pk(node_pk)
        if key in self._file.entries_to_change():
            return False
        shown = " ".join(name.replace("#", " ").split())
        self._file.put(key, f"{key} {shown}".rstrip())
        return True

    def remove(self, node_pk: str) -> bool:
        """Take a key away; False if it was not there."""
        key = check_node_pk(node_pk)
        if key not in self._file.entries_to_change():
            return False
        self._file.put(key, None)
        return True


def _read_line(words: list[str]) -> tuple[str, str]:
    return check_node_pk(words[0]), " ".join(words[1:])
