"""The journal of migrations: each state is in the store before the messages that follow it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from horizon_ryu.core.errors import InvalidInput, NotFound, StoreError
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.migration import Migration
from horizon_ryu.core.flows.record import flow_to_json, migration_from_json, migration_to_json
from horizon_ryu.store import Store

LOG = logging.getLogger("horizon.flows")

_TIDY_EVERY = 100
"""Final records between two tidyings of the table."""


class Journal:
    """Writes migrations, and finds them again."""

    def __init__(self, store: Store, kept: int) -> None:
        """``kept`` is how many final migrations are remembered."""
        self._store = store
        self._kept = kept
        self._final = 0
        self._open: set[str] = set()

    def write(self, records: Sequence[Migration], flows: Sequence[Flow] = ()) -> None:
        """Keep the state of migrations and, in the same transaction, what flows have become."""
        if not records:
            return
        rows = [
            {
                "id": record.id,
                "place": int(record.started * 1e6),
                "is_final": record.state.is_final,
                "data": migration_to_json(record),
            }
            for record in records
        ]
        new = [row for row in rows if row["id"] not in self._open]
        known = [row for row in rows if row["id"] in self._open]
        self._store.write_migrations(new, known, [flow_to_json(flow) for flow in flows])
        for record in records:
            (self._open.discard if record.state.is_final else self._open.add)(record.id)
            self._final += record.state.is_final
        if self._final >= _TIDY_EVERY:
            self._tidy()

    def _tidy(self) -> None:
        self._final = 0
        try:
            self._store.forget_migrations(self._kept)
        except StoreError as error:
            # What was to be written is: this can wait for as many again.
            LOG.debug("the journal is tidied later: %s", error)

    def knows(self, name: str) -> bool:
        """Tell whether the store has a migration as unfinished."""
        return name in self._open

    def unfinished(self) -> tuple[Migration, ...]:
        """Return what was under way when the controller ended; unreadable rows are logged."""
        found = _readable(self._store.migrations(unfinished=True))
        self._open |= {record.id for record in found}
        return found

    def all(self) -> tuple[Migration, ...]:
        """Return every migration that is remembered, oldest first."""
        return _readable(self._store.migrations())

    def get(self, name: str) -> Migration:
        """Return one migration; NotFound."""
        row = self._store.migration(name)
        if row is None:
            raise NotFound(f"no migration {name}")
        return migration_from_json(row)


def _readable(rows: Sequence[object]) -> tuple[Migration, ...]:
    found = []
    for row in rows:
        try:
            found.append(migration_from_json(row if isinstance(row, dict) else {}))
        except InvalidInput as error:
            LOG.error("the journal has a row that cannot be read: %s", error)
    return tuple(found)
