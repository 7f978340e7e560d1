"""Quiet turn: what measures shares of processors waits until the other lanes have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

PAUSE = 0.1
"""Seconds between two looks."""


def measures_shares(item: pytest.Item) -> bool:
    """Tell whether it does: it is marked ``quiet``."""
    return item.get_closest_marker("quiet") is not None


class QuietTurn:
    """A plugin of pytest; ``ended`` is the file that ``tools/lanes.py`` makes when they have.

    Neither the test's time, nor what is told of it, begins before.
    """

    def __init__(self, ended: Path, pause: Callable[[], None] = lambda: time.sleep(PAUSE)) -> None:
        self._ended = ended
        self._pause = pause

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Wait, if this one measures shares."""
        while measures_shares(item) and not self._ended.exists():
            self._pause()
        return (yield)
