"""A registry of hosts in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_xen import FakeXen


@pytest.fixture
def xen(tmp_path: Path) -> Iterator[FakeXen]:
    """Without any host; the watchers are not started."""
    made = FakeXen(tmp_path)
    yield made
    made.close()
