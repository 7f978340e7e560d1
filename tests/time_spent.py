"""Time spent by the tests of each module, for whoever wants a run to be shorter."""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import pytest

MODULES = 10
"""How many modules are told of: those that took longest."""


class Spent(NamedTuple):
    """Seconds on the wall, and of processors: our own, and of children that have ended."""

    wall: float = 0.0
    worked: float = 0.0

    @classmethod
    def now(cls) -> Spent:
        """Return what was spent since some time."""
        whose = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return cls(time.monotonic(), sum(one.ru_utime + one.ru_stime for one in whose))


class TimeSpent:
    """A plugin of pytest: adds up, module by module, with fixtures, and tells at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._spent: defaultdict[str, Spent] = defaultdict(Spent)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Count what collecting takes."""
        return (yield from self._counted("to collect"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Count a test, its fixtures, and those of its module that end after it."""
        return (yield from self._counted(str(item.path.relative_to(self._root))))

    def _counted(self, what: str) -> Generator[None, object, object]:
        before = Spent.now()
        try:
            return (yield)
        finally:
            after, sofar = Spent.now(), self._spent[what]
            self._spent[what] = Spent(
                sofar.wall + after.wall - before.wall, sofar.worked + after.worked - before.worked
            )

    def lines(self) -> list[str]:
        """Return what to say: a line for each of the modules that took longest."""
        longest = sorted(self._spent.items(), key=lambda one: -max(one[1]))[:MODULES]
        return [f"{spent.wall:7.1f} s {spent.worked:7.1f} s  {what}" for what, spent in longest]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say it."""
        terminalreporter.section("where time went: on the wall, of processors")
        for line in self.lines():
            terminalreporter.line(line)
