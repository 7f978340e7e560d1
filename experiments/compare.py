"""Two runs side by side: each point's medians, and their ratio; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from experiments.experiment import Row, Value
from experiments.figure import Figure
from experiments.figures import FIGURES
from experiments.summary import Estimate


class Compared(NamedTuple):
    """A point of a curve that both runs have.

    ``ratio``: the second median over the first, None where that is 0. ``apart``: the intervals
    have nothing in common.
    """

    figure: Figure
    label: str
    x: Value
    first: Estimate
    second: Estimate

    @property
    def ratio(self) -> float | None:
        """Return how many times the first the second is."""
        return self.second.median / self.first.median if self.first.median else None

    @property
    def apart(self) -> bool:
        """Tell whether the intervals of both have nothing in common."""
        return self.first.high < self.second.low or self.second.high < self.first.low

    @property
    def mark(self) -> str:
        """Return what is said of both: of values that were measured once there is no interval."""
        once = min(self.first.size, self.second.size) == 1
        return "once" if once else "apart" if self.apart else ""


MARKS = (
    "apart: the intervals of both have nothing in common",
    "once: a run has one value there, which tells nothing of chance",
)


def compared(first: Sequence[Row], second: Sequence[Row]) -> Iterator[Compared]:
    """Yield every point that both runs have, figure by figure."""
    for figure in FIGURES:
        ours, theirs = figure.curves(first), figure.curves(second)
        for label, points in ours.items():
            others = {point.x: point.y for point in theirs.get(label, ())}
            for point in points:
                if point.x in others:
                    yield Compared(figure, label, point.x, point.y, others[point.x])
