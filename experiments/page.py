"""The page of a run: our curves beside what the report says, in one HTML file without a network."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from experiments.experiment import Experiment, Row, Value
from experiments.figure import LIMIT, Figure
from experiments.sentences import Curves, interval

PAGE = "index.html"
STYLE = Path(__file__).with_name("page.css")
_TEMPLATE = Path(__file__).with_name("page.html")
_MOST_ROWS = 40
"""Points of a figure that its table has; a CSV beside the page has all."""


def write_page(
    folder: Path,
    about: Mapping[str, Any],
    experiments: Sequence[Experiment],
    drawn: Sequence[tuple[Figure, Curves]],
    rows: Sequence[Row],
) -> Path:
    """Write the page of what was drawn into ``folder``, and return it."""
    text = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        style=STYLE.read_text(encoding="utf-8"),
        contents="".join(_entry(figure) for figure, _ in drawn),
        expectations=_expectations(experiments, rows),
        figures="".join(_section(folder, figure, curves) for figure, curves in drawn),
        about=html.escape(json.dumps(about, indent=2, sort_keys=True)),
        summary=html.escape(summary(about)),
        repeated=html.escape(_repeated(rows)),
        busy=html.escape(busy(about)),
    )
    path = folder / PAGE
    path.write_text(text, encoding="utf-8")
    return path


def _repeated(rows: Sequence[Row]) -> str:
    """Tell what points and bars are."""
    times = 1 + max((row.repetition for row in rows), default=0)
    if times == 1:
        return "Each point was measured once: what chance adds cannot be seen here."
    return (
        f"Points are medians of up to {times} values; bars, or bands, are the interval of the true "
        "median, and end at values that were measured."
    )


def summary(about: Mapping[str, Any]) -> str:
    """Return what a run is of, in one line."""
    form = "quick form" if about["options"]["quick"] else "full form"
    told = f"Horizon {about['horizon']}, kernel {about['kernel']}, {form}, begun {about['begun']}"
    later = "; ".join(
        f"Horizon {one['horizon']}, kernel {one['kernel']}" for one in about.get("resumed", ())
    )
    return f"{told}; later measurements with {later}" if later else told


def busy(about: Mapping[str, Any]) -> str:
    """Return a sentence if the machine had more to do than it has processors when a run began."""
    machine = about.get("machine") or {}
    load, processors = machine.get("load", 0), machine.get("processors") or 1
    if load <= processors:
        return ""
    return (
        f"The machine was busy with other things when the run began (load {load} on {processors} "
        "processors): times are longer, and stray more, than its own."
    )


def _entry(figure: Figure) -> str:
    return f'<li><a href="#{figure.name}">{html.escape(figure.title)}</a></li>\n'


def _section(folder: Path, figure: Figure, curves: Curves) -> str:
    picture = (folder / f"{figure.name}.svg").read_text(encoding="utf-8")
    return (
        f'<section id="{figure.name}"><h2>{html.escape(heading(figure))}</h2>\n'
        f"<figure>{inline(picture, figure.name)}</figure>\n"
        f"<dl><dt>The report</dt><dd>{html.escape(figure.says)}</dd>\n"
        f"<dt>Here</dt><dd>{html.escape(figure.differs(curves))}</dd></dl>\n"
        f"{_table(figure, curves)}"
        f'<p class="files"><a href="{figure.name}.csv">CSV</a> '
        f'<a href="{figure.name}.png">PNG</a> <a href="{figure.name}.svg">SVG</a></p></section>\n'
    )


def heading(figure: Figure) -> str:
    """Return what stands over a figure, with the number in the report that it, or its like, has."""
    if not figure.name.startswith("fig"):
        return figure.title
    number, _, further = figure.name.removeprefix("fig").partition("-")
    return f"{'Beside ' if further else ''}Fig. {number}: {figure.title}"


def inline(picture: str, name: str) -> str:
    """Return an SVG as a part of a page: without its XML head, its ids made those of ``name``."""
    body = picture[picture.index("<svg") :]
    own = name.replace(".", "-")
    for before, after in ((' id="', f' id="{own}-'), ('href="#', f'href="#{own}-')):
        body = body.replace(before, after)
    return body.replace("url(#", f"url(#{own}-")


def _table(figure: Figure, curves: Curves) -> str:
    """Return a row for each x, a column for each curve; nothing for more rows than are read."""
    by_x: dict[Value, dict[str, str]] = {}
    for label, points in curves.items():
        for point in points:
            by_x.setdefault(point.x, {})[label] = interval(point.y)
    if len(by_x) > _MOST_ROWS:
        return ""
    labels = [label for label in curves if not label.startswith(LIMIT)]
    body = "".join(
        table_row("td", (str(x), *(found.get(label, "") for label in labels)))
        for x, found in sorted(by_x.items(), key=lambda one: (isinstance(one[0], str), one[0]))
    )
    table = f"<table>{table_row('th', (figure.x_label, *labels))}{body}</table>"
    about = f"Numbers: {figure.y_label}, median (interval)"
    return (
        f"<details open><summary>{html.escape(about)}</summary>"
        f'<div class="scroll">{table}</div></details>\n'
    )


def table_row(tag: str, cells: Iterable[str]) -> str:
    """Return a row of a table, its texts escaped."""
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>\n"


def _expectations(experiments: Sequence[Experiment], rows: Sequence[Row]) -> str:
    """Return the section of what was expected; nothing if that was nothing."""
    found = []
    for experiment, sentence, wrong in judged(experiments, rows):
        mark = "holds" if wrong is None else f"does not hold: {wrong}"
        row = table_row("td", (experiment.title, sentence, mark))
        found.append(row if wrong is None else row.replace("<tr>", '<tr class="bad">', 1))
    if not found:
        return ""
    table = f"<table>{table_row('th', ('Experiment', 'Expected', 'Here'))}{''.join(found)}</table>"
    return f'<h2>What was expected</h2>\n<div class="scroll">{table}</div>\n'


def judged(
    experiments: Sequence[Experiment], rows: Sequence[Row]
) -> list[tuple[Experiment, str, str | None]]:
    """Return each expectation of experiments that were measured, and what is wrong, if anything."""
    found = []
    for experiment in experiments:
        own = [row for row in rows if row.experiment == experiment.name]
        if own:
            for sentence, check in experiment.expectations.items():
                found.append((experiment, sentence, check(own)))
    return found
