"""Store of what must survive a restart: networks, settings, flows, the journal, hosts, slices.

One SQL database behind any SQLAlchemy URL, a SQLite file by default. Its schema is brought up
to date at start (alembic); a schema newer than this program is refused and left untouched.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from shutil import disk_usage
from sqlite3 import Error as SQLiteError
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition, parse_definition
from horizon_ryu.core.errors import Conflict, NotFound, StoreError, StoreFull
from horizon_ryu.slices.slice_rows import SliceRows
from horizon_ryu.store_file import StoreFile
from horizon_ryu.store_lock import StoreLock
from horizon_ryu.store_place import file_of, keep_to_owner, reason_of, without_password
from horizon_ryu.store_tables import (
    FLOWS,
    LAYOUT,
    MIGRATIONS,
    NETWORKS,
    ROUTER_MIGRATIONS,
    SETTINGS,
    SLICE_RULES,
    SLICES,
    XEN_HOSTS,
)

__all__ = ["Row", "Store", "StoreError"]

LOG = logging.getLogger("horizon.store")

START_WAIT, BUSY_WAIT = 5000, 100
"""Milliseconds to wait while another process writes to SQLite: at the start, and afterwards, when
everything else of the controller waits as well."""
_SLICES_STATE = "slices.state"
_PROBE = "store.probe"
_PROBE_SIZE = 65_536
"""Bytes that there must be room for before the disk is believed again."""
_MIGRATIONS = Path(__file__).with_name("schema_versions")
# Written once, with parameters: building a statement costs more than executing it.
_NEW_MIGRATION = sa.insert(MIGRATIONS)
_KNOWN_MIGRATION = (
    sa.update(MIGRATIONS)
    .where(MIGRATIONS.c.id == sa.bindparam("key"))
    .values(is_final=sa.bindparam("is_final"), data=sa.bindparam("data"))
)
_NO_PROBE = sa.delete(SETTINGS).where(SETTINGS.c.name == _PROBE)
Row: TypeAlias = Mapping[str, Any]
T = TypeVar("T")
Args = ParamSpec("Args")


_MANY = 400
"""Rows named in one statement; every database takes that many parameters."""


class Carry(Protocol):
    """Who runs a call of the store."""

    def __call__(self, function: Callable[[], T], /, is_read: bool) -> T:
        """Return ``function()``, run after all that was asked for before.

        What ``is_read`` changes nothing: it may be given up at any time. StoreError.
        """


def _carried(
    method: Callable[Concatenate[Store, Args], T],
) -> Callable[Concatenate[Store, Args], T]:
    """Have a method of the store run where its ``carry`` says; at once if there is none."""
    return _run_elsewhere(method, is_read=False)


def _carried_read(
    method: Callable[Concatenate[Store, Args], T],
) -> Callable[Concatenate[Store, Args], T]:
    """Have a method run so that changes nothing."""
    return _run_elsewhere(method, is_read=True)


def _run_elsewhere(
    method: Callable[Concatenate[Store, Args], T], is_read: bool
) -> Callable[Concatenate[Store, Args], T]:
    @wraps(method)
    def call(store: Store, /, *args: Args.args, **kwargs: Args.kwargs) -> T:
        if store.carry is None:
            return method(store, *args, **kwargs)
        return store.carry(partial(method, store, *args, **kwargs), is_read=is_read)

    return call


class Store:
    """The database. Every call is one short transaction, done or not at all; else StoreError.

    A call waits for its turn where ``carry`` is set: then it is for tasks, not for handlers of
    events, and others run meanwhile.
    """

    def __init__(self, url: str, lock: StoreLock | None = None) -> None:
        """Open the database at ``url``; ``lock`` is what keeps other controllers off its file."""
        self.carry: Carry | None = None
        """Who runs the calls, one after the other in the order of asking; None: whoever calls."""
        self.trouble: str | None = None
        """Why nothing could be written the last time; None if something could."""
        self.failures: Counter[str] = Counter()
        """How many reads and writes failed, by what they were."""
        self._wait = START_WAIT
        try:
            self._engine = sa.create_engine(url)
            self._place = file_of(self._engine.url)
            if self._place is not None:
                keep_to_owner(self._place)
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", self._prepare_sqlite)
            self._migrate()
            self._file = None if self._place is None else StoreFile(self._place, lock)
        except (SQLAlchemyError, StoreError, ImportError, OSError) as error:
            raise StoreError(f"store {without_password(url)}: {reason_of(error)}") from error

    def _migrate(self) -> None:
        # Loaded when the log is set up: alembic tells of every plugin that it finds.
        from alembic import command
        from alembic.config import Config
        from alembic.util.exc import CommandError

        config = Config()
        # A percent sign begins an interpolation there.
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise StoreError(reason_of(error)) from error
        with self._engine.connect() as connection:
            self._set_wait(connection, BUSY_WAIT)

    def _set_wait(self, connection: sa.Connection, milliseconds: int) -> None:
        """Have the one connection that is used wait that long for another writer."""
        if self._engine.dialect.name == "sqlite" and milliseconds != self._wait:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
            self._wait = milliseconds

    def _prepare_sqlite(self, connection: Any, _record: ConnectionPoolEntry) -> None:
        """Make SQLite wait for other writers, and keep readers and a crash from doing harm.

        With a write-ahead log, ``synchronous = NORMAL`` loses nothing when the process is killed;
        when the power fails, the last transactions may be missing, none half there. A commit then
        costs no disk flush, of which a migration would wait for five.
        """
        pragmas = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")
        for pragma in (f"busy_timeout = {self._wait}", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    # ---- what may fail, and how that is told

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            self.failures["read"] += 1
            raise StoreError(f"the store cannot be read: {reason_of(error)}") from error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Give a transaction that ends the trouble, if there is any, by succeeding."""
        with self._transaction() as connection:
            yield connection
        if self.trouble is not None:
            LOG.warning("the store can be written again")
            self.trouble = None

    @contextmanager
    def _transaction(self, is_patient: bool = False) -> Iterator[sa.Connection]:
        """Give a transaction; of those in trouble only a patient one waits for another writer.

        A hundred that each wait in vain would hold up everything else.
        """
        try:
            if self._file is not None:
                self._file.restore(self._engine)
            with self._engine.begin() as connection:
                is_vain = self.trouble is not None and not is_patient
                self._set_wait(connection, 0 if is_vain else BUSY_WAIT)
                yield connection
                if self._file is not None:
                    # What is answered as done is in the file that the next start reads.
                    self._file.check()
        except IntegrityError:
            # The store works: what is there forbids it.
            raise
        except (SQLAlchemyError, StoreError, SQLiteError) as error:
            self.failures["write"] += 1
            reason = reason_of(error)
            if self.trouble is None:
                LOG.error("the store cannot be written, and will be tried again: %s", reason)
            self.trouble = reason
            kind = StoreFull if self._is_full(error) else StoreError
            raise kind(f"the store cannot be written: {reason}") from error

    @_carried
    def probe(self) -> None:
        """Find out whether there is trouble, or it is over, by writing what is then deleted.

        StoreError if there is. Without any known only the file is looked at.
        """
        if self.trouble is None and self._is_in_place():
            return
        with self._transaction(is_patient=True) as connection:
            connection.execute(_NO_PROBE)
            row = {"name": _PROBE, "value": "x" * _PROBE_SIZE}
            connection.execute(sa.insert(SETTINGS), row)
        with self._writing() as connection:
            connection.execute(_NO_PROBE)

    def _is_full(self, error: Exception) -> bool:
        """Tell whether it is for want of room; SQLite calls that an I/O error at some places."""
        code = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
        if code.startswith("SQLITE_IOERR"):
            return self._place is not None and disk_usage(self.folder).free < _PROBE_SIZE
        return bool(code == "SQLITE_FULL")

    def _is_in_place(self) -> bool:
        try:
            if self._file is not None:
                self._file.check()
        except StoreError:
            return False
        return True

    @property
    def is_shared(self) -> bool:
        """Whether any thread may use it: a database in memory belongs to the one that made it."""
        return self._place is not None or self._engine.dialect.name != "sqlite"

    @property
    def folder(self) -> Path:
        """Where the database's file is; the working directory if it is not in a file."""
        return Path() if self._place is None else self._place.parent

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    # ---- named virtual networks

    @_carried_read
    def networks(self) -> Mapping[str, NetworkDefinition]:
        """Return the named networks, by name."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(NETWORKS).order_by(NETWORKS.c.name)).all()
        return {row.name: parse_definition(row.definition) for row in rows}

    @_carried_read
    def network(self, name: str) -> NetworkDefinition:
        """Return one network; NotFound if there is none of that name."""
        query = sa.select(NETWORKS.c.definition).where(NETWORKS.c.name == name)
        with self._reading() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise NotFound(f"no network named {name}")
        return parse_definition(found)

    @_carried
    def add_network(self, name: str, definition: NetworkDefinition) -> None:
        """Keep a network; Conflict if the name is taken."""
        row = sa.insert(NETWORKS).values(name=name, definition=definition.text())
        try:
            with self._writing() as connection:
                connection.execute(row)
        except IntegrityError as error:
            raise Conflict(f"a network named {name} exists already") from error

    @_carried
    def delete_network(self, name: str) -> None:
        """Forget a network; NotFound if there is none of that name."""
        with self._writing() as connection:
            gone = connection.execute(sa.delete(NETWORKS).where(NETWORKS.c.name == name))
        if not gone.rowcount:
            raise NotFound(f"no network named {name}")

    # ---- Xen hosts

    @_carried_read
    def xen_hosts(self) -> tuple[Row, ...]:
        """Return every Xen host's ``name``, ``url`` and ``node_pk``, by name."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(XEN_HOSTS).order_by(XEN_HOSTS.c.name))
            return tuple(dict(row) for row in rows.mappings())

    @_carried
    def add_xen_host(self, name: str, url: str, node_pk: str) -> None:
        """Keep a Xen host; Conflict if the name is taken."""
        row = sa.insert(XEN_HOSTS).values(name=name, url=url, node_pk=node_pk)
        try:
            with self._writing() as connection:
                connection.execute(row)
        except IntegrityError as error:
            raise Conflict(f"a host named {name} is registered already") from error

    @_carried
    def delete_xen_host(self, name: str) -> None:
        """Forget a Xen host; NotFound if there is none of that name."""
        with self._writing() as connection:
            gone = connection.execute(sa.delete(XEN_HOSTS).where(XEN_HOSTS.c.name == name))
        if not gone.rowcount:
            raise NotFound(f"no host named {name}")

    # ---- where the nodes of the picture are drawn

    @_carried_read
    def layout(self) -> tuple[Row, ...]:
        """Return every position: ``node``, ``x``, ``y`` and ``pinned``, by node."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(LAYOUT).order_by(LAYOUT.c.node))
            return tuple(dict(row) for row in rows.mappings())

    @_carried
    def put_layout(self, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """Keep positions in place of what was known of their nodes, and forget ``gone``."""
        with self._writing() as connection:
            _delete(connection, LAYOUT.c.node, [*gone, *(row["node"] for row in rows)])
            if rows:
                connection.execute(sa.insert(LAYOUT), list(rows))

    # ---- the journal of router migrations

    @_carried
    def put_router_migration(self, name: str, place: int, data: Row) -> None:
        """Keep a router's migration, a JSON value, in place of what was known of it.

        ``place`` is its place in time.
        """
        with self._writing() as connection:
            _delete(connection, ROUTER_MIGRATIONS.c.id, (name,))
            row = {"id": name, "place": place, "data": data}
            connection.execute(sa.insert(ROUTER_MIGRATIONS), row)

    @_carried
    def forget_router_migrations(self, names: Sequence[str]) -> None:
        """Forget migrations of routers; one that is not known is no error."""
        with self._writing() as connection:
            _delete(connection, ROUTER_MIGRATIONS.c.id, names)

    @_carried_read
    def router_migrations(self) -> tuple[Row, ...]:
        """Return the migrations of routers as the JSON values they were kept as, oldest first."""
        query = sa.select(ROUTER_MIGRATIONS.c.data).order_by(ROUTER_MIGRATIONS.c.place)
        with self._reading() as connection:
            return tuple(connection.execute(query).scalars())

    # ---- settings changed at run time

    @_carried_read
    def get_setting(self, name: str) -> Any:
        """Return a setting as the JSON value it was set to; None if it was never set."""
        query = sa.select(SETTINGS.c.value).where(SETTINGS.c.name == name)
        with self._reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    @_carried
    def set_setting(self, name: str, value: Any) -> None:
        """Keep a JSON value under ``name``, in place of what was there."""
        with self._writing() as connection:
            _set(connection, name, value)

    # ---- slices

    @_carried_read
    def slice_rows(self) -> SliceRows:
        """Return every slice and every rule, by name and by id, and the state of them all."""
        state = sa.select(SETTINGS.c.value).where(SETTINGS.c.name == _SLICES_STATE)
        with self._reading() as connection:
            slices = connection.execute(sa.select(SLICES).order_by(SLICES.c.name)).mappings()
            rules = connection.execute(sa.select(SLICE_RULES).order_by(SLICE_RULES.c.id)).mappings()
            return SliceRows(
                connection.execute(state).scalar_one_or_none() or {},
                tuple(map(dict, slices)),
                tuple(map(dict, rules)),
            )

    @_carried
    def put_slice_rows(self, rows: SliceRows) -> None:
        """Forget slices and rules that are gone, and keep others; a name or id stands once."""
        with self._writing() as connection:
            _delete(connection, SLICES.c.name, rows.gone_slices)
            _delete(connection, SLICE_RULES.c.id, rows.gone_rules)
            if rows.slices:
                connection.execute(sa.insert(SLICES), list(rows.slices))
            if rows.rules:
                connection.execute(sa.insert(SLICE_RULES), list(rows.rules))
            _set(connection, _SLICES_STATE, dict(rows.state))

    # ---- flows

    @_carried_read
    def flows(self) -> tuple[Row, ...]:
        """Return every flow as the JSON value it was kept as."""
        with self._reading() as connection:
            return tuple(connection.execute(sa.select(FLOWS.c.data)).scalars())

    @_carried
    def put_flows(self, rows: Sequence[Row], gone: Sequence[int] = ()) -> None:
        """Keep flows, each a JSON value with its ``number``, and forget those of ``gone``."""
        with self._writing() as connection:
            _delete(connection, FLOWS.c.number, [*gone, *(row["number"] for row in rows)])
            if rows:
                values = [{"number": row["number"], "data": row} for row in rows]
                connection.execute(sa.insert(FLOWS), values)

    # ---- the journal of migrations

    @_carried
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
                connection.execute(_NEW_MIGRATION, new)
            if known:
                connection.execute(_KNOWN_MIGRATION, [{**row, "key": row["id"]} for row in known])
            _delete(connection, FLOWS.c.number, [*gone, *(row["number"] for row in flows)])
            if flows:
                values = [{"number": row["number"], "data": row} for row in flows]
                connection.execute(sa.insert(FLOWS), values)

    @_carried_read
    def migrations(self, unfinished: bool = False) -> tuple[Row, ...]:
        """Return the migrations, oldest first; with ``unfinished`` those that are not final."""
        query = sa.select(MIGRATIONS.c.data).order_by(MIGRATIONS.c.place)
        if unfinished:
            query = query.where(MIGRATIONS.c.is_final.is_(False))
        with self._reading() as connection:
            return tuple(connection.execute(query).scalars())

    @_carried_read
    def migration(self, name: str) -> Row | None:
        """Return one migration; None if it is not remembered."""
        query = sa.select(MIGRATIONS.c.data).where(MIGRATIONS.c.id == name)
        with self._reading() as connection:
            found: Row | None = connection.execute(query).scalar_one_or_none()
        return found

    @_carried
    def forget_migrations(self, kept: int) -> None:
        """Forget the oldest final migrations but ``kept``."""
        newest = (
            sa.select(MIGRATIONS.c.id)
            .where(MIGRATIONS.c.is_final.is_(True))
            .order_by(MIGRATIONS.c.place.desc())
            .offset(kept)
        )
        with self._writing() as connection:
            _delete(connection, MIGRATIONS.c.id, connection.execute(newest).scalars().all())


def _set(connection: sa.Connection, name: str, value: Any) -> None:
    """Keep a setting in place of what was there."""
    changed = connection.execute(
        sa.update(SETTINGS).where(SETTINGS.c.name == name).values(value=value)
    )
    if not changed.rowcount:
        connection.execute(sa.insert(SETTINGS).values(name=name, value=value))


def _delete(connection: sa.Connection, column: sa.Column[Any], values: Sequence[Any]) -> None:
    for some in _pieces(values):
        connection.execute(sa.delete(column.table).where(column.in_(some)))


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _MANY):
        yield values[start : start + _MANY]
