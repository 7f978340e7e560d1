"""Fixtures of the integration tests: everything is taken down whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.flow_lab import FlowLab
from tools.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A controller and a network, both still to be started by ``lab.build``."""
    made = Lab(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def flow_lab(tmp_path: Path) -> Iterator[FlowLab]:
    """The same for tests of flows; ``flow_lab.stage`` starts both."""
    made = FlowLab(tmp_path)
    try:
        yield made
    finally:
        made.close()
