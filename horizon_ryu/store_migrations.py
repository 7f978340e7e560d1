"""Migrations in the store: those of routers, and what is read and forgotten of those of flows."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from horizon_ryu.store_database import (
    PLACES,
    FlowRows,
    Row,
    carried,
    carried_read,
    delete_rows,
    newest_place,
)
from horizon_ryu.store_tables import MIGRATIONS, ROUTER_MIGRATIONS


class MigrationRows(FlowRows):
    """The tables of migrations."""

    @carried_read
    def migration_order(self) -> tuple[str, ...]:
        """Return the ids of all migrations, of flows and of routers, oldest first."""
        query = sa.select(PLACES.c.id).order_by(PLACES.c.place)
        with self._reading() as connection:
            return tuple(connection.execute(query).scalars())

    # ---- of flows

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
                found = max(place, newest_place(connection) + 1)
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
