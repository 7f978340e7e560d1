"""A store whose file is removed while it is used: told or mended, and nothing that was answered
as done is lost."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from horizon_ryu.core.errors import StoreError
from horizon_ryu.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}")
    store.set_setting("before", 1)
    yield store
    store.close()


def kept(path: Path, name: str) -> object:
    """Return what a restart would find."""
    again = Store(f"sqlite:///{path}")
    found = again.get_setting(name)
    again.close()
    return found


def remove(path: Path, *ends: str) -> None:
    for end in ends:
        path.with_name(path.name + end).unlink()


@pytest.mark.parametrize(
    "ends", [[""], ["", "-wal"], ["", "-wal", "-shm"], ["-wal"], ["-wal", "-shm"]]
)
def test_what_is_written_after_the_file_is_removed_is_kept(
    store: Store, path: Path, ends: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    remove(path, *ends)
    store.set_setting("after", 2)
    assert store.trouble is None
    store.set_setting("later", 3)
    # As a killed process leaves it: nothing is closed.
    assert [kept(path, name) for name in ("before", "after", "later")] == [1, 2, 3]
    assert caplog.text.count("written anew, nothing is lost") == 1


def test_a_probe_notices_that_the_file_is_gone_and_writes_it_anew(store: Store, path: Path) -> None:
    remove(path, "", "-wal", "-shm")
    store.probe()
    assert store.trouble is None
    assert kept(path, "before") == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(one.name for one in path.parent.iterdir() if "-new" in one.name) == []


def test_a_file_that_was_put_in_its_place_is_not_touched(store: Store, path: Path) -> None:
    path.rename(path.with_name("away"))
    path.write_bytes(b"somebody's")
    for _ in range(2):
        with pytest.raises(StoreError, match="replaced by another file: restart"):
            store.set_setting("after", 2)
    assert store.trouble is not None
    assert path.read_bytes() == b"somebody's"
    path.unlink()
    store.probe()
    assert store.trouble is None
    store.set_setting("after", 2)
    assert [kept(path, "before"), kept(path, "after")] == [1, 2]


def test_what_cannot_be_written_anew_is_refused_until_it_can(store: Store, path: Path) -> None:
    away = path.parent.with_name("away")
    path.parent.rename(away)
    with pytest.raises(StoreError, match="removed, and cannot be written anew"):
        store.set_setting("after", 2)
    with pytest.raises(StoreError):
        store.probe()
    assert "removed" in str(store.trouble)
    away.rename(path.parent)
    store.probe()
    assert store.trouble is None
    assert kept(path, "before") == 1
    assert kept(path, "after") is None


def test_a_file_that_goes_during_a_write_keeps_it_from_being_answered_as_done(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = store._file
    assert writing is not None
    check = writing.check

    def removed_now() -> None:
        remove(path, "")
        monkeypatch.undo()
        check()

    monkeypatch.setattr(writing, "check", removed_now)
    with pytest.raises(StoreError, match="was removed"):
        store.set_setting("after", 2)
    store.probe()
    assert kept(path, "after") is None
    assert kept(path, "before") == 1
