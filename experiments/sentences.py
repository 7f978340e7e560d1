"""Sentences with numbers on what was measured, for the page; no I/O."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.summary import CurvePoint, Estimate

Curves = Mapping[str, tuple[CurvePoint, ...]]


def number(value: float) -> str:
    """Return a number as people read it."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(part: float) -> str:
    """Return a part of a whole in per cent."""
    return f"{100 * part:.0f} %"


def interval(found: Estimate) -> str:
    """Return a median with its interval, if that is not the median itself."""
    if found.low == found.high:
        return number(found.median)
    return f"{number(found.median)} ({number(found.low)} to {number(found.high)})"


def ranges(curves: Curves, unit: str) -> str:
    """Tell between which medians each curve lies."""
    parts = []
    for label, points in curves.items():
        medians = [point.y.median for point in points]
        low, high = number(min(medians)), number(max(medians))
        span = low if low == high else f"{low} to {high}"
        parts.append(f"{label}: {span} {unit}".rstrip())
    return "; ".join(parts)


def ends(curves: Curves, unit: str, x_name: str) -> str:
    """Tell the first and the last median of each curve, and where that is."""
    parts = []
    for label, points in curves.items():
        first, last = points[0], points[-1]
        parts.append(
            f"{label}: {number(first.y.median)} {unit} ({x_name}: {first.x}) "
            f"to {number(last.y.median)} {unit} ({x_name}: {last.x})"
        )
    return "; ".join(parts)
