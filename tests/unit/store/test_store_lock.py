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
    (tmp_path / "store.sqlite-lock").unlink()
    other = StoreLock(path)
    with pytest.raises(StoreError, match="uses it"):
        lock.renew()
    other.release()
    lock.renew()
    lock.release()
    StoreLock(path).release()
