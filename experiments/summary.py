"""Medians of repeated measurements, with the interval that holds the true one; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import comb
from statistics import median
from typing import NamedTuple

from experiments.experiment import Point, Row, Value

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """The median of ``size`` values, and the interval of the true median.

    ``low`` and ``high`` are values that were measured (order statistics: no distribution is
    assumed). ``confidence`` is that of the interval: below :data:`CONFIDENCE` where there are
    fewer than six values, which then all are within it.
    """

    median: float
    low: float
    high: float
    size: int
    confidence: float


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median of one value or more; ValueError for none.

    The interval between the k-th lowest and the k-th highest of n values misses the median with
    twice the probability of fewer than k heads in n throws of a coin.
    """
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    count = len(ordered)
    rank = 1
    while rank < (count + 1) // 2 and _covered(count, rank + 1) >= CONFIDENCE:
        rank += 1
    low, high = ordered[rank - 1], ordered[-rank]
    return Estimate(median(ordered), low, high, count, _covered(count, rank))


def _covered(count: int, rank: int) -> float:
    missed = 2.0 * sum(comb(count, heads) for heads in range(rank)) / 2.0**count
    return max(0.0, 1.0 - missed)


class CurvePoint(NamedTuple):
    """A point of a curve: where on the x axis, and what was measured there."""

    x: Value
    y: Estimate


def curve(rows: Iterable[Row], x: str, y: str, **where: Value) -> tuple[CurvePoint, ...]:
    """Return ``y`` as a function of ``x``, in order, of the samples whose parameters fit."""
    found: dict[Value, list[float]] = {}
    for at, values in samples(rows):
        if y in values and x in at and where.items() <= at.items():
            found.setdefault(at[x], []).append(values[y])
    ordered = sorted(found, key=lambda one: (isinstance(one, str), one))
    return tuple(CurvePoint(one, estimate(found[one])) for one in ordered)


def samples(rows: Iterable[Row]) -> Iterator[tuple[Point, dict[str, float]]]:
    """Yield every sample of rows: all its parameters, and its values."""
    for row in rows:
        for sample in row.samples:
            yield {"experiment": row.experiment, **row.point, **sample.at}, dict(sample.values)
