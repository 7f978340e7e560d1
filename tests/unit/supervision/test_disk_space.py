"""The room on the store's disk is known without the hub's waiting for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from horizon_ryu import disk_space
from horizon_ryu.disk_space import DiskSpace
from xen_bridge.runtime.green import GreenRuntime


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskSpace:
    monkeypatch.setattr(disk_space, "INTERVAL", 0.0)
    return DiskSpace(tmp_path, GreenRuntime())


def test_what_is_free_is_measured(space: DiskSpace) -> None:
    assert not space.is_short
    space.measure()
    assert space.free is not None
    assert space.total is not None
    assert 0 < space.free <= space.total


def test_a_folder_that_is_gone_is_an_error_and_nothing_is_known(
    space: DiskSpace, tmp_path: Path
) -> None:
    space.measure()
    tmp_path.rmdir()
    with pytest.raises(FileNotFoundError):
        space.measure()
    assert (space.free, space.total, space.is_short) == (None, None, False)


@pytest.mark.parametrize(
    ("free", "total", "is_short"),
    [
        (200_000, 1_000_000, True),
        (300_000, 1_000_000, False),
        (9_000_000, 10**9, True),
        (11_000_000, 10**9, False),
        (60_000_000, 10**12, True),
        (70_000_000, 10**12, False),
    ],
)
def test_a_hundredth_shall_be_free_within_bounds(
    space: DiskSpace, free: int, total: int, is_short: bool
) -> None:
    space.free, space.total = free, total
    assert space.is_short is is_short
