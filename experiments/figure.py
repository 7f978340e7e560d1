"""A figure: which measurements it draws, and what the report says of the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from experiments.experiment import Row, Value
from experiments.summary import CurvePoint, curve

LIMIT = "limit of"
"""Begins the label of a curve that is no measurement; it is drawn as steps."""


@dataclass(frozen=True, slots=True)
class Series:
    """A curve of measurements: of which experiment, where, and what it is called."""

    label: str
    experiment: str
    where: Mapping[str, Value] = field(default_factory=dict)
    y: str | None = None
    """What is drawn, where it is not the figure's."""


@dataclass(frozen=True, slots=True)
class ReportCurve:
    """What the report says, as a curve: a level for every x, or a slope through the origin.

    Its figures have no numbers in the text that was handed down; only what its words say is drawn.
    """

    label: str
    level: float | None = None
    slope: float | None = None
    of: tuple[str, ...] = ()
    """The labels of our curves beside which it is drawn; beside all, if none is named."""


Difference = Callable[[Mapping[str, tuple[CurvePoint, ...]]], str]
"""A sentence on how our curves, by label, differ from the report's."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One plot, with the panel's parameters if the report has several of the kind.

    ``says``: what the report says; ``scale``: ``linear`` or ``log`` of each axis.
    """

    name: str
    title: str
    x: str
    y: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    says: str
    differs: Difference
    report: tuple[ReportCurve, ...] = ()
    scales: tuple[str, str] = ("linear", "linear")
    has_markers: bool = True

    def curves(self, rows: Sequence[Row]) -> dict[str, tuple[CurvePoint, ...]]:
        """Return the curves of which there are measurements, by label."""
        found = {}
        for one in self.series:
            own = [row for row in rows if row.experiment == one.experiment]
            points = curve(own, self.x, one.y or self.y, **one.where)
            if points:
                found[one.label] = points
        return found
