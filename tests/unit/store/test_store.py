"""The store: what is put in is there after a restart, and nothing is lost on the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import Conflict, NotFound
from horizon_ryu.slices.slice_rows import SliceRows
from horizon_ryu.store import Store, StoreError
from ready_store import IN_MEMORY, ReadyStore

BLUE = NetworkDefinition(vlan=10)
GREEN = NetworkDefinition(ip=(0x0A000000, 24))


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.sqlite'}"


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    store.add_network("blue", BLUE)
    store.add_network("green", GREEN)
    store.set_setting("timers", {"a": 0.5})
    store.set_setting("timers", {"a": 1.5})
    store.close()
    again = Store(url(tmp_path))
    assert dict(again.networks()) == {"blue": BLUE, "green": GREEN}
    assert again.get_setting("timers") == {"a": 1.5}
    assert again.get_setting("never set") is None


def test_names_are_taken_once_and_can_be_freed(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    store.add_network("blue", BLUE)
    with pytest.raises(Conflict):
        store.add_network("blue", GREEN)
    assert store.network("blue") == BLUE
    store.delete_network("blue")
    with pytest.raises(NotFound):
        store.network("blue")
    with pytest.raises(NotFound):
        store.delete_network("blue")


def test_what_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"my thesis" * 100)
    with pytest.raises(StoreError, match="no SQLite database; move it away"):
        Store(url(tmp_path))
    assert path.read_bytes() == b"my thesis" * 100


def test_a_newer_schema_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Store(url(tmp_path)).close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer Horizon"):
        Store(url(tmp_path))
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


@pytest.mark.parametrize("wrong", ["nonsense", "nosuchdb://x", "sqlite:////no/such/folder/x"])
def test_unusable_urls_are_explained(wrong: str) -> None:
    with pytest.raises(StoreError):
        Store(wrong)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(StoreError) as refused:
        Store("nosuchdb://me:secret@host/db")
    assert "secret" not in str(refused.value)


def test_xen_hosts_are_kept_and_freed(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    store.add_xen_host("b", "https://b:1", "key b")
    store.add_xen_host("a", "https://a:1", "key a")
    with pytest.raises(Conflict):
        store.add_xen_host("a", "https://c:1", "key c")
    store.delete_xen_host("b")
    with pytest.raises(NotFound):
        store.delete_xen_host("b")
    store.close()
    assert Store(url(tmp_path)).xen_hosts() == (
        {"name": "a", "url": "https://a:1", "node_pk": "key a"},
    )


def test_an_older_store_gains_the_hosts_and_keeps_what_it_has(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    store.add_network("blue", BLUE)
    store.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        for table in ("xen_hosts", "slices", "slice_rules", "router_migrations"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    again = Store(url(tmp_path))
    assert (dict(again.networks()), again.xen_hosts()) == ({"blue": BLUE}, ())
    again.add_xen_host("a", "https://a:1", "key")


@pytest.mark.parametrize("in_memory", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_tells_its_folder(tmp_path: Path, in_memory: str) -> None:
    assert Store(url(tmp_path)).folder == tmp_path
    assert Store(in_memory).folder == Path()


def test_slices_and_rules_are_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    assert store.slice_rows() == SliceRows({}, (), ())
    slices = tuple({"name": name, "data": {"n": name}} for name in "ab")
    rules = tuple({"id": n, "slice": "a", "data": {"n": n}} for n in range(1, 1001))
    store.put_slice_rows(SliceRows({"version": 1}, slices, rules))
    changed = {"id": 2, "slice": "a", "data": {"n": "two"}}
    store.put_slice_rows(SliceRows({"version": 2}, (), (changed,), ("b",), (1, 2)))
    store.close()
    found = Store(url(tmp_path)).slice_rows()
    assert found.state == {"version": 2}
    assert [row["name"] for row in found.slices] == ["a"]
    assert found.rules == (changed, *rules[2:])


def test_an_older_store_gains_slices(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    store.add_network("blue", BLUE)
    store.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        for table in ("slices", "slice_rules", "router_migrations"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    again = Store(url(tmp_path))
    assert (dict(again.networks()), again.slice_rows().slices) == ({"blue": BLUE}, ())


def test_migrations_of_routers_are_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    store.put_router_migration("a", 1, {"id": "a", "state": "done"})
    store.put_router_migration("b", 2, {"id": "b", "state": "requested"})
    store.put_router_migration("b", 2, {"id": "b", "state": "done"})
    store.put_router_migration("c", 3, {"id": "c", "state": "done"})
    store.forget_router_migrations(("c", "d"))
    store.close()
    again = Store(url(tmp_path)).router_migrations()
    assert again == ({"id": "a", "state": "done"}, {"id": "b", "state": "done"})


def test_a_clock_that_was_set_back_makes_no_migration_older_than_those_before() -> None:
    """Else the newest would be the first to be forgotten."""
    store = ReadyStore()

    def row(name: str, place: int) -> dict[str, object]:
        return {"id": name, "place": place, "is_final": True, "data": {"id": name}}

    store.write_migrations([row("a", 9_000), row("b", 9_000)], [])
    store.write_migrations([row("c", 1_000)], [row("a", 2_000)])
    store.write_migrations([row("d", 10_000)], [])
    assert [one["id"] for one in store.migrations()] == ["a", "b", "c", "d"]
    store.forget_migrations(2)
    assert [one["id"] for one in store.migrations()] == ["c", "d"]
    store.close()


def test_migrations_of_flows_and_of_routers_are_in_one_order_whatever_the_clock_says() -> None:
    store = ReadyStore()

    def begin(name: str, place: int, is_flow: bool) -> None:
        if is_flow:
            row = {"id": name, "place": place, "is_final": True, "data": {"id": name}}
            store.write_migrations([row], [])
        else:
            store.put_router_migration(name, place, {"id": name})

    begin("f1", 9_000, True)
    begin("r1", 9_500, False)
    # It is set back by hours, and later forth.
    begin("r2", 1_000, False)
    begin("f2", 1_100, True)
    begin("r3", 20_000, False)
    # One that goes on keeps its place.
    store.put_router_migration("r1", 30_000, {"id": "r1", "state": "done"})
    assert store.migration_order() == ("f1", "r1", "r2", "f2", "r3")
    assert [one["id"] for one in store.router_migrations()] == ["r1", "r2", "r3"]
    assert [one["id"] for one in store.migrations()] == ["f1", "f2"]
    store.close()


def test_an_older_store_gains_the_migrations_of_routers(tmp_path: Path) -> None:
    store = Store(url(tmp_path))
    store.add_network("blue", BLUE)
    store.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("DROP TABLE router_migrations")
        connection.execute("UPDATE alembic_version SET version_num = '0004'")
    again = Store(url(tmp_path))
    assert (dict(again.networks()), again.router_migrations()) == ({"blue": BLUE}, ())


def test_the_store_of_tests_is_as_a_first_start_makes_it() -> None:
    made, copied = (_schema(one) for one in (Store(IN_MEMORY), ReadyStore()))
    assert copied == made
    assert {"alembic_version", "flows"} <= {name for name, _ in made}
    one, other = ReadyStore(), ReadyStore()
    one.set_setting("timers", {"a": 0.5})
    assert (one.get_setting("timers"), other.get_setting("timers")) == ({"a": 0.5}, None)


def _schema(store: Store) -> set[tuple[str, str | None]]:
    with store._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()
        version = connection.exec_driver_sql("SELECT * FROM alembic_version").scalar_one()
        foreign = connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one()
    return {*((name, sql) for name, sql in rows), ("version", version), ("foreign", str(foreign))}
