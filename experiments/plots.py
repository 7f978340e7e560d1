"""Plots of figures by matplotlib, as PNG and SVG, and their data as CSV.

Each platform has a panel of its own, under its name: systems are compared on the same one only.
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from experiments.figure import LIMIT, Figure, ReportCurve
from experiments.sentences import Curves

FORMATS = ("png", "svg")
HEIGHT = 4.2
WIDTHS = {1: 7.0, 2: 9.0}
"""Inches of a figure of so many panels; MOST of one that has more."""
MOST = 11.0
_CHARACTERS = 11
"""Of a platform's name, per inch of its panel."""
_MARKERS = "os^Dv"
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_DOTS = 120


def write_csv(path: Path, figure: Figure, curves: Curves) -> None:
    """Write every point: its curve, x, median, interval, number of values."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("curve", figure.x, figure.y, "low", "high", "values", "confidence"))
        for label, points in curves.items():
            for x, (median, low, high, size, confidence) in points:
                out.writerow((label, x, median, low, high, size, round(confidence, 4)))


def draw(stem: Path, figure: Figure, curves: Curves, platforms: Mapping[str, str]) -> None:
    """Write ``stem`` as PNG and SVG; ``platforms`` by the label of a curve."""
    with _drawn(figure, curves, platforms) as canvas:
        for kind in FORMATS:
            _write(canvas, stem.with_name(f"{stem.name}.{kind}"), kind)


def picture(figure: Figure, curves: Curves, platforms: Mapping[str, str], beside: Curves) -> str:
    """Return an SVG whose axes reach as far as the curves ``beside`` which it is put need, too."""
    written = StringIO()
    with _drawn(figure, curves, platforms, beside) as canvas:
        _write(canvas, written, "svg")
    return written.getvalue()


def panels(labels: Sequence[str], platforms: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the labels of each platform's curves, in order."""
    found: dict[str, list[str]] = {}
    for label in labels:
        found.setdefault(platforms.get(label, ""), []).append(label)
    return found


@contextmanager
def _drawn(
    figure: Figure, curves: Curves, platforms: Mapping[str, str], beside: Curves | None = None
) -> Iterator[Any]:
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    parts = panels(list({**curves, **(beside or {})}), platforms)
    width = WIDTHS.get(len(parts), MOST)
    # Text as text: a page of many figures stays small, and can be searched.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": figure.name}):
        canvas = Canvas(figsize=(width, HEIGHT), dpi=_DOTS)
        canvas.suptitle(figure.title, fontsize=11)
        for axes, (platform, labels) in zip(
            canvas.subplots(1, len(parts), squeeze=False)[0], parts.items(), strict=True
        ):
            own = {label: curves.get(label, ()) for label in labels}
            _panel(axes, figure, own)
            _make_room(axes, [(beside or {}).get(label, ()) for label in labels])
            _dress(axes, figure, _places(own))
            about = textwrap.fill(platform, int(_CHARACTERS * width / len(parts)))
            axes.set_title(about, fontsize=8, color="0.3")
        # Settled once: to have it measured costs as much as to draw it three times more.
        canvas.subplots_adjust(0.85 / width, 0.13, 1 - 0.15 / width, 0.83, 0.08 + 0.09 * len(parts))
        canvas.supxlabel(figure.x_label, fontsize=10, y=0.02)
        canvas.axes[0].set_ylabel(figure.y_label)
        yield canvas


def _write(canvas: Any, target: Path | StringIO, kind: str) -> None:
    """Write a canvas; without a date, so that the same measurements give the same file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    # Not by savefig, which draws everything twice.
    writer: Any = (FigureCanvasSVG if kind == "svg" else FigureCanvasAgg)(canvas)
    if kind == "svg":
        writer.print_svg(target, metadata={"Date": None})
    else:
        writer.print_png(target)


def _panel(axes: Any, figure: Figure, curves: Curves) -> None:
    """Draw the curves of one platform, and what the report says of them."""
    for number, (label, points) in enumerate(curves.items()):
        color = f"C{number % 10}"
        if label.startswith(LIMIT):
            _limit(axes, label, points, number)
        elif figure.has_markers:
            _bars(axes, label, points, number, color)
        else:
            _band(axes, label, points, color)
    for one in figure.report:
        if not one.of or set(one.of) & curves.keys():
            _report(axes, one, _places(curves))


def _places(curves: Curves) -> list[float]:
    """Return every x of curves, in order."""
    return sorted({float(point.x) for points in curves.values() for point in points})


def _bars(axes: Any, label: str, points: Any, number: int, color: str) -> None:
    """Draw medians with their intervals as bars."""
    medians = [point.y.median for point in points]
    reach = (
        [point.y.median - point.y.low for point in points],
        [point.y.high - point.y.median for point in points],
    )
    style = {"marker": _MARKERS[number % len(_MARKERS)], "markersize": 5, "capsize": 3}
    style["linestyle"] = _DASHES[number % len(_DASHES)]
    axes.errorbar([point.x for point in points], medians, reach, label=label, color=color, **style)


def _band(axes: Any, label: str, points: Any, color: str) -> None:
    """Draw many medians as a line, their intervals as a band."""
    places = [point.x for point in points]
    axes.plot(places, [point.y.median for point in points], color=color, label=label)
    low, high = ([getattr(point.y, bound) for point in points] for bound in ("low", "high"))
    axes.fill_between(places, low, high, color=color, alpha=0.2, linewidth=0)


def _limit(axes: Any, label: str, points: Any, number: int) -> None:
    """Draw what is asked for as steps."""
    style = {"linestyle": _DASHES[1 + number % 3], "color": "black", "linewidth": 1.4}
    places, medians = [point.x for point in points], [point.y.median for point in points]
    axes.plot(places, medians, drawstyle="steps-post", label=label, zorder=4, **style)


def _make_room(axes: Any, curves: Sequence[Any]) -> None:
    """Have the axes reach over curves that are not drawn."""
    for points in curves:
        for bound in ("low", "high"):
            places = [point.x for point in points]
            axes.plot(places, [getattr(point.y, bound) for point in points], color="none")


def _report(axes: Any, one: ReportCurve, places: Sequence[float]) -> None:
    """Draw what the report says: a level, or a slope through the origin."""
    style = {"linestyle": (0, (6, 3)), "color": "0.4", "linewidth": 1.2, "zorder": 1}
    if one.level is not None:
        axes.axhline(one.level, label=one.label, **style)
    if one.slope is not None and places:
        ends = (0.0, places[-1])
        axes.plot(ends, [one.slope * place for place in ends], label=one.label, **style)


def _dress(axes: Any, figure: Figure, places: Sequence[float]) -> None:
    """Set scales, ticks and legend; ``places``: where was measured."""
    across, up = figure.scales
    axes.set_xscale(across)
    axes.set_yscale(up)
    if up == "linear":
        top = axes.get_ylim()[1]
        # Where all is 0 there is nothing whose size would tell how much 1 is.
        top = top if axes.dataLim.y1 > 0 else 1.0
        axes.set_ylim(-0.03 * top, top)
    if up == "log":
        axes.yaxis.set_major_formatter("{x:,.0f}")
    if across == "log":
        axes.set_xticks(places, [f"{place:,.0f}" for place in places])
        axes.xaxis.set_minor_formatter("")
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, alpha=0.25)
    axes.legend(fontsize=8)
