"""Migrations in the store: those of flows, which every change of a flow writes, and of routers.

New ones are behind all others, of either kind, though the clock that says their place in time may
have been set back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from horizon_ryu.store_database import FlowRows, Row, carried, carried_read, delete_rows
from horizon_ryu.store_tables import FLOWS, MIGRATIONS, ROUTER_MIGRATIONS

# Written once, with parameters: building a statement costs more than executing it.
_NEW_MIGRATION = sa.insert(MIGRATIONS)
_PLACES = sa.union_all(
    sa.select(MIGRATIONS.c.id, MIGRATIONS.c.place),
    sa.select(ROUTER_MIGRATIONS.c.id, ROUTER_MIGRATIONS.c.place),
).subquery()
_NEWEST_PLACE = sa.select(sa.func.max(_PLACES.c.place))
_KNOWN_MIGRATION = (
    sa.update(MIGRATIONS)
    .where(MIGRATIONS.c.id == sa.bindparam("key"))
    .values(is_final=sa.bindparam("is_final"), data=sa.bindparam("data"))
)


class MigrationRows(FlowRows):
    """The tables of migrations."""

    @carried_read
    def migration_order(self) -> tuple[str, ...]:
        """Return the ids of all migrations, of flows and of routers, oldest first."""
        query = sa.select(_PLACES.c.id).order_by(_PLACES.c.place)
        with self._reading() as connection:
            return tuple(connection.execute(query).scalars())

    # ---- of flows

    @carried
    def write_migrations(
        self,
        new: Sequence[Row],
        known: Sequence[Row],
        flows: Sequence[Row] = (),
        gone: Sequence[int] = (),
    ) -> None:
        """Keep migrations and the flows they left, and forget ``gone``, together or not at all.

        Each migration is its ``id``, ``place`` in time, ``is_final``, and ``data``, a JSON value;
        of those that are ``known`` already, place stays as it is.
        """
        with self._writing() as connection:
            if new:
                connection.execute(_NEW_MIGRATION, _behind(_newest_place(connection), new))
            if known:
                connection.execute(_KNOWN_MIGRATION, [{**row, "key": row["id"]} for row in known])
            delete_rows(connection, FLOWS.c.number, [*gone, *(row["number"] for row in flows)])
            if flows:
                values = [{"number": row["number"], "data": row} for row in flows]
                connection.execute(sa.insert(FLOWS), values)

    @carried_read
    def migrations(self, unfinished: bool = False) -> tuple[Row, ...]:
        """Return the migrations, oldest first; with ``unfinished`` those that are not final."""
        query = sa.select(MIGRATIONS.c.data).order_by(MIGRATIONS.c.place)
        if unfinished:
            query = query.where(MIGRATIONS.c.is_final.is_(False))
        with self._reading() as connection:
            return tuple(connection.execute(query).scalars())

    @carried_read
    def migration(self, name: str) -> Row | None:
        """Return one migration; None if it is not remembered."""
        query = sa.select(MIGRATIONS.c.data).where(MIGRATIONS.c.id == name)
        with self._reading() as connection:
            found: Row | None = connection.execute(query).scalar_one_or_none()
        return found

    @carried
    def forget_migrations(self, kept: int) -> None:
        """Forget the oldest final migrations but ``kept``."""
        newest = (
            sa.select(MIGRATIONS.c.id)
            .where(MIGRATIONS.c.is_final.is_(True))
            .order_by(MIGRATIONS.c.place.desc())
            .offset(kept)
        )
        with self._writing() as connection:
            delete_rows(connection, MIGRATIONS.c.id, connection.execute(newest).scalars().all())

    # ---- of routers

    @carried
    def put_router_migration(self, name: str, place: int, data: Row) -> None:
        """Keep a router's migration, a JSON value, in place of what was known of it.

        ``place`` is its place in time; of one that is known it stays as it is.
        """
        known = sa.select(ROUTER_MIGRATIONS.c.place).where(ROUTER_MIGRATIONS.c.id == name)
        with self._writing() as connection:
            found = connection.execute(known).scalar_one_or_none()
            if found is None:
                found = max(place, _newest_place(connection) + 1)
            delete_rows(connection, ROUTER_MIGRATIONS.c.id, (name,))
            row = {"id": name, "place": found, "data": data}
            connection.execute(sa.insert(ROUTER_MIGRATIONS), row)

    @carried
    def forget_router_migrations(self, names: Sequence[str]) -> None:
        """Forget migrations of routers; one that is not known is no error."""
        with self._writing() as connection:
            delete_rows(connection, ROUTER_MIGRATIONS.c.id, names)

    @carried_read
    def router_migrations(self) -> tuple[Row, ...]:
        """Return the migrations of routers as the JSON values they were kept as, oldest first."""
        query = sa.select(ROUTER_MIGRATIONS.c.data).order_by(ROUTER_MIGRATIONS.c.place)
        with self._reading() as connection:
            return tuple(connection.execute(query).scalars())


def _newest_place(connection: sa.Connection) -> int:
    """Return the place of the migration that is behind all others."""
    return connection.execute(_NEWEST_PLACE).scalar() or 0


def _behind(newest: int, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows that have a ``place`` with places above ``newest``, in their order."""
    placed = []
    for row in rows:
        newest = max(row["place"], newest + 1)
        placed.append({**row, "place": newest})
    return placed
