"""Files that are replaced whole: what fails leaves the old one, and nothing beside it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from xen_bridge.atomic_write import replace_file


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_one_and_nothing_that_takes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "keys"
    replace_file(path, "old\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, "new\n")
    assert path.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["keys"]
