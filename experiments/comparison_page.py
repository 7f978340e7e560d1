"""The page of two runs: each figure of both, side by side, in one HTML file without a network."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from string import Template

from experiments.catalogue import EXPERIMENTS
from experiments.compare import Compared, compared
from experiments.experiment import Row
from experiments.figure import Figure
from experiments.outcome import platforms_of
from experiments.page import STYLE, heading, inline, summary, table_row
from experiments.plots import picture
from experiments.run_folder import RunFolder
from experiments.sentences import Curves, interval, number

_TEMPLATE = Path(__file__).with_name("comparison.html")


def write_comparison(path: Path, runs: tuple[RunFolder, RunFolder]) -> None:
    """Write the page of the figures that both runs have; RunError, OSError."""
    first, second = (run.rows() for run in runs)
    abouts = [run.about() for run in runs]
    told = [(str(run.path), summary(about)) for run, about in zip(runs, abouts, strict=True)]
    found = groupby(compared(first, second), key=lambda one: one.figure)
    text = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        style=STYLE.read_text(encoding="utf-8"),
        runs="".join(f"<dt>{_text(name)}</dt><dd>{_text(what)}</dd>\n" for name, what in told),
        figures="".join(
            _section(figure, (first, second), [name for name, _ in told], points)
            for figure, points in found
        ),
        abouts="".join(f"<pre>{_text(json.dumps(one, indent=2))}</pre>" for one in abouts),
    )
    path.write_text(text, encoding="utf-8")


def _section(
    figure: Figure,
    rows: tuple[Sequence[Row], Sequence[Row]],
    names: Sequence[str],
    points: Iterable[Compared],
) -> str:
    ours, theirs = (figure.curves(one) for one in rows)
    left = _figure(figure, names[0], ours, theirs, "first")
    right = _figure(figure, names[1], theirs, ours, "second")
    return (
        f'<section id="{figure.name}"><h2>{_text(heading(figure))}</h2>\n'
        f'<div class="pair">{left}{right}</div>\n{_table(figure, names, points)}</section>\n'
    )


def _figure(figure: Figure, name: str, own: Curves, other: Curves, side: str) -> str:
    drawn = picture(figure, own, platforms_of(figure, EXPERIMENTS), other)
    caption = f"<figcaption>{_text(name)}</figcaption>"
    return f"<figure>{caption}{inline(drawn, f'{figure.name}-{side}')}</figure>\n"


def _table(figure: Figure, names: Sequence[str], points: Iterable[Compared]) -> str:
    heads = ("", figure.x_label, *names, "ratio", "")
    body = "".join(table_row("td", _cells(one)) for one in points)
    return (
        f"<details open><summary>Numbers ({_text(figure.y_label)})</summary>"
        f'<div class="scroll"><table>{table_row("th", heads)}{body}</table></div></details>\n'
    )


def _cells(one: Compared) -> tuple[str, ...]:
    ratio = "" if one.ratio is None else number(one.ratio)
    medians = (interval(one.first), interval(one.second))
    return (one.label, str(one.x), *medians, ratio, one.mark)


def _text(text: str) -> str:
    return html.escape(text)
