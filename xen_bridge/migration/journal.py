"""Journal of migrations: a file each, in a folder of the node, replaced whole with every step.

Beside them a file says in which order they began, for the host's clock may be set back. Whoever
does not know it, as earlier versions, takes the records as they are.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from lxml import etree

from xen_bridge.atomic_write import forget_file, replace_file
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.document_schema import check, from_element, to_element
from xen_bridge.protocol.documents.migration import MAX_KEPT, MIGRATION_ID
from xen_bridge.protocol.safe_xml import parse

LOG = logging.getLogger(__name__)
Record = TypeVar("Record")
_MAX_BYTES = 4 << 20
_SUFFIX = ".xml"
_ORDER = "order"


class MigrationJournal(Generic[Record]):
    """The records of one side, by their migrations' ids. For one thread at a time."""

    def __init__(
        self, folder: Path, form: type[Record], has_ended: Callable[[Record], bool]
    ) -> None:
        self._folder = folder
        self._form = form
        self._has_ended = has_ended
        self._order: list[str] | None = None
        """The ids of all records, oldest first; None until that was read."""

    def load(self) -> dict[str, Record]:
        """Return all records that can be read, the oldest first."""
        found = ((name, self._read(self._path(name))) for name in self._ordered())
        return {name: record for name, record in found if record is not None}

    def _ordered(self) -> list[str]:
        """Return the ids of all files; those without a place are behind, by their times."""
        paths = [path for path in self._folder.glob(f"*{_SUFFIX}") if _is_ours(path)]
        paths.sort(key=lambda path: path.stat().st_mtime_ns)
        try:
            told = (self._folder / _ORDER).read_text(encoding="ascii").split()
        except (OSError, UnicodeError):
            told = []
        places = {name: place for place, name in enumerate(told)}
        names = [path.stem for path in paths]
        self._order = sorted(names, key=lambda name: places.get(name, len(places)))
        return self._order

    def _path(self, number: str) -> Path:
        return self._folder / f"{number}{_SUFFIX}"

    def _read(self, path: Path) -> Record | None:
        try:
            record = from_element(self._form, parse(path.read_bytes(), _MAX_BYTES))
            check(record)
        except (OSError, BridgeError) as error:
            LOG.error("%s cannot be read, and what it tells is not gone on with: %s", path, error)
            return None
        return record

    def keep(self, number: str, record: Record) -> None:
        """Keep a record, in place of an earlier one of its id; BridgeError if it cannot be."""
        order = self._ordered() if self._order is None else self._order
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = etree.tostring(to_element(record), encoding="unicode")
            replace_file(self._path(number), text)
        except OSError as error:
            raise BridgeError(f"the journal of migrations cannot be written: {error}") from error
        # Without it the record is behind all others as long as the clock is not set back.
        with suppress(OSError):
            self._keep_order(order, number)

    def _keep_order(self, order: list[str], number: str) -> None:
        """Have a new one be behind all others."""
        if number not in order:
            replace_file(self._folder / _ORDER, "".join(f"{one}\n" for one in (*order, number)))
            order.append(number)

    def forget(self, number: str) -> None:
        """Remove the record of an id; the order's file has it until the next is begun."""
        forget_file(self._path(number))
        if self._order is not None and number in self._order:
            self._order.remove(number)

    def prune(self, records: dict[str, Record]) -> None:
        """Forget, there and in the journal, all but the last that have ended."""
        ended = [number for number, record in records.items() if self._has_ended(record)]
        for number in ended[: max(0, len(ended) - MAX_KEPT)]:
            del records[number]
            self.forget(number)


def _is_ours(path: Path) -> bool:
    return re.fullmatch(MIGRATION_ID, path.stem) is not None
