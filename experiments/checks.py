"""Kinds of expectations: what the measurements of an experiment are held against; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from experiments.experiment import Expectation, Row, Value, values_of
from experiments.summary import curve, samples

_TWO = 2


def all_are_zero(name: str, **at: Value) -> Expectation:
    """Expect every value of a name to be 0."""

    def check(rows: Sequence[Row]) -> str | None:
        found = values_of(rows, name, **at)
        if not found:
            return "nothing was measured"
        others = [value for value in found if value]
        return f"{len(others)} of {len(found)} are not: {max(others):g}" if others else None

    return check


def some_are_not_zero(name: str, **at: Value) -> Expectation:
    """Expect at least one value of a name above 0."""

    def check(rows: Sequence[Row]) -> str | None:
        return None if any(values_of(rows, name, **at)) else "all are 0"

    return check


def rises(x: str, y: str, by: float = 1.0, **at: Value) -> Expectation:
    """Expect the median of ``y`` at the highest ``x`` above ``by`` times that at the lowest."""
    return _ends(x, y, lambda first, last: last > by * first, f"not above {by:g} times", at)


def falls(x: str, y: str, by: float = 1.0, **at: Value) -> Expectation:
    """Expect the median of ``y`` at the highest ``x`` below that at the lowest over ``by``."""
    return _ends(x, y, lambda first, last: last * by < first, f"not below 1/{by:g} of", at)


def at_least(x: str, y: str, times: float) -> Expectation:
    """Expect each ``y`` to be ``times`` its ``x`` or more: a bound that nothing can fall below."""

    def check(rows: Sequence[Row]) -> str | None:
        found = [(at[x], values[y]) for at, values in samples(rows) if x in at and y in values]
        if not found:
            return "nothing was measured"
        low = [f"{value:g} at {at}" for at, value in found if value < times * float(at)]
        return ", ".join(low) or None

    return check


def at_most(x: str, y: str, above: float) -> Expectation:
    """Expect the median of ``y`` at each ``x`` to be no more than ``above`` above that x."""

    def check(rows: Sequence[Row]) -> str | None:
        points = curve(rows, x, y)
        if not points:
            return "nothing was measured"
        high = [one for one in points if one.y.median > float(one.x) + above]
        return ", ".join(f"{one.y.median:g} at {one.x}" for one in high) or None

    return check


def _ends(
    x: str, y: str, holds: Callable[[float, float], bool], words: str, at: Mapping[str, Value]
) -> Expectation:
    def check(rows: Sequence[Row]) -> str | None:
        points = curve(rows, x, y, **at)
        if len(points) < _TWO:
            return "there are not two points"
        first, last = points[0], points[-1]
        if holds(first.y.median, last.y.median):
            return None
        at_last, at_first = f"{last.y.median:g} at {last.x}", f"{first.y.median:g} at {first.x}"
        return f"{at_last} is {words} {at_first}"

    return check
