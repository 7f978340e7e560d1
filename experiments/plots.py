"""Plots of figures by matplotlib, as PNG and SVG, and their data as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from experiments.figure import Figure
from experiments.summary import CurvePoint

FORMATS = ("png", "svg")
_LIMIT = "limit of"
"""Of curves that are no measurements, and are drawn as steps."""


def write_csv(path: Path, figure: Figure, curves: Mapping[str, Sequence[CurvePoint]]) -> None:
    """Write every point: its curve, x, median, interval, number of values."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("curve", figure.x, figure.y, "low", "high", "values", "confidence"))
        for label, points in curves.items():
            for x, (median, low, high, size, confidence) in points:
                out.writerow((label, x, median, low, high, size, round(confidence, 4)))


def draw(
    stem: Path,
    figure: Figure,
    curves: Mapping[str, Sequence[CurvePoint]],
    platforms: Sequence[str],
) -> None:
    """Write ``stem`` as PNG and SVG; the platforms stand below."""
    with _drawn(figure, curves, platforms) as canvas:
        for kind in FORMATS:
            canvas.savefig(stem.with_name(f"{stem.name}.{kind}"), metadata=_undated(kind), dpi=120)


def picture(
    figure: Figure,
    curves: Mapping[str, Sequence[CurvePoint]],
    platforms: Sequence[str],
    beside: Mapping[str, Sequence[CurvePoint]],
) -> str:
    """Return an SVG whose axes reach as far as the curves ``beside`` which it is put need, too."""
    written = StringIO()
    with _drawn(figure, curves, platforms, beside) as canvas:
        canvas.savefig(written, format="svg", metadata=_undated("svg"))
    return written.getvalue()


@contextmanager
def _drawn(
    figure: Figure,
    curves: Mapping[str, Sequence[CurvePoint]],
    platforms: Sequence[str],
    beside: Mapping[str, Sequence[CurvePoint]] | None = None,
) -> Iterator[Any]:
    import matplotlib

    matplotlib.use("Agg")
    # Text as text: a page of many figures stays small, and can be searched.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": figure.name})
    from matplotlib import pyplot

    canvas, axes = pyplot.subplots(figsize=(7, 4.2))
    try:
        _curves(axes, figure, curves)
        _make_room(axes, beside or {})
        _report(axes, figure, curves)
        _dress(axes, figure)
        canvas.text(0.01, 0.01, "; ".join(platforms), fontsize=7, color="0.35")
        canvas.tight_layout(rect=(0, 0.03, 1, 1))
        yield canvas
    finally:
        pyplot.close(canvas)


def _undated(kind: str) -> dict[str, None]:
    """Return what leaves the date out: the same measurements give the same file."""
    return {"Date": None} if kind == "svg" else {}


def _curves(axes: Any, figure: Figure, curves: Mapping[str, Sequence[CurvePoint]]) -> None:
    for label, points in curves.items():
        places = [point.x for point in points]
        medians = [point.y.median for point in points]
        if label.startswith(_LIMIT):
            axes.plot(places, medians, ".", markersize=2, label=label)
            continue
        low = [point.y.median - point.y.low for point in points]
        high = [point.y.high - point.y.median for point in points]
        marker = "o" if figure.has_markers else None
        axes.errorbar(
            places, medians, (low, high), marker=marker, markersize=4, capsize=3, label=label
        )


def _make_room(axes: Any, beside: Mapping[str, Sequence[CurvePoint]]) -> None:
    """Have the axes reach over curves that are not drawn."""
    for points in beside.values():
        for bound in ("low", "high"):
            places = [point.x for point in points]
            axes.plot(places, [getattr(point.y, bound) for point in points], color="none")


def _report(axes: Any, figure: Figure, curves: Mapping[str, Sequence[CurvePoint]]) -> None:
    places = sorted({float(point.x) for points in curves.values() for point in points})
    for one in figure.report:
        style = {"linestyle": "--", "color": "0.45", "linewidth": 1}
        if one.level is not None:
            axes.axhline(one.level, label=one.label, **style)
        if one.slope is not None:
            heights = [one.slope * place for place in places]
            axes.plot(places, heights, label=one.label, **{**style, "linestyle": ":"})


def _dress(axes: Any, figure: Figure) -> None:
    across, up = figure.scales
    axes.set_xscale(across)
    axes.set_yscale(up)
    if up == "linear":
        axes.set_ylim(bottom=0)
    axes.set_title(figure.title, fontsize=10)
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    axes.grid(visible=True, alpha=0.25)
    axes.legend(fontsize=7)
