"""Journal of migrations: a file each, in a folder of the node, replaced whole with every step."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
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


class MigrationJournal(Generic[Record]):
    """The records of one side, by their migrations' ids. For one thread at a time."""

    def __init__(
        self, folder: Path, form: type[Record], has_ended: Callable[[Record], bool]
    ) -> None:
        self._folder = folder
        self._form = form
        self._has_ended = has_ended

    def load(self) -> dict[str, Record]:
        """Return all records that can be read, the oldest first."""
        paths = [path for path in self._folder.glob(f"*{_SUFFIX}") if _is_ours(path)]
        paths.sort(key=lambda path: path.stat().st_mtime_ns)
        found = ((path.stem, self._read(path)) for path in paths)
        return {number: record for number, record in found if record is not None}

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
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = etree.tostring(to_element(record), encoding="unicode")
            replace_file(self._folder / f"{number}{_SUFFIX}", text)
        except OSError as error:
            raise BridgeError(f"the journal of migrations cannot be written: {error}") from error

    def forget(self, number: str) -> None:
        """Remove the record of an id."""
        forget_file(self._folder / f"{number}{_SUFFIX}")

    def prune(self, records: dict[str, Record]) -> None:
        """Forget, there and in the journal, all but the last that have ended."""
        ended = [number for number, record in records.items() if self._has_ended(record)]
        for number in ended[: max(0, len(ended) - MAX_KEPT)]:
            del records[number]
            self.forget(number)


def _is_ours(path: Path) -> bool:
    return re.fullmatch(MIGRATION_ID, path.stem) is not None
