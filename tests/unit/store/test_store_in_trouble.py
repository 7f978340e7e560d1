"""A store that cannot be written says so, harms nothing, and is written again when it can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import StoreError, StoreFull
from horizon_ryu.store import BUSY_WAIT, Store

BLUE = NetworkDefinition(vlan=10)
Write = Callable[[Store], None]
ROW = {"id": "x", "place": 1, "is_final": True, "data": {}}
WRITES: list[Write] = [
    lambda store: store.add_network("green", BLUE),
    lambda store: store.delete_network("blue"),
    lambda store: store.set_setting("known", 2),
    lambda store: store.set_setting("new", "x" * 200_000),
    lambda store: store.put_flows([{"number": 1, "data": "x" * 200_000}]),
    lambda store: store.write_migrations([ROW], [], [{"number": 7}]),
    lambda store: store.add_xen_host("b", "https://b:1", "key"),
    lambda store: store.delete_xen_host("a"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}")
    store.add_network("blue", BLUE)
    store.add_xen_host("a", "https://a:1", "key")
    store.set_setting("known", 1)
    yield store
    store.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the database, as another process does."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


def pages(store: Store, count: int) -> None:
    """Let the database grow to so many pages: a disk with as much room."""
    with store._engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {count}")


def content(path: Path) -> list[Any]:
    with sqlite3.connect(path) as connection:
        tables = ("networks", "settings", "flows", "migrations", "xen_hosts")
        return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables]


@pytest.mark.parametrize("write", WRITES)
def test_what_is_refused_while_another_has_the_lock_leaves_nothing(
    store: Store, path: Path, write: Write
) -> None:
    before = content(path)
    with locked(path):
        with pytest.raises(StoreError, match="store cannot be written: database is locked"):
            write(store)
        assert store.trouble == "database is locked"
        assert content(path) == before
        assert store.get_setting("known") == 1
    write(store)
    assert store.trouble is None
    assert content(path) != before
    assert store.failures == {"write": 1}


@pytest.mark.parametrize("write", [WRITES[3], WRITES[4]])
def test_what_has_no_room_leaves_nothing(store: Store, path: Path, write: Write) -> None:
    before = content(path)
    pages(store, 1)
    with pytest.raises(StoreFull, match="full"):
        write(store)
    assert content(path) == before
    pages(store, 10_000)
    write(store)
    assert store.trouble is None


def test_trouble_and_its_end_are_logged_once(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with locked(path):
        for number in range(5):
            with pytest.raises(StoreError):
                store.set_setting("known", number)
    for number in range(5):
        store.set_setting("known", number)
    assert [record.getMessage() for record in caplog.records] == [
        "the store cannot be written, and will be tried again: database is locked",
        "the store can be written again",
    ]
    assert store.failures == {"write": 5}


def test_a_probe_finds_out_that_a_lock_is_gone(store: Store, path: Path) -> None:
    with locked(path):
        with pytest.raises(StoreError):
            store.set_setting("known", 2)
        with pytest.raises(StoreError):
            store.probe()
        assert store.trouble is not None
    before = content(path)
    store.probe()
    assert store.trouble is None
    assert content(path) == before
    store.probe()


def test_a_probe_needs_room(store: Store, path: Path) -> None:
    """A small row may fit where what was refused does not."""
    pages(store, 1)
    with pytest.raises(StoreError):
        store.put_flows([{"number": 1, "data": "x" * 200_000}])
    with pytest.raises(StoreError, match="full"):
        store.probe()
    assert store.trouble is not None
    before = content(path)
    pages(store, 10_000)
    store.probe()
    assert (store.trouble, content(path)) == (None, before)


def test_only_the_first_in_trouble_waits_for_the_lock(store: Store, path: Path) -> None:
    """Many that wait one after the other would hold up the controller."""

    def wait() -> int:
        with store._engine.connect() as connection:
            return int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())

    assert 0 < wait() == BUSY_WAIT <= 250
    with locked(path):
        for expected in (BUSY_WAIT, 0, 0):
            with pytest.raises(StoreError):
                store.set_setting("known", 2)
            assert wait() == expected
    store.set_setting("known", 2)
    store.set_setting("known", 3)
    assert wait() == BUSY_WAIT


def test_what_cannot_be_read_is_told_as_well(store: Store, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE networks")
    with pytest.raises(StoreError, match="store cannot be read: no such table"):
        store.networks()
    assert (store.failures, store.trouble) == ({"read": 1}, None)
