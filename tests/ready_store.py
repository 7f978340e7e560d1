"""Ready store: a store in memory that begins as a copy of one, made once, with all its tables.

To make these as a first start does takes half as long as a test of the REST API.
"""

from __future__ import annotations

import sqlite3
from functools import cache

import sqlalchemy as sa

from horizon_ryu.store import Store

IN_MEMORY = "sqlite://"


class ReadyStore(Store):
    """The store itself, but for how its tables come to be there."""

    def __init__(self) -> None:
        super().__init__(IN_MEMORY)

    def _migrate(self) -> None:
        copied = sqlite3.connect(":memory:")
        copied.deserialize(_made())
        with self._engine.connect() as connection:
            copied.backup(_within(connection))
        copied.close()


@cache
def _made() -> bytes:
    """Return a database as a first start makes it."""
    store = Store(IN_MEMORY)
    with store._engine.connect() as connection:
        made = _within(connection).serialize()
    store.close()
    return made


def _within(connection: sa.Connection) -> sqlite3.Connection:
    found = connection.connection.driver_connection
    if not isinstance(found, sqlite3.Connection):
        raise TypeError(f"not SQLite: {found!r}")
    return found
