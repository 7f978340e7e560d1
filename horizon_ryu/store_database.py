"""Database of the store: opening it, its schema, short transactions, and the rows of flows.

One SQL database behind any SQLAlchemy URL, a SQLite file by default. Its schema is brought up
to date at start (alembic); a schema newer than this program is refused and left untouched.
"""

from __future__ import annotations

import json
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

from horizon_ryu.core.errors import StoreError, StoreFull
from horizon_ryu.store_file import StoreFile
from horizon_ryu.store_lock import StoreLock
from horizon_ryu.store_place import file_of, keep_to_owner, reason_of, without_password
from horizon_ryu.store_tables import FLOWS, MIGRATIONS, ROUTER_MIGRATIONS, SETTINGS

LOG = logging.getLogger("horizon.store")

Row: TypeAlias = Mapping[str, Any]
# Written once, with parameters: building a statement costs more than executing it.
_NEW_MIGRATION = sa.insert(MIGRATIONS)
PLACES = sa.union_all(
    sa.select(MIGRATIONS.c.id, MIGRATIONS.c.place),
    sa.select(ROUTER_MIGRATIONS.c.id, ROUTER_MIGRATIONS.c.place),
).subquery()
"""The place in time of each migration, of flows and of routers."""
_NEWEST_PLACE = sa.select(sa.func.max(PLACES.c.place))
_KNOWN_MIGRATION = (
    sa.update(MIGRATIONS)
    .where(MIGRATIONS.c.id == sa.bindparam("key"))
    .values(is_final=sa.bindparam("is_final"), data=sa.bindparam("data"))
)

START_WAIT, BUSY_WAIT = 5000, 100
"""Milliseconds to wait while another process writes to SQLite: at the start, and afterwards, when
everything else of the controller waits as well."""
_PROBE = "store.probe"
_PROBE_SIZE = 65_536
"""Bytes that there must be room for before the disk is believed again."""
_MANY = 400
"""Rows named in one statement; every database takes that many parameters."""
_MIGRATIONS = Path(__file__).with_name("schema_versions")
_NO_PROBE = sa.delete(SETTINGS).where(SETTINGS.c.name == _PROBE)


T = TypeVar("T")
Args = ParamSpec("Args")


class Carry(Protocol):
    """Who runs a call of the store."""

    def __call__(self, function: Callable[[], T], /, is_read: bool) -> T:
        """Return ``function()``, run after all that was asked for before.

        What ``is_read`` changes nothing: it may be given up at any time. StoreError.
        """


class Carried(Protocol):
    """What has methods that are carried; None: whoever calls runs them."""

    carry: Carry | None


Caller = TypeVar("Caller", bound=Carried)


def carried(
    method: Callable[Concatenate[Caller, Args], T],
) -> Callable[Concatenate[Caller, Args], T]:
    """Have a method of the store run where its ``carry`` says; at once if there is none."""
    return _run_elsewhere(method, is_read=False)


def carried_read(
    method: Callable[Concatenate[Caller, Args], T],
) -> Callable[Concatenate[Caller, Args], T]:
    """Have a method run so that changes nothing."""
    return _run_elsewhere(method, is_read=True)


def _run_elsewhere(
    method: Callable[Concatenate[Caller, Args], T], is_read: bool
) -> Callable[Concatenate[Caller, Args], T]:
    @wraps(method)
    def call(store: Caller, /, *args: Args.args, **kwargs: Args.kwargs) -> T:
        if store.carry is None:
            return method(store, *args, **kwargs)
        return store.carry(partial(method, store, *args, **kwargs), is_read=is_read)

    return call


class Database:
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
            self._engine = _opened(sa.make_url(url))
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

    @carried
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


def _opened(url: sa.URL) -> sa.Engine:
    """Return what makes connections to the database at ``url``."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    # In memory a database is its connection: another one would find none of it.
    alone = {"poolclass": sa.StaticPool, "connect_args": {"check_same_thread": False}}
    return sa.create_engine(url, json_deserializer=_value, **({} if file_of(url) else alone))


def _value(text: str) -> Any:
    """Return a JSON value that SQLite has; None, as if it were not there, where it is damaged.

    SQLite takes any text for JSON, so one row that somebody has spoilt would end every read.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        LOG.error("the store has a value that cannot be read: %s", error)
        return None


def delete_rows(connection: sa.Connection, column: sa.Column[Any], values: Sequence[Any]) -> None:
    """Delete the rows that have one of ``values`` in a column, however many these are."""
    for some in _pieces(values):
        connection.execute(sa.delete(column.table).where(column.in_(some)))


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _MANY):
        yield values[start : start + _MANY]


class FlowRows(Database):
    """The tables of flows and of their migrations, which every change of a flow writes.

    Beside the transactions, since a change of a flow makes several. New migrations are behind all
    others, of flows and of routers, though the clock that says their place may have been set back.
    """

    @carried_read
    def flows(self) -> tuple[Row, ...]:
        """Return every flow as the JSON value it was kept as."""
        with self._reading() as connection:
            return tuple(connection.execute(sa.select(FLOWS.c.data)).scalars())

    @carried
    def put_flows(self, rows: Sequence[Row], gone: Sequence[int] = ()) -> None:
        """Keep flows, each a JSON value with its ``number``, and forget those of ``gone``."""
        with self._writing() as connection:
            delete_rows(connection, FLOWS.c.number, [*gone, *(row["number"] for row in rows)])
            if rows:
                values = [{"number": row["number"], "data": row} for row in rows]
                connection.execute(sa.insert(FLOWS), values)

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
                connection.execute(_NEW_MIGRATION, _behind(newest_place(connection), new))
            if known:
                connection.execute(_KNOWN_MIGRATION, [{**row, "key": row["id"]} for row in known])
            delete_rows(connection, FLOWS.c.number, [*gone, *(row["number"] for row in flows)])
            if flows:
                values = [{"number": row["number"], "data": row} for row in flows]
                connection.execute(sa.insert(FLOWS), values)


def newest_place(connection: sa.Connection) -> int:
    """Return the place of the migration that is behind all others."""
    return connection.execute(_NEWEST_PLACE).scalar() or 0


def _behind(newest: int, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows that have a ``place`` with places above ``newest``, in their order."""
    placed = []
    for row in rows:
        newest = max(row["place"], newest + 1)
        placed.append({**row, "place": newest})
    return placed
