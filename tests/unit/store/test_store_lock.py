"""One controller at a time has a store: the lock ends with its process, however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from horizon_ryu.core.errors import StoreError
from horizon_ryu.store import Store
from horizon_ryu.store_lock import StoreLock

HOLDER = """
import sys, pathlib
from horizon_ryu.store_lock import StoreLock
lock = StoreLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_controller_is_refused_and_told_who_has_the_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    with pytest.raises(StoreError, match=rf"{path}: .* process id {os.getpid()} uses it"):
        StoreLock(path)
    lock.release()
    StoreLock(path).release()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"process id {holder.pid}"):
            StoreLock(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    StoreLock(path).release()


def test_stores_beside_one_another_have_locks_of_their_own(tmp_path: Path) -> None:
    locks = [StoreLock(tmp_path / name) for name in ("a.sqlite", "b.sqlite")]
    for lock in locks:
        lock.release()


def test_only_its_owner_may_read_the_lock(tmp_path: Path) -> None:
    StoreLock(tmp_path / "a").release()
    assert stat.S_IMODE((tmp_path / "a-lock").stat().st_mode) == 0o600


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        StoreLock(tmp_path / "missing" / "a")


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "a-lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError):
        StoreLock(tmp_path / "a")
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_file_system_without_locks_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_file: int, _what: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "fcntl", lambda file, _command, _what: refuse(file, 0))
    StoreLock(tmp_path / "a").release()
    assert "no locks" in caplog.text


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    lock.renew()
    (tmp_path / "store.sqlite-lock").unlink()
    lock.renew()
    with pytest.raises(StoreError, match=f"process id {os.getpid()}"):
        StoreLock(path)
    lock.release()
    StoreLock(path).release()


def test_to_remove_the_file_beside_it_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    (tmp_path / "store.sqlite-lock").unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match=f"{path}: another one uses it"):
            StoreLock(path)
    lock.renew()
    with pytest.raises(StoreError, match=f"process id {os.getpid()} uses it"):
        StoreLock(path)
    lock.release()
    StoreLock(path).release()


def test_who_took_both_files_when_they_were_removed_has_them(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    (tmp_path / "store.sqlite-lock").unlink()
    path.unlink()
    other = StoreLock(path)
    with pytest.raises(StoreError, match="uses it"):
        lock.renew()
    other.release()
    lock.renew()
    lock.release()


def test_who_is_refused_leaves_no_database_where_one_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    path.unlink()
    with pytest.raises(StoreError, match="uses it"):
        StoreLock(path)
    assert not path.exists()
    lock.release()


def test_a_store_that_is_written_anew_is_locked_before_it_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    store = Store(f"sqlite:///{path}", lock)
    for one in tmp_path.iterdir():
        one.unlink()
    store.set_setting("after", 1)
    with pytest.raises(StoreError, match="another one uses it"):
        StoreLock(path)
    store.close()
    lock.release()
    StoreLock(path).release()


def test_sqlite_of_others_does_not_meet_our_lock(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    store = Store(f"sqlite:///{path}", lock)
    store.set_setting("a", 1)
    script = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('BEGIN EXCLUSIVE')"
    subprocess.run([sys.executable, "-c", script], check=True)
    store.close()
    lock.release()


def test_a_lock_is_held_though_there_is_no_room_to_say_by_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store tells that its disk is full, in a line; until there is room others are kept off."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    path = tmp_path / "store.sqlite"
    lock = StoreLock(path)
    with pytest.raises(StoreError, match="another one uses it"):
        StoreLock(path)
    lock.release()
