"""An experiment: what is varied, and what measures at each point of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TypeAlias

XEN_LAB = "xen-lab"
"""What an experiment needs that is measured on two emulated Xen hosts: minutes to start."""
Value: TypeAlias = int | float | str
Point: TypeAlias = Mapping[str, Value]
"""The parameters of a measurement, by name."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured: ``values`` by name, ``at`` which further parameters (such as a time)."""

    values: Mapping[str, float]
    at: Point = field(default_factory=dict)


Measure: TypeAlias = Callable[[Point], Sequence[Sample]]
"""Measures once at a point."""
Stage: TypeAlias = Callable[[Path, bool], AbstractContextManager[Measure]]
"""Builds what is measured on, with a folder for files and whether it is the quick form."""


@dataclass(frozen=True, slots=True)
class Space:
    """The points of an experiment: every combination of ``parameters``, each ``repetitions`` times.

    ``leave_out`` tells which combinations make no sense.
    """

    parameters: Mapping[str, Sequence[Value]]
    repetitions: int = 5
    leave_out: Callable[[Point], bool] = lambda _point: False

    def points(self) -> Iterator[Point]:
        """Yield every point, the last parameter varying fastest."""
        names = tuple(self.parameters)
        for values in product(*self.parameters.values()):
            point = dict(zip(names, values, strict=True))
            if not self.leave_out(point):
                yield point

    def __len__(self) -> int:
        """Return how many measurements there are."""
        return sum(1 for _ in self.points()) * self.repetitions


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: where, the how manieth there, and what came of it."""

    experiment: str
    point: Point
    repetition: int
    samples: tuple[Sample, ...]


Expectation: TypeAlias = Callable[[Sequence[Row]], str | None]
"""Tells what of the rows is not as it should be; None if all is."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What ``horizonctl experiment run`` carries out.

    ``platform`` says on what, in a few words that stand on every plot. ``needs`` names what a
    machine must have that set-up does not give (XEN_LAB). ``expectations`` by the sentence that
    they are about.
    """

    name: str
    title: str
    platform: str
    stage: Stage
    full: Space
    quick: Space
    expectations: Mapping[str, Expectation] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def space(self, is_quick: bool) -> Space:
        """Return the points of the full form, or of the quick one."""
        return self.quick if is_quick else self.full


def values_of(rows: Sequence[Row], name: str, **at: Value) -> list[float]:
    """Return every value of a name, of rows and samples whose parameters include ``at``."""
    found = []
    for row in rows:
        for sample in row.samples:
            where = {**row.point, **sample.at}
            if name in sample.values and at.items() <= where.items():
                found.append(sample.values[name])
    return found
