"""Networks that several tests of a module have one after the other, each as it was at first.

A network and a controller take six seconds to stand. A test says with ``on`` which it needs; what
it did is undone after it, and one that cannot be put right, or had a test fail, is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tools.lab import Lab

VERSIONS = {"1.0": ("OpenFlow10",), "1.3": ("OpenFlow13",), "mixed": ("OpenFlow10", "OpenFlow13")}


class Stage(NamedTuple):
    """A network by its name, how many rows or switches it has, and who speaks which version."""

    network: str
    version: str
    arguments: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return f"{self.network}-{self.version}"


@cache
def stage(network: str, version: str, **arguments: int) -> Stage:
    """Return always the same object for the same words: pytest shares by identity."""
    return Stage(network, version, tuple(arguments.items()))


def on(network: str, *versions: str, **arguments: int) -> pytest.MarkDecorator:
    """Have a test run on a shared network, once with each version."""
    stages = [stage(network, version, **arguments) for version in versions]
    return pytest.mark.parametrize("staged", stages, ids=str, indirect=True)


def by_stage(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the items with those of a module that share a network one after the other.

    Modules that share none are left as they are.
    """
    sharing = {item.path for item in items if _stage_of(item) is not None}
    places: dict[Any, int] = {}
    for place, item in enumerate(items):
        first = places.setdefault(item.path, place) if item.path in sharing else place
        places[item] = first
        places.setdefault((item.path, _stage_of(item)), place)
    return sorted(items, key=lambda one: (places[one], places[one.path, _stage_of(one)]))


def _stage_of(item: pytest.Item) -> Any:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("staged")


class SharedLab:
    """A lab that stands from the first test that needs it to the last."""

    def __init__(self, make: Callable[[Path], Lab], folder: Callable[[], Path], on: Stage) -> None:
        self.stage = on
        self._make = make
        self._folder = folder
        self._lab: Lab | None = None

    def ready(self) -> Lab:
        """Return the lab as it was at first."""
        if self._lab is None:
            self._lab = self._make(self._folder())
            arguments = dict(self.stage.arguments)
            try:
                self._lab.stage(self.stage.network, VERSIONS[self.stage.version], **arguments)
            except BaseException:
                self.close()
                raise
        return self._lab

    def give_back(self, failed: bool) -> None:
        """Undo what a test did; AssertionError if that cannot be, and the next has another lab."""
        if failed or self._lab is None:
            self.close()
            return
        try:
            self._lab.reset()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Take it down."""
        lab, self._lab = self._lab, None
        if lab is not None:
            lab.close()
