"""Heeded interrupt: whoever interrupts pytest ends it, whatever a test makes of that.

An interrupt goes to the whole group of processes: a controller ends by it, too. Then the block that
had it ends with an error of its own (it was gone), which takes the place of KeyboardInterrupt, and
pytest would take it for one more failure and go on.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from types import FrameType

import pytest


class HeededInterrupt:
    """A plugin of pytest, which heeds SIGINT as soon as the test under way has ended by it."""

    def __init__(self) -> None:
        self._heard = False

    def pytest_sessionstart(self) -> None:
        """Listen, unless somebody wants it to be ignored."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._hear)

    def _hear(self, signum: int, frame: FrameType | None) -> None:
        self._heard = True
        signal.default_int_handler(signum, frame)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Begin no other test, and take down what there is."""
        result = yield
        if self._heard:
            raise KeyboardInterrupt
        return result
